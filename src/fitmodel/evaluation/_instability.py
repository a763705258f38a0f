"""Instability: how much predictions change if the model learns from other deals of the same kind.

deals -> bootstrap samples -> the whole procedure on each, choice of settings included
      -> probabilities of the same prospects -> error per prospect, share of changed flags
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.attributes import read_attributes
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.evaluation.drawing import BLUE, GREY, finished, in_percent, new_axes
from fitmodel.evaluation.out_of_time import EVALUATION_REPLICATES
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.learning.learner import learn, regime_allowed
from fitmodel.learning.own_estimator import learn_own

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from matplotlib.axes import Axes

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.enough import Regime
    from fitmodel.learning.learner import Learned

    Matrix = npt.NDArray[np.float64]
    Flag = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]]

MIN_REPLICATES = 5


@dataclass(frozen=True, eq=False)
class Instability:
    """Predictions of models of bootstrap samples, and those of the model of all deals.

    Parameters
    ----------
    table : DataFrame
        One row per prospect, with its index: `probability` (of the model of all deals), `mean`,
        `low` and `high` (mean, 2.5% and 97.5% quantile of the replicates), `mape` (mean absolute
        difference of the replicates from `probability`) and `flag_changes` (share of the
        replicates that would change the flag).
    replicates : array of shape (replicates, prospects)
        Probabilities of each prospect by each replicate.
    failed : int
        Number of samples that had too few early churners to learn from.
    """

    table: pd.DataFrame
    replicates: Matrix
    failed: int

    @property
    def mape(self) -> float:
        """Mean over the prospects of the replicates' mean absolute difference."""
        return float(self.table["mape"].mean())

    @property
    def flag_changes(self) -> float:
        """Mean over the prospects of the share of replicates that would change the flag."""
        return float(self.table["flag_changes"].mean())

    def __str__(self) -> str:
        return (
            f"a model of other deals like these would differ by {100 * self.mape:.1f} percentage "
            f"points per prospect on average and change {self.flag_changes:.1%} of the flags "
            f"({len(self.replicates)} bootstrap samples)"
        )


def compute_instability(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    prospects: pd.DataFrame,
    flag: Flag,
    *,
    replicates: int = 50,
    estimator: Any = None,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Instability:
    """Train on bootstrap samples of the deals, choice of settings included, and predict prospects.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Deals that the model learns from, as read by `fitmodel.read_deals`.
    spec : DealSpec
        Contract of the deals.
    prospects : DataFrame
        Deals or prospects to predict, with the contract's attributes (and the closing date, where
        attributes are dates).
    flag : callable
        Returns the flags of probabilities, both of shape (prospects,): for example
        ``lambda p: model.scorer.policy.poor_fit(p, amounts)``.
    replicates : int
        Number of bootstrap samples. Each takes a whole training without its evaluation: seconds to
        minutes.
    estimator : classifier, optional
        The user's own classifier, used instead of the scorecard.
    seed : int
        Random seed of the bootstrap.
    progress : callable, optional
        Called with the number of each sample when it begins.

    Raises
    ------
    DealsError
        If there are too few deals to learn from, `replicates` is less than 5, or fewer than 5
        samples could be learned from.

    Notes
    -----
    Riley and Collins 2023, "Stability of clinical prediction models developed using statistical or
    machine learning methods", Biometrical Journal 65: 2200302. The bootstrap resamples deals; each
    resample shows how much the predictions would change with another sample of the same size.

    Examples
    --------
    >>> from fitmodel.evaluation.figures import compute_instability
    >>> sim = fitmodel.simulate_deals(400, seed=1)
    >>> result = compute_instability(
    ...     sim.deals, sim.spec, sim.deals.head(20), lambda p: p >= 0.4, replicates=5
    ... )
    >>> result.table.shape, bool((result.table["mape"] > 0).all())
    ((20, 6), True)
    """
    if replicates < MIN_REPLICATES:
        raise DealsError(f"{replicates} replicates are too few: ask for {MIN_REPLICATES} or more.")
    view = view_of(deals, spec)
    inputs = _attributes(prospects, view)
    regime = regime_allowed(view.training_set())
    original = _predict(_learn(view, spec, estimator, regime), inputs)
    random = np.random.default_rng(seed)
    replicate_predictions, failed = [], 0
    for number in range(replicates):
        if progress is not None:
            progress(number)
        rows = random.integers(0, len(view), len(view))
        sample = view_of(_resampled(view, rows), spec)
        try:
            learned = _learn(sample, spec, estimator, regime)
            replicate_predictions.append(_predict(learned, inputs))
        except DealsError:  # the sample has too few early churners
            failed += 1
    if len(replicate_predictions) < MIN_REPLICATES:
        raise DealsError(
            f"{failed} of {replicates} bootstrap samples had too few early churners to learn from. "
            "Remedy: more deals, or a longer horizon_months."
        )
    return summarise_replicates(
        original, np.array(replicate_predictions), flag, prospects.index, failed=failed
    )


def summarise_replicates(
    original: npt.NDArray[np.float64],
    replicates: Matrix,
    flag: Flag,
    index: pd.Index[Any],
    *,
    failed: int = 0,
) -> Instability:
    """Compute the error per prospect and the changed flags from replicates' probabilities.

    `original`, array of shape (prospects,): probabilities by the model of all deals.
    `replicates`, array of shape (replicates, prospects): probabilities by each replicate.
    `flag`, `failed`: as in `compute_instability` and `Instability`.
    `index`: index of the prospects.
    """
    flagged = flag(original)
    changed = np.array([flag(each) != flagged for each in replicates])
    low, high = np.quantile(replicates, (0.025, 0.975), axis=0)
    table = pd.DataFrame(
        {
            "probability": original,
            "mean": replicates.mean(axis=0),
            "low": low,
            "high": high,
            "mape": np.abs(replicates - original).mean(axis=0),
            "flag_changes": changed.mean(axis=0),
        },
        index=index,
    )
    return Instability(table, replicates, failed)


def _resampled(view: HistoryView, rows: npt.NDArray[np.intp]) -> pd.DataFrame:
    """Return a bootstrap sample as a table; rows drawn twice get different index labels."""
    return view.history.deals.iloc[view.positions[rows]].reset_index(drop=True)


def _learn(view: HistoryView, spec: DealSpec, estimator: Any, regime: Regime) -> Learned:
    if estimator is not None:
        return learn_own(view, spec, estimator)
    return learn(view, spec, replicates=EVALUATION_REPLICATES, regime=regime)


def _predict(learned: Learned, prospects: pd.DataFrame) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = learned.estimator.predict_proba(prospects)[:, 1]
    return result


def _attributes(prospects: pd.DataFrame, view: HistoryView) -> pd.DataFrame:
    """Return the prospects' attributes; dates count from the closing date, else from today."""
    known, closing = view.attributes(), view.spec.deals.closed_on
    closed = prospects[closing] if closing in prospects.columns else None
    names = list(known.frame.columns)
    return read_attributes(prospects, names, closed_on=closed, dates=known.dates).frame


def plot_instability(result: Instability, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw every replicate's probability against that of the model of all deals."""
    ax, say = ax or new_axes(), phrases(language, "plots")
    p = result.table["probability"].to_numpy()
    order = np.argsort(p)
    for drawn in result.replicates:
        ax.plot(p, drawn, ".", color=BLUE, markersize=2, alpha=0.25)
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label=say("no_difference"))
    for name in ("low", "high"):
        label = say("of_replicates") if name == "low" else None
        difference = (result.table[name] - result.table["probability"]).iloc[order]
        smooth = difference.rolling(
            25, min_periods=1, center=True
        ).mean()  # at the ends too around p
        ax.plot(p[order], p[order] + smooth, color="black", linewidth=1, label=label)
    top = min(1.0, 1.05 * float(max(p.max(), result.table["high"].max())))
    ax.set(xlim=(0, top), ylim=(0, top), title=say("instability"))
    ax.set(xlabel=say("of_model"), ylabel=say("of_bootstrap"))
    in_percent(ax, x=True)
    return finished(ax, "upper left")


def plot_flag_changes(result: Instability, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the share of replicates that would change the flag against the probability."""
    ax, say = ax or new_axes(), phrases(language, "plots")
    table = result.table
    label = say("samples", prospects=f"{len(table):,}", samples=len(result.replicates))
    ax.plot(table["probability"], table["flag_changes"], "o", color=BLUE, markersize=3, label=label)
    ax.set(title=say("flag_changes"), xlabel=say("of_model"), ylim=(-0.02, 1))
    ax.set_ylabel(say("would_change"))
    in_percent(ax, x=True)
    return finished(ax, "upper right")
