"""Count the warnings that lost customers had in common, and test whether they predict churn.

what would have been said + outcomes as known now -> signals among lost deals and among kept ones
                                                  -> customers who left though nothing warned
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.language.catalogue import phrases
from fitmodel.sales._segments import segment_deals
from fitmodel.sales.rates import exact_ratio_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.sales._segments import Segment, Segmented
    from fitmodel.sales.retrospective import Retrospective

WARNING = math.log(1.25)
"""Log-odds from which a reason counts as a warning: it raises the odds by a quarter."""
MIN_WITH_SIGNAL = 10
SIGNAL_COLUMNS = (
    "signal", "lost_with", "lost", "lost_share", "kept_with", "kept", "kept_share",
    "ratio", "ratio_low", "ratio_high",
)  # fmt: skip


def compute_missed_warnings(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    retrospective: Retrospective,
    *,
    language: str = "en",
) -> pd.DataFrame:
    """Count the warnings that were there at signing, among lost deals and among kept ones.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec
    retrospective : Retrospective
        Of the same deals.
    language : {"en", "zh"}

    Returns
    -------
    DataFrame
        A row per signal, the most frequent among lost deals first: `signal` (level, or band of a
        number, that raised the odds by a quarter or more by what was known at signing, in deals
        whose probability was above the level), the number of lost and kept deals that had it and
        their shares, and the `ratio` of the shares with its
        95 % interval: about 1 means the signal is merely common.

    Notes
    -----
    Only mature deals of known outcome: of young deals, those already lost are known first. Interval
    of a ratio of shares by the logarithm: D. Katz et al. (1978), Biometrics 34, 469-474.
    """
    view = view_of(deals, spec)
    churn = _known_now(view, retrospective)
    lost = (churn == 1).to_numpy()
    kept = (churn == 0).to_numpy()
    predictions = retrospective.predictions
    above = (predictions["probability"] > predictions["base_rate"]).to_numpy()
    rows = []
    for group in segment_deals(view.deals, spec, least_deals=1, people=_has_people(spec)):
        name = group.segments[0][0].attribute
        if name not in retrospective.contributions:
            continue
        warned = above & (retrospective.contributions[name] >= WARNING).to_numpy()
        rows += _signals(group, warned, lost, kept)
    say = phrases(language, "profile")
    labels = spec.words.labels
    table = pd.DataFrame(
        [facts | {"signal": part.words(say, labels.get(part.attribute))} for part, facts in rows],
        columns=SIGNAL_COLUMNS,
    )
    return table.sort_values("lost_with", ascending=False, kind="stable", ignore_index=True)


def compute_surprises(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, retrospective: Retrospective
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Early leavers whose predicted probability was below the level.

    Returns
    -------
    table : DataFrame
        Index of the deals; `probability` and `base_rate` as they would have been said at signing,
        `months` they stayed and `push`, the log-odds of the strongest warning all the same. The
        most surprising first.
    facts : dict of str to float
        Of the mature deals that nothing warned of: how many there are (`deals`), `left` early, were
        `expected` to by the probabilities, the `ratio` with its exact 95 % interval `ratio_low`,
        `ratio_high`: above 1 throughout, the model has something to learn.
    """
    view = view_of(deals, spec)
    churn = _known_now(view, retrospective)
    predictions = retrospective.predictions
    calm = predictions["probability"] < predictions["base_rate"]
    left = churn.index[calm & (churn == 1)]
    table = pd.DataFrame(
        {
            "probability": predictions.loc[left, "probability"],
            "base_rate": predictions.loc[left, "base_rate"],
            "months": view.outcomes.loc[left, "followup_months"],
            "push": retrospective.contributions.loc[left].max(axis=1),
        }
    )
    evaluated = calm & churn.notna()
    observed, expected = float(len(left)), float(predictions.loc[evaluated, "probability"].sum())
    low, high = exact_ratio_interval(np.array([observed]), np.array([max(expected, 1e-12)]))
    facts = {
        "deals": int(evaluated.sum()),
        "left": int(observed),
        "expected": expected,
        "ratio": observed / max(expected, 1e-12),
        "ratio_low": float(low[0]),
        "ratio_high": float(high[0]),
    }
    return table.sort_values("probability", kind="stable"), facts


def _known_now(view: HistoryView, retrospective: Retrospective) -> pd.Series[float]:
    """Outcome of the mature deals that would have had a probability; NaN for the others."""
    scored = retrospective.predictions["probability"].notna()
    usable = view.mature & view.from_signing
    return view.outcomes["early_churn"].where(usable & scored)


def _has_people(spec: DealSpec) -> bool:
    named = spec.attributes.include or ()
    return any(name in named for name in (spec.deals.rep, spec.deals.team))


def _signals(
    group: Segmented,
    warned: NDArray[np.bool_],
    lost: NDArray[np.bool_],
    kept: NDArray[np.bool_],
) -> list[tuple[Segment, dict[str, Any]]]:
    rows = []
    for position, (part,) in enumerate(group.segments):
        here = warned & (group.codes == position)
        lost_with, kept_with = int((here & lost).sum()), int((here & kept).sum())
        if lost_with and lost_with + kept_with >= MIN_WITH_SIGNAL:
            rows.append((part, _compared(lost_with, int(lost.sum()), kept_with, int(kept.sum()))))
    return rows


def _compared(lost_with: int, lost: int, kept_with: int, kept: int) -> dict[str, Any]:
    from scipy.stats.contingency import relative_risk

    facts: dict[str, Any] = {
        "lost_with": lost_with, "lost": lost, "lost_share": lost_with / lost,
        "kept_with": kept_with, "kept": kept,
        "kept_share": kept_with / kept if kept else np.nan,
    }  # fmt: skip
    if not kept_with:  # no such deal was kept: the ratio has no upper end
        return facts | {"ratio": np.inf, "ratio_low": np.nan, "ratio_high": np.inf}
    result = relative_risk(lost_with, lost, kept_with, kept)
    reach = result.confidence_interval(0.95)
    return facts | {
        "ratio": result.relative_risk,
        "ratio_low": float(reach.low),
        "ratio_high": float(reach.high),
    }
