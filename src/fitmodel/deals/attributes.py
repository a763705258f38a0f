"""Attributes of deals and prospects: dates become days before closing; constant ones are found.

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

from fitmodel.deals._sections import NO_NAMES
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.months import to_days
from fitmodel.deals.validation import shown
from fitmodel.exceptions import DealsError, ProspectError
from fitmodel.tables.forms import NO_FORMS, Finding
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
FIRST_ROWS = 20  # rows checked before a whole column; most attributes already vary among them
_PLAIN = (str, int, float, pd.Timestamp)  # types of cells that can be compared


@dataclass(frozen=True, eq=False)
class ReadAttributes:
    """Attributes of a table, with dates turned into durations.

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
    """Return the attributes of a table, with dates as days before closing.

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


def find_constants(table: pd.DataFrame, spec: DealSpec) -> tuple[Finding, ...]:
    """Find attributes that are constant, empty, or a copy of the closing date.

    Parameters
    ----------
    table : DataFrame
        Tidy past deals, only the rows that are customers.

    Returns
    -------
    tuple of Finding
        One finding per attribute, with the code "constant"; `without_attributes` removes these
        attributes from a contract.
    """
    names = [name for name in spec.attribute_names(table.columns) if name in table.columns]
    result = []
    for name in names:
        reason = _constant_text(table[name]) or _closing_date_text(table, name, spec)
        if reason is not None:
            remedy = f'add "{name}" to [attributes] exclude, or correct the export'
            message = f"{reason}: it holds no information, so it is left out of learning"
            result.append(Finding("constant", name, len(table), "", message, remedy))
    return tuple(result)


def _constant_text(values: pd.Series[Any]) -> str | None:
    """Return a sentence with the only value of a column; None if it has several."""
    if _differ(values.iloc[:FIRST_ROWS].tolist()):
        return None
    if values.isna().all():
        return "every value is empty"
    if values.isna().any() or not (values == values.iloc[0]).all():
        return None
    return f"every value is {shown(values.iloc[0])}"


def _differ(cells: list[Any]) -> bool:
    """Return whether the first of some cells is a plain value and another one differs from it."""
    first = next(iter(cells), None)
    return isinstance(first, _PLAIN) and any(
        type(cell) is type(first) and first == first and cell == cell and cell != first  # noqa: PLR0124 - NaN
        for cell in cells
    )


def _closing_date_text(table: pd.DataFrame, name: str, spec: DealSpec) -> str | None:
    """Return a sentence if a column equals the closing date: always 0 days before closing."""
    closing = spec.deals.closed_on
    if closing not in table.columns or not table[name].equals(table[closing]):
        return None
    return f"every value equals that of {closing!r}"


def without_attributes(spec: DealSpec, names: tuple[str, ...]) -> DealSpec:
    """Return the contract with some attributes excluded and removed from its other lists.

    Raises
    ------
    SpecError
        If `include` would have no attribute left.
    """
    if not names:
        return spec
    keys = spec.attributes.model_dump(exclude={*NO_NAMES, "exclude", "parents"}, exclude_none=True)
    changed: dict[str, Any] = {
        key: tuple(name for name in listed if name not in names) for key, listed in keys.items()
    }
    changed["parents"] = {
        child: parent
        for child, parent in spec.attributes.parents.items()
        if not {child, parent} & set(names)
    }
    if spec.attributes.include is None:
        changed["exclude"] = (*spec.attributes.exclude, *names)
    return spec.replace(attributes=changed)
