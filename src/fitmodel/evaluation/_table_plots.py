"""Plots of what was learned: an attribute's table, the level per quarter, and survival curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.survival import MIN_AT_RISK
from fitmodel.evaluation.drawing import (
    BLUE,
    GREY,
    ORANGE,
    figure_of,
    finished,
    in_percent,
    new_axes,
    short_name,
    with_all_letters,
)
from fitmodel.exceptions import EditError
from fitmodel.language.catalogue import phrases
from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.editing import column_of
from fitmodel.learning.scorecard import INTERVAL_Z

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from fitmodel.deals.survival import SurvivalCurve
    from fitmodel.language.catalogue import Say
    from fitmodel.learning.level import Level
    from fitmodel.learning.scorecard import Scorecard

LIGHT = "#d9d9d9"
MAX_LEVELS = 40
"""Maximum number of levels drawn: those with the most deals; the title reports the limit."""
MAX_LETTERS = 30
"""Characters of a level's name beside its bar."""
MONTHS_PER_QUARTER = 3
TAIL_PROBABILITY = 0.025


def compute_table(scorecard: Scorecard, attribute: str) -> pd.DataFrame:
    """Return the table of one attribute; for a number also `low` and `high`, the ends of each bin.

    Parameters
    ----------
    scorecard : Scorecard
        Scorecard with the table.
    attribute : str
        Name of the attribute.

    Raises
    ------
    EditError
        If the model has no such attribute; the message lists those it has.
    """
    column = column_of(scorecard, attribute)
    frame = pd.DataFrame(scorecard.table(attribute))
    if isinstance(column, NumberColumn):
        cuts = column.cuts
        first = min([column.low, *cuts[:1]])
        edges = np.array([first, *cuts, max([column.high, *cuts[-1:], first])])
        frame["low"] = [np.nan, *edges[:-1]]
        frame["high"] = [np.nan, *edges[1:]]
    return frame


def plot_table(
    scorecard: Scorecard,
    attribute: str,
    ax: Axes | None = None,
    *,
    before: Scorecard | None = None,
    language: str = "en",
    label: str | None = None,
) -> Axes:
    """Draw an attribute's contributions with 80% intervals: a number as steps, a category as bars.

    Parameters
    ----------
    scorecard : Scorecard
        Scorecard with the table.
    attribute : str
        Name of the attribute.
    ax : Axes, optional
        Axes to draw on; default: those of a new figure.
    before : Scorecard, optional
        The scorecard before an edit by hand; its table is drawn too, for comparison.
    language : {"en", "zh"}
        Language of the labels.
    label : str, optional
        Name of the attribute for readers; default: `attribute`.

    Returns
    -------
    Axes
        Axes with the contributions; the number of deals learned from is next to each level, or in
        grey below the steps.

    Raises
    ------
    EditError
        If the model has no such attribute.
    """
    frame = compute_table(scorecard, attribute)
    old_frame = None if before is None else compute_table(before, attribute)
    numeric = "low" in frame.columns
    height = 4.5 if numeric else 1.6 + 0.42 * min(len(frame), MAX_LEVELS)
    ax, say = ax or new_axes(7.0, height), phrases(language, "plots")
    draw = _plot_number if numeric else _plot_category
    draw(frame, ax, old_frame, INTERVAL_Z * scorecard.spread, say)
    title = say("table_value" if numeric else "table_level", attribute=label or attribute)
    if len(frame) > MAX_LEVELS and not numeric:
        title += say("most_deals", number=MAX_LEVELS)
    ax.set_title(title, fontsize=11)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="best", fontsize=8, framealpha=0.85, edgecolor="none")
    return with_all_letters(ax)


def save_table_plot(scorecard: Scorecard, attribute: str, path: Path) -> None:
    """Save the plot of an attribute's table in a file; its suffix determines the format.

    Parameters
    ----------
    scorecard : Scorecard
        Scorecard with the table.
    attribute : str
        Name of the attribute.
    path : Path
        File to write.

    Raises
    ------
    EditError
        If the model has no such attribute, or the picture format is not supported.
    """
    figure = figure_of(plot_table(scorecard, attribute))
    formats = figure.canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".").lower() not in formats:
        raise EditError(f"cannot draw {path.name!r}: name it with one of .{', .'.join(formats)}")
    figure.savefig(path, dpi=130)


def _plot_number(
    frame: pd.DataFrame, ax: Axes, before: pd.DataFrame | None, factor: float, say: Say
) -> None:
    bins = frame[frame["low"].notna()]
    edges = np.append(bins["low"].to_numpy(), bins["high"].to_numpy()[-1])
    effect, half_width = bins["log_odds"].to_numpy(), factor * bins["deviation"].to_numpy()
    counts = ax.twinx()
    counts.bar(
        edges[:-1], bins["deals"], width=np.diff(edges), align="edge", color=LIGHT, linewidth=0
    )
    _draw_counts(ax, counts, int(bins["deals"].max()), say)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.fill_between(
        edges, _step(effect - half_width), _step(effect + half_width), step="post", color=BLUE,
        alpha=0.2, linewidth=0, label=say("interval"),
    )  # fmt: skip
    if before is not None:
        old_bins = before[before["low"].notna()]
        positions = np.append(old_bins["low"].to_numpy(), old_bins["high"].to_numpy()[-1])
        steps = _step(old_bins["log_odds"].to_numpy())
        label = say("before_edit")
        ax.step(positions, steps, "--", where="post", color=ORANGE, linewidth=1.3, label=label)
    ax.step(edges, _step(effect), where="post", color=BLUE, linewidth=1.8, label=say("effect"))
    if edges[0] > 0 and edges[-1] / edges[0] > 100:  # noqa: PLR2004 - more than two tens
        ax.set_xscale("log")
    ax.set_xlim(edges[0], edges[-1])
    ax.set(xlabel=_number_label(frame, say), ylabel=say("log_odds"))


def _number_label(frame: pd.DataFrame, say: Say) -> str:
    missing = frame[frame["value"] == "missing"].iloc[0]
    if not missing["deals"]:
        return say("none_missing")
    return say("missing", effect=f"{missing['log_odds']:+.2f}", deals=f"{missing['deals']:,}")


def _plot_category(
    frame: pd.DataFrame, ax: Axes, before: pd.DataFrame | None, factor: float, say: Say
) -> None:
    shown = frame.sort_values("deals", ascending=False, kind="stable").head(MAX_LEVELS)
    shown = shown.sort_values("log_odds", kind="stable")
    positions = np.arange(len(shown))
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.barh(
        positions, shown["log_odds"], xerr=factor * shown["deviation"], color=BLUE, height=0.62,
        error_kw={"capsize": 2.5, "ecolor": "black", "elinewidth": 1},
        label=say("effect_interval"),
    )  # fmt: skip
    if before is not None:
        old = before.set_index("value")["log_odds"].reindex(shown["value"]).to_numpy()
        ax.plot(
            old, positions, "D", color=ORANGE, markeredgecolor="white", label=say("before_edit")
        )
    names = [
        f"{_label_of(value, say)}\n{say('deals', number=f'{deals:,}') if deals else say('no_deal')}"
        for value, deals in zip(shown["value"], shown["deals"], strict=True)
    ]
    ax.set_yticks(positions, names, fontsize=8)
    ax.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel(say("log_odds"))


def _draw_counts(ax: Axes, counts: Axes, max_count: int, say: Say) -> None:
    """Draw the numbers of deals in the lower quarter of the plot, behind the effects."""
    counts.set_ylim(0, max(4 * max_count, 1))
    counts.set_yticks([0, max_count], ["0", f"{max_count:,}"], fontsize=8, color=GREY)
    counts.set_ylabel(say("deals_in_band"), loc="bottom", fontsize=8, color=GREY)
    counts.spines[["top", "right"]].set_visible(False)
    ax.set_zorder(counts.get_zorder() + 1)
    ax.patch.set_visible(False)


def _step(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.append(values, values[-1])


def _label_of(value: str, say: Say) -> str:
    """Return the label of a level; missing and unseen values get a translated text."""
    keys = {"missing": "level_missing", "never seen before": "level_unseen"}
    return say(keys[value]) if value in keys else short_name(value, MAX_LETTERS)


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
        shown = curve.at_risk >= MIN_AT_RISK  # further on it is too uncertain
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
