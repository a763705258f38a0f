"""Read a number, a date, a yes or no: one value and a whole column, side by side.

column -> its distinct values -> the form they are written in -> each value read in that form

A column is read through its distinct values by the function that reads one value, so both give the
same. Training settles the form on the whole column; scoring reads in the form that training found.
numpy only until a column is read: this file is on the path of a single prospect.
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
    settle_order,
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
    is_other_unit,
    settle_form,
    take_apart,
    value_of,
)
from fitmodel.tables.cells import (
    distinct,
    is_empty,
    is_many,
    is_missing,
    is_text,
    level_text,
    shown,
)
from fitmodel.tables.vocabulary import LEFT, NO, STAYED, YES

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
    "is_many",
    "is_missing",
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
NO_QUANTITY = (np.datetime64, np.timedelta64, np.complexfloating)  # though numpy makes them floats


@dataclass(frozen=True, eq=False)
class Reading:
    """A column that was read.

    Attributes
    ----------
    series : Series
        With the index of the column; missing where nothing stands or nothing could be read.
    unreadable : ndarray of bool of shape (rows,)
        Where something stands that could not be read.
    form : NumberForm or DateForm or None
        The form that was settled, or given.
    swapped : bool
        Of dates: whether all of them read day first and month first, as other days.
    units : mapping of str to int
        Of numbers: how many rows have each unit, "" where there is none.
    unclear : ndarray of bool of shape (rows,) or None
        Of numbers: which of the unreadable do not tell their decimal mark.
    """

    series: pd.Series[Any]
    unreadable: Mask
    form: NumberForm | DateForm | None = None
    swapped: bool = False
    units: Mapping[str, int] = field(default_factory=dict)
    unclear: Mask | None = None

    @property
    def order(self) -> str | None:
        """The order of day and month; "either" where nothing told which."""
        if self.swapped:
            return EITHER
        return self.form.order if isinstance(self.form, DateForm) else None


# ---- numbers ----


def read_number(
    value: Any, form: NumberForm = UNKNOWN, *, parts: NumberText | None = None
) -> float:
    """Read a number from a number or from text; infinite is not a known amount, so NaN.

    Parameters
    ----------
    value : object
    form : NumberForm
        In which text is read.
    parts : NumberText, optional
        The text taken apart, where that was done already.

    Raises
    ------
    UnreadableValueError
        If it is not a number, or one of another unit than the form's.
    UnclearNumberError
        If its marks do not tell which number it is.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        number = _number_of_text(value.strip(), form, parts)
    elif hasattr(value, "__float__") and not isinstance(value, NO_QUANTITY) and not is_many(value):
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
    parts = parts or take_apart(text)
    if parts is None:
        raise UnreadableValueError(f"{shown(text)} is not a number")
    if is_other_unit(parts.unit, form):
        learned = f"in {form.unit}" if form.unit else "without a unit"
        raise UnreadableValueError(f"{shown(text)} is not a number {learned}")
    try:
        return value_of(parts, form)
    except UnclearNumberError:
        raise UnclearNumberError(
            f"{shown(text)} does not tell its decimal mark from one for thousands"
        ) from None
    except ValueError:
        raise UnreadableValueError(f"{shown(text)} is not a number") from None


def read_numbers(
    values: pd.Series[Any],
    form: NumberForm | None = None,
    *,
    levels: tuple[NDArray[np.intp], Sequence[Any]] | None = None,
) -> Reading:
    """Read a column of numbers; without a form it is settled on the whole column.

    Currency signs, units and thousands marks are dropped; infinite is missing. Rows of another unit
    than most rows' are unreadable: 15 is no 15 %, and $ 100 no ¥ 100. `levels` are the column's
    `distinct` values, where they are known.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind != "c":
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        series = pd.Series(numbers, index=values.index, name=values.name)
        return Reading(series, np.zeros(len(values), dtype=bool), form)
    positions, uniques = distinct(values) if levels is None else levels
    units: dict[str, int] = {}
    parts: Sequence[NumberText | None] = [None] * len(uniques)
    if form is None:
        rows = np.bincount(positions[positions >= 0], minlength=len(uniques)).tolist()
        form, units, parts = settled_numbers(uniques, rows)
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


def settled_numbers(
    uniques: Sequence[Any], rows: Sequence[int]
) -> tuple[NumberForm, dict[str, int], list[NumberText | None]]:
    """Form of a column by its distinct texts, rows of each unit, and the texts taken apart."""
    parts = [
        take_apart(value) if isinstance(value, str) and not is_missing(value) else None
        for value in uniques
    ]
    units: dict[str, int] = {}
    for part, count in zip(parts, rows, strict=True):
        if part is not None:
            units[part.unit] = units.get(part.unit, 0) + count
    return settle_form(parts, rows), units, parts


# ---- dates ----


def read_day(value: Any, form: DateForm = ONLY_ISO) -> float:
    """Days since 1970 of a date, a timestamp, ISO text, or what the column's form reads.

    Raises
    ------
    UnreadableValueError
        If it is not a date.
    """
    day = day_of(value.value if isinstance(value, Enum) else value, form)
    if day is None:
        also = "" if form.order == ONLY_ISO.order else f", or {form.order} as in past deals"
        raise UnreadableValueError(f"{shown(value)} is not a date (YYYY-MM-DD{also})")
    return float(day)


def read_dates(
    values: pd.Series[Any], order: str | None = None, *, form: DateForm | None = None
) -> Reading:
    """Read a column of whole days; time of day and time zone are dropped, the day being the zone's.

    Parameters
    ----------
    values : Series
        Dates, text (ISO, DD.MM.YYYY, MM/DD/YYYY, names of months and the like), Excel's serial
        numbers, numbers such as 20240131, or seconds or milliseconds since 1970.
    order : {"day first", "month first"}, optional
        Which of the two to take where the column itself leaves both open, as a sibling column
        tells it; day first without.
    form : DateForm, optional
        The form that training found; without, it is settled on the whole column.
    """
    import pandas as pd

    swapped = False
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = days_of_stamps(values)
        bad = np.zeros(len(values), dtype=bool)
    else:
        positions, uniques = distinct(values)
        known = [not is_missing(value) for value in uniques]
        if form is None:
            rows = np.bincount(positions[positions >= 0], minlength=len(uniques))
            given = [position for position, there in enumerate(known) if there]
            settled = settle_order([uniques[each] for each in given], rows[given].tolist(), order)
            form, swapped = DateForm(settled[0]), settled[1]
        nothing = np.iinfo(np.int64).min  # numpy's NaT
        result = np.full(len(uniques) + 1, nothing, dtype=np.int64)
        unread = np.zeros(len(uniques) + 1, dtype=bool)
        for position, value in enumerate(uniques):
            day = day_of(value, form) if known[position] else None
            result[position], unread[position] = nothing if day is None else day, day is None
            unread[position] &= known[position]
        days, bad = result[positions].astype("datetime64[D]"), unread[positions]
    series = pd.Series(days.astype("datetime64[us]"), index=values.index, name=values.name)
    return Reading(series, bad, form, swapped)


def days_of_stamps(values: pd.Series[Any]) -> NDArray[np.datetime64]:
    """Whole days of a typed column of dates, in its own zone."""
    import pandas as pd

    stamps = pd.to_datetime(values)
    if isinstance(stamps.dtype, pd.DatetimeTZDtype):
        stamps = stamps.dt.tz_localize(None)
    days: NDArray[np.datetime64] = stamps.to_numpy().astype("datetime64[D]")
    return days


# ---- yes and no ----


def read_flag(value: Any) -> bool | None:
    """Read yes or no in any spelling; None of anything else."""
    text = flag_text(level_text(value))
    return {"yes": True, "no": False}.get(text)


def flag_text(text: str) -> str:
    """Give "yes" or "no" for any of their spellings, otherwise the text itself."""
    folded = text.casefold()
    if folded in YES:
        return "yes"
    return "no" if folded in NO else text


def read_flags(values: pd.Series[Any], *, outcome: bool = True) -> Reading:
    """Read a column of yes and no in any spelling; False where neither could be read.

    With `outcome`, words such as "churned" and "active" say too whether a customer left.
    """
    import pandas as pd

    positions, uniques = distinct(values)
    yes = np.zeros(len(uniques) + 1, dtype=bool)
    bad = np.zeros(len(uniques) + 1, dtype=bool)
    for position, value in enumerate(uniques):
        flag = read_flag(value)
        if flag is None and outcome and isinstance(value, str):
            flag = _left(value.strip().casefold())
        yes[position] = bool(flag)
        bad[position] = flag is None and not is_missing(value)
    series = pd.Series(yes[positions], index=values.index, name=values.name)
    return Reading(series, bad[positions])


def _left(word: str) -> bool | None:
    return True if word in LEFT else (False if word in STAYED else None)
