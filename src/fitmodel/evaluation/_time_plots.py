"""Plots over time: survival curves; observed over expected leavers per quarter and the level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.evaluation.drawing import (
    BLUE,
    GREY,
    ORANGE,
    finished,
    in_percent,
    new_axes,
    with_all_letters,
)
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from fitmodel.deals.survival import SurvivalCurve
    from fitmodel.learning.level import Level

MONTHS_PER_QUARTER = 3
TAIL_PROBABILITY = 0.025
MIN_AT_RISK = 10
"""A curve is drawn as far as at least this many customers are still at risk."""


def compute_level(level: Level) -> pd.DataFrame:
    """Return observed and expected early leavers per quarter, counted back from the extract's end.

    Parameters
    ----------
    level : Level
        Estimated level, with observed and expected leavers per month.

    Returns
    -------
    DataFrame
        One row per quarter: `month` (last month of the quarter), `observed`, `expected` (by the
        contributions of the scorecard at the long-run level), `ratio` (observed over expected), and
        its exact 95% Poisson interval `low`, `high` (Garwood 1936). Quarters with less than one
        expected leaver are left out.
    """
    from scipy.stats import chi2

    table = pd.DataFrame(list(level.months), columns=["month", "observed", "expected"])
    group = np.arange(len(table))[::-1] // MONTHS_PER_QUARTER
    by_quarter = table.groupby(group, sort=False).agg(
        month=("month", "last"), observed=("observed", "sum"), expected=("expected", "sum")
    )
    by_quarter = by_quarter[by_quarter["expected"] >= 1].reset_index(drop=True)
    observed, expected = by_quarter["observed"], by_quarter["expected"]
    return by_quarter.assign(
        ratio=observed / expected,
        low=np.where(observed > 0, chi2.ppf(TAIL_PROBABILITY, 2 * observed) / 2, 0.0) / expected,
        high=chi2.ppf(1 - TAIL_PROBABILITY, 2 * (observed + 1)) / 2 / expected,
    )


def plot_level(level: Level, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw observed over expected leavers per quarter, and the level applied to new prospects.

    Parameters
    ----------
    level : Level
        Estimated level, with observed and expected leavers per month.
    ax : Axes, optional
        Axes to draw on; default: those of a new figure.
    language : {"en", "zh"}
        Language of the labels.
    """
    ax, say = ax or new_axes(6.5), phrases(language, "plots")
    frame = compute_level(level)
    position = np.arange(len(frame))
    gaps = np.abs(frame[["low", "high"]].to_numpy().T - frame["ratio"].to_numpy())
    ax.errorbar(position, frame["ratio"], yerr=gaps, fmt="o", color=BLUE, label=say("quarter"))
    ax.axhline(1.0, color=GREY, linestyle=":", linewidth=1, label=say("long_run"))
    if level.is_applied:
        ax.axhline(level.factor, color=ORANGE, linewidth=1.5, label=say("applied"))
    step = max(1, len(frame) // 8)
    ax.set_xticks(position[::step], frame["month"].iloc[::step], rotation=45, ha="right")
    ax.set(xlabel=say("quarter_ending"), ylabel=say("ratio"))
    ax.set_ylim(0, 1.2 * ax.get_ylim()[1])  # room for the legend above the intervals
    finished(ax, "upper left")
    ax.legend(frameon=False, loc="upper left", ncols=3)
    return with_all_letters(ax)


def plot_survival(
    curves: Mapping[str, SurvivalCurve],
    ax: Axes | None = None,
    *,
    horizon_months: float | None = None,
    language: str = "en",
) -> Axes:
    """Draw the share of customers that have not left, by months since signing.

    Parameters
    ----------
    curves : mapping of str to SurvivalCurve
        Curves by label, as `kaplan_meier` returns them.
    ax : Axes, optional
        Axes to draw on; default: those of a new figure.
    horizon_months : float, optional
        Horizon of early churn in months, marked by a line.
    language : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        Axes with each curve and its 95% band, as far as 10 customers are still at risk.
    """
    ax, say = ax or new_axes(6.5), phrases(language, "plots")
    for label, curve in curves.items():
        shown = curve.at_risk >= MIN_AT_RISK
        (line,) = ax.step(
            [0.0, *curve.times[shown]],
            [1.0, *curve.survival[shown]],
            where="post",
            label=f"{label} ({int(curve.at_risk.max()):,})",
        )
        ax.fill_between(
            curve.times[shown],
            curve.low[shown],
            curve.high[shown],
            step="post",
            alpha=0.15,
            color=line.get_color(),
            linewidth=0,
        )
    if horizon_months is not None:
        ax.axvline(horizon_months, color="grey", linestyle=":", linewidth=1)
    ax.set(xlabel=say("months_since_signing"), ylabel=say("still_customers"), ylim=(0, 1.02))
    in_percent(ax)
    finished(ax, "lower left")
    ax.legend(title=say("survival_legend"), frameon=False, loc="lower left")
    return with_all_letters(ax)
