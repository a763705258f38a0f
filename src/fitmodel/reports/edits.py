"""Edits by hand, as text for the model card and the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.reports._markdown import Markdown, sentence, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TITLE = "## Edited by hand"
BEFORE = "## Intended use"
MAX_ROWS = 12
UNCHANGED = (
    "All other figures on this card are of the model before these edits: of the edited one only "
    "what stands here was measured."
)


def card_with_edits(card: str, edits: Sequence[Mapping[str, Any]]) -> str:
    """Put the edits, as the manifest holds them, into a model card, ahead of everything measured.

    Parameters
    ----------
    card : str
        Markdown of the model that was edited; edits it already tells of are told anew.
    edits : sequence of mapping
        Oldest first.
    """
    section = "\n\n".join([TITLE, UNCHANGED, *(_edit_text(edit) for edit in edits)]) + "\n\n"
    head, result, rest = card.partition(BEFORE)
    return head.partition(TITLE)[0] + section + result + rest


def _edit_text(edit: Mapping[str, Any]) -> Markdown:
    rows = [(row["value"], row["before"], row["after"], row["deals"]) for row in edit["rows"]]
    shown = table(("Row", "Log-odds before", "After", "Deals"), rows[:MAX_ROWS])
    more = f"\n\nand {len(rows) - MAX_ROWS} rows more." if len(rows) > MAX_ROWS else ""
    judged = edit["judged"]["words"] if edit["judged"] else "not judged on any deal."
    return Markdown(
        f"### {sentence(edit['words'])}\n\n"
        f"By {sentence(edit['by'])}, {sentence(str(edit['at'])[:10])}, because: "
        f"{sentence(edit['reason'])}\n\n{shown}{more}\n\nJudged again: {sentence(judged)}"
    )


def edit_lines(edit: Mapping[str, Any]) -> str:
    """An edit as the console shows it: what, by whom, why, and each row before and after."""
    rows = edit["rows"]
    width = max(len(row["value"]) for row in rows)
    lines = [f"{edit['words']} (by {edit['by']}, because: {edit['reason']})"]
    lines += [
        f"  {row['value']:{width}}  {row['before']:+.4f} -> {row['after']:+.4f}"
        for row in rows[:MAX_ROWS]
    ]
    if len(rows) > MAX_ROWS:
        lines.append(f"  and {len(rows) - MAX_ROWS} rows more")
    return "\n".join(lines)
