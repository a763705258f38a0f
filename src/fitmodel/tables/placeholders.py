"""Find placeholders in date columns: words and far dates that mean "not yet".

Examples are "Active", "No" and "-" in a column of dates, and 9999-12-31.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.tables.cells import shortened
from fitmodel.tables.forms import Finding
from fitmodel.tables.values import days_of_stamps, read_dates
from fitmodel.tables.vocabulary import NOT_YET, PLACEHOLDER_DAYS, REPEATED_PLACEHOLDER_DAYS

if TYPE_CHECKING:
    from fitmodel.tables.values import Mask

CHECKED_FIRST = 20  # cells checked before the whole column; most columns hold no dates
MAX_SAMPLE = 200  # distinct texts that must all be dates before the whole column is parsed
_ORDERS = ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y")


def _written(day: str) -> set[str]:
    """Return a day in all common forms."""
    year, month, number = day.split("-")
    known = {"%Y": year, "%m": month, "%d": number}
    texts = set()
    for order in _ORDERS:
        text = order
        for code, digits in known.items():
            text = text.replace(code, digits)
        texts |= {text, f"{text} 00:00", f"{text} 00:00:00", f"{text}T00:00:00"}
        texts.add(text.replace("01", "1") if not order.startswith("%Y-") else text)
    return texts


_DAYS = frozenset().union(*map(_written, PLACEHOLDER_DAYS))
_REPEATED = frozenset().union(*map(_written, REPEATED_PLACEHOLDER_DAYS))
_FAR = np.array([np.datetime64(day) for day in sorted(PLACEHOLDER_DAYS) if day != "1900-01-00"])


@dataclass(frozen=True, eq=False)
class Placeholders:
    """The values that mean "not yet" in a column of dates.

    Attributes
    ----------
    rows : ndarray of bool of shape (rows,)
        Rows with a placeholder.
    texts : tuple of str
        The distinct placeholders, as written in the table.
    finding : Finding
        The finding about them.
    """

    rows: Mask
    texts: tuple[str, ...]
    finding: Finding


def find_placeholders(
    values: pd.Series[Any], *, surely_dates: bool = False, words: bool = True
) -> Placeholders | None:
    """Return the words and far dates that mean "not yet" in a column; None if there are none.

    Parameters
    ----------
    values : Series
        A column of texts or datetimes.
    surely_dates : bool
        Whether the contract says that the column holds dates. Then it may hold placeholders only.
        Otherwise all other values must be dates.
    words : bool
        Whether to search for words too, and not only for far dates. In the closing date a word is
        an error, whose message shows it.

    Returns
    -------
    Placeholders or None
        The placeholders.
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _far_days(values)
    if not surely_dates and not _may_be_dates(values):
        return None
    rows_of = _texts(values)
    if rows_of is None:
        return None
    distinct = list(rows_of)
    found = {text for text in distinct if text in _DAYS}
    found |= {text for text in distinct if words and text.casefold() in NOT_YET}
    found |= {text for text in distinct if text in _REPEATED and rows_of[text] > 1}
    others = [text for text in distinct if text not in found]
    if not found:
        return None
    if not (surely_dates or _all_dates(others) or (not others and values.map(_is_day).any())):
        return None
    return _placeholders(values, values.isin(found).to_numpy(dtype=bool), found)


def _may_be_dates(values: pd.Series[Any]) -> bool:
    """Return whether a column may hold dates, judged by its first values."""
    first = [cell for cell in values.iloc[:CHECKED_FIRST].tolist() if isinstance(cell, str)]
    others = [text for text in first if text not in _DAYS and text.casefold() not in NOT_YET]
    return not others or not read_dates(pd.Series(others, dtype="str")).unreadable.any()


def _texts(values: pd.Series[Any]) -> dict[str, int] | None:
    """Return the number of rows per text; None if the column holds other types than dates too."""
    if values.dtype != object:
        counts = values.value_counts()
        return dict(zip(counts.index.tolist(), counts.tolist(), strict=True))
    rows_of: dict[str, int] = {}
    for cell in values:
        if isinstance(cell, str):
            rows_of[cell] = rows_of.get(cell, 0) + 1
        elif not (isinstance(cell, date) or _is_missing(cell)):
            return None
    return rows_of


def _is_missing(cell: Any) -> bool:
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))


def _is_day(cell: Any) -> bool:
    return isinstance(cell, date)


def _all_dates(texts: list[str]) -> bool:
    if not texts:
        return False
    return all(
        not read_dates(pd.Series(part, dtype="str")).unreadable.any()
        for part in (texts[:MAX_SAMPLE], texts)
    )


def _far_days(values: pd.Series[Any]) -> Placeholders | None:
    days = days_of_stamps(values)
    rows = np.isin(days, _FAR)
    for text in REPEATED_PLACEHOLDER_DAYS:
        same = days == np.datetime64(text)
        rows |= same & (same.sum() > 1)
    if not rows.any():
        return None
    return _placeholders(values, rows, {str(day) for day in np.unique(days[rows])})


def _placeholders(values: pd.Series[Any], rows: Mask, texts: set[str]) -> Placeholders:
    count = int(rows.sum())
    listed = ", ".join(shortened(text) for text in sorted(texts)[:5])
    finding = Finding(
        "placeholder",
        str(values.name),
        count,
        "",
        f"{listed} in {count} row(s) means that there is no date yet, and is read as empty",
        "if it is a date, write it as YYYY-MM-DD",
    )
    return Placeholders(rows, tuple(sorted(texts)), finding)
