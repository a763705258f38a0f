"""Calendar months: add them to dates, and count them between dates, for whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Days = NDArray[np.datetime64]

DAYS_PER_MONTH = 365.25 / 12


def to_days(dates: Any) -> Days:
    """Return a column or a single date as days (``datetime64[D]``); empty cells become NaT.

    The time of day is dropped. A time zone is dropped too: the day is that of the local time.

    Raises
    ------
    ValueError
        If a text is not an ISO date.
    """
    if isinstance(dates, np.ndarray) and np.issubdtype(dates.dtype, np.datetime64):
        return dates.astype("datetime64[D]")
    read = pd.to_datetime(pd.Series(dates if pd.api.types.is_list_like(dates) else [dates]))
    if isinstance(read.dtype, pd.DatetimeTZDtype):
        read = read.dt.tz_localize(None)
    return read.to_numpy().astype("datetime64[D]")


def add_months(days: Days, months: int | NDArray[np.int64]) -> Days:
    """Return the same day of the month, ``months`` later, or the last day of a shorter month.

    31 January + 1 month is 28 or 29 February, and 29 February + 12 months is 28 February.
    """
    first = days.astype("datetime64[M]")
    day = days - first.astype("datetime64[D]")
    target = first + np.asarray(months).astype("timedelta64[M]")
    start = target.astype("datetime64[D]")
    last_day = (target + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    result: Days = np.minimum(start + day, last_day)
    return result


def months_between(start: Days, end: Days) -> NDArray[np.float64]:
    """
    Return the calendar months from ``start`` to ``end``: whole months plus a fraction of a month.

    The result never falls as ``end`` grows. For whole ``h``, ``months_between(a, b) <= h`` if and
    only if ``b <= add_months(a, h)``. NaN if a date is missing; negative if ``end`` is earlier.
    """
    missing = np.isnat(start) | np.isnat(end)
    start = np.where(missing, np.datetime64("2000-01-01"), start)
    end = np.where(missing, np.datetime64("2000-01-01"), end)
    full_months = (end.astype("datetime64[M]") - start.astype("datetime64[M]")).astype(np.int64)
    full_months -= add_months(start, full_months) > end
    last_full_month = add_months(start, full_months)
    days_in_month = add_months(start, full_months + 1) - last_full_month
    months: NDArray[np.float64] = full_months + (end - last_full_month) / days_in_month
    return np.where(missing, np.nan, months)
