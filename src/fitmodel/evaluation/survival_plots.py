"""Plot of survival curves, overall or by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.evaluation.fonts import with_all_letters
from fitmodel.evaluation.plots import finished, in_percent, new_axes
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from fitmodel.deals.survival import SurvivalCurve

MIN_AT_RISK = 10
"""A curve is drawn as long as so many customers are still watched."""


def plot_survival(
    curves: Mapping[str, SurvivalCurve],
    ax: Axes | None = None,
    *,
    horizon_months: float | None = None,
    language: str = "en",
) -> Axes:
    """Draw the share of customers still there, by months since signing.

    Parameters
    ----------
    curves : mapping of str to SurvivalCurve
        Label to curve, as `kaplan_meier` gives it.
    ax : Axes, optional
        Where to draw; else a new figure.
    horizon_months : float, optional
        Marked by a line: who left before it left early.
    language : {"en", "zh"}

    Returns
    -------
    Axes
        Each curve with its 95 % band, as far as 10 customers are still at risk.
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
