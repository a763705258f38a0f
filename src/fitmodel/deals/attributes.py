"""Attributes of deals and prospects; dates become days before closing here only.

Training and scoring both read their attributes here, so a date means the same in both: how many
days before closing it lies.
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

_ENOUGH = 0.95
"""Share of a text column's values that must be dates for the column to be one, at training."""
_HEAD = 50
"""Values looked at before a whole text column is read as dates: most columns end there."""


@dataclass(frozen=True, eq=False)
class ReadAttributes:
    """
    Attributes of a table, dates turned into durations.

    Attributes
    ----------
    frame : DataFrame of shape (n, attributes)
        Index of the table; date attributes in days before closing (float, negative after it).
    dates : tuple of str
        Which attributes are dates.
    unreadable : dict of str to ndarray of bool of shape (n,)
        For each date attribute with a value that is not a date: the rows where that is so. They are
        missing in ``frame``.
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
    """Attributes of a table with dates as days before closing; `read_attributes` says more."""
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
    Select the attributes of a table and turn its dates into days before closing.

    Parameters
    ----------
    table : DataFrame
        Deals or prospects, one a row.
    spec_or_names : DealSpec or iterable of str
        The contract, or the attributes a model expects, in its order.
    closed_on : date, column of dates, optional
        Day (or days, one a row) to count from. By default the contract's closing date where the
        table has it, else today: a prospect is not signed yet.
    dates : collection of str, optional
        Which attributes are dates, as found at training. By default a column is a date if its type
        says so, or if it is text and at least 95 % of its values are ISO dates.
    forms : Forms, optional
        In which dates are written beside YYYY-MM-DD, as found at training.

    Raises
    ------
    DealsError, ProspectError
        If an attribute has no column; the second where names are given, as in scoring.
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
    """The attributes wanted, each of which the table must have."""
    by_spec = isinstance(spec_or_names, DealSpec)
    names = (
        spec_or_names.attribute_names(table.columns)
        if isinstance(spec_or_names, DealSpec)
        else tuple(spec_or_names)
    )
    absent = [name for name in names if name not in table.columns]
    if absent:
        extra = [column for column in table.columns if column not in names]
        error = DealsError if by_spec else ProspectError
        raise error(
            f"{len(absent)} of {len(names)} attributes have no column: {absent}; columns that are "
            f"no attribute: {extra}; rename or add the columns (an empty one counts as missing)"
        )
    return names


def _closing_days(table: pd.DataFrame, spec_or_names: Any, closed_on: Any) -> Any:
    """Day to count from, for each row."""
    if closed_on is None and isinstance(spec_or_names, DealSpec):
        column = spec_or_names.deals.closed_on
        closed_on = table[column] if column in table.columns else None
    if closed_on is None:
        closed_on = today()
    return to_days(closed_on)


def is_date(column: pd.Series[Any]) -> bool:
    """Whether a column of deals is one of dates: by its type, or text of ISO dates."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return True
    if not _is_text(column):
        return False
    given = column.dropna()
    if not given.iloc[:_HEAD].map(_looks_like_date).any():
        return False
    days, _ = read_days(given)
    return float((~np.isnat(days)).mean()) >= _ENOUGH


def _is_text(column: pd.Series[Any]) -> bool:
    return bool(
        pd.api.types.is_string_dtype(column.dtype) or pd.api.types.is_object_dtype(column.dtype)
    )


def _looks_like_date(value: Any) -> bool:
    text = str(value).strip()
    return isinstance(value, date) or (len(text) >= 10 and text[4] == "-" and text[7] == "-")  # noqa: PLR2004 (YYYY-MM-DD)


def read_days(column: pd.Series[Any], form: DateForm = ONLY_ISO) -> tuple[Days, NDArray[np.bool_]]:
    """Days of a column, and which rows hold no date in this form.

    In ISO form a number is not a date: reading it as one would count nanoseconds since 1970.
    """
    reading = read_dates(column, form=form)
    return reading.series.to_numpy().astype("datetime64[D]"), reading.unreadable


def _days_between(earlier: Any, later: Any) -> NDArray[np.float64]:
    """Days from the one to the other; NaN where a date is missing."""
    days = (later - earlier).astype("timedelta64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(float))
