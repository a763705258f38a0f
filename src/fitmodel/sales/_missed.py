"""Warnings that lost customers had in common, and whether they are more frequent than among others.

predictions as of signing + outcomes as known now -> signals among lost deals and among kept deals
                                                  -> customers who left without any warning
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
    from fitmodel.sales._retrospective import Retrospective
    from fitmodel.sales._segments import Segment, Segmented

WARNING = math.log(1.25)
"""Minimum contribution to the log-odds of a warning: it raises the odds by a quarter."""
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
    """Count the warnings that were visible at signing, among lost deals and among kept deals.

    Returns: one row per signal, the most frequent among lost deals first. A signal is a level, or a
        band of a number, that raised the odds by a quarter or more according to the model as of
        signing, in deals whose probability was above the level. `signal` is its name; the other
        columns are the number of lost and kept deals that had it, their shares, and the `ratio` of
        the shares with its 95% interval: a ratio of about 1 means that the signal is merely common.

    Only mature deals with a known outcome are counted: among young deals, the outcome of the lost
    ones is known first. The interval of the ratio of shares is computed on the log scale: D. Katz
    et al. (1978), Biometrics 34, 469-474.
    """
    view = view_of(deals, spec)
    churn = _known_outcomes(view, retrospective)
    lost, kept = (churn == 1).to_numpy(), (churn == 0).to_numpy()
    predictions = retrospective.predictions
    is_above_level = (predictions["probability"] > predictions["base_rate"]).to_numpy()
    rows = []
    for group in segment_deals(view.deals, spec, min_deals=1, people=_has_people(spec)):
        name = group.segments[0][0].attribute
        if name not in retrospective.contributions:
            continue
        warned = is_above_level & (retrospective.contributions[name] >= WARNING).to_numpy()
        rows += _signals(group, warned, lost, kept)
    say = phrases(language, "profile")
    signals = [figures | {"signal": part.in_words(say, spec)} for part, figures in rows]
    table = pd.DataFrame(signals, columns=SIGNAL_COLUMNS)
    return table.sort_values("lost_with", ascending=False, kind="stable", ignore_index=True)


def compute_surprises(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, retrospective: Retrospective
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the early leavers whose predicted probability was below the level.

    Returns
    -------
    table : DataFrame
        Indexed like the deals: `probability` and `base_rate` as predicted at signing, `months` that
        the customer stayed and `push`, the largest contribution of an attribute to the log-odds.
        The lowest probability comes first.
    counts : dict of str to float
        Figures of the mature deals whose probability was below the level: their number (`deals`),
        how many `left` early, how many were `expected` to by the probabilities, and the `ratio` of
        the two with its exact 95% interval `ratio_low`, `ratio_high`. If the whole interval is
        above 1, the model underestimates these deals.
    """
    view = view_of(deals, spec)
    churn = _known_outcomes(view, retrospective)
    predictions = retrospective.predictions
    is_below_level = predictions["probability"] < predictions["base_rate"]
    left = churn.index[is_below_level & (churn == 1)]
    table = pd.DataFrame(
        {
            "probability": predictions.loc[left, "probability"],
            "base_rate": predictions.loc[left, "base_rate"],
            "months": view.outcomes.loc[left, "followup_months"],
            "push": retrospective.contributions.loc[left].max(axis=1),
        }
    )
    evaluated = is_below_level & churn.notna()
    observed, expected = float(len(left)), float(predictions.loc[evaluated, "probability"].sum())
    low, high = exact_ratio_interval(np.array([observed]), np.array([max(expected, 1e-12)]))
    counts = {
        "deals": int(evaluated.sum()),
        "left": int(observed),
        "expected": expected,
        "ratio": observed / max(expected, 1e-12),
        "ratio_low": float(low[0]),
        "ratio_high": float(high[0]),
    }
    return table.sort_values("probability", kind="stable"), counts


def _known_outcomes(view: HistoryView, retrospective: Retrospective) -> pd.Series[float]:
    """Return the outcome of the mature deals that have a probability; NaN for the others."""
    scored = retrospective.predictions["probability"].notna()
    usable = view.mature & view.from_signing
    return view.outcomes["early_churn"].where(usable & scored)


def _has_people(spec: DealSpec) -> bool:
    named = spec.attributes.include or ()
    return any(name in named for name in (spec.deals.rep, spec.deals.team))


def _signals(
    group: Segmented, warned: NDArray[np.bool_], lost: NDArray[np.bool_], kept: NDArray[np.bool_]
) -> list[tuple[Segment, dict[str, Any]]]:
    rows = []
    for position, (part,) in enumerate(group.segments):
        has_signal = warned & (group.codes == position)
        lost_with, kept_with = int((has_signal & lost).sum()), int((has_signal & kept).sum())
        if lost_with and lost_with + kept_with >= MIN_WITH_SIGNAL:
            rows.append((part, _compared(lost_with, int(lost.sum()), kept_with, int(kept.sum()))))
    return rows


def _compared(lost_with: int, lost: int, kept_with: int, kept: int) -> dict[str, Any]:
    from scipy.stats.contingency import relative_risk

    figures: dict[str, Any] = {
        "lost_with": lost_with, "lost": lost, "lost_share": lost_with / lost,
        "kept_with": kept_with, "kept": kept,
        "kept_share": kept_with / kept if kept else np.nan,
    }  # fmt: skip
    if not kept_with:  # no deal with the signal was kept: the ratio has no upper limit
        return figures | {"ratio": np.inf, "ratio_low": np.nan, "ratio_high": np.inf}
    result = relative_risk(lost_with, lost, kept_with, kept)
    interval = result.confidence_interval(0.95)
    return figures | {
        "ratio": result.relative_risk,
        "ratio_low": float(interval.low),
        "ratio_high": float(interval.high),
    }
