"""Plot of the ideal customer profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.evaluation.plots import BLUE, GREY, ORANGE, new_axes
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fitmodel.sales.profile import Profile


def plot_profile(profile: Profile, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the rates of the segments that leave early most and least.

    Parameters
    ----------
    profile : Profile
    ax : Axes, optional
        Where to draw; else a new figure.
    language : {"en", "zh"}

    Returns
    -------
    Axes
        A dot and its 95 % interval per segment, the riskiest on top; the line is the company's
        rate, its band that rate's interval.
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
    return ax


def _dress(ax: Axes) -> None:
    from matplotlib.ticker import PercentFormatter

    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.set_xlim(left=0)
    ax.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.legend(frameon=False, loc="lower right", fontsize=9)
