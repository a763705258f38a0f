"""Find rows of a table that is sorted by deal and time: the join as of a moment.

Sorted once, each question is a binary search in the deal's own rows, for all deals at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

NOT_A_TIME = np.iinfo(np.int64).min
DAY = 86_400 * 1_000_000  # microseconds


def first_not_before(times: Ints, start: Ints, stop: Ints, moments: Ints) -> Ints:
    """Place of the first row at or after each moment, within each range of sorted times.

    Parameters
    ----------
    times : ndarray of int64
        Ascending within every range.
    start, stop, moments : ndarray of int64 of shape (questions,)
        The rows ``start <= position < stop`` are searched; `stop` is the answer where all lie
        before.

    Notes
    -----
    Only rows before the answer decide it and those after it cannot, which is why nothing that was
    recorded later can change an attribute.
    """
    low, high = start.copy(), stop.copy()
    asking = np.flatnonzero(low < high)
    while len(asking):
        middle = (low[asking] + high[asking]) // 2
        before = times[middle] < moments[asking]
        low[asking[before]] = middle[before] + 1
        high[asking[~before]] = middle[~before]
        asking = asking[low[asking] < high[asking]]
    return low


def rows_of(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """All positions of some ranges, and of which range each is."""
    lengths = stop - start
    owner = np.repeat(np.arange(len(start), dtype=np.int64), lengths)
    before = np.cumsum(lengths) - lengths
    positions = np.arange(int(lengths.sum()), dtype=np.int64) - before[owner] + start[owner]
    return positions, owner


def days_between(earlier: Ints, later: Ints) -> NDArray[np.float64]:
    """Whole calendar days from one moment to another; NaN where one is missing."""
    missing = (earlier == NOT_A_TIME) | (later == NOT_A_TIME)
    days = later // DAY - earlier // DAY
    return np.where(missing, np.nan, days.astype(np.float64))
