"""Find columns of dates in which a spreadsheet has exchanged day and month.

A spreadsheet set to another country reads 05/03/2024 as 3 May instead of 5 March, and leaves
25/03/2024 as text, since there is no month 25. Both kinds then stand in one column.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from fitmodel.tables.cells import distinct

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

MIN_OF_EACH = 10  # with fewer dates, or fewer texts, days up to 12 may be chance
MONTHS = 12
_ISO = re.compile(r"\d{4}-(\d{2})-(\d{2})(?:[T ].*)?")
_TEXT = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(?:\d{4}|\d{2})(?:\D.*)?")


def exchanged_day_and_month(cells: pd.Series[Any]) -> str | None:
    """Return an example of each kind if a spreadsheet has exchanged day and month; None otherwise.

    That is so if all dates have a day up to 12, and all texts a part above 12 in the same place.

    Parameters
    ----------
    cells : Series
        A column of texts, or of texts and dates, as in the file.
    """
    if cells.dtype.kind == "M":
        return None
    _, values = distinct(cells)
    days, texts = _days_and_texts(values)
    if min(len(days), len(texts)) < MIN_OF_EACH or max(days.values()) > MONTHS:
        return None
    parts = list(texts.values())
    if not (
        all(first_number > MONTHS for first_number, _ in parts)
        or all(last_number > MONTHS for _, last_number in parts)
    ):
        return None
    return f"{next(iter(days))} is a date and {next(iter(texts))!r} a text"


def _days_and_texts(values: Iterable[Any]) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """Return the day of each date, and the first two numbers of each text with two of them."""
    days: dict[str, int] = {}
    texts: dict[str, tuple[int, int]] = {}
    for value in values:
        if isinstance(value, date):
            days[str(value)[:10]] = value.day
        elif isinstance(value, str):
            text = value.strip()
            if iso := _ISO.fullmatch(text):
                days[text] = int(iso[2])
            elif written := _TEXT.fullmatch(text):
                texts[text] = (int(written[1]), int(written[3]))
    return days, texts
