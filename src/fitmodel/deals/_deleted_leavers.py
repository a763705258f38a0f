"""Whether more customers leave now, or earlier leavers were deleted from the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals._last_leavers import Leavers
from fitmodel.deals.months import add_months

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals._history_view import HistoryView
    from fitmodel.deals._last_leavers import Period

    Floats = NDArray[np.float64]

MIN_RISE, MIN_EXPECTED = 1.5, 20.0  # of the level; leavers expected before the day, and since
MIN_MONTHS_SINCE, MAX_MONTHS_SINCE = 3, 30  # from such a day to the end of the extract
MIN_COUNTING_UP = 0.95  # rank correlation with the closing date of numbers given in order
MAX_MISSING_SINCE, MIN_MISSING_BEFORE = 0.1, 0.1  # share of missing numbers; difference to before
MIN_NUMBERED = 50
EDGE = 0.01  # of the numbers at each end are left out: a few are of another series


@dataclass(frozen=True)
class DeletedLeavers:
    """A day before which leavers may be missing from a table, because some were deleted.

    `day`, datetime64[D]: first day of the month from which on more customers leave.
    `id`: column of the running numbers of the deals; "" if there are none.
    `missing_before`, `missing_since`: share of these numbers that is missing among deals signed
        before the day, and since; 0 if there are none.
    """

    day: np.datetime64
    id: str = ""
    missing_before: float = 0.0
    missing_since: float = 0.0

    def __str__(self) -> str:
        gaps = ""
        if self.id:
            gaps = (
                f" ({self.missing_before:.0%} of the numbers in {self.id} are missing among deals "
                f"signed before, and {self.missing_since:.0%} among those signed since, so rows "
                "were deleted)"
            )
        return (
            f". But if customers who left before {self.day} were deleted{gaps}, set [deals] "
            f'observed_from = "{self.day}" and [rows] unobserved = "drop"'
        )


def find_deleted(view: HistoryView) -> DeletedLeavers | None:
    """Return the day before which leavers may have been deleted.

    `view`: deals of which more leave now than before.
    Returns None if the level has not risen by half or more at a day, and if the deals have running
        numbers without gaps.

    The day divides the months into two parts, each with one level, such that the likelihood of the
    recorded leavers is largest (Poisson, at equal ages). The table alone cannot tell deleted
    leavers from a level that has risen. Running numbers can: where rows were deleted they have
    gaps.
    """
    closed = view.closed
    if closed is None or not view.left.any():
        return None
    day = _day_of_rise(view)
    if day is None:
        return None
    numbers = _running_numbers(view)
    if numbers is None:
        return DeletedLeavers(day)
    before, since = (_missing(numbers[rows]) for rows in (closed < day, closed >= day))
    if np.isnan(before) or np.isnan(since) or since > MAX_MISSING_SINCE:
        return DeletedLeavers(day)
    if before - since < MIN_MISSING_BEFORE:
        return None
    return DeletedLeavers(day, str(view.spec.deals.id), before, since)


def _day_of_rise(view: HistoryView) -> np.datetime64 | None:
    """Return the first day of a month that divides the leavers best into a low and a high level."""
    leavers = Leavers(view)
    first, end = leavers.closed.min() - np.timedelta64(1, "D"), view.extract_end
    hazard = leavers.hazard(first, end)
    latest = add_months(np.array([end]), -MIN_MONTHS_SINCE)[0]
    earliest = max(first, add_months(np.array([end]), -MAX_MONTHS_SINCE)[0])
    months = np.arange(earliest.astype("datetime64[M]") + 1, latest.astype("datetime64[M]") + 1)
    best, best_day, rise = 0.0, None, 0.0
    for day in months.astype("datetime64[D]"):
        before = leavers.between(first, day - np.timedelta64(1, "D"), hazard)
        since = leavers.between(day - np.timedelta64(1, "D"), end, hazard)
        if min(before.expected, since.expected) < MIN_EXPECTED:
            continue
        gain = _log_likelihood(before) + _log_likelihood(since)
        if gain > best:
            best, best_day = gain, day
            rise = since.ratio / before.ratio if before.observed else np.inf
    return best_day if rise >= MIN_RISE else None


def _log_likelihood(period: Period) -> float:
    """Return the part of the log likelihood of a period that depends on its own level."""
    count = period.observed
    return float(count * np.log(count / period.expected)) if count else 0.0


def _running_numbers(view: HistoryView) -> Floats | None:
    """Return the numbers in the ids, if they were given in the order of signing; else None."""
    name = view.spec.deals.id
    if name is None or name not in view.deals.columns:
        return None
    ids = view.deals[name].astype("str").str.extract(r"(\d+)(?:\.0)?$", expand=False)
    numbers = pd.to_numeric(ids, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    if not np.isfinite(numbers).all() or len(np.unique(numbers)) < len(numbers):
        return None
    days = pd.Series(np.asarray(view.closed).astype(np.int64))
    order = float(pd.Series(numbers).rank().corr(days.rank()))
    return numbers if order > MIN_COUNTING_UP else None


def _missing(numbers: Floats) -> float:
    """Return the share of missing numbers between the lowest and the highest; NaN for too few."""
    if len(numbers) < MIN_NUMBERED:
        return float("nan")
    low, high = np.quantile(numbers, (EDGE, 1 - EDGE), method="nearest")
    inside = int(((numbers >= low) & (numbers <= high)).sum())
    return float(max(1 - inside / (high - low + 1), 0.0))
