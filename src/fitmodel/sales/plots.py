"""Plots of rep performance and of the ideal customer profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.evaluation.fonts import with_all_letters
from fitmodel.evaluation.plots import BLUE, GREY, ORANGE, new_axes
from fitmodel.language.catalogue import phrases
from fitmodel.sales.rates import exact_ratio_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fitmodel.sales.profile import Profile
    from fitmodel.sales.rep_performance import RepPerformance


def plot_funnel(board: RepPerformance, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw a funnel plot: observed over expected against expected, with limits of chance.

    Parameters
    ----------
    board : RepPerformance
        Result of `compute_rep_performance`.
    ax : Axes, optional
        Axes to draw on; default: a new figure.
    language : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        The grey area shows exact 95 % limits for a rep like the company. Dashed lines, drawn where
        reps differ more than by chance, are the limits widened by the winsorised overdispersion.

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
    return with_all_letters(ax)


def plot_profile(profile: Profile, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the rates of the segments that leave early most and least.

    Parameters
    ----------
    profile : Profile
        Result of `compute_profile`.
    ax : Axes, optional
        Axes to draw on; default: a new figure.
    language : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        A point with its 95 % interval per segment, the riskiest on top; the line is the company's
        rate, and the band is the interval of that rate.
    """
    say = phrases(language, "profile")
    worst, best = profile.riskiest, profile.safest
    shown = pd.concat([worst, best.iloc[::-1]]).iloc[::-1]
    ax = ax or new_axes(8.5, 1.2 + 0.34 * max(len(shown), 3))
    company = profile.company
    label = say("company", rate=f"{company['rate']:.0%}")
    ax.axvspan(company["low"], company["high"], color=GREY, alpha=0.18, linewidth=0)
    ax.axvline(company["rate"], color=GREY, linewidth=1.2, label=label)
    for position, (_, row) in enumerate(shown.iterrows()):
        riskier = row["distance"] > 0
        ax.errorbar(
            row["rate"],
            position,
            xerr=[[row["rate"] - row["low"]], [row["high"] - row["rate"]]],
            fmt="o" if riskier else "s",
            color=ORANGE if riskier else BLUE,
            capsize=3,
        )
    names = [
        say("with_deals", segment=row["segment"], deals=f"{row['deals']:,}")
        for _, row in shown.iterrows()
    ]
    ax.set_yticks(range(len(shown)), names, fontsize=9, parse_math=False)
    ax.set(xlabel=say("axis", horizon=profile.horizon_months))
    _dress(ax)
    return with_all_letters(ax)


def _dress(ax: Axes) -> None:
    from matplotlib.ticker import PercentFormatter

    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.set_xlim(left=0)
    ax.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.legend(frameon=False, loc="lower right", fontsize=9)
