"""Events of deals (meetings, calls, tickets, product use), counted in windows before a cut-off.

a row per event (large tables in parts) -> (deal, time, kind, who, amount) -> sorted
     -> counts in windows before the cut-off
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._copies import find_copies
from fitmodel.crm._long_table import coded_texts, digest_of, findings_of, positions_of
from fitmodel.crm._moments import (
    DAY,
    NOT_A_TIME,
    days_between,
    deals_and_times,
    first_not_before,
    rows_of,
)
from fitmodel.crm._opening import in_parts, is_large, open_rows
from fitmodel.crm.columns import slug
from fitmodel.tables.files import Spool
from fitmodel.tables.values import read_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.crm._long_table import RowFinding, Rows
    from fitmodel.crm._moments import Ints
    from fitmodel.crm._opening import Given
    from fitmodel.deals.contract import EventTable
    from fitmodel.tables.forms import Finding

    Floats = NDArray[np.float64]

MAX_SILENCE_DAYS = 365
"""Maximum of the days since the last event, and the value if there was no event at all."""
WEEK = 7


@dataclass(frozen=True, eq=False)
class EventRows:
    """Events sorted by deal and time.

    `starts`, `stops`, ndarray of int64 of shape (deals,): the rows of a deal are ``start <= row <
        stop``.
    `times`, ndarray of int64 of shape (events,): microseconds since 1970, in local time of the
        table's zone.
    `who`, ndarray of int32 of shape (events,): code of the person; -1 if none is given.
    `amounts`, shape (events,): amounts; 0 if there is none.
    """

    starts: Ints
    stops: Ints
    times: Ints
    who: NDArray[np.int32]
    amounts: Floats

    def range(self, deals: Ints, since: Ints, until: Ints) -> tuple[Ints, Ints]:
        """Return start and stop of each deal's rows with ``since <= time < until``."""
        known = deals >= 0
        position = np.where(known, deals, 0)
        start = np.where(known, self.starts[position], 0)
        stop = np.where(known, self.stops[position], 0)
        last = first_not_before(self.times, start, stop, until)
        return first_not_before(self.times, start, last, since), last

    def people(self, start: Ints, stop: Ints) -> Floats:
        """Return the number of distinct people in each range of rows."""
        positions, owner = rows_of(start, stop)
        known = self.who[positions] >= 0
        pairs = owner[known] * (int(self.who.max(initial=0)) + 1) + self.who[positions][known]
        pair_owners = np.unique(pairs) // (int(self.who.max(initial=0)) + 1)
        return np.bincount(pair_owners, minlength=len(start)).astype(np.float64)

    def sums(self, start: Ints, stop: Ints) -> Floats:
        """Return the sum of the amounts in each range, independent of the order in the file."""
        positions, owner = rows_of(start, stop)
        amounts = self.amounts[positions]
        order = np.lexsort((amounts, owner))
        sums: Floats = np.bincount(owner[order], amounts[order], len(start)).astype(np.float64)
        return sums

    def last(self, deals: Ints, moments: Ints) -> Ints:
        """Return the time of the last event before each cut-off; NaT if there is none."""
        start, stop = self.range(deals, np.full(len(deals), NOT_A_TIME), moments)
        if not len(self.times):
            return np.full(len(deals), NOT_A_TIME)
        return np.where(stop > start, self.times[np.maximum(stop - 1, 0)], NOT_A_TIME)


@dataclass(frozen=True, eq=False)
class EventLog:
    """The events of one table.

    `name`: name of the table in the contract; the names of its attributes begin with it.
    `kind`, ndarray of int32 of shape (events,): kind of each sorted event as its position in
        `kinds`; -1 if it has none.
    `kinds`: the kinds, written as in attribute names.
    """

    table_name: str
    name: str
    section: EventTable
    ids: pd.Index[Any]
    all_events: EventRows
    by_kind: dict[str, EventRows]
    kind: NDArray[np.int32]
    kinds: tuple[str, ...]
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.all_events.times)

    def deals(self, ids: pd.Series[Any]) -> Ints:
        """Return the position of each id among the deals of the table; -1 if it is absent."""
        return positions_of(ids, self.ids)

    @property
    def digest(self) -> bytes:
        """Digest of all rows; it changes if any row changes."""
        rows = self.all_events
        arrays = (rows.starts, rows.times, rows.who, rows.amounts, self.kind)
        return digest_of(self.table_name, [*self.ids], self.kinds, arrays=arrays)

    def attributes(self, deals: Ints, moments: Ints) -> dict[str, Floats]:
        """Return the attributes of each deal from the events strictly before its cut-off.

        `deals`, `moments`, ndarray of int64 of shape (n,): the same as for
            `fitmodel.crm._changes.ChangeLog.as_of`.
        Returns: counts are 0 where nothing happened: silence is known. They are missing only where
            a window begins before events were recorded at all.
        """
        nowhere = np.zeros(len(self.all_events.starts), dtype=np.int64)
        empty = replace(self.all_events, starts=nowhere, stops=nowhere)
        groups = {self.name: self.all_events}
        for kind in self.section.kinds or ():
            groups[f"{self.name}_{kind}"] = self.by_kind.get(kind, empty)
        columns: dict[str, Floats] = {}
        for prefix, rows in groups.items():
            columns |= self._group(prefix, rows, deals, moments)
        return columns

    def _group(self, prefix: str, rows: EventRows, deals: Ints, moments: Ints) -> dict[str, Floats]:
        recorded = recorded_from(self.section)
        columns: dict[str, Floats] = {}
        counts: list[Floats] = []
        for days in self.section.windows_days:
            since = moments - days * DAY
            start, stop = rows.range(deals, since, moments)
            known = since >= recorded
            counts.append(np.where(known, (stop - start).astype(np.float64), np.nan))
            columns[f"{prefix}_count_{days}d"] = counts[-1]
            if self.section.who is not None:
                people = np.where(known, rows.people(start, stop), np.nan)
                columns[f"{prefix}_people_{days}d"] = people
            if self.section.amount is not None:
                sums = np.where(known, rows.sums(start, stop), np.nan)
                columns[f"{prefix}_{slug(self.section.amount)}_{days}d"] = sums
        last = rows.last(deals, moments)
        is_recorded = moments - self.section.windows_days[-1] * DAY >= recorded
        columns[f"{prefix}_days_since_last"] = _days_since_last(last, moments, is_recorded)
        if len(counts) > 1:
            columns[f"{prefix}_trend"] = self._trend(counts)
        return columns

    def _trend(self, counts: list[Floats]) -> Floats:
        """Return events per week in the shortest window minus those in the rest of the longest."""
        first_days, last_days = self.section.windows_days[0], self.section.windows_days[-1]
        recent_rate = counts[0] / first_days
        earlier_rate = (counts[-1] - counts[0]) / (last_days - first_days)
        return (recent_rate - earlier_rate) * WEEK


def _days_since_last(last: Ints, moments: Ints, is_recorded: NDArray[np.bool_]) -> Floats:
    """Return the days since the last event, at most `MAX_SILENCE_DAYS` (also if there is none).

    Without an event they are unknown if the longest window begins before events were recorded.
    """
    days = np.minimum(days_between(last, moments), MAX_SILENCE_DAYS)
    without_event = np.where(is_recorded, float(MAX_SILENCE_DAYS), np.nan)
    return np.where(np.isnan(days), without_event, days)


def recorded_from(section: EventTable) -> int:
    """Return the time from which events were recorded, in microseconds; long ago if not given."""
    if section.recorded_from is None:
        return NOT_A_TIME + 10_000 * DAY
    return int(np.datetime64(section.recorded_from, "us").astype(np.int64))


def read_events(
    name: str, section: EventTable, given: Given | None = None, ids: Sequence[str] | None = None
) -> EventLog:
    """Read a table of events.

    `given`: table that replaces the one in the contract.
    `ids`: ids of deals; from a database only their rows are read.
    Raises DealsError if the table cannot be read, lacks a column, or the order of its dates is
    unclear.
    """
    rows = open_rows(f"[events.{name}]", section, given, ids)
    rows.need(("id", "at", "kind", "who", "amount", "event_id"))
    index = _IndexedEvents(on_disk=is_large(rows))
    for part in in_parts(rows):
        index.add(part, section)
    return index.log(name, section)


class _IndexedEvents:
    """Sorted events to which parts are appended, by time and by kind and time."""

    def __init__(self, *, on_disk: bool) -> None:
        kinds = {"times": np.int64, "who": np.int32, "amounts": np.float64}
        self._ordered = [
            {name: Spool(kind, on_disk=on_disk) for name, kind in kinds.items()} for _ in range(2)
        ]
        self._starts, self._kind_starts = (Spool(np.int64, on_disk=False) for _ in range(2))
        self._kind = Spool(np.int32, on_disk=on_disk)
        self._ids: list[Any] = []
        self._row_findings: list[list[RowFinding]] = []
        self._kinds: tuple[str, ...] = ()

    def add(self, rows: Rows, section: EventTable) -> None:
        """Read, sort and append a part; its deals must not occur in another part."""
        deal, times, is_valid = deals_and_times(rows)
        kind, self._kinds = _kinds(rows, section)
        who = np.full(len(times), -1, dtype=np.int32)
        if section.who is not None:
            who = coded_texts(rows.column(section.who)).codes
        columns = {"times": times, "who": who, "amounts": _amounts(rows, section)}
        is_valid &= ~find_copies(rows, section, (deal.codes, kind), columns, is_valid)
        self._part = rows
        self._row_findings.append(rows.row_findings)
        if not deal.levels and rows.metadata is not None:
            return
        self._ids += deal.levels
        deals, kinds = np.arange(max(len(deal.levels), 1)), len(self._kinds)
        positions = np.flatnonzero(is_valid)
        positions = positions[np.lexsort((times[positions], deal.codes[positions]))]
        self._starts.add(np.searchsorted(deal.codes[positions], deals) + len(self._kind))
        self._append(0, columns, positions)
        self._kind.add(kind[positions])
        known = positions[kind[positions] >= 0]
        known = known[np.lexsort((times[known], kind[known], deal.codes[known]))]
        key = deal.codes[known].astype(np.int64) * kinds + kind[known]
        n_before = len(self._ordered[1]["times"])
        self._kind_starts.add(np.searchsorted(key, np.arange(len(deals) * kinds)) + n_before)
        self._append(1, columns, known)

    def _append(self, order: int, columns: dict[str, Any], positions: Ints) -> None:
        for name, spool in self._ordered[order].items():
            spool.add(columns[name][positions])

    def log(self, name: str, section: EventTable) -> EventLog:
        """Return the log of all parts."""
        all_events, by_kind = (
            {column: spool.array() for column, spool in spools.items()} for spools in self._ordered
        )
        starts = self._starts.array()
        stops = np.append(starts[1:], len(all_events["times"]))
        ends = self._kind_starts.array()
        shape = (len(starts), len(self._kinds))
        first, last = (
            each.reshape(shape) for each in (ends, np.append(ends, len(by_kind["times"]))[1:])
        )
        return EventLog(
            table_name=self._part.table_name,
            name=name,
            section=section,
            ids=pd.Index(self._ids, dtype=object),
            all_events=EventRows(starts, stops, **all_events),
            by_kind={
                kind: EventRows(first[:, number], last[:, number], **by_kind)
                for number, kind in enumerate(self._kinds)
            },
            kind=self._kind.array(),
            kinds=self._kinds,
            findings=findings_of(self._part, self._row_findings),
        )


def _kinds(rows: Rows, section: EventTable) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return the code of every event's kind, and the kinds as written in attribute names."""
    if section.kind is None:
        return np.full(rows.count, -1, dtype=np.int32), ()
    texts = coded_texts(rows.column(section.kind))
    names = [slug(level) for level in texts.levels]
    known = names if rows.metadata is None else map(slug, rows.metadata.names)
    kinds = tuple(dict.fromkeys(known))
    kind_of_level = np.array([kinds.index(name) for name in names] + [-1], dtype=np.int32)
    return kind_of_level[texts.codes], kinds


def _amounts(rows: Rows, section: EventTable) -> Floats:
    if section.amount is None:
        return np.zeros(rows.count)
    form = None if rows.metadata is None else rows.metadata.amount
    reading = read_numbers(rows.column(section.amount), form)
    problem = "have an amount that is not a number, and count as 0"
    rows.note(reading.unreadable, problem, "write plain numbers (12.5)", section.amount)
    amounts: Floats = np.nan_to_num(reading.series.to_numpy(dtype=np.float64))
    return amounts
