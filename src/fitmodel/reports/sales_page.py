"""The sales team's mirror as one self-contained page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fitmodel.language.catalogue import phrases
from fitmodel.reports.html import as_png, render
from fitmodel.sales.plots import plot_funnel

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from fitmodel.language.catalogue import Say
    from fitmodel.sales.scoreboard import Scoreboard


def sales_page(boards: Mapping[str, Scoreboard], *, language: str = "en") -> str:
    """Write the page.

    Parameters
    ----------
    boards : mapping of {"rep", "team"} to Scoreboard
    language : {"en", "zh"}

    Returns
    -------
    str
        HTML that loads nothing from elsewhere; every value is escaped.
    """
    say = phrases(language, "sales_page")
    first = next(iter(boards.values()))
    company = first.company
    basis = say(
        "basis",
        deals=f"{company['signed']:,.0f}",
        horizon=first.horizon_months,
        **{end: f"{company[name]:.1%}" for end, name in RATES.items()},
    )
    return render(
        "sales.html.j2",
        say=say,
        language=language,
        basis=basis,
        sections=[_section(by, board, say) for by, board in boards.items()],
    )


RATES = {"rate": "rate", "low": "rate_low", "high": "rate_high"}


def _section(by: str, board: Scoreboard, say: Say) -> dict[str, Any]:
    p = board.dispersion.p_value
    differ = "dispersion" if board.dispersion.is_suspicious else "no_dispersion"
    kinds = [*board.reps["verdict"], "company"]
    return {
        "title": say(f"by_{by}"),
        "funnel": as_png(plot_funnel(board)),
        "dispersion": say(differ, p=f"{p:.2g}"),
        "rows": [
            _row(str(name), kind, row)
            for (name, row), kind in zip(board.table.iterrows(), kinds, strict=True)
        ],
    }


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
