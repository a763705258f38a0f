"""Compare a new model (challenger) with the one in use (champion) on deals new to both.

outcomes and both probabilities -> the same resamples for both -> metric of one minus the other
                                -> gain in log loss with a paired bootstrap interval
                                -> objections: calibration lost, groups predicted worse
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.evaluation._groups import MAX_LEVELS
from fitmodel.evaluation.metrics import (
    Difference,
    bootstrapped,
    compare_log_loss,
    compute_metrics,
    log_losses,
    mean_with_error,
    percentile_interval,
    rank_and_losses,
)
from fitmodel.evaluation.sample import Sample
from fitmodel.exceptions import BundleError
from fitmodel.tables.cells import is_missing_level, level_text

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from fitmodel.evaluation.sample import Matrix, Vector

MIN_DEALS = 50
MIN_CHURNERS = 10
CALIBRATION_SLACK = 0.2
"""Log-odds by which the challenger's calibration-in-the-large may be worse than the champion's."""
_DAMAGED = "the noted comparison with the champion is damaged"
PAIRED = ("log_loss", "roc_auc", "brier")
LOWER_IS_BETTER = frozenset({"log_loss", "brier"})


@dataclass(frozen=True)
class Comparison:
    """Result of comparing champion and challenger on the same deals.

    Parameters
    ----------
    deals
        Number of deals compared.
    gain, low, high
        Mean log loss of the champion minus that of the challenger and its 95% interval; above 0
        the challenger is better.
    champion
        Registered version of the champion; None if it was not recorded.
    objections
        Reasons against the challenger whatever its gain: worse calibration, a group of deals that
        it predicts worse beyond noise, too few deals to compare.
    caveat
        What the comparison does not measure, as sentences; empty if there is nothing to say.
    skill_low
        Lower end of the 95% interval of the log loss that the challenger gains on its own level
        without attributes, on the same deals; None if it was not measured.
    """

    deals: int
    gain: float
    low: float
    high: float
    champion: int | None = None
    objections: tuple[str, ...] = ()
    caveat: str = ""
    skill_low: float | None = None

    def __str__(self) -> str:
        return (
            f"{self.gain:+.4f} log loss ({self.low:+.4f} to {self.high:+.4f}) "
            f"on {self.deals:,} deals"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return every field as a dict that JSON can hold, without those that say nothing."""
        left_out = {"caveat": "", "skill_low": None}
        return {k: v for k, v in asdict(self).items() if k not in left_out or v != left_out[k]}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Comparison:
        """Create a comparison from the dict that `to_dict` returned.

        Raises
        ------
        BundleError
            If the fields are not those of `to_dict`, for example in a manifest that was changed.
        """
        try:
            result = cls(**{**fields, "objections": tuple(fields.get("objections", ()))})
            numbers = (result.deals, result.gain, result.low, result.high, result.skill_low or 0.0)
            finite = all(map(math.isfinite, numbers))
        except TypeError as error:
            raise BundleError(f"{_DAMAGED}: {error}") from error
        if not finite:
            raise BundleError(f"{_DAMAGED}: a number of it is not finite")
        return result


def compare(
    y: npt.ArrayLike,
    p_champion: npt.ArrayLike,
    p_challenger: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    deal: npt.ArrayLike | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare two models deal by deal, with a paired bootstrap of the difference in log loss.

    Parameters
    ----------
    y : array of shape (n,)
        1 for early churn, 0 for a customer that stayed; deals that NEITHER model learned from.
    p_champion, p_challenger : array of shape (n,)
        Probabilities of early churn.
    weight : array of shape (n,), optional
        Inverse-probability-of-censoring weights; deals of weight 0 are left out.
    deal : array of shape (n,), optional
        Deal of each row, where a deal has several; deals are resampled, not rows.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values.

    Notes
    -----
    Paired: both models are evaluated on the same resamples, so what makes a resample difficult for
    both cancels (Efron and Tibshirani 1993, chapter 8).
    """
    if deal is not None:
        return _compare_by_deal(y, p_champion, p_challenger, weight, deal, n_boot, seed)
    result = compare_log_loss(y, p_champion, p_challenger, weight=weight, n_boot=n_boot, seed=seed)
    deals = np.size(y) if weight is None else np.count_nonzero(np.broadcast_to(weight, np.shape(y)))
    return Comparison(int(deals), result.value, result.low, result.high)


def _compare_by_deal(
    y: npt.ArrayLike,
    p_champion: npt.ArrayLike,
    p_challenger: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    deal: npt.ArrayLike,
    n_boot: int,
    seed: int,
) -> Comparison:
    """Compare as `compare` does, drawing whole deals: rows of one deal are not independent."""
    outcome = np.asarray(y, dtype=np.float64)
    weights = np.ones(len(outcome)) if weight is None else np.asarray(weight, dtype=np.float64)
    champion, challenger = (
        log_losses(outcome, np.asarray(p, dtype=np.float64)) for p in (p_champion, p_challenger)
    )
    _, row_deal = np.unique(np.asarray(deal), return_inverse=True)
    gains = np.bincount(row_deal, weights * (champion - challenger))
    sizes = np.bincount(row_deal, weights)
    random, count = np.random.default_rng(seed), len(sizes)
    drawn = (random.multinomial(count, np.full(count, 1 / count)) for _ in range(n_boot))
    resampled = np.array([(times @ gains) / (times @ sizes) for times in drawn])
    return Comparison(count, float(gains.sum() / sizes.sum()), *percentile_interval(resampled))


def find_objections(table: pd.DataFrame, attributes: pd.DataFrame) -> tuple[str, ...]:
    """Return the objections to the challenger that no gain outweighs, each as a sentence.

    Parameters
    ----------
    table : DataFrame
        Deals that neither model learned from: `early_churn` (0 or 1), `probability` (of the
        challenger), `champion` (probability of the champion), `weight` and `base_rate`.
    attributes : DataFrame
        Attributes of these deals, in the same order; the models are compared on each level with at
        least 50 deals and 10 early churners.
    """
    return (*_calibration_lost(table), *_worse_groups(table, attributes))


def _calibration_lost(table: pd.DataFrame) -> tuple[str, ...]:
    """Object if the challenger's calibration-in-the-large is off beyond noise and is the worse one.

    It has to be off by 0.2 log-odds more than the champion's.
    """
    challenger, champion = (
        compute_metrics(
            table["early_churn"],
            table[column],
            weight=table["weight"],
            base_rate=table["base_rate"].to_numpy(),
            n_boot=200,
        )["calibration_intercept"]
        for column in ("probability", "champion")
    )
    is_biased = challenger.low > 0 or challenger.high < 0
    if not is_biased or abs(challenger.value) <= abs(champion.value) + CALIBRATION_SLACK:
        return ()
    objection = (
        f"its probabilities are off in the large by {challenger.value:+.2f} log-odds "
        f"({challenger.low:+.2f} to {challenger.high:+.2f}), the champion's by "
        f"{champion.value:+.2f}"
    )
    return (objection,)


def _worse_groups(table: pd.DataFrame, attributes: pd.DataFrame) -> tuple[str, ...]:
    """Return the groups of deals that the challenger predicts worse beyond noise.

    Bonferroni: with k groups each is tested at 5%/k, on a normal approximation of the paired
    difference, so that chance alone prevents at most one promotion in twenty.
    """
    from scipy.stats import norm

    groups = _groups(table, attributes)
    if not groups:
        return ()
    width = float(norm.ppf(1 - 0.05 / len(groups)))
    y, weight = table["early_churn"].to_numpy(), table["weight"].to_numpy()
    challenger, champion = (
        log_losses(y, table[name].to_numpy(dtype=np.float64))
        for name in ("probability", "champion")
    )
    result = []
    for label, inside in groups:
        mean, error = mean_with_error((challenger - champion)[inside], weight[inside])
        if mean - width * error > 0:
            result.append(f"it is worse for {label}: {mean:+.4f} log loss on {inside.sum()} deals")
    return tuple(result)


def _groups(
    table: pd.DataFrame, attributes: pd.DataFrame
) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    left = table["early_churn"].to_numpy() == 1
    result = []
    for name in attributes.columns:
        text = attributes[name].astype("object").map(_group_text).to_numpy()
        levels = sorted(set(text.tolist()))
        if not 2 <= len(levels) <= MAX_LEVELS:  # noqa: PLR2004 - one level is not a group
            continue
        for level in levels:
            inside = text == level
            if inside.sum() >= MIN_DEALS and (inside & left).sum() >= MIN_CHURNERS:
                result.append((f"{name} = {level}", inside))
    return result


def _group_text(value: Any) -> str:
    return "(not filled in)" if is_missing_level(value) else level_text(value)


def compare_metrics(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    other: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Return the metrics of `p` minus those of `other` on the same deals, with paired intervals.

    Parameters
    ----------
    y : array of shape (n,)
        1 for early churn, 0 for a customer that stayed; deals that NEITHER model learned from.
    p, other : array of shape (n,)
        Probabilities by the two models for the same deals.
    weight : array of shape (n,), optional
        Inverse-probability-of-censoring weights; deals of weight 0 are left out.
    n_boot, seed
        Number of bootstrap resamples of the interval, and random seed; the same seed and deals
        give the same intervals.

    Returns
    -------
    dict of Difference
        `log_loss`, `roc_auc` and `brier`; `base` is 0, no difference. Below 0 the first model is
        better in log loss and Brier score, above 0 in ROC AUC.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values, or all outcomes are the same.

    Notes
    -----
    Paired percentile bootstrap (Efron and Tibshirani 1993, chapter 8): both models are measured on
    the same resamples, so what makes a resample difficult for both cancels.

    Examples
    --------
    >>> from fitmodel.evaluation.comparison import compare_metrics
    >>> result = compare_metrics([0, 1] * 50, [0.2, 0.8] * 50, [0.8, 0.2] * 50)
    >>> result["roc_auc"].value, result["log_loss"].high < 0
    (1.0, True)
    """
    pair = _Pair(Sample.of(y, p, weight, other).require_both())
    values, resampled = bootstrapped(pair.first, pair.differences, n_boot, seed)
    return {
        name: Difference(
            name,
            values[name],
            *percentile_interval(resampled[name]),
            resamples=len(resampled[name]),
        )
        for name in PAIRED
    }


class _Pair:
    """The same deals as two samples, each in the order of one model's probabilities."""

    def __init__(self, first: Sample) -> None:
        self.first = first
        self.order = np.lexsort((first.outcome, -first.reference))
        ordered = first.reference[self.order]
        self.second = Sample(
            first.outcome[self.order],
            ordered,
            first.weight[self.order],
            first.probability[self.order],
            np.flatnonzero(np.r_[True, np.diff(ordered) != 0]),
        )

    def differences(self, weights: Matrix) -> dict[str, Vector]:
        """Return each metric of the first model minus that of the second, per row of `weights`."""
        first_values = rank_and_losses(self.first, weights)
        second_values = rank_and_losses(self.second, weights[:, self.order])
        return {name: first_values[name] - second_values[name] for name in PAIRED}
