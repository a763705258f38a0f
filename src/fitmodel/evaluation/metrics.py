"""Metrics of predicted probabilities with intervals and reference values; evidence of skill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.evaluation._calibration import (
    calibration_error,
    calibration_intercept,
    calibration_slope,
    may_be_calibrated,
)
from fitmodel.evaluation.sample import SMALLEST, Matrix, Sample, Vector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

TOP_SHARE = 0.1
METRIC_NAMES = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "log_loss_skill": "log loss gained on the level alone",
    "brier": "Brier score",
    "brier_skill": "Brier score gained on the level alone",
    "calibration_slope": "calibration slope (1 is right)",
    "calibration_intercept": "calibration intercept (0 is right)",
    "calibration_error": "calibration error",
    "lift_top_tenth": "lift in the riskiest tenth",
}
NO_SKILL_AUC = 0.5
MAX_ASSOCIATION = 0.05  # P value of the global test above which few churners show no skill


@dataclass(frozen=True)
class Metric:
    """Value of one metric, with its interval and a reference value.

    Parameters
    ----------
    name : str
        Name of the metric.
    value, low, high : float
        The value and its 95% bootstrap interval (NaN if nothing was resampled).
    base : float
        Value of the metric for a model that always predicts the base rate of the training period.
    resamples : int
        Number of resamples behind the interval; those without both outcomes are left out.
    """

    name: str
    value: float
    low: float
    high: float
    base: float
    resamples: int = 0

    def __str__(self) -> str:
        """Format the value with its interval and the value of the base rate."""
        text = f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"
        if self.name.endswith("_skill"):  # measured against the base rate, so that has none
            return f"{text}, 0 is no skill"
        return text if np.isnan(self.base) else f"{text}, base rate {self.base:.4f}"


@dataclass(frozen=True)
class Difference(Metric):
    """Difference of two models on the same deals, with its paired interval; see `Metric`.

    Parameters
    ----------
    base : float
        0: no difference.
    """

    base: float = 0.0

    def __str__(self) -> str:
        """Format the difference with its sign, its interval, and whether that includes 0."""
        if np.isnan(self.value):
            return "not known"
        if np.isnan(self.low):
            return f"{self.value:+.4f}"
        text = f"{self.value:+.4f} ({self.low:+.4f} to {self.high:+.4f})"
        is_clear = self.low > 0 or self.high < 0
        return f"{text}, {'a difference' if is_clear else 'no difference'} beyond chance"


def compute_metrics(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    base_rate: npt.ArrayLike,
    n_boot: int = 500,
    seed: int = 0,
) -> dict[str, Metric]:
    """Compare predicted probabilities of early churn with the outcomes.

    Parameters
    ----------
    y : array of shape (n,)
        1 for early churn, 0 for a customer that stayed.
    p : array of shape (n,)
        Predicted probabilities.
    weight : array of shape (n,), optional
        Inverse-probability-of-censoring weights; deals of weight 0 are left out.
    base_rate : float, or array of shape (n,)
        Early-churn rate of the TRAINING period, known before these deals were evaluated; one per
        deal if deals of several training periods are evaluated together.
    n_boot : int
        Number of bootstrap resamples; 0 for no intervals.
    seed : int
        Random seed; the same seed and deals give the same intervals, whatever the order of the
        rows.

    Returns
    -------
    dict of Metric
        `roc_auc`, `average_precision`, `log_loss`, `brier`, `calibration_slope`,
        `calibration_intercept`, `calibration_error`, `lift_top_tenth` (early-churn rate of the
        riskiest tenth over that of all deals; tied deals count by their share), and
        `log_loss_skill` and `brier_skill`: the loss of the base rate minus that of the model on
        the SAME resamples. Evidence of skill (`shows_skill`) needs a `log_loss_skill.low` above 0.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values, or all outcomes are the same.

    Notes
    -----
    Percentile intervals (Efron and Tibshirani 1993, chapter 13) for new deals of the same kind:
    the model and the censoring weights are treated as fixed. The interval of the calibration error
    starts at 0 unless a test shows that the gaps are larger than chance (`may_be_calibrated`).
    """
    sample = Sample.of(y, p, weight, base_rate).require_both()
    base = Sample.of(y, np.broadcast_to(base_rate, np.shape(y)), weight, base_rate)
    values, resampled = bootstrapped(sample, partial(_statistics, sample), n_boot, seed)
    base_values = _statistics(base, base.weight[None])
    result = {
        name: Metric(
            name,
            value,
            *percentile_interval(resampled[name]),
            float(base_values[name][0]),
            len(resampled[name]),
        )
        for name, value in values.items()
    }
    error = result["calibration_error"]
    if may_be_calibrated(sample):
        result["calibration_error"] = replace(error, low=error.low * 0)  # NaN stays NaN
    return result


def compare_log_loss(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    other: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    n_boot: int = 500,
    seed: int = 0,
) -> Difference:
    """Return log loss of `p` minus that of `other` on the same deals, with a paired interval.

    Above 0, `p` is the worse of the two. It measures the gap to the black-box reference, and the
    loss of an older model compared with a newer one.

    Parameters
    ----------
    y, p, other : array of shape (n,)
        Outcomes, and the two models' probabilities for the same deals.
    weight, n_boot, seed
        As in `compute_metrics`.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values.

    Examples
    --------
    >>> better = compare_log_loss([0, 1] * 50, [0.2, 0.8] * 50, [0.5, 0.5] * 50)
    >>> better.high < 0
    True
    """
    sample = Sample.of(y, p, weight, other)
    values, resampled = bootstrapped(sample, partial(_losses, sample), n_boot, seed)
    losses = -resampled["log_loss_skill"]
    interval = percentile_interval(losses)
    value = -values["log_loss_skill"]
    return Difference("log_loss_difference", value, *interval, resamples=len(losses))


def roc_auc(sample: Sample) -> float:
    """Return the ROC AUC: share of pairs of a churner and a stayer that are ranked correctly."""
    return float(_ranking(sample, sample.weight[None])["roc_auc"][0])


def bootstrapped(
    sample: Sample, statistics: Callable[[Matrix], dict[str, Vector]], n_boot: int, seed: int
) -> tuple[dict[str, float], dict[str, Vector]]:
    """Return statistics of a sample, and of its resamples; `statistics` gets rows of weights."""
    values = {name: float(each[0]) for name, each in statistics(sample.weight[None]).items()}
    chunks = [statistics(weights) for weights in sample.resamples(n_boot, seed)]
    resampled = {name: np.concatenate([*(c[name] for c in chunks), np.empty(0)]) for name in values}
    return values, resampled


def percentile_interval(resampled: Vector) -> tuple[float, float]:
    """Return the 95% percentile interval of resampled values; NaN if none is finite."""
    finite = resampled[np.isfinite(resampled)]
    if len(finite) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)


def _statistics(sample: Sample, weights: Matrix) -> dict[str, Vector]:
    """Return every metric for each row of `weights`."""
    ranking, losses = _ranking(sample, weights), _losses(sample, weights)
    return {
        "roc_auc": ranking["roc_auc"],
        "average_precision": ranking["average_precision"],
        "log_loss": losses["log_loss"],
        "brier": losses["brier"],
        "calibration_slope": calibration_slope(sample, weights),
        "calibration_intercept": calibration_intercept(sample, weights),
        "calibration_error": calibration_error(sample, weights),
        "lift_top_tenth": ranking["lift_top_tenth"],
        "log_loss_skill": losses["log_loss_skill"],
        "brier_skill": losses["brier_skill"],
    }


def rank_and_losses(sample: Sample, weights: Matrix) -> dict[str, Vector]:
    """Return the metrics that two models are compared by, for each row of `weights`."""
    return _ranking(sample, weights) | _losses(sample, weights)


def _ranking(sample: Sample, weights: Matrix) -> dict[str, Vector]:
    """Compute the three ranking metrics for each row of `weights`, in one pass, riskiest first."""
    mass, left = sample.per_tie(weights), sample.per_tie(weights * sample.outcome)
    cumulative_mass, cumulative_left = np.cumsum(mass, axis=1), np.cumsum(left, axis=1)
    total_mass, churners = cumulative_mass[:, -1], cumulative_left[:, -1]
    concordant = ((cumulative_left - left / 2) * (mass - left)).sum(axis=1)
    precision = cumulative_left / np.maximum(cumulative_mass, SMALLEST)
    top_mass = TOP_SHARE * total_mass
    last_tie, row = (cumulative_mass < top_mass[:, None]).sum(axis=1), np.arange(len(weights))
    missing = top_mass - (cumulative_mass[row, last_tie] - mass[row, last_tie])
    inside = cumulative_left[row, last_tie] - left[row, last_tie] * (
        1 - missing / mass[row, last_tie]
    )
    return {
        "roc_auc": concordant / (churners * (total_mass - churners)),
        "average_precision": (left * precision).sum(axis=1) / churners,
        "lift_top_tenth": inside / churners / TOP_SHARE,
    }


def _losses(sample: Sample, weights: Matrix) -> dict[str, Vector]:
    y, p, base = sample.outcome, sample.probability, sample.reference
    losses = np.column_stack([log_losses(y, p), log_losses(y, base), (y - p) ** 2, (y - base) ** 2])
    log_loss, log_base, brier, brier_base = (weights @ losses).T / weights.sum(axis=1)
    return {
        "log_loss": log_loss,
        "brier": brier,
        "log_loss_skill": log_base - log_loss,
        "brier_skill": brier_base - brier,
    }


def log_losses(outcome: Vector, probability: Vector) -> Vector:
    """Return the log loss of each deal, shape (n,); probabilities are clipped away from 0 and 1."""
    clipped = np.clip(probability, SMALLEST, 1 - SMALLEST)
    loss: Vector = -np.log(np.where(outcome == 1, clipped, 1 - clipped))
    return loss


def mean_with_error(values: Vector, weight: Vector) -> tuple[float, float]:
    """Return the weighted mean of values, and its standard error with the weights as known."""
    mean = float(np.average(values, weights=weight))
    return mean, float(np.sqrt(np.sum((weight * (values - mean)) ** 2)) / weight.sum())


def shows_skill(metrics: Mapping[str, Metric]) -> bool:
    """Return whether the model predicts better than one that knows the level and no attributes.

    Both the interval of the log loss gained and that of the ROC AUC must be above the values of
    such a model (0 and 0.5): a gain by a better level alone does not distinguish deals.
    """
    return metrics["log_loss_skill"].low > 0 and metrics["roc_auc"].low > NO_SKILL_AUC


def describe_skill(metrics: Mapping[str, Metric]) -> str:
    """Return one sentence on whether there is evidence of skill, with the intervals."""
    skill, auc = metrics["log_loss_skill"], metrics["roc_auc"]
    gained = f"log loss gained on the level alone {skill.value:.4f}"
    interval = f"95% interval {skill.low:.4f} to {skill.high:.4f}"
    if shows_skill(metrics):
        return f"evidence of skill: {gained} ({interval})"
    if skill.high < 0:
        return f"no evidence of skill: WORSE than the level alone, {gained} ({interval})"
    if skill.low > 0:
        return (
            f"no evidence of skill: ROC AUC {auc.value:.2f}, whose 95% interval {auc.low:.2f} to "
            f"{auc.high:.2f} includes chance (0.50)"
        )
    return f"no evidence of skill: {gained}, and the {interval} includes the level alone"


def describe_decay(decay: Metric) -> str:
    """Return one sentence on whether a model that is never retrained gets worse."""
    numbers = f"{decay.value:+.4f} log loss ({decay.low:+.4f} to {decay.high:+.4f})"
    if decay.low > 0:
        return f"an older model is worse: {numbers} for never retraining since the first cut"
    return f"no evidence that an older model is worse: {numbers} for never retraining"


def is_by_chance(association: float | None) -> bool:
    """Return whether chance may explain the association of attributes and outcomes.

    None means that it was not tested, and gives False.
    """
    return association is not None and association > MAX_ASSOCIATION


def describe_provisional(
    metrics: Mapping[str, Metric], association: float | None, n_early_churners: int
) -> str:
    """Return one sentence on a provisional model: its early churners, and the evidence of skill."""
    description = describe_skill(metrics)
    if shows_skill(metrics) and is_by_chance(association):
        description = (
            "no evidence of skill: chance alone would have attributes and early churn go together "
            f"as much in {association:.0%} of such tables (global test)"
        )
    return f"provisional model, learned from {n_early_churners:,} early churners: {description}"
