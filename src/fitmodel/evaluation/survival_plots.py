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
"""A curve is drawn as far as at least this many customers are still at risk."""


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
        Axes with each curve and its 95 % band, as far as 10 customers are still at risk.
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
