"""Read a column of dates in one way for all rows.

03/04 is never the third of April in one row and the fourth of March in the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.values import Reading, distinct_text, is_empty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.months import Days
    from fitmodel.deals.values import DayFirst

    Counts = NDArray[np.intp]

EXCEL_FIRST, EXCEL_LAST = 20_000, 80_000  # serial numbers of 1954 to 2119
EXCEL_ZERO = np.datetime64("1899-12-30", "D")
EIGHT_DIGITS = 10**8
_NO_DATES = ("now", "today")  # which pandas takes for dates in any format
_TIME_OF_DAY = r"[T ]+\d{1,2}:\d{2}.*$"
_DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y", "%d-%m-%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m-%d-%y")
_NUMBERS = ("%Y-%m-%d", "%Y-%m", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%Y年%m月%d日")
_NAMES = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y")


def read_dates(values: pd.Series[Any], order: DayFirst | None = None) -> Reading:
    """Read whole days; time of day and time zone are dropped, the day being the zone's own.

    Parameters
    ----------
    values : Series
        Dates, text (ISO, DD.MM.YYYY, MM/DD/YYYY and the like) or Excel's serial numbers.
    order : {"day first", "month first"}, optional
        Which of the two to take where the column itself leaves both open, as a sibling column
        tells it; day first without.
    """
    empty = is_empty(values)
    found: DayFirst | None = None
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = values.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    elif pd.api.types.is_numeric_dtype(values.dtype):
        days = _days_of_numbers(values.to_numpy(dtype=float, na_value=np.nan))
    else:
        codes, distinct = distinct_text(values, empty)
        read, found = _days_of_text(distinct, np.bincount(codes[codes >= 0]), order)
        days = np.append(read, np.datetime64("NaT"))[codes]
    series = pd.Series(days.astype("datetime64[us]"), index=values.index, name=values.name)
    return Reading(series, np.isnat(days) & ~empty, found)


def _days_of_numbers(numbers: NDArray[np.float64]) -> Days:
    """Excel's serial numbers, or numbers such as 20240131, whichever reads more."""
    excel = (numbers >= EXCEL_FIRST) & (numbers <= EXCEL_LAST)
    days = EXCEL_ZERO + np.where(excel, np.floor(numbers), 0).astype("timedelta64[D]")
    days[~excel] = np.datetime64("NaT")
    whole = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (np.abs(numbers) < EIGHT_DIGITS)
    text = pd.Series(np.where(whole, numbers, 0).astype(np.int64)).astype("str")
    written = _as_days(text, "%Y%m%d")
    return written if (~np.isnat(written)).sum() > excel.sum() else days


def _days_of_text(
    distinct: pd.Series[Any], counts: Counts, order: DayFirst | None
) -> tuple[Days, DayFirst | None]:
    """Read every distinct text in the one format that reads most rows, the first of equals."""
    read: list[tuple[Days, DayFirst | None]] = []
    rows: list[int] = []
    for candidate in _candidates(distinct, counts, order):
        read.append(candidate)
        rows.append(_rows_read(candidate[0], counts))
        if rows[-1] == counts.sum():
            break
    return read[int(np.argmax(rows))]


def _candidates(
    distinct: pd.Series[Any], counts: Counts, order: DayFirst | None
) -> Iterator[tuple[Days, DayFirst | None]]:
    numbers = pd.to_numeric(distinct, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    yield _days_of_numbers(numbers), None
    day = distinct.str.replace(_TIME_OF_DAY, "", regex=True)
    day = day.mask(day.isin(_NO_DATES))
    for pattern in (*_NUMBERS, *_NAMES):
        yield _as_days(day, pattern), None
    for one, other in zip(_DAY_FIRST, _MONTH_FIRST, strict=True):
        yield _ordered(_as_days(day, one), _as_days(day, other), counts, order)


def _ordered(
    day_first: Days,
    month_first: Days,
    counts: Counts,
    order: DayFirst | None,
) -> tuple[Days, DayFirst]:
    """Of the two orders the one that reads more rows; where neither does, as `order` says."""
    more = _rows_read(day_first, counts) - _rows_read(month_first, counts)
    if more:
        return (day_first, "day first") if more > 0 else (month_first, "month first")
    if order == "month first":
        return month_first, order
    differ = (day_first != month_first) & ~np.isnat(day_first)
    return day_first, "either" if order is None and differ.any() else "day first"


def _rows_read(days: Days, counts: Counts) -> int:
    return int(counts[~np.isnat(days)].sum())


def _as_days(text: pd.Series[Any], pattern: str) -> Days:
    days = pd.to_datetime(text, format=pattern, errors="coerce")
    return days.to_numpy().astype("datetime64[D]")


def settle_orders(columns: dict[str, pd.Series[Any]]) -> dict[str, Reading]:
    """Read several columns of dates; where one leaves the order open, the others tell it."""
    readings = {name: read_dates(values) for name, values in columns.items()}
    told = {reading.order for reading in readings.values()} & {"day first", "month first"}
    if len(told) != 1:
        return readings
    order: DayFirst = "month first" if "month first" in told else "day first"
    return {
        name: read_dates(columns[name], order) if reading.order == "either" else reading
        for name, reading in readings.items()
    }
