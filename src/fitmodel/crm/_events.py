"""The events of deals: meetings, calls, tickets, product use; counted before a moment.

a row per event, in parts where they are many -> (deal, time, kind, who, amount) -> sorted
     -> counts of windows before a moment
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._long_table import coded_texts, digest_of, whose_and_when
from fitmodel.crm._moments import DAY, NOT_A_TIME, days_between, first_not_before, rows_of
from fitmodel.crm._opening import open_rows
from fitmodel.crm._parts import in_parts, is_large
from fitmodel.crm.columns import slug
from fitmodel.tables.spool import Spool
from fitmodel.tables.values import read_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.crm._long_table import Rows
    from fitmodel.crm._moments import Ints
    from fitmodel.crm._opening import Given
    from fitmodel.deals.history_sections import EventTable
    from fitmodel.tables.forms import Finding

    Floats = NDArray[np.float64]

MAX_SILENCE_DAYS = 365
"""Days since the last event are counted up to here; no event at all counts as so many."""
WEEK = 7


@dataclass(frozen=True, eq=False)
class EventRows:
    """Events sorted by deal and time.

    Attributes
    ----------
    starts, stops : ndarray of int64 of shape (deals,)
        Where the rows of each deal begin, and the first row behind them.
    times : ndarray of int64 of shape (events,)
    who : ndarray of int32 of shape (events,)
        -1 where nobody is named.
    amounts : ndarray of float of shape (events,)
        0 where there is none.
    """

    starts: Ints
    stops: Ints
    times: Ints
    who: NDArray[np.int32]
    amounts: Floats

    def range(self, deals: Ints, since: Ints, until: Ints) -> tuple[Ints, Ints]:
        """Rows of each deal from one moment to before another."""
        known = deals >= 0
        position = np.where(known, deals, 0)
        start = np.where(known, self.starts[position], 0)
        stop = np.where(known, self.stops[position], 0)
        last = first_not_before(self.times, start, stop, until)
        return first_not_before(self.times, start, last, since), last

    def people(self, start: Ints, stop: Ints) -> Floats:
        """Number of different people in each range of rows."""
        positions, owner = rows_of(start, stop)
        named = self.who[positions] >= 0
        pairs = owner[named] * (int(self.who.max(initial=0)) + 1) + self.who[positions][named]
        owners = np.unique(pairs) // (int(self.who.max(initial=0)) + 1)
        return np.bincount(owners, minlength=len(start)).astype(np.float64)

    def sums(self, start: Ints, stop: Ints) -> Floats:
        """Sum of the amounts of each range, added in an order that the file has no part in."""
        positions, owner = rows_of(start, stop)
        amounts = self.amounts[positions]
        order = np.lexsort((amounts, owner))
        sums: Floats = np.bincount(owner[order], amounts[order], len(start)).astype(np.float64)
        return sums

    def last(self, deals: Ints, moments: Ints) -> Ints:
        """Time of the last event before each moment; NaT where there is none."""
        start, stop = self.range(deals, np.full(len(deals), NOT_A_TIME), moments)
        if not len(self.times):
            return np.full(len(deals), NOT_A_TIME)
        return np.where(stop > start, self.times[np.maximum(stop - 1, 0)], NOT_A_TIME)


@dataclass(frozen=True, eq=False)
class EventLog:
    """Events of one table.

    Attributes
    ----------
    table_name : str
    name : str
        In the contract, which the attributes' names begin with.
    section : EventTable
    ids : Index of str
    every : EventRows
    by_kind : mapping of str to EventRows
        The events of each kind.
    kind : ndarray of int32 of shape (events,)
        Place in `kinds` of each sorted event; -1 where it has none.
    kinds : tuple of str
        As they are written into names of attributes.
    findings : tuple of Finding
    """

    table_name: str
    name: str
    section: EventTable
    ids: pd.Index[Any]
    every: EventRows
    by_kind: dict[str, EventRows]
    kind: NDArray[np.int32]
    kinds: tuple[str, ...]
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.every.times)

    def deals(self, ids: pd.Series[Any]) -> Ints:
        """Position of each id among the deals of the table; -1 where it is absent."""
        texts = coded_texts(ids)
        known = self.ids.get_indexer(pd.Index(texts.levels, dtype=object))
        positions: Ints = np.append(known, -1)[texts.codes].astype(np.int64)
        return positions

    @property
    def digest(self) -> bytes:
        """Digest of the rows: another one where any row is another."""
        rows = self.every
        arrays = (rows.starts, rows.times, rows.who, rows.amounts, self.kind)
        return digest_of(self.table_name, [*self.ids], self.kinds, arrays=arrays)

    def attributes(self, deals: Ints, moments: Ints) -> dict[str, Floats]:
        """Attributes of each deal from the events strictly before its moment.

        Parameters
        ----------
        deals, moments : ndarray of int64 of shape (n,)
            As of `fitmodel.crm._changes.ChangeLog.as_of`.

        Returns
        -------
        dict of str to ndarray of float
            Counts are 0 where nothing happened: silence is known. They are missing only where a
            window begins before events were recorded at all.
        """
        nowhere = np.zeros(len(self.every.starts), dtype=np.int64)
        empty = replace(self.every, starts=nowhere, stops=nowhere)
        groups = {self.name: self.every}
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
        longest = moments - self.section.windows_days[-1] * DAY
        last = rows.last(deals, moments)
        columns[f"{prefix}_days_since_last"] = _silence(last, moments, longest >= recorded)
        if len(counts) > 1:
            columns[f"{prefix}_trend"] = self._trend(counts)
        return columns

    def _trend(self, counts: list[Floats]) -> Floats:
        """Events a week in the shortest window, less those a week in the rest of the longest."""
        short, long = self.section.windows_days[0], self.section.windows_days[-1]
        now = counts[0] / short
        before = (counts[-1] - counts[0]) / (long - short)
        return (now - before) * WEEK


def _silence(last: Ints, moments: Ints, covered: NDArray[np.bool_]) -> Floats:
    """Days since the last event, at most `MAX_SILENCE_DAYS`, which also means no event.

    Missing where there is none and the longest window begins before events were recorded.
    """
    days = np.minimum(days_between(last, moments), MAX_SILENCE_DAYS)
    silent = np.where(covered, float(MAX_SILENCE_DAYS), np.nan)
    return np.where(np.isnan(days), silent, days)


def recorded_from(section: EventTable) -> int:
    """Moment from which events are kept, in microseconds since 1970; long ago where not given."""
    if section.recorded_from is None:
        return NOT_A_TIME + 10_000 * DAY
    return int(np.datetime64(section.recorded_from, "us").astype(np.int64))


def read_events(
    name: str,
    section: EventTable,
    given: Given | None = None,
    ids: Sequence[str] | None = None,
) -> EventLog:
    """Read a table of events.

    Parameters
    ----------
    name : str
        In the contract: ``activities`` of ``[events.activities]``.
    section : EventTable
    given : DataFrame or path, optional
        In place of the contract's table.
    ids : sequence of str, optional
        Of a table in a database only the rows of these deals are read.

    Raises
    ------
    DealsError
        If the table cannot be read, lacks a column, or its form of dates cannot be told.
    """
    rows = open_rows(f"[events.{name}]", section, given, ids)
    rows.need(("id", "at", "kind", "who", "amount"))
    index = _IndexedEvents(on_disk=is_large(rows))
    for part in in_parts(rows):
        index.add(part, section)
    return index.log(name, rows.table_name, section)


class _IndexedEvents:
    """Sorted events, made of one part after the other; twice: by time, and by kind and time."""

    def __init__(self, *, on_disk: bool) -> None:
        kinds = {"times": np.int64, "who": np.int32, "amounts": np.float64}
        self._ordered = [
            {name: Spool(kind, on_disk=on_disk) for name, kind in kinds.items()} for _ in range(2)
        ]
        self._starts, self._kind_starts = (Spool(np.int64, on_disk=False) for _ in range(2))
        self._kind = Spool(np.int32, on_disk=on_disk)
        self._ids: list[Any] = []
        self._parts: list[Rows] = []
        self._kinds: tuple[str, ...] = ()

    def add(self, rows: Rows, section: EventTable) -> None:
        """Read and sort a part, with deals that no other part has."""
        deal, times, kept = whose_and_when(rows)
        kind, self._kinds = _kinds(rows, section)
        columns = {"times": times, "who": _codes(rows, section.who)}
        columns["amounts"] = _amounts(rows, section)
        self._parts.append(rows)
        if not deal.levels and rows.whole is not None:
            return
        self._ids += deal.levels
        deals, kinds = np.arange(max(len(deal.levels), 1)), len(self._kinds)
        at = np.flatnonzero(kept)
        at = at[np.lexsort((times[at], deal.codes[at]))]
        self._starts.add(np.searchsorted(deal.codes[at], deals) + len(self._kind))
        self._append(0, columns, at)
        self._kind.add(kind[at])
        named = at[kind[at] >= 0]
        named = named[np.lexsort((times[named], kind[named], deal.codes[named]))]
        key = deal.codes[named].astype(np.int64) * kinds + kind[named]
        before = len(self._ordered[1]["times"])
        self._kind_starts.add(np.searchsorted(key, np.arange(len(deals) * kinds)) + before)
        self._append(1, columns, named)

    def _append(self, order: int, columns: dict[str, Any], positions: Ints) -> None:
        for name, spool in self._ordered[order].items():
            spool.add(columns[name][positions])

    def log(self, name: str, table_name: str, section: EventTable) -> EventLog:
        """The log of all parts."""
        whole, noted = self._parts[0].whole, [part.row_findings for part in self._parts]
        findings = self._parts[0].findings if whole is None else whole.findings(noted, table_name)
        every, by_kind = (
            {column: spool.array() for column, spool in spools.items()} for spools in self._ordered
        )
        starts = self._starts.array()
        stops = np.append(starts[1:], len(every["times"]))
        ends = self._kind_starts.array()
        shape = (len(starts), len(self._kinds))
        first, last = (
            each.reshape(shape) for each in (ends, np.append(ends, len(by_kind["times"]))[1:])
        )
        return EventLog(
            table_name=table_name,
            name=name,
            section=section,
            ids=pd.Index(self._ids, dtype=object),
            every=EventRows(starts, stops, **every),
            by_kind={
                kind: EventRows(first[:, number], last[:, number], **by_kind)
                for number, kind in enumerate(self._kinds)
            },
            kind=self._kind.array(),
            kinds=self._kinds,
            findings=findings,
        )


def _codes(rows: Rows, column: str | None) -> NDArray[np.int32]:
    if column is None:
        return np.full(len(rows.column(rows.section.id)), -1, dtype=np.int32)
    return coded_texts(rows.column(column)).codes


def _kinds(rows: Rows, section: EventTable) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Kind of every event, kinds that are written into one name being one."""
    if section.kind is None:
        return np.full(len(rows.column(section.id)), -1, dtype=np.int32), ()
    texts = coded_texts(rows.column(section.kind))
    names = [slug(level) for level in texts.levels]
    known = names if rows.whole is None else map(slug, rows.whole.names)
    unique = tuple(dict.fromkeys(known))
    to = np.array([unique.index(name) for name in names] + [-1], dtype=np.int32)
    return to[texts.codes], unique


def _amounts(rows: Rows, section: EventTable) -> Floats:
    if section.amount is None:
        return np.zeros(len(rows.column(section.id)))
    form = None if rows.whole is None else rows.whole.amount
    reading = read_numbers(rows.column(section.amount), form)
    remedy = "write plain numbers (12.5)"
    what = "have no number as amount, which counts as 0"
    rows.note(reading.unreadable, what, remedy, section.amount)
    amounts: Floats = np.nan_to_num(reading.series.to_numpy(dtype=np.float64))
    return amounts
