"""Open a history or event table: a frame, a file, a folder of Parquet files, or a database."""

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
"""What stands for a table in place of the contract's own: a frame, a file, a folder or the URL of a
database's table."""
DATABASE_ROWS = 100_000
"""Rows that a database gives at a time."""


def open_rows(
    table_name: str,
    section: LongTable,
    given: Given | None = None,
    ids: Sequence[str] | None = None,
) -> Rows:
    """Open a table of the contract, or the table that is given instead.

    Parameters
    ----------
    table_name : str
        Its name in the contract, as messages give it.
    section : LongTable
    given : DataFrame or path, optional
    ids : sequence of str, optional
        Of a table in a database only the rows of these deals are asked for.

    Raises
    ------
    DealsError
        If there is no such file, or it cannot be read.
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
            "contract (it is sought from the folder you are in), or name another with --table"
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
    """Parquet files as one table; a column that is absent in some of them is empty there."""
    try:
        files = _parquet_files(path) if path.is_dir() else [path]
        if not files:
            raise DealsError(f"{table_name}: the folder {path} holds no Parquet file")
        parts = [pads.dataset(file, format="parquet") for file in files]
        schema = pa.unify_schemas([part.schema for part in parts], promote_options="permissive")
        return pads.dataset(files, schema=schema, format="parquet")
    except (pa.ArrowException, OSError) as error:
        raise DealsError(
            f"{table_name}: {path} cannot be read as Parquet: {error}. Remedy: write each column "
            "with one type in all files, as fitmodel snapshot does"
        ) from error


def _parquet_files(folder: Path) -> list[Path]:
    """Without those in hidden folders, where writers work."""
    files = sorted(folder.glob("**/*.parquet"))
    return [
        file
        for file in files
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
