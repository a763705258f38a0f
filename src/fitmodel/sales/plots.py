"""Plot of rep performance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.evaluation.plots import new_axes
from fitmodel.language.catalogue import phrases
from fitmodel.sales.rates import exact_ratio_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fitmodel.sales.rep_performance import RepPerformance


def plot_funnel(board: RepPerformance, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw observed over expected against expected, with the limits chance keeps to.

    Parameters
    ----------
    board : Scoreboard
    ax : Axes, optional
        Where to draw; else a new figure.
    language : {"en", "zh"}

    Returns
    -------
    Axes
        Grey: exact 95 % limits of a rep like the company. Dashed, where reps differ more than by
        chance: the limits widened by the winsorised overdispersion.

    Notes
    -----
    D. J. Spiegelhalter (2005), "Funnel plots for comparing institutional performance", Statistics
    in Medicine 24, 1185-1202.
    """
    ax, say = ax or new_axes(6.0, 4.0), phrases(language, "sales_page")
    reps = board.reps
    most = max(float(reps["expected"].max()), 5.0)
    expected = np.geomspace(0.5, most * 1.15, 200)
    low, high = exact_ratio_interval(expected, expected)
    ax.fill_between(expected, low, high, color="grey", alpha=0.15, label=say("by_chance"))
    if board.dispersion.is_suspicious:
        for side in board.dispersion.limits(expected):
            ax.plot(expected, side, color="grey", linestyle="--", linewidth=0.8)
    ax.axhline(1, color="grey", linewidth=0.8)
    for name, row in reps.iterrows():
        tell = row["verdict"] in {"more", "fewer"}
        colour = {"more": "#c0392b", "fewer": "#1e8449"}.get(str(row["verdict"]), "#34495e")
        ax.plot(row["expected"], row["ratio"], "o", color=colour, markersize=6 if tell else 4)
        if tell:
            position = (row["expected"], row["ratio"])
            ax.annotate(
                str(name),
                position,
                xytext=(6, 3),
                textcoords="offset points",
                fontsize=9,
                parse_math=False,
            )
    ax.set(
        xscale="log",
        xlabel=say("axis_expected"),
        ylabel=say("axis_ratio"),
        ylim=(0, max(2.5, float(reps["ratio"].clip(upper=6).max()) * 1.1)),
    )
    ax.legend(frameon=False, loc="upper right")
    return ax
