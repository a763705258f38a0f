"""Attributes of deals and prospects from their history: as of closing, or as of a day.

tables of the contract -> read once, sorted -> each deal's cut-off -> a column per attribute
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._changes import BEFORE_FIRST, NEVER_CHANGED, UNKNOWN, read_changes
from fitmodel.crm._events import read_events
from fitmodel.crm._moments import moments_of
from fitmodel.crm.columns import FieldColumns, field_columns_of
from fitmodel.exceptions import DealsError
from fitmodel.tables.cells import level_text
from fitmodel.tables.values import is_missing, is_text, read_dates, read_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from fitmodel.crm._changes import ChangeLog, FieldAsOf
    from fitmodel.crm._events import EventLog
    from fitmodel.crm._moments import Ints, Moments
    from fitmodel.crm._opening import Given
    from fitmodel.deals.contract import DealSpec

TODAY = UNKNOWN + 1
"""Source of a value from an open prospect's row; the other sources are in `_changes`."""


@dataclass(frozen=True, eq=False)
class CrmTables:
    """The tables of a contract, read and sorted.

    Attributes
    ----------
    logs : mapping of str to ChangeLog
        ``[history.*]`` by name.
    events : mapping of str to EventLog
        ``[events.*]`` by name.
    """

    logs: Mapping[str, ChangeLog]
    events: Mapping[str, EventLog]

    @property
    def all_tables(self) -> list[ChangeLog | EventLog]:
        """All tables."""
        return [*self.logs.values(), *self.events.values()]

    def replaced(self, others: Mapping[str, Any]) -> CrmTables:
        """Return these tables, with some replaced by others of the same names."""
        logs = {name: others.get(name, log) for name, log in self.logs.items()}
        events = {name: others.get(name, log) for name, log in self.events.items()}
        return CrmTables(logs, events)

    def with_sections_of(self, spec: DealSpec) -> CrmTables:
        """Return the same tables with the sections of a more complete contract."""
        return CrmTables(
            {name: replace(log, section=spec.history[name]) for name, log in self.logs.items()},
            {name: replace(log, section=spec.events[name]) for name, log in self.events.items()},
        )


def has_tables(spec: DealSpec) -> bool:
    """Return whether a contract has history or event tables."""
    return bool(spec.history or spec.events)


def read_crm_tables(
    spec: DealSpec, given: Mapping[str, Given] | None = None, ids: Sequence[str] | None = None
) -> CrmTables:
    """Read the tables of a contract: files, folders or tables of a database.

    Parameters
    ----------
    given : mapping of str to DataFrame or path, optional
        Tables that replace those of the contract, by their names.
    ids : sequence of str, optional
        Ids of deals; from a database only their rows are read.

    Raises
    ------
    DealsError
        If a table cannot be read, or `given` has a table that the contract does not have.
    DatabaseError, DependencyError
        If a database cannot be read.
    """
    given = {} if given is None else dict(given)
    unknown = sorted(set(given) - {*spec.history, *spec.events})
    if unknown:
        known = ", ".join([*spec.history, *spec.events]) or "none"
        raise DealsError(f"the contract has no table {unknown[0]!r}; it has {known}")
    logs = {
        name: read_changes(f"[history.{name}]", section, given.get(name), ids)
        for name, section in spec.history.items()
    }
    events = {
        name: read_events(name, section, given.get(name), ids)
        for name, section in spec.events.items()
    }
    return CrmTables(logs, events)


@dataclass(frozen=True, eq=False)
class FieldResult:
    """A field as of each deal's cut-off, with the sources of its values.

    Attributes
    ----------
    columns : FieldColumns
        Names of the field and its columns.
    as_of : FieldAsOf
        The field in the change log.
    source : ndarray of int of shape (deals,)
        Source of each value: one of those of `FieldAsOf`, or `TODAY`.
    log : ChangeLog
        The log that contains the field.
    """

    columns: FieldColumns
    as_of: FieldAsOf
    source: NDArray[np.int64]
    log: ChangeLog

    def values(self, deals: pd.DataFrame) -> NDArray[Any]:
        """Return the recorded values, or today's values of the deals; None if unknown."""
        without_row = np.isin(self.source, (UNKNOWN, NEVER_CHANGED, TODAY))
        codes = np.where(without_row, -1, self.as_of.codes)
        recorded = self.log.levels.take(codes)
        from_deals = np.isin(self.source, (NEVER_CHANGED, TODAY))
        if from_deals.any() and self.columns.column in deals.columns:
            recorded[from_deals] = deals[self.columns.column].astype(object).to_numpy()[from_deals]
        return recorded


@dataclass(frozen=True, eq=False)
class AsOfAttributes:
    """Attributes as of each deal's cut-off.

    Attributes
    ----------
    frame : DataFrame of shape (deals, attributes)
        The attributes, with the index of the deals.
    moments : Moments
        Cut-off of each deal.
    fields : tuple of FieldResult
        The fields and the sources of their values.
    unlike : mapping of str to ndarray of bool of shape (deals,)
        For some columns: rows whose value has another type than all present values.
    """

    frame: pd.DataFrame
    moments: Moments
    fields: tuple[FieldResult, ...] = ()
    unlike: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def without_unlike(self, deals: pd.DataFrame) -> AsOfAttributes:
        """Return the attributes with values of another type than those of the deals removed."""
        emptied = {name: self.frame[name].mask(wrong) for name, wrong in self.unlike.items()}
        numbers = {
            name: read_numbers(values).series
            for name, values in emptied.items()
            if name in deals.columns and not is_text(deals[name])
        }
        return replace(self, frame=self.frame.assign(**(emptied | numbers)))

    def attached_to(self, deals: pd.DataFrame) -> pd.DataFrame:
        """Return the deals with these columns; they replace columns with the same names."""
        return deals.assign(**{str(name): self.frame[name].array for name in self.frame.columns})


def attributes_as_of(
    deals: pd.DataFrame, spec: DealSpec, tables: CrmTables, as_of: date | None = None
) -> AsOfAttributes:
    """Compute the attributes of deals or prospects from their history and event tables.

    Parameters
    ----------
    deals : DataFrame
        Deals or prospects with the id column, and the closing date if signed; not changed.
    spec : DealSpec
        A contract with fields, kinds and recording dates filled in, by `settle` or from a bundle.
    tables : CrmTables
        The tables of the contract.
    as_of : date, optional
        Day as of which prospects are viewed; by default today.

    Raises
    ------
    DealsError
        If the deals have no column of ids.
    """
    ids = _ids(deals, spec)
    moments = moments_of(deals, spec, as_of)
    tables = tables.with_sections_of(spec)
    columns: dict[str, Any] = {}
    fields: list[FieldResult] = []
    unlike: dict[str, NDArray[np.bool_]] = {}
    for each in field_columns_of(spec):
        log = tables.logs[each.table]
        positions = log.deals(ids)
        result = _field(each, log, positions, moments, deals)
        fields.append(result)
        if each.value is not None:
            is_categorical = each.column in spec.attributes.categorical
            value, is_unlike = _value_column(result, deals, is_categorical=is_categorical)
            columns[each.value] = value
            if is_unlike.any():
                unlike[each.value] = is_unlike
        columns[each.changes] = result.as_of.changes
        columns[each.days] = result.as_of.days_unchanged
        if each.is_stage:
            columns |= _stage_columns(each, log, result)
    for events in tables.events.values():
        columns |= events.attributes(events.deals(ids), moments.times)
    frame = pd.DataFrame(columns, index=deals.index)
    return AsOfAttributes(frame, moments, tuple(fields), unlike)


def _ids(deals: pd.DataFrame, spec: DealSpec) -> pd.Series[Any]:
    name = str(spec.deals.id)
    if name not in deals.columns:
        raise DealsError(
            f"there is no column {name!r}, the contract's id, which is needed to match deals with "
            f"their history; there are {', '.join(map(str, deals.columns[:12]))}"
        )
    return deals[name]


def _field(
    columns: FieldColumns, log: ChangeLog, positions: Ints, moments: Moments, deals: pd.DataFrame
) -> FieldResult:
    result = log.as_of(columns.field, positions, moments.times)
    source = result.source.copy()
    # Without today's column, these values would be known only because of a later change.
    if columns.column not in deals.columns:
        source[np.isin(source, (BEFORE_FIRST, NEVER_CHANGED))] = UNKNOWN
    elif moments.is_now:
        source[moments.is_open & (source == UNKNOWN)] = TODAY
    return FieldResult(columns, result, source, log)


def _value_column(
    result: FieldResult, deals: pd.DataFrame, *, is_categorical: bool
) -> tuple[Any, NDArray[np.bool_]]:
    """Return values as of the cut-off in the type of today's column, and which do not fit it."""
    name = result.columns.column
    values = pd.Series(result.values(deals), index=deals.index, dtype=object, name=name)
    today = deals[name] if name in deals.columns else None
    typed, is_unlike = _typed(values, today)
    if today is not None and is_text(today) and not is_categorical and _are_numbers(today):
        is_unlike = read_numbers(values).unreadable
    return typed, is_unlike


def _are_numbers(values: pd.Series[Any]) -> bool:
    read = read_numbers(values)
    return bool(read.series.notna().any()) and not read.unreadable.any()


def _typed(values: pd.Series[Any], today: pd.Series[Any] | None) -> tuple[Any, NDArray[np.bool_]]:
    none_unlike = np.zeros(len(values), dtype=bool)
    if today is None:
        return _texts_or_numbers(values), none_unlike
    if pd.api.types.is_datetime64_any_dtype(today.dtype):
        dates = read_dates(values)
        return dates.series.array, dates.unreadable
    if pd.api.types.is_numeric_dtype(today.dtype) and not pd.api.types.is_bool_dtype(today.dtype):
        numbers = read_numbers(values)
        if not numbers.unreadable.any():
            return numbers.series.array, none_unlike
        return _as_texts(values), numbers.unreadable
    return (_as_texts(values) if is_text(today) else _texts_or_numbers(values)), none_unlike


def _texts_or_numbers(values: pd.Series[Any]) -> Any:
    given = [value for value in values if not is_missing(value)]
    if given and all(map(_is_number, given)):
        return values.astype("float64").array
    return _as_texts(values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _as_texts(values: pd.Series[Any]) -> Any:
    texts = [None if is_missing(value) else level_text(value) for value in values]
    return pd.array(texts, dtype="str")


def _stage_columns(
    columns: FieldColumns, log: ChangeLog, result: FieldResult
) -> dict[str, NDArray[np.float64]]:
    start, stop = result.as_of.rows
    is_known = ~np.isnan(result.as_of.changes)
    moves = log.moves[columns.field].between(start, stop)
    return {
        f"{columns.column}_{name}": np.where(is_known, count, np.nan)
        for name, count in moves.items()
    }
