"""Write a value the way a person finds it in the table: plain numbers, cut texts."""

from __future__ import annotations

import reprlib
from datetime import datetime
from typing import Any


def shortened(value: object, width: int = 60) -> str:
    """Show a value as Python writes it, cut to `width` characters."""
    text = repr(plain(value))
    return text if len(text) <= width else f"{text[: width - 1]}…"


def shown(value: Any) -> str:
    """Write a value as Python does, but no more of it than a person reads, however deep it goes."""
    short = reprlib.Repr()
    short.maxlevel = 3
    short.maxstring = short.maxlong = short.maxother = 100
    return short.repr(plain(value))


def row_name(label: object) -> str:
    """Name a row by its index: ``row 5``, and no ``row np.int64(5)``."""
    return f"row {plain(label)!r}"


def plain(value: Any) -> Any:
    """Give the Python number, text or day of a numpy or pandas value; others as they are."""
    item = getattr(value, "item", None)
    if type(value).__module__ == "numpy" and callable(item) and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, datetime) and value == value:  # noqa: PLR0124 - NaT
        return str(value).removesuffix(" 00:00:00")
    return value


def as_cell_text(value: Any) -> str | None:
    """Text of a cell in a column of several types; None where it holds nothing."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(plain(value))
