"""The history of fields: every change of every deal, sorted, and what stood at a moment.

a row per change, version or snapshot -> (deal, field, time, value, old value)
     -> sorted; rows that change nothing dropped -> binary search of a deal's moment
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._history_rows import Raw, first_seen, read_rows
from fitmodel.crm._long_table import coded_texts, digest_of, open_rows
from fitmodel.crm._search import NOT_A_TIME, days_between, first_not_before
from fitmodel.crm._stages import StageMoves, stage_moves
from fitmodel.crm._ties import order_changes
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fitmodel.crm._long_table import Given, Rows
    from fitmodel.crm._search import Ints
    from fitmodel.deals.history_sections import HistoryTable
    from fitmodel.tables.forms import Finding

    Codes = NDArray[np.int32]

CHANGED, BEFORE_FIRST, NEVER_CHANGED, UNKNOWN = 0, 1, 2, 3
"""Where a value comes from: a change before the moment, what the first change after it replaced, a
field without a change, or nowhere."""


@dataclass(frozen=True, eq=False)
class ChangeLog:
    """Changes of one table, sorted by deal, field and time.

    Attributes
    ----------
    place : str
    section : HistoryTable
    ids : Index of str
        Deals in the table.
    fields : tuple of str
    bounds : ndarray of int64 of shape (deals * fields + 1,)
        Where the rows of each deal and field begin; the last is the number of rows.
    times : ndarray of int64 of shape (rows,)
        Microseconds since 1970 on the clock of the table's zone.
    value_codes, old_codes : ndarray of int32 of shape (rows,)
        Places in `levels`; -1 where empty. Without old values all are -1.
    levels : list
    first_seen : ndarray of int64 of shape (deals,)
        Time of the first row of each deal, whatever its field.
    changed : ndarray of int32 of shape (rows + 1,)
        Number of rows before each that change a value, rather than give the first one.
    last_change : ndarray of int64 of shape (rows,)
        Time of the latest such row of this deal and field up to each row; NaT where none.
    moves : mapping of str to StageMoves
        Of the stage: what was skipped, and the steps back.
    findings : tuple of Finding
    """

    place: str
    section: HistoryTable
    ids: pd.Index[Any]
    fields: tuple[str, ...]
    bounds: Ints
    times: Ints
    value_codes: Codes
    old_codes: Codes
    levels: list[Any]
    first_seen: Ints
    changed: Codes
    last_change: Ints
    moves: dict[str, StageMoves]
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.times)

    @property
    def digest(self) -> bytes:
        """Changes where any row does."""
        arrays = (self.bounds, self.times, self.value_codes, self.old_codes, self.first_seen)
        return digest_of(self.place, [*self.ids], self.fields, self.levels, arrays=arrays)

    def codes_of(self, name: str) -> Codes:
        """Values of all rows of a field, as places in `levels`."""
        field = np.arange(len(self.bounds) - 1) % max(len(self.fields), 1)
        rows = np.repeat(field, np.diff(self.bounds)) == self.fields.index(name)
        values: Codes = self.value_codes[rows]
        return values

    @property
    def has_old_values(self) -> bool:
        """Whether the table says what stood before a first change."""
        return self.section.old_value is not None

    def deals(self, ids: pd.Series[Any]) -> Ints:
        """Place of each id among the deals of the table; -1 where it is not there."""
        texts = coded_texts(ids)
        known = self.ids.get_indexer(pd.Index(texts.levels, dtype=object))
        places: Ints = np.append(known, -1)[texts.codes].astype(np.int64)
        return places

    def seen(self, deals: Ints) -> Ints:
        """Time of the first row of each deal; NaT where it has none."""
        return np.append(self.first_seen, NOT_A_TIME)[deals]

    def is_known(self, deals: Ints, moments: Ints) -> NDArray[np.bool_]:
        """Which deals have any row before their moment."""
        first = self.seen(deals)
        known: NDArray[np.bool_] = (first != NOT_A_TIME) & (first < moments)
        return known

    def as_of(self, name: str, deals: Ints, moments: Ints) -> FieldAsOf:
        """What stood in a field before each deal's moment.

        Parameters
        ----------
        name : str
            One of `fields`.
        deals : ndarray of int64 of shape (n,)
            As `deals` gives them.
        moments : ndarray of int64 of shape (n,)
            Only rows strictly before these are known.
        """
        known = self.is_known(deals, moments)
        place = np.where(deals < 0, 0, deals) * len(self.fields) + self.fields.index(name)
        start, stop = self.bounds[place], self.bounds[place + 1]
        start, stop = np.where(known, start, 0), np.where(known, stop, 0)
        next_row = first_not_before(self.times, start, stop, moments)
        last_row = np.maximum(next_row - 1, 0)
        has_row, has_later = next_row > start, next_row < stop
        source = np.full(len(deals), UNKNOWN)
        if self.has_old_values:
            source[known] = np.where(has_later, BEFORE_FIRST, NEVER_CHANGED)[known]
        source[has_row] = CHANGED
        codes = np.full(len(deals), -1, dtype=np.int32)
        if len(self):
            codes = np.where(has_row, self.value_codes[last_row], codes)
            before = source == BEFORE_FIRST
            codes[before] = self.old_codes[np.minimum(next_row, len(self) - 1)][before]
            changes = self.changed[next_row] - self.changed[start]
            changed_at = np.where(has_row, self.last_change[last_row], NOT_A_TIME)
        else:
            changes = np.zeros(len(deals), dtype=np.int32)
            changed_at = np.full(len(deals), NOT_A_TIME)
        since = np.where(changed_at == NOT_A_TIME, self.seen(deals), changed_at)
        told = known & (source != UNKNOWN)
        return FieldAsOf(
            codes=codes,
            source=source,
            changes=np.where(told, changes, np.nan).astype(np.float64),
            days_unchanged=np.where(told, days_between(since, moments), np.nan),
            recorded_at=np.where(has_row, self.times[last_row] if len(self) else 0, NOT_A_TIME),
            later_changes=np.where(known, stop - next_row, 0),
            rows=(start, next_row),
        )


@dataclass(frozen=True, eq=False)
class FieldAsOf:
    """A field as of each deal's moment.

    Attributes
    ----------
    codes : ndarray of int32
        Places in the log's levels; -1 where empty, or where the source is not the log.
    source : ndarray of int
        `CHANGED`, `BEFORE_FIRST`, `NEVER_CHANGED` or `UNKNOWN`.
    changes, days_unchanged : ndarray of float
        Changes before the moment; days since the last one, or since the deal's first row.
    recorded_at : ndarray of int64
        Time of the row that the value is from; NaT where it is from none.
    later_changes : ndarray of int
        Rows at or after the moment.
    rows : pair of ndarray
        First row, and the first at or after the moment.
    """

    codes: Codes
    source: NDArray[np.int64]
    changes: NDArray[np.float64]
    days_unchanged: NDArray[np.float64]
    recorded_at: Ints
    later_changes: Ints
    rows: tuple[Ints, Ints]


def read_changes(
    place: str,
    section: HistoryTable,
    given: Given | None = None,
    ids: Sequence[str] | None = None,
) -> ChangeLog:
    """Read a table of changes, versions or snapshots.

    Parameters
    ----------
    place : str
        Its name in the contract, as messages give it.
    section : HistoryTable
    given : DataFrame or path, optional
        In place of the contract's table.
    ids : sequence of str, optional
        Of a table in a database only the rows of these deals are read.

    Returns
    -------
    ChangeLog

    Raises
    ------
    DealsError
        If the table cannot be read, lacks a column, or its dates cannot be told.
    """
    rows = open_rows(place, section, given, ids)
    keys = ("id", "field", "value", "old_value", "changed_at", "valid_from", "valid_to", "day")
    rows.need(keys)
    raw = read_rows(rows, section)
    kept = raw.field >= 0
    order, ties = order_changes(
        raw.deal[kept], raw.field[kept], raw.time[kept], raw.value[kept], raw.old[kept]
    )
    places = np.flatnonzero(kept)[order]
    if ties.count:
        mark = np.zeros(int(raw.row.max()) + 1, dtype=bool)
        mark[raw.row[places[ties.rows]]] = True
        rows.told(
            mark,
            "change a field at the very moment of another change; the old values put "
            f"{ties.settled:,} of them in order, and of the others the later row counts",
            "export the times with seconds, or the old values too",
            section.time,
        )
    return _log(rows, section, raw, places)


def _log(rows: Rows, section: HistoryTable, raw: Raw, places: Ints) -> ChangeLog:
    """Index the sorted rows; those that repeat the value before them are dropped."""
    key = raw.deal[places].astype(np.int64) * max(len(raw.fields), 1) + raw.field[places]
    value = raw.value[places]
    begins = np.append(True, key[1:] != key[:-1]) if len(key) else np.empty(0, dtype=bool)
    repeats = ~begins & np.append(False, value[1:] == value[:-1])[: len(key)]
    kept = np.flatnonzero(~repeats)
    places, key, value, begins = places[kept], key[kept], value[kept], begins[kept]
    old, time = raw.old[places], raw.time[places]
    is_change = ~begins | ((old >= 0) & (old != value))
    size = max(len(raw.ids), 1) * max(len(raw.fields), 1)
    bounds = np.searchsorted(key, np.arange(size + 1)).astype(np.int64)
    return ChangeLog(
        place=rows.place,
        section=section,
        ids=raw.ids,
        fields=tuple(raw.fields),
        bounds=bounds,
        times=time,
        value_codes=value,
        old_codes=old,
        levels=raw.levels,
        first_seen=first_seen(raw),
        changed=np.append(0, np.cumsum(is_change)).astype(np.int32),
        last_change=_latest(time, is_change, begins),
        moves=dict(_moves(rows, raw, key, value, old, begins)),
        findings=tuple(rows.findings),
    )


def _latest(time: Ints, is_change: NDArray[np.bool_], begins: NDArray[np.bool_]) -> Ints:
    """Time of the latest change up to each row of the same deal and field."""
    row = np.arange(len(time))
    last = np.maximum.accumulate(np.where(is_change, row, -1)) if len(time) else row
    start = np.maximum.accumulate(np.where(begins, row, 0)) if len(time) else row
    return np.where(last >= start, time[np.maximum(last, 0)], NOT_A_TIME)


def _moves(
    rows: Rows, raw: Raw, key: Ints, value: Codes, old: Codes, begins: Any
) -> Iterator[tuple[str, StageMoves]]:
    section: Any = rows.section
    if section.stage is None:
        return
    if section.stage not in raw.fields:
        known = ", ".join(raw.fields[:12])
        raise DealsError(
            f"{rows.place} stage {section.stage!r} is no field that is read of it: they are {known}"
        )
    here = key % max(len(raw.fields), 1) == raw.fields.index(section.stage)
    yield section.stage, stage_moves(section.stages, raw.levels, key, value, old, begins, here)
