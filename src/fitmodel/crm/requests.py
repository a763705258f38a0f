"""History of the prospects that a service scores: rows in the request, databases, files.

prospects -> with rows in the request    -> one at a time
          -> without the attributes      -> files, read again when they change
                                         -> databases, only the rows of these ids
          -> all with the attributes of the model's contract
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._changes import NEVER_CHANGED, read_changes
from fitmodel.crm._events import read_events
from fitmodel.crm._opening import open_rows
from fitmodel.crm.attributes import TODAY, CrmTables, attributes_as_of, read_crm_tables
from fitmodel.crm.columns import columns_needed, columns_of
from fitmodel.crm.prospects import ProspectHistory, contract_of
from fitmodel.deals.contract import EventTable
from fitmodel.exceptions import DealsError, ProspectError
from fitmodel.tables.cells import is_missing, level_text, plain
from fitmodel.tables.databases import is_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fitmodel.crm._changes import ChangeLog
    from fitmodel.crm._events import EventLog
    from fitmodel.crm.attributes import AsOfAttributes
    from fitmodel.deals.contract import DealSpec, LongTable

    Log = ChangeLog | EventLog

__all__ = [
    "RequestHistories",
    "RequestHistory",
    "columns_needed",
    "tables_of_rows",
    "text_rows",
    "with_request_tables",
]
REQUEST_TABLES = "tables"
"""Key of a request that contains the prospect's rows."""
NO_ROWS = (
    "the model reads history and events: send {id}, by which the tables of its contract are read, "
    "or the rows of the prospect as `tables`"
)


class RequestHistory:
    """The tables of a model's contract, for the prospects of many requests.

    Notes
    -----
    Files are kept in memory and read again when they change. From a database, only the rows of the
    request's prospects are read. `tables` in a request replace both. It is safe for threads.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.spec = contract_of(manifest)
        self.columns = frozenset(() if self.spec is None else columns_of(self.spec))
        self._sections = {} if self.spec is None else {**self.spec.history, **self.spec.events}
        self._lock = threading.Lock()
        self._files: dict[str, tuple[object, Log]] = {}

    def attached(
        self, prospects: Sequence[Any], attributes: Iterable[str]
    ) -> list[Any | ProspectError]:
        """Return the prospects with their attributes, in order; an error replaces a bad one.

        Parameters
        ----------
        prospects : sequence of mapping
            The prospects. Items that are not mappings, and prospects that have the attributes
            already, are returned unchanged.
        attributes : iterable of str
            Names of the attributes that the model uses.

        Raises
        ------
        DatabaseError, DependencyError
            If a database cannot be read.
        """
        completed = list(prospects)
        needed = self.columns.intersection(attributes)
        for position, prospect in enumerate(completed):
            if isinstance(prospect, dict) and REQUEST_TABLES in prospect:
                completed[position] = self._with_rows(prospect)
        incomplete = [
            position
            for position, prospect in enumerate(completed)
            if isinstance(prospect, dict) and not needed <= prospect.keys()
        ]
        for position, with_history in zip(
            incomplete, self._with_history([completed[i] for i in incomplete]), strict=True
        ):
            completed[position] = with_history
        return completed

    def for_ids(self, ids: Sequence[str]) -> ProspectHistory | None:
        """Return the tables with at least the rows of some ids; None if the contract has none.

        Raises
        ------
        DealsError, DatabaseError
            If a table cannot be read.
        """
        spec = self.spec
        return None if spec is None else ProspectHistory(spec, self._tables(spec, ids))

    def _tables(self, spec: DealSpec, ids: Sequence[str]) -> CrmTables:
        history: dict[str, Any] = {name: self._log(name, ids) for name in spec.history}
        events: dict[str, Any] = {name: self._log(name, ids) for name in spec.events}
        return CrmTables(history, events)

    def _with_rows(self, prospect: dict[str, Any]) -> Any:
        """Return a prospect with attributes from its own rows; other tables are read as usual."""
        try:
            return with_request_tables(prospect, self.spec, self._other_logs)
        except ProspectError as error:
            return error

    def _other_logs(self, names: Iterable[str], prospect_id: Any) -> dict[str, Log]:
        """Return the tables that a request does not contain, except files that do not exist."""
        ids = [level_text(prospect_id)]
        return {name: self._log(name, ids) for name in names if self._exists(name)}

    def _exists(self, name: str) -> bool:
        source = self._sections[name].table
        return is_database(source) or Path(source).exists()

    def _with_history(self, prospects: list[dict[str, Any]]) -> list[Any]:
        """Return prospects without own rows, completed from files and databases."""
        spec = self.spec
        if spec is None or not prospects:
            return list(prospects)
        name = str(spec.deals.id)
        results: list[Any] = [ProspectError(NO_ROWS.format(id=name)) for _ in prospects]
        positions = [position for position, each in enumerate(prospects) if _is_id(each.get(name))]
        if not positions:
            return results
        with_id = [prospects[position] for position in positions]
        ids = list(dict.fromkeys(level_text(each[name]) for each in with_id))
        try:
            tables = self._tables(spec, ids)
            result = attributes_as_of(pd.DataFrame(with_id), spec, tables)
        except DealsError as error:
            problem = ProspectError(f"{error}; or send the prospect's rows as `tables`")
            return [problem] * len(prospects)
        for position, prospect, row in zip(positions, with_id, _rows(result), strict=True):
            results[position] = prospect | row
        return results

    def _log(self, name: str, ids: Sequence[str]) -> Log:
        section = self._sections[name]
        if is_database(section.table):
            return _read(name, section, ids)
        with self._lock:
            file_states = _file_states(Path(section.table))
            if name not in self._files or self._files[name][0] != file_states:
                self._files[name] = (file_states, _read(name, section))
            return self._files[name][1]


class RequestHistories:
    """The tables of the model in use, which may change between requests."""

    def __init__(self) -> None:
        self._current: tuple[Any, RequestHistory] | None = None

    def of(self, model: Any) -> RequestHistory:
        """Return the history of a model; it is opened again when another model is in use."""
        current = self._current
        if current is None or current[0] is not model:
            current = self._current = (model, RequestHistory(model.manifest))
        return current[1]


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int | float) and not is_missing(value)


def _read(name: str, section: LongTable, ids: Sequence[str] | None = None) -> Log:
    if isinstance(section, EventTable):
        return read_events(name, section, None, ids)
    return read_changes(f"[history.{name}]", section, None, ids)  # type: ignore[arg-type]  # one of two


def _file_states(path: Path) -> object:
    """Return a value that changes when a file, or a file in a folder, changes."""
    files = sorted(path.glob("**/*")) if path.is_dir() else [path]
    states = [(file, file.stat()) for file in files if file.exists()]
    return tuple((str(file), status.st_mtime_ns, status.st_size) for file, status in states)


def _rows(result: AsOfAttributes) -> list[dict[str, Any]]:
    """Return the attributes of each prospect as a mapping, without values from its own row."""
    frame = result.frame
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    plain_rows = [{str(name): plain(value) for name, value in row.items()} for row in rows]
    for each in result.fields:
        if each.columns.value is None:
            continue
        for position in np.flatnonzero(np.isin(each.source, (NEVER_CHANGED, TODAY))).tolist():
            del plain_rows[position][each.columns.value]
    return plain_rows


def with_request_tables(
    prospect: Mapping[str, Any],
    spec: DealSpec | None,
    others: Callable[[list[str], Any], Mapping[str, Log]] | None = None,
) -> dict[str, Any]:
    """Return a prospect of a request with the attributes from its rows in `tables`.

    Parameters
    ----------
    prospect : mapping
        The prospect's columns; ``tables`` has a list of rows for each table of the model's
        contract. A row needs no id.
    spec : DealSpec or None
        The model's contract, if it has tables.
    others : callable, optional
        Returns the tables that the request does not contain; by default these have no rows.

    Returns
    -------
    dict
        The prospect without ``tables``; unchanged if it has none.

    Raises
    ------
    ProspectError
        If the model's contract has no such table, or the rows cannot be read.
    """
    result = dict(prospect)
    sent = result.pop(REQUEST_TABLES, None)
    if sent is None:
        return result
    if spec is None:
        raise ProspectError("the model's contract names no tables: leave out `tables`")
    id_column = str(spec.deals.id)
    has_id = result.get(id_column) is not None
    own_id = result[id_column] if has_id else "prospect"
    try:
        frames = tables_of_rows(sent, spec, own_id)
        tables = read_crm_tables(spec, frames)
        if others is not None and has_id:
            not_sent = [name for name in frames if name not in sent]
            tables = tables.replaced(others(not_sent, own_id))
        with_id = pd.DataFrame([result | {id_column: own_id}])
        (row,) = _rows(attributes_as_of(with_id, spec, tables))
    except DealsError as error:
        raise ProspectError(str(error)) from error
    return result | row


def tables_of_rows(sent: Any, spec: DealSpec, prospect_id: Any = None) -> dict[str, pd.DataFrame]:
    """Return a DataFrame for each table of a contract, with the rows that were sent for it.

    Parameters
    ----------
    sent : mapping of str to list of mapping
        Rows by the name of their table; other tables have no rows.
    spec : DealSpec
        The model's contract.
    prospect_id : optional
        Id of the prospect, for rows without an id.

    Raises
    ------
    ProspectError
        If `sent` is not such a mapping, or has a table that the contract does not have.
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


def text_rows(name: str, section: LongTable) -> pd.DataFrame:
    """Return all rows of a table of the contract as text; unknown values are missing.

    Raises
    ------
    DealsError, DatabaseError
        If the table cannot be read, or lacks a column that the contract names.
    """
    rows = open_rows(f"[{section.section}.{name}]", section)
    needed = columns_needed(section)
    if not getattr(section, "is_long", True) and not getattr(section, "fields", None):
        needed = list(rows.names)
    missing = [column for column in needed if column not in rows.names]
    if missing:
        raise DealsError(f"{rows.table_name}: there is no column {missing[0]!r}")
    return pd.DataFrame({column: rows.texts(column) for column in needed})
