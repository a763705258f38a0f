"""Attributes of prospects from the history and event tables of a model's contract.

model's contract -> its tables, read once -> any number of prospects, in chunks or one at a time
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.crm._opening import Given
from fitmodel.crm.attributes import attributes_as_of, has_tables, read_crm_tables
from fitmodel.crm.columns import columns_of, field_columns_of
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import open_table
from fitmodel.deals.roles import LOG_PROPENSITY
from fitmodel.exceptions import DealsError, ProspectError, SpecError
from fitmodel.tables.cells import is_missing, level_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from fitmodel.crm.attributes import CrmTables
    from fitmodel.deals.reading import DealsRead
    from fitmodel.tables.files import FileTable

__all__ = [
    "Given",
    "ProspectHistory",
    "add_history",
    "contract_of",
    "open_history",
    "open_past_deals",
]
TABLES = ("history", "events")
MAX_LOOKED_UP = 1_000
"""Up to this number of prospects, only their rows are read from a database."""


@dataclass(frozen=True, eq=False)
class ProspectHistory:
    """The tables of a model's contract, from which prospects get their attributes.

    Attributes
    ----------
    spec : DealSpec
        Contract of a trained model, with fields and kinds filled in.
    tables : CrmTables
        The tables.
    """

    spec: DealSpec
    tables: CrmTables

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the attribute columns that are added, in order."""
        return columns_of(self.spec)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Names of a prospect's columns that are read in addition to its attributes."""
        roles = (self.spec.deals.id, self.spec.deals.closed_on)
        fields = (each.column for each in field_columns_of(self.spec))
        return tuple(dict.fromkeys([*filter(None, roles), *fields]))

    def attached_to(self, prospects: pd.DataFrame, as_of: date | None = None) -> pd.DataFrame:
        """Return the prospects with their attributes as of a day; by default today.

        Raises
        ------
        ProspectError
            If the id column is absent.
        """
        try:
            result = attributes_as_of(prospects, self.spec, self.tables, as_of)
        except DealsError as error:
            raise ProspectError(str(error)) from error
        return result.attached_to(prospects)

    @property
    def digest(self) -> str:
        """Digest of all tables; it changes if any row changes."""
        digest = sha256()
        for log in self.tables.all_tables:
            digest.update(log.digest)
        return digest.hexdigest()


def contract_of(manifest: Mapping[str, Any]) -> DealSpec | None:
    """Return the contract in a bundle's manifest if it has history or event tables, or None."""
    sections = manifest.get("spec") or {}
    if not any(sections.get(name) for name in TABLES):
        return None
    spec = DealSpec.from_manifest(sections)
    return spec if has_tables(spec) else None


def with_tables_of(manifest: Mapping[str, Any], spec: DealSpec) -> DealSpec:
    """Return a contract with the tables of a model's contract, including fields and kinds."""
    trained = contract_of(manifest)
    if trained is None:
        return spec
    return spec.replace(history=trained.history, events=trained.events)


def open_past_deals(
    source: str | Path | pd.DataFrame | FileTable | DealsRead,
    manifest: Mapping[str, Any],
    spec: DealSpec,
    *,
    is_own: bool,
) -> tuple[FileTable, DealSpec]:
    """Open past deals for a model that exists; return them with the contract to read them by.

    The contract has the tables of the model's contract. The contract of a model that was trained
    with a decision log names a column of propensities that the log added. A company's table does
    not have this column, so it is then read without the role.

    Parameters
    ----------
    source : path, DataFrame, FileTable or DealsRead
        The deals.
    is_own : bool
        Whether it is the contract that the model was trained with.
    """
    file = open_table(source, spec)
    role = spec.deals.propensity
    if is_own and role == LOG_PROPENSITY and role not in file.table.columns:
        spec = spec.replace(deals={"propensity": None})
    return file, with_tables_of(manifest, spec)


def open_history(
    manifest: Mapping[str, Any],
    tables: Mapping[str, Given] | None = None,
    present: Iterable[str] = (),
    ids: Sequence[str] | None = None,
) -> ProspectHistory | None:
    """Open the tables of a model's contract if prospects need them.

    Parameters
    ----------
    tables : mapping of str to DataFrame or path, optional
        Tables that replace those of the contract, by their names.
    present : iterable of str
        Columns of the prospects. If these include all attributes from the tables, the prospects
        keep them, unless `tables` is given.
    ids : sequence of str, optional
        Ids of prospects; from a database only their rows are read.

    Returns
    -------
    ProspectHistory or None
        None if the contract has no tables, or there is nothing to add.

    Raises
    ------
    SpecError
        If tables are given and the contract has none.
    DealsError
        If a table cannot be read.
    """
    spec = contract_of(manifest)
    if spec is None:
        if tables:
            raise SpecError(
                f"the model's contract has no table {next(iter(tables))!r}: it has none. Remedy: "
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
    """Add to prospects the attributes from history and event tables that a model expects.

    Parameters
    ----------
    prospects : DataFrame
        One prospect per row, with the id column of the contract; not changed. Prospects signed by
        the day `as_of` get their attributes as of closing, the others as of that day.
    model : FitModel
        A model trained with ``[history.*]`` or ``[events.*]`` in its contract.
    tables : mapping of str to DataFrame or path, optional
        Tables that replace those of the contract, by their names.
    as_of : date, optional
        Day as of which the attributes are computed; by default today.

    Returns
    -------
    DataFrame
        The prospects with the attributes; columns with a history have their value as of the day.
        Unchanged if the contract has no tables.

    Raises
    ------
    SpecError, DealsError, ProspectError
        If tables are given and the contract has none; if a table cannot be read; if the prospects
        have no id column.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> prospects = pd.read_csv("prospects.csv")
    >>> add_history(prospects, model).equals(prospects)  # its contract has no tables
    True
    """
    name, ids = model.manifest.get("spec", {}).get("deals", {}).get("id"), None
    if name in prospects.columns and len(prospects) <= MAX_LOOKED_UP:
        ids = [level_text(value) for value in prospects[name] if not is_missing(value)]
    history = open_history(model.manifest, tables, ids=ids)
    return prospects if history is None else history.attached_to(prospects, as_of)
