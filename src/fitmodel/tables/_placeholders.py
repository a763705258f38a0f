"""Find words and days that mean "not yet" in a column of dates.

Examples are "Active", "No" and "-", 9999-12-31, and one day decades ahead in many rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.tables._date_text import is_day_in_some_form
from fitmodel.tables.cells import shortened
from fitmodel.tables.forms import Finding
from fitmodel.tables.values import days_of_stamps, is_missing, read_dates
from fitmodel.tables.vocabulary import NOT_YET, PLACEHOLDER_DAYS, REPEATED_PLACEHOLDER_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fitmodel.tables.values import Mask

CHECKED_FIRST = 20  # cells checked before the whole column; most columns hold no dates
MAX_SAMPLE = 200  # distinct texts that must all be dates before the whole column is parsed
_ORDERS = ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y")
FIRST_FAR_DAY, FAR_FROM_OTHERS = np.datetime64("2040-01-01"), np.timedelta64(5 * 365, "D")
MIN_ROWS, MIN_SHARE = 3, 0.1  # rows with one far day from which it means "not yet"


def _ways_to_write(day: str) -> set[str]:
    """Return a day in all common forms."""
    year, month, number = day.split("-")
    parts = {"%Y": year, "%m": month, "%d": number}
    texts = set()
    for order in _ORDERS:
        text = order
        for code, digits in parts.items():
            text = text.replace(code, digits)
        texts |= {text, f"{text} 00:00", f"{text} 00:00:00", f"{text}T00:00:00"}
        texts.add(text.replace("01", "1") if not order.startswith("%Y-") else text)
    return texts


_DAYS = frozenset().union(*map(_ways_to_write, PLACEHOLDER_DAYS))
_REPEATED_DAYS = frozenset().union(*map(_ways_to_write, REPEATED_PLACEHOLDER_DAYS))
_EPOCH = re.compile(r"(1970-01-01|1969-12-31)[T ]\d{2}:00(:00)?(\.0+)?( ?(Z|[+-]\d{2}:?\d{2}))?")
"""The second 0 of 1970 in any time zone, which systems write for a missing date."""
_PLACEHOLDER_DAYS = np.array(
    [np.datetime64(day) for day in sorted(PLACEHOLDER_DAYS) if day != "1900-01-00"]
)


@dataclass(frozen=True, eq=False)
class Placeholders:
    """The values that mean "not yet" in a column of dates.

    `rows`, ndarray of bool of shape (rows,): rows with a placeholder.
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
        return _placeholder_days(values)
    if not surely_dates and not _may_be_dates(values):
        return None
    rows_of = _texts(values)
    if rows_of is None:
        return None
    distinct = list(rows_of)
    found = {text for text in distinct if _is_placeholder_day(text)}
    found |= {text for text in distinct if words and text.casefold() in NOT_YET}
    found |= {text for text in distinct if text in _REPEATED_DAYS and rows_of[text] > 1}
    found |= far_text({text: n for text, n in rows_of.items() if text not in found})
    others = [text for text in distinct if text not in found]
    if not found:
        return None
    has_only_days = not others and any(isinstance(cell, date) for cell in values)
    if not (surely_dates or has_only_days or _all_dates(others)):
        return None
    return _placeholders(values, values.isin(found).to_numpy(dtype=bool), found)


def _is_placeholder_day(text: str) -> bool:
    return text in _DAYS or _EPOCH.fullmatch(text) is not None


def _may_be_dates(values: pd.Series[Any]) -> bool:
    """Return whether a column may hold dates, by its first values."""
    first_texts = [cell for cell in values.iloc[:CHECKED_FIRST].tolist() if isinstance(cell, str)]
    others = [
        text
        for text in first_texts
        if not _is_placeholder_day(text) and text.casefold() not in NOT_YET
    ]
    if others and not (is_missing(others[0]) or is_day_in_some_form(others[0])):
        return False  # as most columns: their first text is no date in any form
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
        elif not isinstance(cell, date) and not (pd.api.types.is_scalar(cell) and pd.isna(cell)):
            return None
    return rows_of


def _all_dates(texts: list[str]) -> bool:
    if not texts:
        return False
    return all(
        not read_dates(pd.Series(part, dtype="str")).unreadable.any()
        for part in (texts[:MAX_SAMPLE], texts)
    )


def _placeholder_days(values: pd.Series[Any]) -> Placeholders | None:
    days = days_of_stamps(values)
    rows = np.isin(days, _PLACEHOLDER_DAYS)
    for text in REPEATED_PLACEHOLDER_DAYS:
        is_day = days == np.datetime64(text)
        rows |= is_day & (is_day.sum() > 1)
    rows |= far_days(days, ~rows)
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


def far_text(rows_of: Mapping[str, int]) -> set[str]:
    """Return the most frequent text if it is a day years after all others, else nothing."""
    text = max(rows_of, key=rows_of.__getitem__, default="")
    if len(rows_of) < 2 or not _are_enough(rows_of[text], sum(rows_of.values())):  # noqa: PLR2004 - one day is not far from others
        return set()
    texts = [text, *(each for each in rows_of if each != text)]
    reading = read_dates(pd.Series(texts, dtype="str"))
    if reading.unreadable.any():
        return set()
    days = reading.series.to_numpy()
    return {text} if _is_far(days[0], days[1:].max()) else set()


def far_days(days: NDArray[np.datetime64], chosen: Mask) -> Mask:
    """Return a mask of the rows with the last day, if it is years after all other chosen days."""
    given, counts = np.unique(days[chosen & ~np.isnat(days)], return_counts=True)
    if len(given) < 2 or not _are_enough(counts[-1], counts.sum()):  # noqa: PLR2004 - see above
        return np.zeros(len(days), dtype=bool)
    is_last: Mask = days == given[-1]
    return is_last & _is_far(given[-1], given[-2])


def _are_enough(rows: int, of_all: int) -> bool:
    return bool(rows >= max(MIN_ROWS, MIN_SHARE * of_all))


def _is_far(day: np.datetime64, last_other: np.datetime64) -> bool:
    return bool(day >= FIRST_FAR_DAY and day - last_other > FAR_FROM_OTHERS)
