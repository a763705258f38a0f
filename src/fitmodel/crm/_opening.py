"""Open a history or event table: a DataFrame, a file, a folder of Parquet files or a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from fitmodel.crm._long_table import Rows
from fitmodel.exceptions import DatabaseError, DealsError
from fitmodel.tables.database_rows import open_rows as open_database_rows
from fitmodel.tables.database_rows import read_rows
from fitmodel.tables.databases import is_database
from fitmodel.tables.files import is_csv, read_file, spool_csv
from fitmodel.tables.spool import spooled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.deals.history_sections import LongTable

Given = pd.DataFrame | str | Path
"""A table that replaces one of the contract: a DataFrame, a file, a folder, or the URL of a table
in a database."""
DATABASE_ROWS = 100_000
"""Number of rows that are read from a database at once."""


def open_rows(
    table_name: str,
    section: LongTable,
    given: Given | None = None,
    ids: Sequence[str] | None = None,
) -> Rows:
    """Open a table of the contract, or the table that replaces it.

    Parameters
    ----------
    table_name : str
        Name of the table in messages, such as ``[history.fields]``.
    section : LongTable
        The table's section in the contract.
    given : DataFrame or path, optional
        Table that replaces the one in the contract.
    ids : sequence of str, optional
        Ids of deals; from a database only their rows are read.

    Returns
    -------
    Rows
        The opened table; its columns are read when they are needed.

    Raises
    ------
    DealsError
        If the file does not exist or cannot be read.
    DatabaseError, DependencyError
        If the database cannot be read.
    """
    if isinstance(given, pd.DataFrame):
        return Rows(table_name, section, tuple(map(str, given.columns)), _frame=given)
    source = section.table if given is None else given
    if is_database(source):
        query = section.query if given is None else None
        dataset = _database(
            table_name, str(source), query, None if ids is None else (section.id, ids)
        )
        return Rows(table_name, section, tuple(dataset.schema.names), _dataset=dataset)
    path = Path(source)
    if not path.exists():
        raise DealsError(
            f"{table_name}: there is no file or folder {path}. Remedy: correct table in the "
            "contract (the path is relative to the current folder), or name another with --table"
        )
    if path.is_dir() or path.suffix.lower() == ".parquet":
        dataset = _parquet(table_name, path)
        return Rows(table_name, section, tuple(dataset.schema.names), _dataset=dataset)
    if is_csv(path):
        csv = spool_csv(path)
        names = tuple(csv.table.column_names)
        dataset = pads.dataset(csv.table)
        return Rows(table_name, section, names, _dataset=dataset, _numbers=csv.row_numbers)
    file = read_file(path)
    names = tuple(map(str, file.table.columns))
    return Rows(table_name, section, names, _frame=file.table, _numbers=file.row_numbers)


def _database(
    table_name: str, url: str, query: str | None, only: tuple[str, Sequence[str]] | None
) -> Any:
    try:
        if only is not None:
            return pads.dataset(read_rows(url, query, only))
        with open_database_rows(url, DATABASE_ROWS, query=query) as (schema, batches):
            return pads.dataset(spooled(schema, batches))
    except DatabaseError as error:
        raise DatabaseError(f"{table_name}: {error}") from error


def _parquet(table_name: str, path: Path) -> Any:
    """Return Parquet files as one dataset; a column that some files lack is empty in them."""
    try:
        files = _parquet_files(path) if path.is_dir() else [path]
        if not files:
            raise DealsError(f"{table_name}: the folder {path} has no Parquet file")
        parts = [pads.dataset(file, format="parquet") for file in files]
        schema = pa.unify_schemas([part.schema for part in parts], promote_options="permissive")
        return pads.dataset(files, schema=schema, format="parquet")
    except (pa.ArrowException, OSError) as error:
        raise DealsError(
            f"{table_name}: {path} cannot be read as Parquet: {error}. Remedy: write each column "
            "with one type in all files, as fitmodel snapshot does"
        ) from error


def _parquet_files(folder: Path) -> list[Path]:
    """Return the Parquet files in a folder, except in hidden folders, which writers use."""
    files = sorted(folder.glob("**/*.parquet"))
    return [
        file
        for file in files
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
