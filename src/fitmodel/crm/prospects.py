"""Attributes of prospects from the tables that a model's contract names.

model's contract -> its tables, read once -> any number of prospects, in chunks or one at a time
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._long_table import Given
from fitmodel.crm.attributes import attributes_as_of, has_tables, read_crm_tables
from fitmodel.crm.columns import columns_of, field_columns_of
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DealsError, ProspectError, SpecError
from fitmodel.tables.cells import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from fitmodel.crm.attributes import CrmTables

__all__ = ["Given", "ProspectHistory", "add_history", "contract_of", "open_history"]
TABLES = ("history", "events")
REQUEST_TABLES = "tables"
"""Under this name a request brings the rows of its prospect."""


@dataclass(frozen=True, eq=False)
class ProspectHistory:
    """The tables of a model's contract, ready to give prospects their attributes.

    Attributes
    ----------
    spec : DealSpec
        Of a trained model: which fields and kinds give attributes is filled in.
    tables : CrmTables
    """

    spec: DealSpec
    tables: CrmTables

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns that are attached, in their order."""
        return columns_of(self.spec)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Columns of a prospect that are read beside its attributes."""
        roles = (self.spec.deals.id, self.spec.deals.closed_on)
        fields = (each.column for each in field_columns_of(self.spec))
        return tuple(dict.fromkeys([*filter(None, roles), *fields]))

    def attached_to(self, prospects: pd.DataFrame, as_of: date | None = None) -> pd.DataFrame:
        """The prospects with their attributes as of a day, today without it.

        Raises
        ------
        ProspectError
            If they have no column of ids.
        """
        try:
            result = attributes_as_of(prospects, self.spec, self.tables, as_of)
        except DealsError as error:
            raise ProspectError(str(error)) from error
        return result.attached_to(prospects)

    def without_history(self, prospects: pd.DataFrame) -> int:
        """How many prospects are in none of the tables."""
        ids = prospects[str(self.spec.deals.id)]
        found = np.zeros(len(ids), dtype=bool)
        for log in self.tables.every:
            found |= log.deals(ids) >= 0
        return int((~found).sum())


def contract_of(manifest: Mapping[str, Any]) -> DealSpec | None:
    """The contract in a bundle's manifest, where it names tables beside the deals."""
    sections = manifest.get("spec") or {}
    if not any(sections.get(name) for name in TABLES):
        return None
    spec = DealSpec(**sections)
    return spec if has_tables(spec) else None


def with_tables_of(manifest: Mapping[str, Any], spec: DealSpec) -> DealSpec:
    """A contract with the tables of a model's, in which fields and kinds are filled in."""
    learned = contract_of(manifest)
    if learned is None:
        return spec
    return spec.replace(history=learned.history, events=learned.events)


def open_history(
    manifest: Mapping[str, Any],
    tables: Mapping[str, Given] | None = None,
    present: Iterable[str] = (),
) -> ProspectHistory | None:
    """Open the tables of a model's contract, where prospects need them.

    Parameters
    ----------
    manifest : mapping
        Of the model's bundle.
    tables : mapping of str to DataFrame or path, optional
        In place of the contract's, by their names there.
    present : iterable of str
        Columns that the prospects have. Those who have all columns of the tables have got their
        attributes already, and keep them unless `tables` is given.

    Returns
    -------
    ProspectHistory or None
        None where the contract names no tables, or nothing is to be attached.

    Raises
    ------
    SpecError
        If tables are given and the contract names none.
    DealsError
        If a table cannot be read.
    """
    spec = contract_of(manifest)
    if spec is None:
        if tables:
            raise SpecError(
                f"the model's contract has no table {next(iter(tables))!r}: it names none. Remedy: "
                "leave --table out, or train with [history.*] or [events.*] in the contract"
            )
        return None
    if tables is None and set(columns_of(spec)) <= set(present):
        return None
    return ProspectHistory(spec, read_crm_tables(spec, tables))


def add_history(
    prospects: pd.DataFrame,
    model: Any,
    *,
    tables: Mapping[str, Given] | None = None,
    as_of: date | None = None,
) -> pd.DataFrame:
    """Add the attributes that history and events give to prospects, as a model expects them.

    Parameters
    ----------
    prospects : DataFrame
        One a row, with the contract's id; not changed. Those signed by the day `as_of` are taken as
        of their closing, the others as of that day.
    model : FitModel
        Trained with ``[history.*]`` or ``[events.*]`` in its contract.
    tables : mapping of str to DataFrame or path, optional
        In place of the contract's tables, by their names there.
    as_of : date, optional
        Today without it.

    Returns
    -------
    DataFrame
        The prospects, with columns of today replaced by what is known of them, and others added;
        as they are where the contract names no tables.

    Raises
    ------
    SpecError, DealsError, ProspectError
        If tables are given and the contract names none; if a table cannot be read; if the prospects
        have no column of ids.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> prospects = pd.read_csv("prospects.csv")
    >>> add_history(prospects, model).equals(prospects)  # its contract has no tables
    True
    """
    history = open_history(model.manifest, tables)
    return prospects if history is None else history.attached_to(prospects, as_of)


def with_request_tables(prospect: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """One prospect of a request with the attributes of the rows that it brings as `tables`.

    Parameters
    ----------
    prospect : mapping
        Its columns; under ``tables`` a list of rows for each table of the model's contract. A
        table that is not named has no row; a row needs no id.
    manifest : mapping
        Of the model's bundle.

    Returns
    -------
    dict
        Without ``tables``; as it is where there are none.

    Raises
    ------
    ProspectError
        If the model's contract has no such table, or the rows cannot be read.
    """
    given = dict(prospect)
    sent = given.pop(REQUEST_TABLES, None)
    spec = contract_of(manifest)
    if sent is None or spec is None:
        if sent is not None:
            raise ProspectError("the model's contract names no tables: leave out `tables`")
        return given
    id_column = str(spec.deals.id)
    given.setdefault(id_column, "prospect")
    try:
        tables = read_crm_tables(spec, tables_of_rows(sent, spec, given[id_column]))
        frame = attributes_as_of(pd.DataFrame([given]), spec, tables).frame
    except DealsError as error:
        raise ProspectError(str(error)) from error
    (row,) = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return given | {str(name): plain(value) for name, value in row.items()}


def tables_of_rows(sent: Any, spec: DealSpec, prospect_id: Any = None) -> dict[str, pd.DataFrame]:
    """A frame for each table of a contract, with the rows that were sent for it.

    Parameters
    ----------
    sent : mapping of str to list of mapping
        Rows by the name of their table; a table that is not named has none.
    spec : DealSpec
    prospect_id : optional
        Of rows that bring no id.

    Raises
    ------
    ProspectError
        If it is no such mapping, or names a table that the contract has not.
    """
    sections: dict[str, Any] = {**spec.history, **spec.events}
    if not isinstance(sent, dict):
        raise ProspectError("`tables` must be an object: a list of rows for each table")
    unknown = sorted(set(sent) - set(sections))
    if unknown:
        known = ", ".join(sections)
        raise ProspectError(f"the model has no table {unknown[0]!r}; it has {known}")
    tables: dict[str, pd.DataFrame] = {}
    for name, section in sections.items():
        rows = sent.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProspectError(f"{name} must be a list of rows, each an object of columns")
        sent_columns = (column for row in rows for column in row)
        columns = list(dict.fromkeys([*columns_needed(section), *sent_columns]))
        tables[name] = pd.DataFrame(rows, columns=columns, dtype=object)
        if prospect_id is not None:
            tables[name][section.id] = tables[name][section.id].fillna(prospect_id)
    return tables


def columns_needed(section: Any) -> list[str]:
    """Columns of a table that its section of the contract names."""
    keys = ("id", "field", "value", "old_value", "changed_at", "valid_from", "valid_to", "day")
    named = [getattr(section, key, None) for key in (*keys, "at", "kind", "who", "amount")]
    wide = () if getattr(section, "is_long", True) else section.fields or ()
    return [*filter(None, named), *wide]
