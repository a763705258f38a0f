"""The sources of values: provenance, one deal's timeline, values changed after closing.

attributes as of the cut-off -> value then, value today, the row with it, later changes
events and changes of one deal -> in the order of time, each before or after the cut-off
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._changes import BEFORE_FIRST, CHANGED, NEVER_CHANGED, UNKNOWN
from fitmodel.crm._moments import NOT_A_TIME
from fitmodel.crm.attributes import TODAY
from fitmodel.exceptions import DealsError
from fitmodel.tables.cells import level_text
from fitmodel.tables.values import (
    UnreadableValueError,
    distinct,
    flag_text,
    is_missing,
    read_flag,
    read_number,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.crm._changes import ChangeLog
    from fitmodel.crm._events import EventLog
    from fitmodel.crm.attributes import AsOfAttributes, CrmTables
    from fitmodel.deals.contract import DealSpec

SOURCES = {
    CHANGED: "last change before",
    BEFORE_FIRST: "old value of a later change",
    NEVER_CHANGED: "never changed",
    UNKNOWN: "not known",
    TODAY: "the table, as of today",
}
"""Texts of the sources, for people."""


def provenance(deals: pd.DataFrame, spec: DealSpec, result: AsOfAttributes) -> pd.DataFrame:
    """Return a table with the source of every value of every field.

    Parameters
    ----------
    deals : DataFrame
        The deals with today's values, before the attributes were attached.
    result : AsOfAttributes
        The attributes as of each deal's cut-off.

    Returns
    -------
    DataFrame
        One row per deal and field: ``id``, ``attribute``, ``value`` as of the cut-off, value
        ``today``, ``source`` (see `SOURCES`), ``recorded_at`` (time of the row with the value),
        ``later_changes`` (their number), and ``as_of`` (the cut-off). Values are texts.
    """
    ids = [level_text(each) for each in deals[str(spec.deals.id)]]
    moments = result.moments.times.astype("datetime64[us]")
    parts = []
    for each in result.fields:
        name = each.columns.column
        recorded = np.where(each.source == CHANGED, each.as_of.recorded_at, NOT_A_TIME)
        parts.append(
            pd.DataFrame(
                {
                    "id": pd.array(ids, dtype="str"),
                    "attribute": name,
                    "value": _texts(pd.Series(each.values(deals), dtype=object), len(ids)),
                    "today": _texts(deals[name] if name in deals.columns else None, len(ids)),
                    "source": pd.array([SOURCES[int(code)] for code in each.source], dtype="str"),
                    "recorded_at": recorded.astype("datetime64[us]"),
                    "later_changes": each.as_of.later_changes.astype(np.int64),
                    "as_of": moments,
                }
            )
        )
    columns = ["id", "attribute", "value", "today", "source"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _texts(values: pd.Series[Any] | None, rows: int) -> Any:
    if values is None:
        return pd.array([None] * rows, dtype="str")
    cells = values.astype(object)
    return pd.array(
        [None if pd.isna(cell) else level_text(cell).removesuffix(" 00:00:00") for cell in cells],
        dtype="str",
    )


@dataclass(frozen=True, eq=False)
class Timeline:
    """One deal: its values as of the cut-off and today, and its recorded changes and events.

    Attributes
    ----------
    deal : str
        Id of the deal.
    moment : datetime64[us]
        The cut-off; what was recorded strictly before it is used.
    fields : DataFrame
        One row per field, as returned by `provenance`.
    derived : Series
        The other attributes, by name.
    records : DataFrame
        One row per change and event, in the order of time: ``at``, ``table``, ``what``, ``known``
        (whether it is before the cut-off).
    """

    deal: str
    moment: np.datetime64
    fields: pd.DataFrame
    derived: pd.Series[Any]
    records: pd.DataFrame


def timeline(
    deals: pd.DataFrame, spec: DealSpec, tables: CrmTables, result: AsOfAttributes, deal: str
) -> Timeline:
    """Return the recorded values and events of one deal.

    Parameters
    ----------
    deals, spec, tables, result
        The attributes ``today``, ``spec``, ``tables`` and ``result`` of
        `fitmodel.crm.reading.OpenedDeals`.
    deal : str
        Id of the deal.

    Raises
    ------
    DealsError
        If not exactly one deal has this id.
    """
    ids = [level_text(each) for each in deals[str(spec.deals.id)]]
    positions = [position for position, each in enumerate(ids) if each == deal]
    if len(positions) != 1:
        raise DealsError(
            f"{len(positions)} of {len(ids):,} deals have the id {deal!r}. Remedy: give an id such "
            f"as {ids[0]!r}"
        )
    values = provenance(deals, spec, result)
    value_columns = {each.columns.value for each in result.fields}
    derived = [name for name in result.frame.columns if name not in value_columns]
    moment = result.moments.times[positions].astype("datetime64[us]")[0]
    records = [_changes(log, deal) for log in tables.logs.values()]
    records += [_events(log, deal) for log in tables.events.values()]
    table = pd.concat(records, ignore_index=True).sort_values("at", kind="stable")
    table["known"] = table["at"].to_numpy() < moment
    return Timeline(
        deal,
        moment,
        values[values["id"] == deal].reset_index(drop=True),
        result.frame[derived].iloc[positions[0]],
        table.reset_index(drop=True),
    )


def _changes(log: ChangeLog, deal: str) -> pd.DataFrame:
    """Return the changes of one deal as records."""
    position = int(log.ids.get_indexer(pd.Index([deal], dtype=object))[0])
    rows: list[tuple[Any, str, str]] = []
    for number, name in enumerate(log.fields):
        if position < 0:
            break
        key = position * len(log.fields) + number
        for row in range(log.bounds[key], log.bounds[key + 1]):
            code = int(log.value_codes[row])
            value = "(empty)" if code < 0 else level_text(log.levels[code])
            rows.append((log.times[row], log.table_name, f"{name}: {value}"))
    return _records(rows)


def _events(log: EventLog, deal: str) -> pd.DataFrame:
    """Return the events of one deal as records."""
    position = int(log.ids.get_indexer(pd.Index([deal], dtype=object))[0])
    start, stop = (
        (0, 0)
        if position < 0
        else (log.all_events.starts[position], log.all_events.stops[position])
    )
    rows = [
        (log.all_events.times[row], log.table_name, "event" if kind < 0 else log.kinds[kind])
        for row, kind in zip(range(start, stop), log.kind[start:stop], strict=True)
    ]
    return _records(rows)


def _records(rows: list[tuple[Any, str, str]]) -> pd.DataFrame:
    times = np.array([at for at, _, _ in rows], dtype=np.int64).astype("datetime64[us]")
    return pd.DataFrame(
        {
            "at": times,
            "table": pd.array([table for _, table, _ in rows], dtype="str"),
            "what": pd.array([what for _, _, what in rows], dtype="str"),
        }
    )


@dataclass(frozen=True, eq=False)
class LaterChange:
    """A column whose value today differs from the one at closing.

    Attributes
    ----------
    deals : ndarray of bool of shape (deals,)
        Deals whose value has changed since closing.
    known : ndarray of bool of shape (deals,)
        Deals whose value as of closing is known.
    """

    column: str
    deals: NDArray[np.bool_]
    known: NDArray[np.bool_]


def later_changes(deals: pd.DataFrame, result: AsOfAttributes) -> Iterator[LaterChange]:
    """Yield the columns whose value has changed since closing in at least one deal.

    Parameters
    ----------
    deals : DataFrame
        The deals with today's values, before `result` was attached.
    result : AsOfAttributes
        The attributes as of closing.
    """
    for each in result.fields:
        name = each.columns.column
        if each.columns.value is None or name not in deals.columns:
            continue
        known = (each.source != UNKNOWN) & ~result.moments.is_open
        values = result.frame[each.columns.value].astype(object).to_numpy()
        changed = is_other_value(values, deals[name]) & known
        if changed.any():
            yield LaterChange(name, changed, known)


def is_other_value(values: NDArray[Any], today: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return a mask of the values that differ from today's; 12 and "12.0" are equal."""
    columns = [distinct(pd.Series(values, dtype=object)), distinct(today.reset_index(drop=True))]
    # of a column of true and false the other table may have the words "True" or "yes", or 1
    flags = any(isinstance(level, bool | np.bool_) for _, levels in columns for level in levels)
    code_by_level: dict[Any, int] = {None: -1}
    codes = []
    for positions, levels in columns:
        codes_of_levels = [
            code_by_level.setdefault(_plain(level, flags=flags), len(code_by_level))
            for level in levels
        ]
        codes.append(np.array([*codes_of_levels, -1])[positions])
    result: NDArray[np.bool_] = codes[0] != codes[1]
    return result


def _plain(value: Any, *, flags: bool) -> Any:
    if is_missing(value):
        return None
    if flags and (flag := read_flag(value)) is not None:
        return "yes" if flag else "no"
    try:
        return read_number(value)
    except UnreadableValueError:
        return flag_text(level_text(value).removesuffix(" 00:00:00"))
