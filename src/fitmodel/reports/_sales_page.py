"""The sales report as one self-contained HTML page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fitmodel.language.catalogue import phrases
from fitmodel.reports._html import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.reports._section import Section
    from fitmodel.sales.counts import Counts
    from fitmodel.sales.rep_performance import RepPerformance

RATES = {"rate": "rate", "low": "rate_low", "high": "rate_high"}


def sales_page(
    board: RepPerformance | Counts,
    sections: Sequence[Section],
    *,
    warnings: Sequence[str] = (),
    language: str = "en",
) -> str:
    """Write the page.

    Parameters
    ----------
    board : Scoreboard or Counts
        Its company's row and horizon are what the page says first.
    sections : sequence of Section
        In the order of the page. What a section's values hold under `points` is gathered in the
        summary.
    warnings : sequence of str
        What keeps early churn from being read at its face value; last in the summary.
    language : {"en", "zh"}

    Returns
    -------
    str
        HTML that loads nothing from elsewhere; every value is escaped.
    """
    say = phrases(language, "sales_page")
    company = board.company
    basis = say(
        "basis",
        deals=f"{company['signed']:,.0f}",
        horizon=board.horizon_months,
        **{end: _percent(company[name]) for end, name in RATES.items()},
    )
    points = [point for part in sections for point in part.values.get("points", [])]
    return render(
        "sales.html.j2",
        say=say,
        language=language,
        basis=basis,
        points=(points or [say("nothing_stands_out")]) + list(warnings),
        parts=sections,
    )


def _percent(rate: float) -> str:
    return "–" if math.isnan(rate) else f"{rate:.1%}"  # noqa: RUF001 - an en dash for not known
