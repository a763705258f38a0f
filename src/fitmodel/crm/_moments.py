"""The moment at which the knowledge about each deal ends, and the rows recorded before it.

Rows are sorted once by deal and time; each question is then a binary search in the deal's own rows,
for all deals at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.tables.values import read_dates, today

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec

    Ints = NDArray[np.int64]

NOT_A_TIME = np.iinfo(np.int64).min
DAY = 86_400 * 1_000_000  # microseconds


def first_not_before(times: Ints, start: Ints, stop: Ints, moments: Ints) -> Ints:
    """Position of the first row at or after each moment, within each range of sorted times.

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
    """All positions in several ranges, and the range of each position."""
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


@dataclass(frozen=True, eq=False)
class Moments:
    """Where the knowledge about each deal ends.

    Attributes
    ----------
    times : ndarray of int64 of shape (deals,)
        Microseconds since 1970; what lies strictly before is known.
    is_open : ndarray of bool of shape (deals,)
        Prospects: not signed by the day that is asked for.
    is_now : bool
        Whether that day is today, so that the table itself says how a prospect stands.
    """

    times: Ints
    is_open: NDArray[np.bool_]
    is_now: bool


def moments_of(deals: pd.DataFrame, spec: DealSpec, as_of: date | None = None) -> Moments:
    """Moment of each row of a table of deals or prospects.

    Of a deal that was signed by the day `as_of` (today without it) only what lies before the day of
    closing is known, less `[attributes] known_before_days`. Of any other all of `as_of` is known.

    Parameters
    ----------
    deals : DataFrame
        As read, nothing converted.
    spec : DealSpec
    as_of : date, optional
    """
    day = np.datetime64(today() if as_of is None else as_of, "D")
    column = spec.deals.closed_on
    closing = np.full(len(deals), np.datetime64("NaT", "D"))
    if column in deals.columns:
        forms = spec.reading.forms
        known = forms.date(column) if column in forms.dates else None
        closing = read_dates(deals[column], form=known).series.to_numpy().astype("datetime64[D]")
    is_open = ~(closing <= day)  # without a date too
    ends = closing - spec.attributes.known_before_days
    ends = np.where(is_open, day + 1, ends)
    times: Ints = ends.astype("datetime64[D]").astype(np.int64) * DAY
    return Moments(times, is_open, bool(day >= np.datetime64(today(), "D")))
