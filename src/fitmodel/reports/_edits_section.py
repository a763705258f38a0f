"""Section of the sales page: attributes edited after a flag, as questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.language.catalogue import phrases, read_texts
from fitmodel.reports._html import Section

if TYPE_CHECKING:
    from fitmodel.sales.edits import EditsAfterFlags

COUNTS = ("flagged", "edited", "turned", "unflagged", "unflagged_edited")


def edits_section(found: EditsAfterFlags, *, language: str = "en") -> Section:
    """
    Write how often flagged prospects were edited, beside the others.

    Parameters
    ----------
    found : EditsAfterFlags
    language : {"en", "zh"}

    Returns
    -------
    Section
        With ``edits_after_flags.csv`` and ``edits_by_rep.csv``.
    """
    say = phrases(language, "edits")
    questions = found.questions(language)
    values = {
        "id": "edits",
        "title": say("title"),
        "text": read_texts(language, "edits"),
        "questions": questions or [say("nothing")],
        "rows": [
            {"name": str(rep), "counts": [f"{row[name]:,}" for name in COUNTS]}
            for rep, row in found.reps.iterrows()
        ],
        "points": questions,
    }
    edits = found.edits.set_index("prospect")
    tables = {"edits_after_flags.csv": edits, "edits_by_rep.csv": found.reps}
    return Section("_edits.html.j2", values, tables)
