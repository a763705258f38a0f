"""Section of the sales page: trend by quarter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fitmodel.language.catalogue import phrases, read_texts
from fitmodel.reports._html import as_png
from fitmodel.reports._section import Section
from fitmodel.sales.trend import compute_trend, plot_trend

if TYPE_CHECKING:
    from fitmodel.sales.rep_performance import RepPerformance


def trend_section(
    board: RepPerformance, *, by: Literal["rep", "team"] = "rep", language: str = "en"
) -> Section:
    """Build the part of the page.

    Parameters
    ----------
    board : Scoreboard
        With quarters, which a contract with dates gives.
    by : {"rep", "team"}
    language : {"en", "zh"}

    Returns
    -------
    Section
        With ``rep_trend.csv`` or ``team_trend.csv``.
    """
    say = phrases(language, "trend")
    few = board.reps.index[board.reps["verdict"] == "too_few"]
    axes = plot_trend(board, language=language)
    values = {
        "id": f"trend_{by}",
        "title": say(f"title_{by}"),
        "text": read_texts(language, "trend"),
        "plot": as_png(axes[0]) if axes else "",
        "left_out": say("left_out", names=", ".join(map(str, few))) if len(few) else "",
    }
    table = compute_trend(board).set_index("rep").rename_axis(by)
    return Section("_trend.html.j2", values, {f"{by}_trend.csv": table})
