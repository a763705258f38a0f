"""The one place where attributes leave the table: dates become days before closing.

Training and scoring both come through here, so that a date means the same in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fitmodel.deals.contract import DealSpec

DATE_SHARE = 0.95  # of the filled-in texts must be ISO dates for the column to be one
_DAY_SECONDS = 86_400.0
_ISO_DATE = r"\s*\d{4}-\d{2}-\d{2}([T ].*)?"


@dataclass(frozen=True, eq=False)
class ReadAttributes:
    """Attributes ready for the learner.

    Attributes
    ----------
    frame : DataFrame
        Attribute columns only; dates as float days before closing.
    dates : tuple of str
        Which attributes were dates.
    """

    frame: pd.DataFrame
    dates: tuple[str, ...]


def read_attributes(table: pd.DataFrame, spec: DealSpec) -> ReadAttributes:
    """Attributes of deals to learn from; which are dates is told by their content.

    Parameters
    ----------
    table : DataFrame
        Deals as read by ``read_deals``.
    spec : DealSpec
        Names the attributes and the closing date.
    """
    names = spec.attribute_names(table.columns)
    dates = tuple(name for name in names if is_date(table[name]))
    closing = spec.deals.closed_on
    closed_on = None if closing is None else table[closing]
    if closed_on is None:
        return ReadAttributes(table[list(names)], dates)
    return ReadAttributes(attribute_frame(table, names, closed_on=closed_on, dates=dates), dates)


def attribute_frame(
    table: pd.DataFrame,
    names: Sequence[str],
    *,
    closed_on: pd.Series[Any] | pd.Timestamp,
    dates: Collection[str] = (),
) -> pd.DataFrame:
    """Attribute columns in order, each date as the days from it to the closing.

    Parameters
    ----------
    table : DataFrame
    names : sequence of str
    closed_on : Series or Timestamp
        The closing, or for a prospect the day from which to count.
    dates : collection of str
        Attributes to read as dates; a value that is no date becomes NaN.

    Returns
    -------
    DataFrame with the table's index. Negative days lie after the closing.

    Raises
    ------
    DealsError
        If an attribute's column is absent.
    """
    absent = [name for name in names if name not in table.columns]
    if absent:
        raise DealsError(
            f"the table lacks the attribute(s) {absent}; it has {list(table.columns)}. "
            "Remedy: add them, or exclude them in [attributes]."
        )
    frame = table[list(names)].copy()
    for name in names:
        if name in dates:
            passed: pd.Series[Any] = closed_on - _as_days(table[name])
            frame[name] = passed.dt.total_seconds() / _DAY_SECONDS
    return frame


def is_date(values: pd.Series[Any]) -> bool:
    """Tell whether a column holds dates: by type, or text that is nearly all ISO dates."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return True
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return False
    known = values.dropna().astype(str)
    looks = known.str.fullmatch(_ISO_DATE)
    if len(known) == 0 or looks.mean() < DATE_SHARE:
        return False
    return bool(_as_days(known).notna().mean() >= DATE_SHARE)


def _as_days(values: pd.Series[Any]) -> pd.Series[Any]:
    """Whole days, without time zone; NaT where a value is no date."""
    moments = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    return moments.dt.tz_localize(None).dt.normalize()
