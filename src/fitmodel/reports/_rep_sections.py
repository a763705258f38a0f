"""Section of the sales page: rep performance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.language.catalogue import phrases, read_texts
from fitmodel.reports._counts_section import count_cells
from fitmodel.reports._html import as_png
from fitmodel.reports._section import Section
from fitmodel.sales.plots import plot_funnel

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.language.catalogue import Say
    from fitmodel.sales.rep_performance import RepPerformance

MAX_NAMED = 3


def scoreboard_section(board: RepPerformance, *, by: str = "rep", language: str = "en") -> Section:
    """Write each rep (or team) beside the company.

    Parameters
    ----------
    board : Scoreboard
    by : {"rep", "team"}
    language : {"en", "zh"}
    """
    say = phrases(language, "sales_page")
    kinds = [*board.reps["verdict"], "company"]
    values = {
        "id": f"{by}s",
        "title": say(f"by_{by}"),
        "text": read_texts(language, "sales_page"),
        "funnel": as_png(plot_funnel(board, language=language)),
        "dispersion": _dispersion(board, say),
        "rows": [
            _row(str(name), kind, row, say)
            for (name, row), kind in zip(board.table.iterrows(), kinds, strict=True)
        ],
        "points": [
            say("point", name=name, recently=row["says_recently"], ever=row["says"])
            for name, row in _to_talk_about(board).iterrows()
        ],
    }
    quarters = board.quarters.set_index("rep").rename_axis(by)
    tables = {f"{by}s.csv": board.table.rename_axis(by), f"{by}s_by_quarter.csv": quarters}
    return Section("_scoreboard.html.j2", values, tables)


def _to_talk_about(board: RepPerformance) -> pd.DataFrame:
    """Active reps who lose more customers than expected now, the furthest first."""
    return board.reps[board.reps["talk_about"].astype(bool)].head(MAX_NAMED)


def _dispersion(board: RepPerformance, say: Say) -> str:
    """Whether reps differ at all; never beside a named rep that nobody differs."""
    p = f"{board.dispersion.p_value:.2g}"
    if board.dispersion.is_suspicious:
        return say("dispersion", p=p)
    named = bool(board.reps["verdict"].isin(["more", "fewer"]).any())
    return say("dispersion_named" if named else "no_dispersion", p=p)


def _row(name: str, kind: str, row: pd.Series[Any], say: Say) -> dict[str, str]:
    return {
        "name": name,
        "kind": kind,
        **count_cells(row, say),
        "says": str(row["says"]),
        "says_recently": "" if kind == "company" else str(row["says_recently"]),
        "says_selection": str(row["says_selection"]),
    }
