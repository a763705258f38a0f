"""The times of a table's rows, the cut-off of each deal, and a search for the rows before it.

Rows are sorted once by deal and time. The rows before the cut-off are then found by a binary search
in each deal's rows, for all deals at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.crm._long_table import coded_texts
from fitmodel.exceptions import DealsError
from fitmodel.tables.moments import read_moments
from fitmodel.tables.values import read_dates, today

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.crm._long_table import Coded, RowFinding, Rows
    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.values import Mask

    Ints = NDArray[np.int64]

NOT_A_TIME = np.iinfo(np.int64).min
DAY = 86_400 * 1_000_000  # microseconds
MAX_UNREADABLE = 0.5
WRITE_DATES = "write dates as YYYY-MM-DD, with or without a time"


def first_not_before(times: Ints, start: Ints, stop: Ints, moments: Ints) -> Ints:
    """Return the position of the first row at or after each moment, within ranges of sorted times.

    `times`, ndarray of int64 of shape (rows,): times, in ascending order within each range.
    `start`, `stop`, `moments`, ndarray of int64 of shape (n,): the rows ``start <= position <
        stop`` are searched. If all are before the moment, the result is `stop`.

    The result depends only on the rows before the moment, so that nothing recorded later can change
    an attribute.
    """
    low, high = start.copy(), stop.copy()
    searching = np.flatnonzero(low < high)
    while len(searching):
        middle = (low[searching] + high[searching]) // 2
        is_before = times[middle] < moments[searching]
        low[searching[is_before]] = middle[is_before] + 1
        high[searching[~is_before]] = middle[~is_before]
        searching = searching[low[searching] < high[searching]]
    return low


def rows_of(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Return all positions in several ranges, and the range of each position."""
    lengths = stop - start
    owner = np.repeat(np.arange(len(start), dtype=np.int64), lengths)
    offsets = np.cumsum(lengths) - lengths
    positions = np.arange(int(lengths.sum()), dtype=np.int64) - offsets[owner] + start[owner]
    return positions, owner


def days_between(earlier: Ints, later: Ints) -> NDArray[np.float64]:
    """Return the whole calendar days from one time to another; NaN if one is missing."""
    missing = (earlier == NOT_A_TIME) | (later == NOT_A_TIME)
    days = later // DAY - earlier // DAY
    return np.where(missing, np.nan, days.astype(np.float64))


@dataclass(frozen=True, eq=False)
class Moments:
    """The cut-off of each deal: only what was recorded before it is used.

    `times`, ndarray of int64 of shape (deals,): cut-offs in microseconds since 1970; rows strictly
        before them are used.
    `is_open`, ndarray of bool of shape (deals,): True for prospects: deals that are not signed by
        the given day.
    `is_now`: whether the given day is today, so that the table shows the present values of
        prospects.
    """

    times: Ints
    is_open: NDArray[np.bool_]
    is_now: bool


def moments_of(deals: pd.DataFrame, spec: DealSpec, as_of: date | None = None) -> Moments:
    """Return the cut-off of each row of a table of deals or prospects.

    For a deal signed by the day `as_of`, the cut-off is the start of its closing day, minus
    `[attributes] known_before_days`. For all other rows it is the end of the day `as_of`.

    `deals`: the table as read, before any conversion.
    `as_of`: day as of which prospects are viewed; by default today.
    """
    day = np.datetime64(today() if as_of is None else as_of, "D")
    column = spec.deals.closed_on
    closing = np.full(len(deals), np.datetime64("NaT", "D"))
    if column in deals.columns:
        forms = spec.reading.forms
        form = forms.date(column) if column in forms.dates else None
        closing = read_dates(deals[column], form=form).series.to_numpy().astype("datetime64[D]")
    is_open = ~(closing <= day)  # also rows without a closing date
    cut_offs = closing - spec.attributes.known_before_days
    cut_offs = np.where(is_open, day + 1, cut_offs)
    times: Ints = cut_offs.astype("datetime64[D]").astype(np.int64) * DAY
    return Moments(times, is_open, bool(day >= np.datetime64(today(), "D")))


def read_times(rows: Rows, key: str) -> NDArray[np.int64]:
    """Return a column as microseconds since 1970; numpy's NaT if a value cannot be read.

    Raises DealsError if most values are not dates, or the order of day and month is unclear.
    """
    name = str(getattr(rows.section, key))
    values = rows.column(name)
    form = None if rows.metadata is None else rows.metadata.dates.get(name)
    moments = read_moments(values, rows.section.time_zone, rows.section.dates, form=form)
    refuse_ambiguous(rows, name, is_ambiguous=moments.is_ambiguous)

    def refuse(finding: RowFinding) -> None:
        if finding.count > MAX_UNREADABLE * finding.total:
            raise DealsError(
                f"{rows.table_name} {name}: {finding.count:,} of {finding.total:,} values are not "
                f"dates, for example row {finding.row}: {finding.value}. Remedy: name the column "
                f"of dates as {key}"
            )

    problem = "have an end that is not a date, and count as not ended" if key == "valid_to" else ""
    rows.note(moments.unreadable, problem, WRITE_DATES, name, refuse=refuse)
    times: NDArray[np.int64] = moments.times.astype(np.int64)
    return times


def refuse_ambiguous(rows: Rows, name: str, *, is_ambiguous: bool) -> None:
    """Raise an error if the order of day and month in a column is unclear.

    Raises DealsError if `is_ambiguous` is True.
    """
    if is_ambiguous:
        raise DealsError(
            f"{rows.table_name} {name}: every date can be read as day first and as month first. "
            'Remedy: add dates = "day first" or "month first" there, or write dates as YYYY-MM-DD'
        )


def deals_and_times(rows: Rows) -> tuple[Coded, NDArray[np.int64], Mask]:
    """Return deal and time of every row, and a mask of the rows that have both.

    Rows without an id or a time become findings.

    Raises DealsError if no row has both.
    """
    section = rows.section
    deal = coded_texts(rows.column(section.id))
    remedy = "give the deal's id in every row"
    rows.note(deal.codes < 0, "have no deal id and are left out", remedy, section.id)
    times = read_times(rows, section.time_key)
    empty = times == NOT_A_TIME
    column = getattr(section, section.time_key)
    rows.note(empty, "have no readable date and are left out", WRITE_DATES, column)
    is_valid = (deal.codes >= 0) & ~empty

    def refuse(finding: RowFinding) -> None:
        if finding.total and finding.count == finding.total:
            raise DealsError(
                f"{rows.table_name}: no row has both an id and a date. Remedy: correct the names "
                f"of the columns: id = {section.id!r}, {section.time_key} = {column!r}"
            )

    rows.note(~is_valid, "", "", section.id, refuse=refuse)
    return deal, times, is_valid
