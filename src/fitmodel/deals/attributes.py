"""Attributes of deals and prospects, with dates turned into days before closing.

Training and scoring both read their attributes here, so that a date means the same in both: the
number of days from it to the closing date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.months import to_days
from fitmodel.exceptions import DealsError, ProspectError
from fitmodel.tables.forms import NO_FORMS
from fitmodel.tables.values import ONLY_ISO, read_dates, today

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.months import Days
    from fitmodel.tables.forms import Forms
    from fitmodel.tables.values import DateForm

_MIN_DATE_SHARE = 0.95
"""Minimum share of dates among the values of a text column that is treated as a date column."""
CHECKED_FIRST = 50
"""Values checked before a whole text column is parsed; most columns have no date among them."""


@dataclass(frozen=True, eq=False)
class ReadAttributes:
    """
    Attributes of a table, with dates turned into durations.

    Attributes
    ----------
    frame : DataFrame of shape (n, attributes)
        The attributes, with the index of the table. A date attribute is a float: days before
        closing, negative for a date after closing.
    dates : tuple of str
        Names of the attributes that are dates.
    unreadable : dict of str to ndarray of bool of shape (n,)
        For each date attribute that has values which are not dates: a mask of these rows. The
        values are NaN in ``frame``.
    """

    frame: pd.DataFrame
    dates: tuple[str, ...]
    unreadable: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


def attribute_frame(
    table: pd.DataFrame,
    spec_or_names: DealSpec | Iterable[str],
    *,
    closed_on: Any = None,
    dates: Collection[str] | None = None,
) -> pd.DataFrame:
    """Return the attributes of a table, dates as days before closing; see `read_attributes`."""
    return read_attributes(table, spec_or_names, closed_on=closed_on, dates=dates).frame


def read_attributes(
    table: pd.DataFrame,
    spec_or_names: DealSpec | Iterable[str],
    *,
    closed_on: Any = None,
    dates: Collection[str] | None = None,
    forms: Forms = NO_FORMS,
) -> ReadAttributes:
    """
    Return the attributes of a table, with dates as days before closing.

    Parameters
    ----------
    table : DataFrame
        Deals or prospects, one per row.
    spec_or_names : DealSpec or iterable of str
        The contract, or the names of a model's attributes, in the order of the result.
    closed_on : date or column of dates, optional
        Day, or one day per row, from which dates are counted. By default the closing date of the
        contract if the table has it, otherwise today, since a prospect is not signed yet.
    dates : collection of str, optional
        Names of the attributes that are dates, as detected in training. By default a column is a
        date if its dtype is, or if it is text and at least 95% of its values are ISO dates.
    forms : Forms, optional
        Forms of dates other than YYYY-MM-DD, as detected in training.

    Returns
    -------
    ReadAttributes
        The attributes, and which of them are dates.

    Raises
    ------
    DealsError, ProspectError
        If an attribute has no column: `ProspectError` if names are given, as in scoring.
    """
    names = _names(table, spec_or_names)
    frame = table.loc[:, list(names)].copy()
    result = tuple(n for n in names if (is_date(frame[n]) if dates is None else n in dates))
    unreadable: dict[str, NDArray[np.bool_]] = {}
    if result:
        closed = _closing_days(table, spec_or_names, closed_on)
        for name in result:
            days, wrong = read_days(frame[name], forms.date(name))
            frame[name] = _days_between(days, closed)
            if wrong.any():
                unreadable[name] = wrong
    return ReadAttributes(frame, result, unreadable)


def _names(table: pd.DataFrame, spec_or_names: DealSpec | Iterable[str]) -> tuple[str, ...]:
    """Return the names of the attributes to read; each must be a column of the table."""
    is_training = isinstance(spec_or_names, DealSpec)
    names = (
        spec_or_names.attribute_names(table.columns)
        if isinstance(spec_or_names, DealSpec)
        else tuple(spec_or_names)
    )
    absent = [name for name in names if name not in table.columns]
    if absent:
        extra = [column for column in table.columns if column not in names]
        error = DealsError if is_training else ProspectError
        raise error(
            f"{len(absent)} of {len(names)} attributes have no column: {absent}; columns that are "
            f"not attributes: {extra}; rename or add the columns (an added column may be empty)"
        )
    return names


def _closing_days(table: pd.DataFrame, spec_or_names: Any, closed_on: Any) -> Any:
    """Return the day or days from which dates are counted: closing, or today for prospects."""
    if closed_on is None and isinstance(spec_or_names, DealSpec):
        column = spec_or_names.deals.closed_on
        closed_on = table[column] if column in table.columns else None
    if closed_on is None:
        closed_on = today()
    return to_days(closed_on)


def is_date(column: pd.Series[Any]) -> bool:
    """Return whether a column holds dates: by its dtype, or as text with ISO dates."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return True
    if not _is_text(column):
        return False
    given = column.dropna()
    if not given.iloc[:CHECKED_FIRST].map(_looks_like_date).any():
        return False
    days, _ = read_days(given)
    return float((~np.isnat(days)).mean()) >= _MIN_DATE_SHARE


def _is_text(column: pd.Series[Any]) -> bool:
    return bool(
        pd.api.types.is_string_dtype(column.dtype) or pd.api.types.is_object_dtype(column.dtype)
    )


def _looks_like_date(value: Any) -> bool:
    text = str(value).strip()
    return isinstance(value, date) or (len(text) >= 10 and text[4] == "-" and text[7] == "-")  # noqa: PLR2004 (YYYY-MM-DD)


def read_days(column: pd.Series[Any], form: DateForm = ONLY_ISO) -> tuple[Days, NDArray[np.bool_]]:
    """Return a column as days, and a mask of the rows that hold no date in this form.

    A number is not a date in ISO form: pandas would read it as nanoseconds since 1970.
    """
    reading = read_dates(column, form=form)
    return reading.series.to_numpy().astype("datetime64[D]"), reading.unreadable


def _days_between(earlier: Any, later: Any) -> NDArray[np.float64]:
    """Return the days from the earlier to the later date; NaN if one of them is missing."""
    days = (later - earlier).astype("timedelta64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(float))
