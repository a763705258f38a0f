"""Parse the target of an edit by hand: a level, a bin or a range."""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import TYPE_CHECKING

from fitmodel.exceptions import EditError
from fitmodel.learning._edit_rows import NEVER_SEEN, NOT_KNOWN
from fitmodel.learning.columns import CategoryColumn, NumberColumn, flag_text, level_text

if TYPE_CHECKING:
    from fitmodel.learning._edit_rows import Range
    from fitmodel.learning.columns import Column
    from fitmodel.learning.scorecard import Scorecard

MAX_NAMES = 40


def column_of(scorecard: Scorecard, attribute: str) -> Column:
    """Return the column of an attribute.

    Raises
    ------
    EditError
        If the model has no such attribute; the message lists its attributes.
    """
    for column in scorecard.columns:
        if column.name == attribute:
            return column
    raise EditError(
        f"the model has no attribute {attribute!r}; it has {', '.join(scorecard.attributes)}"
    )


def read_level(column: Column, text: str) -> str | Range:
    """Parse a row of a table: a level, the label of a bin, or a number inside the bin.

    Returns
    -------
    str or (low, high)
        A level, or the range of the bin.

    Raises
    ------
    EditError
        If the table has no such row; the message lists its rows.
    """
    if isinstance(column, CategoryColumn):
        return _level(column, text)
    if text == NOT_KNOWN:
        return text
    labels = [column.label(code) for code in range(1, column.size + 1)]
    if text in labels:
        return _bin(column, labels.index(text) + 1)
    try:
        return _bin(column, column.code(float(text)))
    except ValueError:
        raise _unknown_row(column.name, text, [*labels, NOT_KNOWN]) from None


def read_range(column: Column, text: str) -> Range:
    """Parse a range ``FROM:TO`` of a number; an empty side is open.

    Raises
    ------
    EditError
        If the text is not a range, or the attribute is a category.
    """
    if isinstance(column, CategoryColumn):
        raise EditError(
            f"{column.name!r} is a category and has no ranges. Remedy: name a level (--level)."
        )
    sides = text.split(":")
    try:
        low, high = (None if not side.strip() else float(side) for side in sides)
    except ValueError:
        raise EditError(f"{text!r} is not a range: write FROM:TO, such as 40:120 or 40:") from None
    known = [side for side in (low, high) if side is not None]
    if any(not math.isfinite(side) for side in known) or known != sorted(set(known)):
        raise EditError(f"{text!r} is not a range: FROM must be a number below TO")
    return low, high


def _level(column: CategoryColumn, text: str) -> str:
    level = flag_text(level_text(text)) if column.is_flag else level_text(text)
    if level in {NOT_KNOWN, NEVER_SEEN} or column.code(level) <= column.size:
        return level
    raise _unknown_row(column.name, text, [*column.named, NOT_KNOWN, NEVER_SEEN])


def _bin(column: NumberColumn, code: int) -> Range:
    edges = (None, *column.cuts, None)
    return edges[code - 1], edges[code]


def _unknown_row(attribute: str, text: str, names: list[str]) -> EditError:
    close = get_close_matches(text, names, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    listed = ", ".join(names[:MAX_NAMES]) + more
    return EditError(f"{attribute!r} has no {text!r}{hint}; it has {listed}")
