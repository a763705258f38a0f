"""Placeholders in date columns: words and far dates that mean "not yet".

"Active", "No" and "-" beside dates, or 9999-12-31, say that it has not happened.
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

CHECKED_FIRST = 20  # cells
LOOKED_AT = 200  # distinct texts that must all be dates before the whole column is read
_ORDERS = ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y")


def _written(day: str) -> set[str]:
    """A day in the usual ways of writing it."""
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
    rows : ndarray of bool
    texts : tuple of str
        The different ones, as they are written.
    finding : Finding
    """

    rows: Mask
    texts: tuple[str, ...]
    finding: Finding


def find_placeholders(
    values: pd.Series[Any], *, surely_dates: bool = False, words: bool = True
) -> Placeholders | None:
    """Find the words and far days among a column's dates; None where there are none.

    Parameters
    ----------
    values : Series
        Text, or datetimes.
    surely_dates : bool
        Whether the contract says that the column holds dates: then a column of nothing but such
        words is one in which nothing has happened. Else all other values must be dates.
    words : bool
        Whether words are looked for too, or far days only: a deal without a day of signing is an
        error, which shows the word.
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _far_days(values)
    if not surely_dates and not _may_be_dates(values):
        return None
    rows_of = _texts(values)
    if rows_of is None:
        return None
    distinct = list(rows_of)
    standing = {text for text in distinct if text in _DAYS}
    standing |= {text for text in distinct if words and text.casefold() in NOT_YET}
    standing |= {text for text in distinct if text in _REPEATED and rows_of[text] > 1}
    others = [text for text in distinct if text not in standing]
    if not standing:
        return None
    if not (surely_dates or _all_dates(others) or (not others and values.map(_is_day).any())):
        return None
    return _placeholders(values, values.isin(standing).to_numpy(dtype=bool), standing)


def _may_be_dates(values: pd.Series[Any]) -> bool:
    """Whether the first values leave open that a column holds dates: most columns do not."""
    first = [cell for cell in values.iloc[:CHECKED_FIRST].tolist() if isinstance(cell, str)]
    others = [text for text in first if text not in _DAYS and text.casefold() not in NOT_YET]
    return not others or not read_dates(pd.Series(others, dtype="str")).unreadable.any()


def _texts(values: pd.Series[Any]) -> dict[str, int] | None:
    """Rows per text of a column; None where it holds anything but texts and dates."""
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
        for part in (texts[:LOOKED_AT], texts)
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
        f"{listed} in {count} row(s) stands for no date (not yet) and is read as empty",
        "if it is a date, write it in another way",
    )
    return Placeholders(rows, tuple(sorted(texts)), finding)
