"""Calendar months: adding them to dates, and counting them between dates, for whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Days = NDArray[np.datetime64]

DAYS_PER_MONTH = 365.25 / 12


def to_days(dates: Any) -> Days:
    """
    Whole days (``datetime64[D]``) of a column or single date; what is empty stays NaT.

    Hours are dropped: a contract is signed and ended on a day. A time zone is dropped too, the day
    being that of the zone's own clock.

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
    """
    The same day of the month, ``months`` later; the month's last day where it has no such day.

    31 January + 1 month is 28 or 29 February, and 29 February + 12 months is 28 February.
    """
    first = days.astype("datetime64[M]")
    day = days - first.astype("datetime64[D]")
    target = first + np.asarray(months).astype("timedelta64[M]")
    start = target.astype("datetime64[D]")
    last_day = (target + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    moved: Days = np.minimum(start + day, last_day)
    return moved


def months_between(start: Days, end: Days) -> NDArray[np.float64]:
    """
    Calendar months from ``start`` to ``end``: whole months plus the share of the running one.

    Never falls as ``end`` grows, and for whole ``h``: ``months_between(a, b) <= h`` exactly when
    ``b <= add_months(a, h)``. NaN where a date is missing; negative where ``end`` lies before.
    """
    missing = np.isnat(start) | np.isnat(end)
    start = np.where(missing, np.datetime64("2000-01-01"), start)
    end = np.where(missing, np.datetime64("2000-01-01"), end)
    whole = (end.astype("datetime64[M]") - start.astype("datetime64[M]")).astype(np.int64)
    whole -= add_months(start, whole) > end
    reached = add_months(start, whole)
    running = add_months(start, whole + 1) - reached
    months: NDArray[np.float64] = whole + (end - reached) / running
    return np.where(missing, np.nan, months)
