"""Section of the sales page: rep performance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fitmodel.language.catalogue import phrases, read_texts
from fitmodel.reports.html import as_png
from fitmodel.reports.section import Section
from fitmodel.sales.plots import plot_funnel

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.sales.scoreboard import Scoreboard

MOST_NAMED = 3


def scoreboard_section(board: Scoreboard, *, by: str = "rep", language: str = "en") -> Section:
    """Write each rep (or team) beside the company.

    Parameters
    ----------
    board : Scoreboard
    by : {"rep", "team"}
    language : {"en", "zh"}
    """
    say = phrases(language, "sales_page")
    p = board.dispersion.p_value
    differ = "dispersion" if board.dispersion.is_suspicious else "no_dispersion"
    kinds = [*board.reps["verdict"], "company"]
    values = {
        "id": f"{by}s",
        "title": say(f"by_{by}"),
        "text": read_texts(language, "sales_page"),
        "funnel": as_png(plot_funnel(board, language=language)),
        "dispersion": say(differ, p=f"{p:.2g}"),
        "rows": [
            _row(str(name), kind, row)
            for (name, row), kind in zip(board.table.iterrows(), kinds, strict=True)
        ],
        "points": [f"{name}: {row['says']}" for name, row in _to_talk_about(board).iterrows()],
    }
    quarters = board.quarters.set_index("rep").rename_axis(by)
    tables = {f"{by}s.csv": board.table.rename_axis(by), f"{by}s_by_quarter.csv": quarters}
    return Section("_scoreboard.html.j2", values, tables)


def _to_talk_about(board: Scoreboard) -> pd.DataFrame:
    """Who loses more customers than expected, the furthest first."""
    return board.reps[board.reps["verdict"] == "more"].head(MOST_NAMED)


def _row(name: str, kind: str, row: pd.Series[Any]) -> dict[str, str]:
    value = float(row["lost_value"])
    return {
        "name": name,
        "kind": kind,
        "signed": f"{row['signed']:,.0f}",
        "lost": f"{row['lost']:,.0f}",
        "lost_value": "" if math.isnan(value) else f"{value:,.0f}",
        "rate": f"{row['rate']:.1%} ({row['rate_low']:.1%} – {row['rate_high']:.1%})",  # noqa: RUF001 - an en dash between numbers
        "says": str(row["says"]),
        "says_selection": str(row["says_selection"]),
    }
