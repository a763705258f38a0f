"""Read a history table of any shape as changes of fields, and find moves between stages.

a row per change    -> unchanged
a row per version   -> one change per column, without values equal to those of the row before
a row per snapshot  -> the same
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._long_table import coded, coded_texts
from fitmodel.crm._moments import NOT_A_TIME, deals_and_times, read_times
from fitmodel.deals.vocabulary import plain_value
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.crm._long_table import Rows
    from fitmodel.crm._moments import Ints
    from fitmodel.deals.contract import HistoryTable

    Codes = NDArray[np.int32]

TECHNICAL_PREFIXES = ("_fivetran_", "_dlt_", "_airbyte_", "dbt_", "_sdc_")
"""Prefixes of columns that data loaders add to every table."""


@dataclass(frozen=True, eq=False)
class HistoryRows:
    """Changes as read, in the order of the file, with values and deals as codes."""

    ids: pd.Index[Any]
    fields: list[str]
    deal: Codes
    field: Codes
    time: Ints
    value: Codes
    old: Codes
    levels: list[Any]
    row: Ints


def read_rows(rows: Rows, section: HistoryTable) -> HistoryRows:
    """Return the changes in a table of any shape.

    Raises DealsError if no row has both an id and a date, or no column is a field.
    """
    return _long(rows, section) if section.is_long else _wide(rows, section)


def _long(rows: Rows, section: HistoryTable) -> HistoryRows:
    """Return the changes of a table with a row per change."""
    deal, time, is_valid = deals_and_times(rows)
    named = coded_texts(rows.column(str(section.field)))
    problem, remedy = "have no field and are left out", "give the field in every row"
    rows.note(named.codes < 0, problem, remedy, str(section.field))
    known = named.levels if rows.metadata is None else rows.metadata.names
    fields = known if section.fields is None else section.fields
    field_of_level = [list(fields).index(name) if name in fields else -1 for name in named.levels]
    field = np.append(np.array(field_of_level, dtype=np.int32), np.int32(-1))[named.codes]
    value = coded(rows.column(str(section.value)))
    old_codes, levels = np.full(len(field), -1, dtype=np.int32), value.levels
    if section.old_value is not None:
        old = coded(rows.column(section.old_value))
        positions = {_key(level): position for position, level in enumerate(levels)}
        levels = list(levels)
        move = np.full(len(old.levels) + 1, -1, dtype=np.int32)
        for position, level in enumerate(old.levels):
            move[position] = positions.setdefault(_key(level), len(levels))
            if move[position] == len(levels):
                levels.append(level)
        old_codes = move[old.codes]
    rows_at = np.flatnonzero(is_valid)
    return HistoryRows(
        pd.Index(deal.levels, dtype=object), list(fields), deal.codes[rows_at], field[rows_at],
        time[rows_at], value.codes[rows_at], old_codes[rows_at], levels, rows_at,
    )  # fmt: skip


def _key(level: Any) -> tuple[object, Any]:
    """Return a key by which values are compared: 12 equals 12.0, but not True or "12"."""
    if isinstance(level, bool | np.bool_):
        return bool, bool(level)
    if isinstance(level, int | float | np.number):
        return float, level
    return type(level), level if isinstance(level, Hashable) else str(level)


def _wide(rows: Rows, section: HistoryTable) -> HistoryRows:
    """Return the changes of a table with a row per version or snapshot, column by column."""
    deal, time, is_valid = deals_and_times(rows)
    used = (section.id, section.time, section.valid_to)
    fields = _field_columns(rows, used) if section.fields is None else list(section.fields)
    missing = [name for name in fields if name not in rows.names]
    if missing:
        raise DealsError(f"{rows.table_name} fields: there are no columns {missing}")
    positions = np.flatnonzero(is_valid)
    version_ends = _ends(rows, section, deal.codes, time, positions)
    parts: list[tuple[Codes, Codes, Ints, Codes, Ints]] = []
    levels: list[Any] = []
    for position, name in enumerate(fields):
        column = coded(rows.column(name))
        codes = np.where(
            column.codes[positions] < 0, -1, column.codes[positions] + len(levels)
        ).astype(np.int32)
        codes = np.concatenate([codes, np.full(len(version_ends[0]), -1, dtype=np.int32)])
        levels += column.levels
        deals = np.concatenate([deal.codes[positions], version_ends[0]])
        times = np.concatenate([time[positions], version_ends[1]])
        rows_at = np.concatenate([positions, version_ends[2]])
        changing = _changing(deals, times, codes)
        field = np.full(len(changing), position, dtype=np.int32)
        parts.append((deals[changing], field, times[changing], codes[changing], rows_at[changing]))
    if not parts:
        raise DealsError(f"{rows.table_name}: the table has no columns but the id and the time")
    deals, field, times, codes, rows_at = map(np.concatenate, zip(*parts, strict=True))
    old = np.full(len(codes), -1, dtype=np.int32)
    return HistoryRows(
        pd.Index(deal.levels, dtype=object), fields, deals, field, times, codes, old, levels,
        rows_at,
    )  # fmt: skip


def _field_columns(rows: Rows, used: tuple[str | None, ...]) -> list[str]:
    """Return the columns of a wide table that may be fields: not used yet, not from a loader."""
    return [
        name for name in rows.names if name not in used and not name.startswith(TECHNICAL_PREFIXES)
    ]


def _ends(
    rows: Rows, section: HistoryTable, deal: Codes, starts: Ints, positions: Ints
) -> tuple[Codes, Ints, Ints]:
    """Return deal, time and row of each version that ends without a next version."""
    no_rows = np.empty(0, dtype=np.int64)
    if section.valid_to is None:
        return np.empty(0, dtype=np.int32), no_rows, no_rows
    ends = read_times(rows, "valid_to")
    inverted = (ends != NOT_A_TIME) & (starts != NOT_A_TIME) & (ends < starts)
    rows.note(
        inverted,
        "end before they begin, so their end is ignored",
        f"correct {section.valid_to} or {section.valid_from}",
        str(section.valid_to),
    )
    end, time = np.where(inverted, NOT_A_TIME, ends)[positions], starts[positions]
    order = np.lexsort((time, deal[positions]))
    end, sorted_deal, sorted_time = end[order], deal[positions][order], time[order]
    has_next = np.append(sorted_deal[1:] == sorted_deal[:-1], False)[: len(order)]
    next_time = np.append(sorted_time[1:], NOT_A_TIME)[: len(order)]
    overlaps = np.zeros(len(ends), dtype=bool)
    overlaps[positions[order][has_next & (end != NOT_A_TIME) & (next_time < end)]] = True
    rows.note(
        overlaps,
        "end after the deal's next version begins, so the next version counts from its start",
        "end every version at the start of the next one",
        str(section.valid_to),
    )
    ends_without_next = ~has_next | (next_time > end)
    selected = np.flatnonzero((end != NOT_A_TIME) & ends_without_next)
    return sorted_deal[selected], end[selected], positions[order][selected]


def _changing(deals: Codes, times: Ints, codes: Codes) -> Ints:
    """Return the rows whose value differs from the previous one of the same deal."""
    order = np.lexsort((times, deals))
    same = (deals[order][1:] == deals[order][:-1]) & (codes[order][1:] == codes[order][:-1])
    result: Ints = order[np.append(True, ~same)[: len(order)]]
    return result


def first_seen(raw: HistoryRows) -> Ints:
    """Return the time of each deal's first change; NaT if it has none."""
    first = np.full(len(raw.ids), np.iinfo(np.int64).max)
    np.minimum.at(first, raw.deal, raw.time)
    first[first == np.iinfo(np.int64).max] = NOT_A_TIME
    return first


@dataclass(frozen=True, eq=False)
class StageMoves:
    """Cumulative counts over the sorted rows of a history; each has one more entry than rows.

    `skipped`, ndarray of int32 of shape (rows + 1,) or None: number of skipped stages; None if the
        contract gives no order.
    `returned`, ndarray of int32 of shape (rows + 1,): number of moves to an earlier stage; without
        an order, to a stage that the deal was in before.
    """

    skipped: Codes | None
    returned: Codes

    def between(self, start: Ints, stop: Ints) -> dict[str, NDArray[np.float64]]:
        """Return the counts over rows ``start <= row < stop``, by the name of the attribute."""
        counts = {"returned": self.returned}
        if self.skipped is not None:
            counts = {"skipped": self.skipped, **counts}
        return {
            name: (cumulative[stop] - cumulative[start]).astype(np.float64)
            for name, cumulative in counts.items()
        }


def stage_steps(
    stages: Sequence[str],
    levels: Sequence[Any],
    key: Ints,
    value: Codes,
    old: Codes,
    begins: NDArray[np.bool_],
    is_stage: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each row how many stages it skips, and whether it goes back.

    `stages`: the stages in their order; empty if it is not given.
    `levels`: the distinct values; `value` and `old` are positions in it.
    `key`, `value`, `old`, ndarray of int of shape (rows,): deal and field, new value and old value
        of the sorted rows.
    `begins`, ndarray of bool of shape (rows,): whether a row is the first one of its deal and
        field.
    `is_stage`, ndarray of bool of shape (rows,): whether a row changes the stage, and not another
        field.
    """
    previous = np.where(begins, old, np.append(np.int32(-1), value[:-1])[: len(value)])
    if stages:
        order = {plain_value(stage): position for position, stage in enumerate(stages)}
        ranks = np.array([order.get(plain_value(level), -1) for level in levels] + [-1])
        step = np.where(
            (ranks[value] < 0) | (ranks[previous] < 0), 0, ranks[value] - ranks[previous]
        )
        step = np.where(is_stage, step, 0)
        return np.maximum(step - 1, 0), (step < 0).astype(np.int64)
    is_return = _had_before(key, value, old, begins) & is_stage
    return np.zeros(len(key), dtype=np.int64), is_return.astype(np.int64)


def _had_before(key: Ints, value: Codes, old: Codes, begins: NDArray[np.bool_]) -> Any:
    """Return a mask of the rows whose value the deal had earlier, or as its first old value."""
    with_old = np.flatnonzero(begins & (old >= 0))
    keys = np.concatenate([key[with_old], key])
    values = np.concatenate([old[with_old], value])
    is_repeated = pd.DataFrame({"key": keys, "value": values}).duplicated().to_numpy()
    result: Any = is_repeated[len(with_old) :]
    return result
