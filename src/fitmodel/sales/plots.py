"""Plots of rep performance, its trend per quarter, and the ideal customer profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.evaluation.drawing import (
    BLUE,
    GREY,
    ORANGE,
    figure_of,
    new_axes,
    short_name,
    with_all_letters,
)
from fitmodel.language.catalogue import phrases
from fitmodel.sales.rates import exact_ratio_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fitmodel.language.catalogue import Say
    from fitmodel.sales.profile import Profile
    from fitmodel.sales.rep_performance import RepPerformance

MIN_EXPECTED = 1.0
"""Expected early churners in a quarter below which no point is drawn: it would be only noise."""
HIGHEST = 4.0
PER_ROW = 3
MAX_PANELS = 24
MAX_NAME, MAX_SEGMENT = 28, 60
"""Characters of a name in a plot: of a rep or team, and of a segment."""


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
        The grey area shows exact 95% limits for a rep like the company. Dashed lines, drawn where
        reps differ more than by chance, are the limits widened by the winsorised overdispersion.

    Notes
    -----
    D. J. Spiegelhalter (2005), "Funnel plots for comparing institutional performance", Statistics
    in Medicine 24, 1185-1202.
    """
    ax, say = ax or new_axes(5.0, 3.6), phrases(language, "sales_page")
    reps = board.reps
    max_expected = max(float(reps["expected"].max()), 5.0)
    expected = np.geomspace(0.5, max_expected * 1.15, 200)
    low, high = exact_ratio_interval(expected, expected)
    ax.fill_between(expected, low, high, color="grey", alpha=0.15, label=say("by_chance"))
    if board.dispersion.is_suspicious:
        for side in board.dispersion.limits(expected):
            ax.plot(expected, side, color="grey", linestyle="--", linewidth=0.8)
    ax.axhline(1, color="grey", linewidth=0.8)
    for name, row in reps.iterrows():
        is_named = row["verdict"] in {"more", "fewer"}
        colour = {"more": "#c0392b", "fewer": "#1e8449"}.get(str(row["verdict"]), "#34495e")
        ax.plot(row["expected"], row["ratio"], "o", color=colour, markersize=6 if is_named else 4)
        if is_named:
            ax.annotate(
                short_name(name, MAX_NAME), (row["expected"], row["ratio"]), xytext=(6, 3),
                textcoords="offset points", fontsize=9, parse_math=False,
            )  # fmt: skip
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
        A point with its 95% interval per segment, the riskiest on top; the line is the company's
        rate, and the band is the interval of that rate.
    """
    say = phrases(language, "profile")
    riskiest, safest = profile.riskiest, profile.safest
    shown = pd.concat([riskiest, safest.iloc[::-1]]).iloc[::-1]
    ax = ax or new_axes(6.0, 1.2 + 0.48 * max(len(shown), 3))
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
    names = [short_name(segment, MAX_SEGMENT) for segment in shown["segment"]]
    labels = [
        say("with_deals", segment=name, deals=f"{deals:,}")
        for name, deals in zip(names, shown["deals"], strict=True)
    ]
    above = np.arange(len(shown)) + 0.18  # each name above its point: beside it, it takes the width
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # no line through the letters
    ax.set_yticks(above, labels, fontsize=8, parse_math=False, ha="left", va="bottom", bbox=ground)
    ax.set_ylim(-0.5, len(shown) - 0.2)
    ax.set(xlabel=say("axis", horizon=profile.horizon_months))
    _format_axes(ax)
    return with_all_letters(ax)


def _format_axes(ax: Axes) -> None:
    from matplotlib.ticker import PercentFormatter

    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol="%"))
    ax.set_xlim(left=0)
    ax.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0, pad=-4)
    ax.legend(frameon=False, loc="lower right", fontsize=9)


def compute_trend(board: RepPerformance) -> pd.DataFrame:
    """Return the quarters of the reps (or teams) that have enough deals, with exact intervals.

    Returns
    -------
    DataFrame
        Columns `rep`, `quarter`, `signed`, `observed`, `expected`, `ratio`, `low`, `high` (exact
        95% interval) and `company_ratio` (the company's ratio in that quarter). Reps are in the
        order of the rep performance table; reps with the verdict "too_few" are left out, and so are
        quarters with fewer than `MIN_EXPECTED` expected early churners.
    """
    enough = board.reps.index[board.reps["verdict"] != "too_few"]
    sums = board.quarters.groupby("quarter")[["observed", "expected"]].sum()
    company = sums["observed"] / sums["expected"].clip(lower=1e-12)
    quarters = board.quarters[board.quarters["rep"].isin(enough)]
    quarters = quarters[quarters["expected"] >= MIN_EXPECTED]
    observed, expected = (quarters[name].to_numpy() for name in ("observed", "expected"))
    low, high = exact_ratio_interval(observed, expected)
    result = quarters.assign(low=low, high=high, company_ratio=quarters["quarter"].map(company))
    order = enough.get_indexer(pd.Index(result["rep"]))
    ordered = result.assign(order=order).sort_values(["order", "quarter"], ignore_index=True)
    return ordered.drop(columns="order")


def plot_trend(board: RepPerformance, *, language: str = "en") -> list[Axes]:
    """Draw observed over expected by quarter, one small plot per rep (or team).

    Returns
    -------
    list of Axes
        Axes on one figure, in the order of the rep performance table, at most 24; an empty list
        where nobody has enough deals. Points have exact 95% intervals, cut at 4; the dashed line
        is the company's ratio.
    """
    say = phrases(language, "trend")
    trend = compute_trend(board)
    names = list(trend["rep"].unique())[:MAX_PANELS]
    if not names:
        return []
    quarters = sorted(board.quarters["quarter"].unique())
    axes = _grid(len(names))
    for ax, name in zip(axes, names, strict=True):
        signed = f"{board.table.loc[name, 'signed']:,.0f}"
        _plot_rep(ax, trend[trend["rep"] == name], quarters, say)
        title = say("panel", name=short_name(name, MAX_NAME), deals=signed)
        ax.set_title(title, fontsize=9, loc="left", parse_math=False)
    axes[0].legend(frameon=False, fontsize=7, loc="upper right")
    figure_of(axes[0]).supylabel(say("axis"), fontsize=9)
    return axes


def _grid(number: int) -> list[Axes]:
    columns = min(PER_ROW, number)
    rows = -(-number // columns)
    width, height = 3.1 * columns + 0.4, 2.0 * rows + 0.3
    figure = figure_of(new_axes(width, height))
    figure.clear()
    figure.set_layout_engine(None)  # measuring every label would double the drawing time
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    figure.subplots_adjust(
        left=0.55 / width, right=1 - 0.1 / width, bottom=0.3 / height, top=1 - 0.3 / height,
        wspace=0.08, hspace=0.35,
    )  # fmt: skip
    axes: list[Any] = grid.ravel().tolist()
    for ax in axes[number:]:
        ax.remove()
    for ax in axes[max(number - columns, 0) : number]:  # the lowest plot of each column shows dates
        ax.tick_params(labelbottom=True)
    return axes[:number]


def _plot_rep(ax: Axes, rows: pd.DataFrame, quarters: list[str], say: Say) -> None:
    positions = np.array([quarters.index(quarter) for quarter in rows["quarter"]])
    shown, low, high = np.minimum(rows[["ratio", "low", "high"]].to_numpy().T, HIGHEST)
    is_significant = (rows["low"] > 1).to_numpy() | (rows["high"] < 1).to_numpy()
    ax.axhline(1, color=GREY, linewidth=0.6)
    ax.plot(
        positions, np.minimum(rows["company_ratio"], HIGHEST), "--", color=GREY, linewidth=1,
        label=say("company"),
    )  # fmt: skip
    ax.vlines(positions, low, high, color=BLUE, linewidth=1, alpha=0.6)
    ax.plot(positions, shown, "o-", color=BLUE, markersize=3, linewidth=1, label=say("own"))
    positions, shown = positions[is_significant], shown[is_significant]
    ax.plot(positions, shown, "D", color=ORANGE, markersize=5, label=say("apart"))
    step = max(1, -(-len(quarters) // 4))
    ticks = list(range(0, len(quarters), step))
    ax.set_xticks(ticks, [quarters[position] for position in ticks], fontsize=7)
    ax.set(ylim=(0, HIGHEST + 0.1), xlim=(-0.5, len(quarters) - 0.5))
    ax.tick_params(axis="y", labelsize=7)
    ax.spines[["top", "right"]].set_visible(False)
