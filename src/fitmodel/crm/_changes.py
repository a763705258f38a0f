"""Changes of fields: all changes of all deals, sorted, and the value of a field at a cut-off.

a row per change, version or snapshot (large tables in parts) -> sorted rows
     -> binary search for each deal's cut-off
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._indexed_rows import IndexedRows
from fitmodel.crm._long_table import digest_of, positions_of
from fitmodel.crm._moments import NOT_A_TIME, days_between, first_not_before, rows_of
from fitmodel.crm._opening import in_parts, is_large, open_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.crm._history_rows import StageMoves
    from fitmodel.crm._moments import Ints
    from fitmodel.crm._opening import Given
    from fitmodel.deals.contract import HistoryTable
    from fitmodel.tables.files import Levels
    from fitmodel.tables.forms import Finding

    Codes = NDArray[np.int32]
    Mask = NDArray[np.bool_]

CHUNK_DEALS = 100_000
CHANGED, BEFORE_FIRST, NEVER_CHANGED, UNKNOWN = 0, 1, 2, 3
"""Source of a value: a change before the cut-off, the old value of the first change after it, a
field that never changed, or unknown."""


@dataclass(frozen=True, eq=False)
class ChangeLog:
    """The changes of one table, sorted by deal, field and time.

    `bounds`, ndarray of int64 of shape (deals * fields + 1,): position of the first row of each
        deal and field; the last entry is the number of rows.
    `times`, ndarray of int64 of shape (rows,): microseconds since 1970, in local time of the
        table's zone.
    `value_codes`, `old_codes`, ndarray of int32 of shape (rows,): new and old value as positions in
        `levels`; -1 if empty. Without old values all are -1.
    `first_seen`, ndarray of int64 of shape (deals,): time of the first row of each deal, whatever
        its field.
    `changed`, ndarray of int32 of shape (rows + 1,): number of earlier rows that change a value; a
        first value is not a change.
    `last_change`, ndarray of int64 of shape (rows,): time of the latest change of this deal and
        field up to each row; NaT if there is none.
    `moves`: for the field with the stage: skipped stages and steps back.
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
        """Digest of all rows; it changes if any row changes."""
        arrays = (self.bounds, self.times, self.value_codes, self.old_codes, self.first_seen)
        return digest_of(self.table_name, [*self.ids], self.fields, [*self.levels], arrays=arrays)

    def rows_of(self, name: str) -> tuple[Codes, Ints]:
        """Return the codes of a field's values, and the number of rows of each."""
        counts: dict[int, int] = {}
        field, step = self.fields.index(name), len(self.fields)
        for start in range(field, len(self.bounds) - 1, CHUNK_DEALS * step):
            chunk = np.arange(start, min(start + CHUNK_DEALS * step, len(self.bounds) - 1), step)
            rows, _ = rows_of(self.bounds[chunk], self.bounds[chunk + 1])
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
        """Return the position of each id among the deals of the table; -1 if it is absent."""
        return positions_of(ids, self.ids)

    def first_times(self, deals: Ints) -> Ints:
        """Return the time of the first row of each deal; NaT if it has none."""
        return np.append(self.first_seen, NOT_A_TIME)[deals]

    def is_known(self, deals: Ints, moments: Ints) -> NDArray[np.bool_]:
        """Return a mask of the deals that have any row before their cut-off."""
        first = self.first_times(deals)
        known: NDArray[np.bool_] = (first != NOT_A_TIME) & (first < moments)
        return known

    def as_of(self, name: str, deals: Ints, moments: Ints) -> FieldAsOf:
        """Return a field as of each deal's cut-off.

        `deals`, ndarray of int64 of shape (n,): positions of the deals, as returned by `deals`.
        `moments`, ndarray of int64 of shape (n,): cut-off of each deal; only rows strictly before
            it are used.
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
            is_before_first = source == BEFORE_FIRST
            codes[is_before_first] = self.old_codes[np.minimum(next_row, len(self) - 1)][
                is_before_first
            ]
            changes = self.changed[next_row] - self.changed[start]
            changed_at = np.where(has_row, self.last_change[last_row], NOT_A_TIME)
        else:
            changes = np.zeros(len(deals), dtype=np.int32)
            changed_at = np.full(len(deals), NOT_A_TIME)
        since = np.where(changed_at == NOT_A_TIME, self.first_times(deals), changed_at)
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

    def before_changes(self, name: str, deals: Ints, moments: Ints) -> tuple[Codes, Mask]:
        """Return values before a moment, also for deals whose first row is later.

        Returns
        -------
        codes : ndarray of int32 of shape (n,)
            Value before each moment, by the row before it or the old value of the next one; -1 if
            neither gives it.
        has_changed : ndarray of bool of shape (n,)
            Whether there is a row at or after the moment.
        """
        position = np.where(deals < 0, 0, deals) * len(self.fields) + self.fields.index(name)
        start, stop = self.bounds[position], self.bounds[position + 1]
        stop = np.where(deals < 0, start, stop)
        next_row = first_not_before(self.times, start, stop, moments)
        has_changed = next_row < stop
        by_row = np.where(next_row > start, np.append(self.value_codes, -1)[next_row - 1], -1)
        if not self.has_old_values:
            return by_row, has_changed
        return np.where(has_changed, np.append(self.old_codes, -1)[next_row], by_row), has_changed


@dataclass(frozen=True, eq=False)
class FieldAsOf:
    """A field as of each deal's cut-off.

    `codes`, ndarray of int32 of shape (n,): values as positions in the log's levels; -1 if empty,
        or if the value is not in the log.
    `source`, ndarray of int of shape (n,): `CHANGED`, `BEFORE_FIRST`, `NEVER_CHANGED` or `UNKNOWN`.
    `changes`, shape (n,): number of changes before the cut-off.
    `days_unchanged`, shape (n,): days from the last change, or from the deal's first row, to the
        cut-off.
    `recorded_at`, ndarray of int64 of shape (n,): time of the row with the value; NaT if no row has
        it.
    `later_changes`, ndarray of int of shape (n,): number of rows at or after the cut-off.
    `rows`, tuple of two ndarray of int64 of shape (n,): positions of the deal's first row, and of
        the first row at or after the cut-off.
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

    `given`: table that replaces the one in the contract.
    `ids`: ids of deals; from a database only their rows are read.
    Returns: all changes, sorted.
    Raises DealsError if the table cannot be read, lacks a column, or the order of its dates is
    unclear.
    """
    rows = open_rows(table_name, section, given, ids)
    rows.need(("id", "field", "value", "old_value", "changed_at", "valid_from", "valid_to", "day"))
    index = IndexedRows(section, in_parts=is_large(rows))
    for part in in_parts(rows):
        index.add(part)
    return ChangeLog(table_name=table_name, section=section, **index.arrays())
