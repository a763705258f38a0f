"""Parse a column of dates with times, in one time zone; detect an exchanged day and month.

column -> its distinct values -> ISO times with a zone, converted
                              -> ISO times without a zone, unchanged
                              -> other dates, parsed by `read_dates`, with their time of day

A spreadsheet set to another country reads 05/03/2024 as 3 May instead of 5 March, and leaves
25/03/2024 as text, since there is no month 25. Both kinds then stand in one column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.tables._date_text import EXCEL, MILLISECONDS, MIN_SECONDS, SECONDS, SECONDS_OF_DAY
from fitmodel.tables.values import DateForm, distinct, is_missing, read_dates

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from fitmodel.tables.values import Mask

    Moments64 = NDArray[np.datetime64]


NEVER = np.datetime64("NaT", "us")
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)?"
    r" ?(Z|UTC|[+-]\d{2}(?::?\d{2})?)?"
)
_TIME = re.compile(
    r"[T ,]+(?:(?:오전|上午|午前|(오후|下午|午後)) ?)?"
    r"(\d{1,2})[:.h](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)? ?([AaPp])?",
    re.ASCII,
)
_DIGITS = re.compile(r"\d+(?:\.\d*)?", re.ASCII)
_NOON = 12


@dataclass(frozen=True, eq=False)
class Moments:
    """A parsed column of dates with times.

    Attributes
    ----------
    times : ndarray of datetime64[us] of shape (rows,)
        Local times in the time zone; NaT if missing or unreadable.
    unreadable : ndarray of bool of shape (rows,)
        Rows with a value that could not be read.
    is_ambiguous : bool
        Whether the order of day and month is unclear: all dates can be read in both orders.
    """

    times: Moments64
    unreadable: Mask
    is_ambiguous: bool = False


def read_moments(
    values: pd.Series[Any],
    zone: str = "UTC",
    order: str | None = None,
    *,
    form: DateForm | None = None,
) -> Moments:
    """Parse a column of dates and times into local times of one time zone.

    Times with a zone are converted; a date without a time is the start of that day.

    Parameters
    ----------
    values : Series
        Timestamps, ISO text, other dates with or without a time, or seconds or milliseconds since
        1970 (in UTC).
    zone : str
        Name of the time zone of the result.
    order : {"day first", "month first"}, optional
        Order of dates whose day and month are unclear.
    form : DateForm, optional
        Form of dates that are not ISO text. `form_of_days` detects it for a whole column that is
        read in parts; by default it is detected from these values.

    Returns
    -------
    Moments
        The local times, and which rows could not be read.

    Examples
    --------
    >>> stamps = pd.Series(["2026-03-01T23:30:00Z", "2026-03-02 08:00", "2026-03-02"])
    >>> [str(each) for each in read_moments(stamps, "Europe/Berlin").times.astype("datetime64[m]")]
    ['2026-03-02T00:30', '2026-03-02T08:00', '2026-03-02T00:00']
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        times = _local_times(values, zone)
        return Moments(times, np.zeros(len(values), dtype=bool))
    positions, uniques = distinct(values)
    present = [position for position, value in enumerate(uniques) if not is_missing(value)]
    times = np.full(len(uniques) + 1, NEVER)
    times[present], is_ambiguous = _read(
        [uniques[position] for position in present], zone, order, form
    )
    unreadable = np.zeros(len(uniques) + 1, dtype=bool)
    unreadable[present] = np.isnat(times[present])
    return Moments(times[positions], unreadable[positions], is_ambiguous)


def _local_times(stamps: pd.Series[Any], zone: str) -> Moments64:
    if isinstance(stamps.dtype, pd.DatetimeTZDtype):
        stamps = stamps.dt.tz_convert(zone).dt.tz_localize(None)
    elif isinstance(stamps.dtype, pd.ArrowDtype):
        return _local_times(pd.Series(pd.DatetimeIndex(stamps)), zone)
    times: Moments64 = stamps.to_numpy().astype("datetime64[us]")
    return times


def days_not_in_iso(values: Iterable[Any]) -> set[Any]:
    """Return the days, without times, of distinct values that are not ISO text."""
    days: set[Any] = set()
    for value in values:
        if isinstance(value, str):
            text = value.strip()
            if _ISO.fullmatch(text) is None:
                time = _TIME.search(text)
                number = _DIGITS.fullmatch(text)
                day = text if time is None else text[: time.start()]
                days.add(str(_rounded(float(text))) if number else day)
        elif not is_missing(value):
            days.add(_rounded(float(value)) if _is_number(value) else value)
    return days


def _rounded(number: float) -> float:
    """Return a number rounded so that its form as a date stays the same."""
    return float(f"{number:.3g}") if number >= MIN_SECONDS else float(int(number))


def form_of_days(days: Iterable[Any], order: str | None = None) -> tuple[DateForm | None, bool]:
    """Return the form of a column's `days_not_in_iso`, and whether day and month are unclear."""
    sorted_days = sorted(days, key=lambda day: (type(day).__name__, str(day)))
    if not sorted_days:
        return None, False
    reading = read_dates(pd.Series(sorted_days, dtype=object), order)
    form = reading.form if isinstance(reading.form, DateForm) else None
    return form, reading.is_ambiguous and order is None


def _read(
    values: Sequence[Any], zone: str, order: str | None, form: DateForm | None
) -> tuple[Moments64, bool]:
    """Return the times of distinct values, and whether their day-month order is unclear."""
    times = np.full(len(values), NEVER)
    matches = [
        _ISO.fullmatch(value.strip()) if isinstance(value, str) else None for value in values
    ]
    with_zone = np.array(
        [match is not None and match[1] is not None for match in matches], dtype=bool
    )
    without_zone = np.array(
        [match is not None and match[1] is None for match in matches], dtype=bool
    )
    texts = pd.Series(values, dtype=object)
    if with_zone.any():
        texts_with_zone = _iso_text(texts[with_zone]).str.replace(r" ?UTC$", "Z", regex=True)
        stamps = pd.to_datetime(texts_with_zone, format="ISO8601", utc=True, errors="coerce")
        times[with_zone] = _local_times(pd.Series(stamps), zone)
    if without_zone.any():
        stamps = pd.to_datetime(_iso_text(texts[without_zone]), format="ISO8601", errors="coerce")
        times[without_zone] = stamps.to_numpy().astype("datetime64[us]")
    other_rows = np.flatnonzero(~with_zone & ~without_zone)
    if not len(other_rows):
        return times, False
    is_ambiguous = False
    if form is None:
        form, is_ambiguous = form_of_days(days_not_in_iso(texts[other_rows]), order)
    reading = read_dates(texts[other_rows], order, form=form)
    days = reading.series.to_numpy().astype("datetime64[us]")
    written_as = "" if form is None else form.order
    for position, day in zip(other_rows.tolist(), days, strict=True):
        if not np.isnat(day):
            times[position] = _with_time(values[position], day, written_as, zone)
    return times, is_ambiguous


def _iso_text(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Return ISO texts as pandas reads them: with a point before the fraction of a second."""
    return texts.str.strip().str.replace(",", ".", regex=False)


def _with_time(value: Any, day: np.datetime64, order: str, zone: str) -> np.datetime64:
    """Return the day of a value with its time of day added, on the clock of the zone."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return _local_time(pd.Timestamp(value), zone)
    is_number = _is_number(value)  # beside numbers there may be dates, as in a workbook
    if is_number and order in {SECONDS, MILLISECONDS}:
        seconds = float(value) / (1000 if order == MILLISECONDS else 1)
        return _local_time(pd.Timestamp(round(seconds * 1e6), unit="us", tz="UTC"), zone)
    if is_number and order == EXCEL:
        return day + np.timedelta64(round(float(value) % 1 * SECONDS_OF_DAY), "s")
    match = _TIME.search(value) if isinstance(value, str) else _TIME.search(str(value)[10:])
    if match is None:
        return day
    hour, minute, second = int(match[2]), int(match[3]), int(match[4] or 0)
    if match[1] or match[5]:
        hour = hour % _NOON + _NOON * (match[5] is None or match[5] in "Pp")
    return day + np.timedelta64((hour * 60 + minute) * 60 + second, "s")


def _local_time(instant: pd.Timestamp, zone: str) -> np.datetime64:
    return np.datetime64(instant.tz_convert(zone).tz_localize(None), "us")


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return _DIGITS.fullmatch(value.strip()) is not None
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


MIN_OF_EACH = 10  # with fewer dates, or fewer texts, days up to 12 may be chance
MONTHS = 12
_ISO_DAY = re.compile(r"\d{4}-(\d{2})-(\d{2})(?:[T ].*)?")
_DAY_AND_MONTH = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(?:\d{4}|\d{2})(?:\D.*)?")


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
            if iso := _ISO_DAY.fullmatch(text):
                days[text] = int(iso[2])
            elif written := _DAY_AND_MONTH.fullmatch(text):
                texts[text] = (int(written[1]), int(written[3]))
    return days, texts
