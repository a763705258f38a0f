"""Sections of the sales page with counts: deals of each rep, and edits after a flag."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.language.catalogue import phrases, read_texts, stay_words
from fitmodel.reports.html import Section

if TYPE_CHECKING:
    from fitmodel.language.catalogue import Say
    from fitmodel.sales.counts import Counts
    from fitmodel.sales.edits import EditsAfterFlags

EDIT_COUNTS = ("flagged", "edited", "turned", "unflagged", "unflagged_edited")


def edits_section(found: EditsAfterFlags, *, language: str = "en") -> Section:
    """
    Write how often flagged prospects were edited, compared with the other prospects.

    Parameters
    ----------
    found : EditsAfterFlags
        Result of `find_edits_after_flags`.
    language : {"en", "zh"}
        Language of the page.

    Returns
    -------
    Section
        Section with the tables ``edits_after_flags.csv`` and ``edits_by_rep.csv``.
    """
    say = phrases(language, "edits")
    questions = found.questions(language)
    values = {
        "id": "edits",
        "title": say("title"),
        "text": read_texts(language, "edits"),
        "questions": questions or [say("nothing")],
        "rows": [
            {"name": str(rep), "counts": [f"{row[name]:,}" for name in EDIT_COUNTS]}
            for rep, row in found.reps.iterrows()
        ],
        "points": questions,
    }
    edits = found.edits.set_index("prospect")
    tables = {"edits_after_flags.csv": edits, "edits_by_rep.csv": found.reps}
    return Section("_edits.html.j2", values, tables)


def counts_section(
    counts: Counts, *, by: str = "rep", why: str = "", language: str = "en"
) -> Section:
    """
    Write the signed and lost deals of each rep (or team).

    Parameters
    ----------
    counts : Counts
        Result of `compute_counts`.
    by : {"rep", "team"}
        Whether the counts are per rep or per team.
    why : str
        Sentence on why the page has counts only.
    language : {"en", "zh"}
        Language of the page.

    Returns
    -------
    Section
        Section with the table ``reps.csv`` or ``teams.csv``.
    """
    say = phrases(language, "sales_page")
    kinds = [""] * len(counts.reps) + ["company"]
    values = {
        "id": f"{by}s",
        "title": say(f"by_{by}"),
        "text": read_texts(language, "sales_page"),
        "why": why,
        "rows": [
            {"name": str(name), "kind": kind, **count_cells(row, say)}
            for (name, row), kind in zip(counts.table.iterrows(), kinds, strict=True)
        ],
        "points": [why] if why else [],
    }
    return Section("_counts.html.j2", values, {f"{by}s.csv": counts.table.rename_axis(by)})


def count_cells(row: pd.Series[Any], say: Say) -> dict[str, str]:
    """Return the columns of counts as text; unknown values are empty."""
    value = float(row["lost_value"])
    return {
        "signed": f"{row['signed']:,.0f}",
        "lost": f"{row['lost']:,.0f}",
        "lost_value": "" if math.isnan(value) else f"{value:,.0f}",
        "rate": _rate(row),
        "latest": _latest(row, say),
    }


def _rate(row: pd.Series[Any]) -> str:
    rate, low, high = (float(row[name]) for name in ("rate", "rate_low", "rate_high"))
    if math.isnan(rate):
        return ""
    if math.isnan(low) or math.isnan(high):
        return f"{rate:.1%}"
    return f"{rate:.1%} ({low:.1%} – {high:.1%})"  # noqa: RUF001 - an en dash between numbers


def _latest(row: pd.Series[Any], say: Say) -> str:
    if pd.isna(row["latest_lost_on"]):
        return ""
    return say(
        "latest_lost_one",
        deal=row["latest_lost"],
        left=f"{row['latest_lost_on']:%Y-%m-%d}",
        stay=stay_words(say, row["latest_lost_months"]),
    )
