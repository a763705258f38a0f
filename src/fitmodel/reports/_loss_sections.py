"""Section of the sales page: review sheets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.language.catalogue import phrases, read_texts
from fitmodel.reports._section import Section
from fitmodel.sales.review_words import (
    alike_words,
    questions,
    stayed_words,
    verdict_words,
    warning_words,
)

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.language.catalogue import Say
    from fitmodel.sales.reviews import ReviewSheet, TeamReviews

SHOWN = 10


def review_section(reviews: TeamReviews, *, language: str = "en") -> Section:
    """Build the part of the page.

    Parameters
    ----------
    reviews : TeamReviews
    language : {"en", "zh"}

    Returns
    -------
    Section
        With ``reviews.csv``, ``missed_warnings.csv`` and ``surprises.csv``.
    """
    say = phrases(language, "reviews")
    values = {
        "id": "reviews",
        "title": say("title"),
        "text": read_texts(language, "reviews"),
        "sheets": [_sheet(sheet, reviews.spec, say) for sheet in reviews.sheets],
        "without": say("without", reps=", ".join(reviews.without)) if reviews.without else "",
        "missed": _missed(reviews.missed, say),
        "surprises": _surprises(reviews, say),
    }
    tables = {
        "reviews.csv": _as_table(reviews, say),
        "missed_warnings.csv": reviews.missed.set_index("signal"),
        "surprises.csv": reviews.surprises.set_index("rep"),
    }
    return Section("_reviews.html.j2", values, tables)


def _sheet(sheet: ReviewSheet, spec: DealSpec, say: Say) -> dict[str, Any]:
    worth = spec.words.money.format(sheet.worth) if math.isfinite(sheet.worth) else ""
    dates = {"signed": f"{sheet.signed:%Y-%m-%d}", "left": f"{sheet.left:%Y-%m-%d}"}
    facts = say("signed_and_left", months=f"{sheet.months:.1f}", **dates)
    return {
        "title": say("sheet", rep=sheet.rep, deal=sheet.deal),
        "facts": facts,
        "worth": say("worth", worth=worth) if worth else "",
        "verdict": verdict_words(sheet, say),
        "known": sheet.said is not None,
        "warnings": warning_words(sheet, spec, say),
        "alike": alike_words(sheet, say),
        "stayed": [stayed_words(item, spec, say) for item in sheet.stayed],
        "questions": questions(sheet, spec, say),
    }


def _missed(table: pd.DataFrame, say: Say) -> dict[str, Any]:
    if table.empty:
        return {"basis": say("missed_none"), "rows": []}
    lost, kept = (f"{table[name].iloc[0]:,}" for name in ("lost", "kept"))
    rows = [
        {
            "signal": row["signal"],
            "lost": _count(row, "lost", say),
            "kept": _count(row, "kept", say),
            "ratio": _ratio(row, say),
            "kind": "more" if row["ratio_low"] > 1 else "",
        }
        for row in table.head(SHOWN).to_dict("records")
    ]
    return {"basis": say("missed_basis", lost=lost, kept=kept), "rows": rows}


def _count(row: dict[Any, Any], side: str, say: Say) -> str:
    share = f"{row[f'{side}_share']:.0%}"
    return say("count", count=f"{row[f'{side}_with']:,}", all=f"{row[side]:,}", share=share)


def _ratio(row: dict[Any, Any], say: Say) -> str:
    if not math.isfinite(row["ratio"]):
        return say("no_interval")
    low, high = f"{row['ratio_low']:.2f}", f"{row['ratio_high']:.2f}"
    return say("interval", value=f"{row['ratio']:.2f}", low=low, high=high)


def _surprises(reviews: TeamReviews, say: Say) -> dict[str, Any]:
    facts = reviews.surprise_facts
    if not facts["deals"]:
        return {"basis": say("surprises_none"), "learn": "", "rows": []}
    basis = say(
        "surprises_basis",
        deals=f"{facts['deals']:,}",
        left=f"{facts['left']:,}",
        expected=f"{facts['expected']:,.1f}",
        ratio=f"{facts['ratio']:.2f}",
        low=f"{facts['ratio_low']:.2f}",
        high=f"{facts['ratio_high']:.2f}",
    )
    learn = "surprises_learn" if facts["ratio_low"] > 1 else "surprises_fine"
    rows = [
        {
            "rep": "" if pd.isna(row["rep"]) else row["rep"],
            "deal": row["deal"],
            "said": f"{row['probability']:.0%}",
            "usual": f"{row['base_rate']:.0%}",
            "months": f"{row['months']:.1f}",
        }
        for row in reviews.surprises.head(SHOWN).to_dict("records")
    ]
    return {"basis": basis, "learn": say(learn), "rows": rows}


def _as_table(reviews: TeamReviews, say: Say) -> pd.DataFrame:
    """A row per sheet, as a spreadsheet has it."""
    rows = [
        {
            "rep": sheet.rep,
            "deal": sheet.deal,
            "signed": sheet.signed,
            "left": sheet.left,
            "months": sheet.months,
            "worth": sheet.worth,
            "known_as_of": sheet.snapshot.as_of,
            "probability": math.nan if sheet.said is None else sheet.said.early_churn_probability,
            "warnings": " | ".join(warning_words(sheet, reviews.spec, say)),
            "questions": " | ".join(questions(sheet, reviews.spec, say)),
        }
        for sheet in reviews.sheets
    ]
    columns = (
        "rep", "deal", "signed", "left", "months", "worth", "known_as_of", "probability",
        "warnings", "questions",
    )  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("rep")
