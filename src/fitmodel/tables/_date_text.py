"""Parse one date, and detect the form of a column of dates.

Does not import pandas: this code runs for every single prospect and must load quickly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.tables._calendars import HAS_DIGIT, MONTHS, gregorian
from fitmodel.tables.scripts import plain_letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EPOCH = date(1970, 1, 1).toordinal()
EXCEL_ZERO = date(1899, 12, 30).toordinal() - EPOCH
EXCEL_FIRST, EXCEL_LAST = 20_000, 80_000  # serial numbers of 1954 to 2119
SECONDS_OF_DAY = 86_400
MIN_SECONDS, MAX_SECONDS = 300_000_000, 5_000_000_000  # of 1979 to 2128
ISO, YEAR_FIRST, NAMED, DAY_FIRST, MONTH_FIRST = (
    "iso",
    "year first",
    "month name",
    "day first",
    "month first",
)
EXCEL, DIGITS, SECONDS, MILLISECONDS = "excel", "yyyymmdd", "seconds", "milliseconds"
ORDERS = (ISO, YEAR_FIRST, NAMED, DAY_FIRST, MONTH_FIRST, EXCEL, DIGITS, SECONDS, MILLISECONDS)
"""The forms of a date, as named in the contract; if several fit, the first one is used."""
NUMBERS = (EXCEL, DIGITS, SECONDS, MILLISECONDS)
EITHER = "either"
"""Order of a column whose dates can all be read as day first and as month first."""

_LENGTH = len("YYYY-MM-DD")
_TIME = r"(?:,?[T ]+(?:(?:오전|오후|上午|下午|午前|午後) ?)?\d{1,2}[:.h]\d{2}.*)?"
_YEAR_FIRST = re.compile(
    rf"(\d{{4}})(?:([/.-])(\d{{1,2}})(?:\2(\d{{1,2}}))?|年(\d{{1,2}})月(?:(\d{{1,2}})日)?){_TIME}"
)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}")
_DAY_NAME = re.compile(
    rf"(?:[^\W\d]+\.?,? )?(\d{{1,2}})(?:\.|st|nd|rd|th)?[ /-]*(?:de |of )?([^\W\d]{{3,}})\.?"
    rf"(?:[ ,/-]|de )+(\d{{4}}|\d{{2}})(?: ?[гr]\.?)?{_TIME}"
)
_NAME_DAY = re.compile(rf"([^\W\d]{{3,}})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? +(\d{{4}}){_TIME}")
_DIGITS = re.compile(r"\d+(?:\.\d*)?")


@dataclass(frozen=True)
class DateForm:
    """How the dates of a column are written; YYYY-MM-DD is always accepted too.

    Parameters
    ----------
    order : str
        Name of the form, one of `ORDERS`.
    """

    order: str = ISO


ONLY_ISO = DateForm()


def today() -> date:
    """Return the present day, which replaces the closing date of a prospect without one.

    It is the day in UTC, so that a prospect has the same probability on every machine.
    """
    return datetime.now(UTC).date()


def day_of(value: Any, form: DateForm = ONLY_ISO) -> int | None:
    """Return the days since 1970 of a date, timestamp, ISO text, or value in the column's form.

    None for anything else. The time of day and the time zone are dropped: the day is that of the
    local time.
    """
    if isinstance(value, str):
        text = gregorian(value.strip())
        day = _iso_day(text)
        return day if day is not None or form.order == ISO else _day_of_text(text, form.order)
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else int(value.astype("datetime64[D]").astype("int64"))
    if isinstance(value, date) and value == value:  # noqa: PLR0124 - NaT
        if value.year > date.max.year:  # pandas supports later years than Python
            return day_of(np.datetime64(f"{value.year}-{value.month:02}-{value.day:02}"))
        return value.toordinal() - EPOCH
    # numpy makes a duration an integer, as Python makes a boolean one
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if form.order in NUMBERS and is_number and not isinstance(value, bool | np.timedelta64):
        return day_of_number(float(value), form.order)
    return None


def is_day_in_some_form(value: Any) -> bool:
    """Return whether a value is a date in at least one form."""
    return any(day is not None for day in _days_by_form(value).values())


def _days_by_form(value: Any) -> dict[str, int | None]:
    """Return the day of a value in each form that may fit it; an ISO date fits all."""
    if not isinstance(value, str):
        day = day_of(value)
        if day is None:
            return {order: day_of(value, DateForm(order)) for order in NUMBERS}
        return dict.fromkeys(ORDERS, day)
    text = gregorian(value.strip())
    day = _iso_day(text)
    if day is not None:
        return dict.fromkeys(ORDERS, day)
    days = {order: _day_of_text(text, order) for order in _possible(text)}
    if days.get(DAY_FIRST) is not None and "." in text:
        days[MONTH_FIRST] = None  # dates with dots, such as 03.04.2024, have the day first
    return days


def _iso_day(text: str) -> int | None:
    has_dashes = text[4:5] == "-" == text[7:8] and text[_LENGTH : _LENGTH + 1] in {"", "T", " "}
    if not has_dashes:
        return None
    try:
        return date.fromisoformat(text[:_LENGTH]).toordinal() - EPOCH
    except ValueError:
        return None


def _day_of_text(text: str, order: str) -> int | None:
    if order in NUMBERS:
        return day_of_number(float(text), order) if _DIGITS.fullmatch(text) else None
    if order == YEAR_FIRST:
        result = _YEAR_FIRST.fullmatch(text)
        if result is None:
            return None
        year, _, month, day, written_month, written_day = result.groups()
        return _calendar_day(year, month or written_month, day or written_day or "1")
    if order == NAMED:
        return _named_day(text)
    result = _YEAR_LAST.fullmatch(text)
    if result is None:
        return None
    first, _, second, year = result.groups()
    return _calendar_day(year, *((second, first) if order == DAY_FIRST else (first, second)))


def _named_day(text: str) -> int | None:
    if result := _DAY_NAME.fullmatch(text):
        day, name, year = result[1], result[2], result[3]
    elif result := _NAME_DAY.fullmatch(text):
        name, day, year = result[1], result[2], result[3]
    else:
        return None
    month = MONTHS.get(plain_letters(name).lower())
    return None if month is None else _calendar_day(year, str(month), day)


def _calendar_day(year: str, month: str, day: str) -> int | None:
    full_year = int(year)
    if len(year) == 2:  # noqa: PLR2004 - as POSIX reads two digits: 69 is 1969, 68 is 2068
        full_year += 1900 if full_year >= 69 else 2000  # noqa: PLR2004
    try:
        return date(full_year, int(month), int(day)).toordinal() - EPOCH
    except ValueError:
        return None


def day_of_number(number: float, order: str) -> int | None:
    """Return days since 1970 of Excel's serial number, 20240131, seconds or milliseconds."""
    if order == EXCEL:
        return EXCEL_ZERO + int(number) if EXCEL_FIRST <= number <= EXCEL_LAST else None
    if order == DIGITS:
        text = f"{int(number):08}" if 0 < number < 10**8 and number == int(number) else ""
        return _calendar_day(text[:4], text[4:6], text[6:]) if text else None
    seconds = number / 1000 if order == MILLISECONDS else number
    return int(seconds // SECONDS_OF_DAY) if MIN_SECONDS <= seconds <= MAX_SECONDS else None


def detect_date_order(
    values: Sequence[Any], rows: Iterable[int], hint: str | None = None
) -> tuple[str, bool]:
    """Return the form that can read most rows of a column, and whether its order is unclear.

    Parameters
    ----------
    values : sequence of str or number
        Distinct values of the column.
    rows : iterable of int
        Number of rows of each value.
    hint : {"day first", "month first"}, optional
        Order to use if the column allows both, from the contract or another date column.
    """
    counts = list(rows)
    read_rows, is_ambiguous = dict.fromkeys(ORDERS, 0), False
    for value, count in zip(values, counts, strict=True):
        days = _days_by_form(value)
        for order, day in days.items():
            read_rows[order] += count * (day is not None)
        is_ambiguous |= days.get(DAY_FIRST) != days.get(MONTH_FIRST)
    if 2 * read_rows[ISO] >= sum(counts):
        return ISO, False
    best_order = max(ORDERS, key=lambda order: read_rows[order])  # of equals, the first one
    if best_order not in {DAY_FIRST, MONTH_FIRST} or read_rows[DAY_FIRST] != read_rows[MONTH_FIRST]:
        return best_order, False
    if hint is not None:
        return hint, False
    return DAY_FIRST, is_ambiguous


def _possible(text: str) -> tuple[str, ...]:
    """Return the forms that may fit a text which is not an ISO date."""
    if not HAS_DIGIT.search(text):
        return ()
    if not text[:1].isdigit():
        return (NAMED,)
    if _DIGITS.fullmatch(text):
        return NUMBERS
    return (YEAR_FIRST, DAY_FIRST, MONTH_FIRST, NAMED)
