"""Open questions about names: letters of a wrong encoding, and reps written in two ways."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fitmodel.guessing._columns import named
from fitmodel.guessing._question import Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column

MAX_VALUES = 2_000  # with more different values a column is free text
MAX_SHOWN = 3
_REMARK = re.compile(
    r"\s*[(\[\uff08\u3010][^()\[\]\uff08\uff09\u3010\u3011]*[)\]\uff09\u3011]\s*$"
    r"|\s+-\s+(inactive|former|left)$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\s*[;/&+,\u3001\uff0c]\s*|\s+(?:and|und|et|y|e)\s+")
_SUSPECT = re.compile("[\u00c2-\u00ef][\u0080-\u00bf\u0152-\u2122]|\ufffd")


def about_names(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about garbled letters, and about reps who seem to be two persons.

    `columns`: columns of the kept rows.
    """
    yield from _about_garbled(columns, spec)
    for role in (spec.deals.rep, spec.deals.team):
        column = named(columns, role)
        if column is not None and column.is_text and column.distinct <= MAX_VALUES:
            yield from _about_people(column, may_be_several=role == spec.deals.rep)


def _about_garbled(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question for each column with text that was read in a wrong encoding somewhere."""
    names = {*spec.attribute_names([column.name for column in columns]), *spec.role_columns}
    for column in columns:
        if column.name not in names or not column.is_text or column.distinct > MAX_VALUES:
            continue
        garbled = {text: ungarbled(text) for text in column.counts if _SUSPECT.search(text)}
        garbled = {text: meant for text, meant in garbled.items() if meant != text}
        if not garbled:
            continue
        rows = sum(column.counts[text] for text in garbled)
        both = sum(meant in column.counts for meant in garbled.values())
        first, meant = next(iter(garbled.items()))
        example = f"{first!r} for {meant!r}" if meant else repr(first)
        other = f", and {both:,} of them also in the right letters" if both else ""
        yield Question(
            "garbled-text",
            column.name,
            f"{column.name}: {rows:,} of {column.filled:,} rows have garbled letters in "
            f"{len(garbled):,} value(s), such as {example}{other}. Each spelling counts as a value "
            "or person of its own",
            "export the table as UTF-8 again, or replace these values in past deals and prospects; "
            "acknowledge it if they are right",
        )


def ungarbled(text: str) -> str:
    """Return a text that was written as UTF-8 and read as Windows-1252 as it was meant.

    A text that lost letters is returned as "", and any other text as it is.

    Examples
    --------
    >>> ungarbled("MÃ¼nchen"), ungarbled("Ärzte"), ungarbled("M\ufffdnchen")
    ('München', 'Ärzte', '')
    """
    if "\ufffd" in text:
        return ""
    for encoding in ("cp1252", "latin-1"):
        try:
            return text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return text


def _about_people(column: Column, *, may_be_several: bool) -> Iterator[Question]:
    """Yield a question if a rep is also written with a remark, or together with another rep."""
    counts = column.counts
    remarks = {text: _REMARK.sub("", text) for text in counts}
    same = {text: name for text, name in remarks.items() if name != text and name in counts}
    shared = [text for text in counts if may_be_several and _are_several(text, counts)]
    if not same and not shared:
        return
    shown = [f"{text!r} beside {name!r}" for text, name in same.items()] + [
        f"{text!r}, who are several" for text in shared
    ]
    rows = sum(counts[text] for text in {*same, *shared})
    yield Question(
        "people-alike",
        column.name,
        f"{column.name}: {rows:,} of {column.filled:,} rows name a rep in another way than other "
        f"rows do, such as {'; '.join(shown[:MAX_SHOWN])}. Each way counts as a rep of its own in "
        "the sales report",
        "write each name in one way, and one rep per row; acknowledge it if they are different "
        "people",
    )


def _are_several(text: str, counts: Mapping[str, int]) -> bool:
    """Return whether a text names several reps: all of them, or a full name, also occur alone."""
    parts = _BETWEEN.split(text)
    known = [part for part in parts if part in counts]
    return len(parts) > 1 and (len(known) == len(parts) or any(" " in part for part in known))
