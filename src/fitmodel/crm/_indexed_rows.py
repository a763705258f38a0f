"""Build the sorted arrays of a change log, without rows that repeat a value.

Changes are sorted by deal, field and time; changes at the same time by the value they replaced.

each part -> (deal, field, time, value, old value) -> sorted -> appended
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._history_rows import StageMoves, first_seen, read_rows, stage_steps
from fitmodel.crm._long_table import findings_of
from fitmodel.crm._moments import NOT_A_TIME
from fitmodel.exceptions import DealsError
from fitmodel.tables.files import Levels, Spool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.crm._history_rows import HistoryRows
    from fitmodel.crm._long_table import RowFinding, Rows
    from fitmodel.crm._moments import Ints
    from fitmodel.deals.contract import HistoryTable

    Codes = NDArray[np.int32]


class IndexedRows:
    """The arrays of a `fitmodel.crm._changes.ChangeLog`, to which parts are appended.

    `in_parts`: whether the table is read in parts; the arrays are then kept in files.
    """

    def __init__(self, section: HistoryTable, *, in_parts: bool) -> None:
        self._section = section
        self._row_findings: list[list[RowFinding]] = []
        self._ids: list[Any] = []
        self._fields: tuple[str, ...] = ()
        self._bounds, self._first_seen = (Spool(np.int64, on_disk=False) for _ in range(2))
        self._times, self._latest = (Spool(np.int64, on_disk=in_parts) for _ in range(2))
        self._value, self._old = (Spool(np.int32, on_disk=in_parts) for _ in range(2))
        self._changed, self._skipped, self._returned = (
            Spool(np.int32, on_disk=in_parts) for _ in range(3)
        )
        for counts in (self._changed, self._skipped, self._returned):
            counts.add(np.zeros(1))
        self._levels = Levels(on_disk=in_parts)

    def add(self, part: Rows) -> None:
        """Read, sort and append a part; its deals must not occur in another part.

        Raises DealsError if it cannot be read, or the contract's stage is not a field.
        """
        raw = read_rows(part, self._section)
        self._refuse_no_stage(part, raw)
        positions = _in_order(part, self._section, raw)
        self._fields, self._part = tuple(raw.fields), part
        self._row_findings.append(part.row_findings)
        if len(raw.ids) or part.metadata is None:
            self._append(raw, positions)

    def _append(self, raw: HistoryRows, positions: Ints) -> None:
        fields = max(len(raw.fields), 1)
        key = raw.deal[positions].astype(np.int64) * fields + raw.field[positions]
        value = raw.value[positions]
        begins = np.append(True, key[1:] != key[:-1]) if len(key) else np.empty(0, dtype=bool)
        repeats = ~begins & np.append(False, value[1:] == value[:-1])[: len(key)]
        changing = np.flatnonzero(~repeats)
        positions, key, value, begins = (
            positions[changing],
            key[changing],
            value[changing],
            begins[changing],
        )
        old, time = raw.old[positions], raw.time[positions]
        is_change = ~begins | ((old >= 0) & (old != value))
        self._add_moves(raw, key, value, old, begins)
        bounds = np.searchsorted(key, np.arange(max(len(raw.ids), 1) * fields))
        first_level = self._levels.add(raw.levels)
        self._bounds.add(bounds + len(self._times))
        self._ids.extend(raw.ids)
        self._first_seen.add(first_seen(raw))
        self._times.add(time)
        self._latest.add(_latest(time, is_change, begins))
        for spool, codes in ((self._value, value), (self._old, old)):
            spool.add(np.where(codes < 0, -1, codes + first_level))
        self._changed.add_running(is_change)

    def _add_moves(self, raw: HistoryRows, key: Ints, value: Any, old: Any, begins: Any) -> None:
        section = self._section
        if section.stage is None:
            return
        is_stage = key % len(raw.fields) == raw.fields.index(section.stage)
        skipped, returned = stage_steps(
            section.stages, raw.levels, key, value, old, begins, is_stage
        )
        self._skipped.add_running(skipped)
        self._returned.add_running(returned)

    def _refuse_no_stage(self, part: Rows, raw: HistoryRows) -> None:
        stage = self._section.stage
        if stage is not None and stage not in raw.fields:
            listed = ", ".join(raw.fields[:12]) or "none: no row has a field"
            raise DealsError(
                f"{part.table_name} stage = {stage!r} is not one of the fields that are read; "
                f"they are {listed}"
            )

    def arrays(self) -> dict[str, Any]:
        """Return the arrays of a change log.

        Raises DealsError if too many rows of the table cannot be read.
        """
        section = self._section
        self._bounds.add(np.array([len(self._times)]))
        moves = {}
        if section.stage is not None:
            skipped = self._skipped.array() if section.stages else None
            moves[section.stage] = StageMoves(skipped, self._returned.array())
        return {
            "ids": pd.Index(self._ids, dtype=object),
            "fields": self._fields,
            "bounds": self._bounds.array(),
            "times": self._times.array(),
            "value_codes": self._value.array(),
            "old_codes": self._old.array(),
            "levels": self._levels,
            "first_seen": self._first_seen.array(),
            "changed": self._changed.array(),
            "last_change": self._latest.array(),
            "moves": moves,
            "findings": findings_of(self._part, self._row_findings),
        }


def _in_order(part: Rows, section: HistoryTable, raw: HistoryRows) -> Ints:
    """Return the sorted positions of rows with a field; changes at equal times become a finding."""
    known = np.flatnonzero(raw.field >= 0)
    order, tied, settled = order_changes(
        raw.deal[known], raw.field[known], raw.time[known], raw.value[known], raw.old[known]
    )
    positions: Ints = known[order]
    is_tied = np.zeros(part.count, dtype=bool)
    is_tied[raw.row[positions[tied]]] = True
    part.note(
        is_tied,
        "change a field at the same time as another change; old values show the order of "
        "{settled} of them, and the order of the others is that of the rows",
        "export the times with seconds, or the old values too",
        section.time,
        settled=settled,
    )
    return positions


def _latest(time: Ints, is_change: NDArray[np.bool_], begins: NDArray[np.bool_]) -> Ints:
    """Return the time of the latest change up to each row, of the same deal and field."""
    row = np.arange(len(time))
    last = np.maximum.accumulate(np.where(is_change, row, -1)) if len(time) else row
    start = np.maximum.accumulate(np.where(begins, row, 0)) if len(time) else row
    return np.where(last >= start, time[np.maximum(last, 0)], NOT_A_TIME)


def order_changes(
    deal: Codes, field: Codes, time: Ints, value: Codes, old: Codes
) -> tuple[Ints, Ints, int]:
    """Return the sorted order of changes, those at equal times, and how many of them are settled.

    The second are positions among the sorted rows of several changes of a deal's field at once.

    Among changes at the same time, each follows the one whose value it replaced. If old values do
    not show this, such rows stay in the order of the table.
    """
    order = np.lexsort((time, field, deal)).astype(np.int64)
    key = (deal[order], field[order], time[order])
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in key:
        same &= column[1:] == column[:-1]
    is_different = value[order][1:] != value[order][:-1]
    starts = np.flatnonzero(np.append(True, ~same))[: len(order)]
    stops = np.append(starts[1:], len(order))
    has_ties = stops - starts > 1
    tied: list[int] = []
    settled = 0
    for start, stop in zip(starts[has_ties].tolist(), stops[has_ties].tolist(), strict=True):
        if not is_different[start : stop - 1].any():
            continue  # duplicates of one row
        tied += range(start, stop)
        previous = value[order[start - 1]] if start and _has_same_key(key, start) else None
        sorted_rows = _order_by_old_values(order[start:stop].tolist(), value, old, previous)
        if sorted_rows is not None:
            order[start:stop] = sorted_rows
            settled += stop - start
    return order, np.array(tied, dtype=np.int64), settled


def _has_same_key(key: tuple[Codes, Codes, Ints], start: int) -> bool:
    deal, field, _ = key
    return bool(deal[start - 1] == deal[start] and field[start - 1] == field[start])


def _order_by_old_values(
    rows: list[int], value: Codes, old: Codes, previous: int | None
) -> list[int] | None:
    """Return rows ordered so that each replaces the previous one's value; None if impossible."""
    if any(old[row] < 0 for row in rows[1:]):
        return None
    first_rows = rows if previous is None else [row for row in rows if old[row] == previous]
    for first in first_rows or rows:
        ordered, remaining = [first], [row for row in rows if row != first]
        while remaining:
            next_row = next((row for row in remaining if old[row] == value[ordered[-1]]), None)
            if next_row is None:
                break
            ordered.append(next_row)
            remaining.remove(next_row)
        if not remaining:
            return ordered
    return None
