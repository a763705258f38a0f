"""Attributes of prospects from the tables that a model's contract names.

model's contract -> its tables, read once -> any number of prospects, in chunks or one at a time
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._opening import Given
from fitmodel.crm.attributes import attributes_as_of, has_tables, read_crm_tables
from fitmodel.crm.columns import columns_of, field_columns_of
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DealsError, ProspectError, SpecError
from fitmodel.tables.cells import is_missing, level_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from fitmodel.crm.attributes import CrmTables

__all__ = ["Given", "ProspectHistory", "add_history", "contract_of", "open_history"]
TABLES = ("history", "events")
MAX_ASKED = 1_000
"""Prospects up to which a database is asked for their rows alone."""


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
        """Columns of a prospect that are read in addition to its attributes."""
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

    @property
    def digest(self) -> str:
        """Changes where any row of a table does."""
        result = sha256()
        for log in self.tables.every:
            result.update(log.digest)
        return result.hexdigest()

    def without_history(self, prospects: pd.DataFrame) -> int:
        """How many prospects are in none of the tables."""
        ids = prospects[str(self.spec.deals.id)]
        has_rows = np.zeros(len(ids), dtype=bool)
        for log in self.tables.every:
            has_rows |= log.deals(ids) >= 0
        return int((~has_rows).sum())


def contract_of(manifest: Mapping[str, Any]) -> DealSpec | None:
    """Return the contract in a bundle's manifest where it names history or event tables."""
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
    ids: Sequence[str] | None = None,
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
    ids : sequence of str, optional
        Of tables in a database only the rows of these prospects are read.

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
    return ProspectHistory(spec, read_crm_tables(spec, tables, ids))


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
    name, ids = model.manifest.get("spec", {}).get("deals", {}).get("id"), None
    if name in prospects.columns and len(prospects) <= MAX_ASKED:
        ids = [level_text(value) for value in prospects[name] if not is_missing(value)]
    history = open_history(model.manifest, tables, ids=ids)
    return prospects if history is None else history.attached_to(prospects, as_of)
