"""Parse numbers, dates, and yes or no: single values and whole columns.

column -> its distinct values -> their form -> each value parsed in that form

A column is parsed with the function for single values, applied to its distinct values, so that both
give the same result. Training detects the form from the whole column; scoring uses that form.
Imports pandas only for columns: this code runs for every single prospect and must load quickly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.tables._date_text import (
    EITHER,
    EPOCH,
    ONLY_ISO,
    DateForm,
    day_of,
    detect_date_order,
    today,
)
from fitmodel.tables._number_text import (
    EXAMPLES,
    UNKNOWN,
    UNKNOWN_WITH_COMMA,
    NumberForm,
    NumberText,
    UnclearNumberError,
    UnreadableValueError,
    currency_of,
    detect_number_form,
    is_other_unit,
    parse_number_text,
    value_of,
)
from fitmodel.tables.cells import (
    distinct,
    is_empty,
    is_missing,
    is_sized,
    is_text,
    level_text,
    shown,
)
from fitmodel.tables.vocabulary import LEFT_WORDS, NO, STAYED_WORDS, YES

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

__all__ = [
    "EPOCH",
    "EXAMPLES",
    "ONLY_ISO",
    "UNKNOWN",
    "UNKNOWN_WITH_COMMA",
    "DateForm",
    "NumberForm",
    "Reading",
    "UnclearNumberError",
    "UnreadableValueError",
    "currency_of",
    "day_of",
    "days_of_stamps",
    "distinct",
    "flag_text",
    "is_empty",
    "is_missing",
    "is_sized",
    "is_text",
    "level_text",
    "read_dates",
    "read_day",
    "read_flag",
    "read_flags",
    "read_number",
    "read_numbers",
    "today",
]
NO_QUANTITY = (bool, np.bool_, np.datetime64, np.timedelta64, np.complexfloating)  # though floats


@dataclass(frozen=True, eq=False)
class Reading:
    """A parsed column.

    Attributes
    ----------
    series : Series
        The values, with the index of the column; missing if the cell is empty or unreadable.
    unreadable : ndarray of bool of shape (rows,)
        Rows whose cell is not empty and could not be read.
    form : NumberForm or DateForm or None
        The detected form, or the given one.
    is_ambiguous : bool
        For dates: whether the order is unclear, since all can be read in both orders.
    units : mapping of str to int
        For numbers: number of rows of each unit; "" is no unit.
    unclear : ndarray of bool of shape (rows,) or None
        For numbers: unreadable rows whose decimal mark is unclear.
    """

    series: pd.Series[Any]
    unreadable: Mask
    form: NumberForm | DateForm | None = None
    is_ambiguous: bool = False
    units: Mapping[str, int] = field(default_factory=dict)
    unclear: Mask | None = None

    @property
    def order(self) -> str | None:
        """The order of day and month; "either" if it is unclear."""
        if self.is_ambiguous:
            return EITHER
        return self.form.order if isinstance(self.form, DateForm) else None


# ---- numbers ----


def read_number(
    value: Any, form: NumberForm = UNKNOWN, *, parts: NumberText | None = None
) -> float:
    """Return a number or a text as a float; infinite values become NaN.

    Parameters
    ----------
    value : object
        A number or a text.
    form : NumberForm
        The form of texts.
    parts : NumberText, optional
        The parts of the text, if it was parsed already.

    Raises
    ------
    UnreadableValueError
        If it is not a number (`True` is none), or has another unit than the form.
    UnclearNumberError
        If its decimal mark is unclear.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        number = _number_of_text(value.strip(), form, parts)
    elif hasattr(value, "__float__") and not isinstance(value, NO_QUANTITY) and not is_sized(value):
        try:
            number = float(value)
        except OverflowError:
            return math.nan
        except (TypeError, ValueError) as error:
            raise UnreadableValueError(f"{shown(value)} is not a number") from error
    else:
        raise UnreadableValueError(f"{shown(value)} is not a number")
    return number if math.isfinite(number) else math.nan


def _number_of_text(text: str, form: NumberForm, parts: NumberText | None) -> float:
    if form.decimal == "." and form.unit != "%" and "_" not in text:
        try:
            return float(text)
        except ValueError:
            pass
    parts = parts or parse_number_text(text)
    if parts is None:
        raise UnreadableValueError(f"{shown(text)} is not a number")
    if is_other_unit(parts.unit, form):
        expected = f"in {form.unit}" if form.unit else "without a unit"
        raise UnreadableValueError(f"{shown(text)} is not a number {expected}")
    try:
        return value_of(parts, form)
    except UnclearNumberError:
        raise UnclearNumberError(
            f"{shown(text)} is unclear: its mark may be decimal or may separate thousands"
        ) from None
    except ValueError:
        raise UnreadableValueError(f"{shown(text)} is not a number") from None


def read_numbers(
    values: pd.Series[Any],
    form: NumberForm | None = None,
    *,
    levels: tuple[NDArray[np.intp], Sequence[Any]] | None = None,
) -> Reading:
    """Parse a column of numbers; without a form, the form is detected from the whole column.

    Currency signs, units and thousands separators are removed; infinite values become missing. Rows
    with another unit than most rows are unreadable: 15 is not 15%, and $ 100 is not ¥ 100.
    `levels` is the result of `distinct` for the column, if it is known already.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind not in "bc":
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        series = pd.Series(numbers, index=values.index, name=values.name)
        return Reading(series, np.zeros(len(values), dtype=bool), form)
    positions, uniques = distinct(values) if levels is None else levels
    units: dict[str, int] = {}
    parts: Sequence[NumberText | None] = [None] * len(uniques)
    if form is None:
        rows = np.bincount(positions[positions >= 0], minlength=len(uniques)).tolist()
        form, units, parts = parse_numbers(uniques, rows)
    numbers = np.full(len(uniques) + 1, np.nan)
    bad, unclear = (np.zeros(len(uniques) + 1, dtype=bool) for _ in range(2))
    for position, value in enumerate(uniques):
        if not is_missing(value):
            try:
                numbers[position] = read_number(value, form, parts=parts[position])
            except UnreadableValueError as error:
                bad[position], unclear[position] = True, isinstance(error, UnclearNumberError)
    series = pd.Series(numbers[positions], index=values.index, name=values.name)
    return Reading(series, bad[positions], form, units=units, unclear=unclear[positions])


def parse_numbers(
    uniques: Sequence[Any], rows: Sequence[int]
) -> tuple[NumberForm, dict[str, int], list[NumberText | None]]:
    """Return the form of a column, the rows of each unit, and the parts of each distinct text."""
    parts = [
        parse_number_text(value) if isinstance(value, str) and not is_missing(value) else None
        for value in uniques
    ]
    units: dict[str, int] = {}
    for part, count in zip(parts, rows, strict=True):
        if part is not None:
            units[part.unit] = units.get(part.unit, 0) + count
    return detect_number_form(parts, rows), units, parts


# ---- dates ----


def read_day(value: Any, form: DateForm = ONLY_ISO) -> float:
    """Return the days since 1970 of a date, timestamp, ISO text, or value in the column's form.

    Raises
    ------
    UnreadableValueError
        If it is not a date.
    """
    day = day_of(value.value if isinstance(value, Enum) else value, form)
    if day is None:
        other_form = "" if form.order == ONLY_ISO.order else f", or {form.order} as in past deals"
        raise UnreadableValueError(f"{shown(value)} is not a date (YYYY-MM-DD{other_form})")
    return float(day)


def read_dates(
    values: pd.Series[Any], order: str | None = None, *, form: DateForm | None = None
) -> Reading:
    """Parse a column of dates as whole days; the time of day and the time zone are dropped.

    Parameters
    ----------
    values : Series
        Dates, texts (ISO, DD.MM.YYYY, MM/DD/YYYY, names of months), Excel's serial numbers, numbers
        such as 20240131, or seconds or milliseconds since 1970.
    order : {"day first", "month first"}, optional
        Order to use if the column allows both, such as that of another column; day first if None.
    form : DateForm, optional
        The form detected in training; by default it is detected from the whole column.

    """
    import pandas as pd

    is_ambiguous = False
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = days_of_stamps(values)
        unreadable = np.zeros(len(values), dtype=bool)
    else:
        positions, uniques = distinct(values)
        is_given = [not is_missing(value) for value in uniques]
        if form is None:
            rows = np.bincount(positions[positions >= 0], minlength=len(uniques))
            given = [position for position, present in enumerate(is_given) if present]
            found = detect_date_order([uniques[i] for i in given], rows[given].tolist(), order)
            form, is_ambiguous = DateForm(found[0]), found[1]
        missing = np.iinfo(np.int64).min  # numpy's NaT
        numbers = np.full(len(uniques) + 1, missing, dtype=np.int64)
        unread = np.zeros(len(uniques) + 1, dtype=bool)
        for position, value in enumerate(uniques):
            day = day_of(value, form) if is_given[position] else None
            numbers[position], unread[position] = missing if day is None else day, day is None
            unread[position] &= is_given[position]
        days, unreadable = numbers[positions].astype("datetime64[D]"), unread[positions]
    series = pd.Series(days.astype("datetime64[us]"), index=values.index, name=values.name)
    return Reading(series, unreadable, form, is_ambiguous)


def days_of_stamps(values: pd.Series[Any]) -> NDArray[np.datetime64]:
    """Return the local days of a column of timestamps."""
    import pandas as pd

    stamps = pd.to_datetime(values)
    if isinstance(stamps.dtype, pd.DatetimeTZDtype):
        stamps = stamps.dt.tz_localize(None)
    days: NDArray[np.datetime64] = stamps.to_numpy().astype("datetime64[D]")
    return days


# ---- yes and no ----


def read_flag(value: Any) -> bool | None:
    """Return yes or no, in any spelling, as a boolean; None for anything else."""
    text = flag_text(level_text(value))
    return {"yes": True, "no": False}.get(text)


def flag_text(text: str) -> str:
    """Return "yes" or "no" for any of their spellings; any other text unchanged."""
    lower = text.casefold()
    if lower in YES:
        return "yes"
    return "no" if lower in NO else text


def read_flags(values: pd.Series[Any], *, outcome: bool = True) -> Reading:
    """Parse a column of yes and no in any spelling; unreadable cells become False.

    With `outcome`, words such as "churned" mean yes, and words such as "active" mean no.
    """
    import pandas as pd

    outcomes = dict.fromkeys(LEFT_WORDS, True) | dict.fromkeys(STAYED_WORDS, False)
    positions, uniques = distinct(values)
    is_yes = np.zeros(len(uniques) + 1, dtype=bool)
    unreadable = np.zeros(len(uniques) + 1, dtype=bool)
    for position, value in enumerate(uniques):
        flag = read_flag(value)
        if flag is None and outcome and isinstance(value, str):
            flag = outcomes.get(value.strip().casefold())
        is_yes[position] = bool(flag)
        unreadable[position] = flag is None and not is_missing(value)
    series = pd.Series(is_yes[positions], index=values.index, name=values.name)
    return Reading(series, unreadable[positions])
