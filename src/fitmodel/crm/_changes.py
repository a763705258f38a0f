"""Changes of fields: every change of every deal, sorted, and the value of a field at a moment.

a row per change, version or snapshot, in parts where they are many -> sorted rows
     -> binary search of a deal's moment
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._indexed_rows import IndexedRows
from fitmodel.crm._long_table import coded_texts, digest_of
from fitmodel.crm._moments import NOT_A_TIME, days_between, first_not_before, rows_of
from fitmodel.crm._opening import open_rows
from fitmodel.crm._parts import in_parts, is_large

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.crm._moments import Ints
    from fitmodel.crm._opening import Given
    from fitmodel.crm._stages import StageMoves
    from fitmodel.deals.history_sections import HistoryTable
    from fitmodel.tables.forms import Finding
    from fitmodel.tables.spool import Levels

    Codes = NDArray[np.int32]

DEALS_AT_ONCE = 100_000
CHANGED, BEFORE_FIRST, NEVER_CHANGED, UNKNOWN = 0, 1, 2, 3
"""Where a value comes from: a change before the moment, what the first change after it replaced, a
field without a change, or nowhere."""


@dataclass(frozen=True, eq=False)
class ChangeLog:
    """Changes of one table, sorted by deal, field and time.

    Attributes
    ----------
    table_name : str
    section : HistoryTable
    ids : Index of str
        Deals in the table.
    fields : tuple of str
    bounds : ndarray of int64 of shape (deals * fields + 1,)
        Where the rows of each deal and field begin; the last is the number of rows.
    times : ndarray of int64 of shape (rows,)
        Microseconds since 1970 on the clock of the table's zone.
    value_codes, old_codes : ndarray of int32 of shape (rows,)
        Positions in `levels`; -1 where empty. Without old values all are -1.
    levels : Levels
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

    table_name: str
    section: HistoryTable
    ids: pd.Index[Any]
    fields: tuple[str, ...]
    bounds: Ints
    times: Ints
    value_codes: Codes
    old_codes: Codes
    levels: Levels
    first_seen: Ints
    changed: Codes
    last_change: Ints
    moves: dict[str, StageMoves]
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.times)

    @property
    def digest(self) -> bytes:
        """Digest of the rows: another one where any row is another."""
        arrays = (self.bounds, self.times, self.value_codes, self.old_codes, self.first_seen)
        return digest_of(self.table_name, [*self.ids], self.fields, [*self.levels], arrays=arrays)

    def rows_of(self, name: str) -> tuple[Codes, Ints]:
        """Codes of a field's values, and how many rows have each."""
        counts: dict[int, int] = {}
        field, step = self.fields.index(name), len(self.fields)
        for start in range(field, len(self.bounds) - 1, DEALS_AT_ONCE * step):
            here = np.arange(start, min(start + DEALS_AT_ONCE * step, len(self.bounds) - 1), step)
            rows, _ = rows_of(self.bounds[here], self.bounds[here + 1])
            for code, count in zip(
                *np.unique(self.value_codes[rows], return_counts=True), strict=True
            ):
                counts[int(code)] = counts.get(int(code), 0) + int(count)
        return np.array([*counts], dtype=np.int32), np.array([*counts.values()], dtype=np.int64)

    @property
    def has_old_values(self) -> bool:
        """Whether the table has the value before a first change."""
        return self.section.old_value is not None

    def deals(self, ids: pd.Series[Any]) -> Ints:
        """Position of each id among the deals of the table; -1 where it is absent."""
        texts = coded_texts(ids)
        known = self.ids.get_indexer(pd.Index(texts.levels, dtype=object))
        positions: Ints = np.append(known, -1)[texts.codes].astype(np.int64)
        return positions

    def seen(self, deals: Ints) -> Ints:
        """Time of the first row of each deal; NaT where it has none."""
        return np.append(self.first_seen, NOT_A_TIME)[deals]

    def is_known(self, deals: Ints, moments: Ints) -> NDArray[np.bool_]:
        """Which deals have any row before their moment."""
        first = self.seen(deals)
        known: NDArray[np.bool_] = (first != NOT_A_TIME) & (first < moments)
        return known

    def as_of(self, name: str, deals: Ints, moments: Ints) -> FieldAsOf:
        """Value of a field before each deal's moment.

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
        position = np.where(deals < 0, 0, deals) * len(self.fields) + self.fields.index(name)
        start, stop = self.bounds[position], self.bounds[position + 1]
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
        is_known = known & (source != UNKNOWN)
        return FieldAsOf(
            codes=codes,
            source=source,
            changes=np.where(is_known, changes, np.nan).astype(np.float64),
            days_unchanged=np.where(is_known, days_between(since, moments), np.nan),
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
        Positions in the log's levels; -1 where empty, or where the source is not the log.
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
    table_name: str,
    section: HistoryTable,
    given: Given | None = None,
    ids: Sequence[str] | None = None,
) -> ChangeLog:
    """Read a table of changes, versions or snapshots.

    Parameters
    ----------
    table_name : str
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
        If the table cannot be read, lacks a column, or its form of dates cannot be told.
    """
    rows = open_rows(table_name, section, given, ids)
    rows.need(("id", "field", "value", "old_value", "changed_at", "valid_from", "valid_to", "day"))
    index = IndexedRows(table_name, section, in_parts=is_large(rows))
    for part in in_parts(rows):
        index.add(part)
    return ChangeLog(table_name=table_name, section=section, **index.arrays())
