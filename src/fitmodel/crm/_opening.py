"""Open a history or event table (DataFrame, file, folder, database), whole or in parts.

table -> chunks, in order -> each row into the part of its deal id's hash, in a file
      -> metadata of the whole table: names of fields, the form of dates and amounts
      -> one part after the other, read with the code for small tables
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from fitmodel.crm._long_table import Rows, TableMetadata, coded_texts
from fitmodel.crm._moments import refuse_ambiguous
from fitmodel.crm.columns import columns_needed
from fitmodel.exceptions import DatabaseError, DealsError
from fitmodel.tables.database_rows import open_rows as open_database_rows
from fitmodel.tables.database_rows import read_rows
from fitmodel.tables.databases import is_database
from fitmodel.tables.files import (
    is_csv,
    on_disk_table,
    read_file,
    read_on_disk_table,
    spool_csv,
    unnamed_file,
)
from fitmodel.tables.moments import days_not_in_iso, form_of_days
from fitmodel.tables.values import distinct, parse_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fitmodel.deals.contract import LongTable

MAX_ROWS_IN_ONE_PART = 1_000_000
"""A table with more rows is read in parts."""
PART_ROWS = 500_000
MAX_PARTS = 64  # each is an open file
PIECE_ROWS = 100_000
ROW = "__row_number"
Given = pd.DataFrame | str | Path
"""A table that replaces one of the contract: a DataFrame, a file, a folder, or the URL of a table
in a database."""
DATABASE_ROWS = 100_000
"""Number of rows that are read from a database at once."""


def in_parts(rows: Rows) -> Iterator[Rows]:
    """Yield the table itself or, if it is large, parts with all rows of some deals each.

    Raises DealsError if the order of day and month is unclear.
    """
    if not is_large(rows):
        yield rows
        return
    number = min(-(-rows.count // PART_ROWS), MAX_PARTS)
    names = _needed(rows)
    reader, files = _MetadataReader(rows), [_PartFile() for _ in range(number)]
    for piece in rows.pieces(names, PIECE_ROWS):
        reader.add(piece)
        part = _part_of(piece, number)
        order = np.argsort(part, kind="stable")
        bounds = np.searchsorted(part[order], np.arange(number + 1))
        table, numbers = piece.table, piece.numbers
        for file, start, stop in zip(files, bounds, bounds[1:], strict=False):
            if stop > start:
                file.add(table, numbers, order[start:stop])
    metadata = reader.metadata()
    for file in files:
        if file.rows:
            yield file.part(rows, metadata)


def is_large(rows: Rows) -> bool:
    """Return whether a table is read in parts."""
    return rows.count > MAX_ROWS_IN_ONE_PART


def _needed(rows: Rows) -> list[str]:
    """Return the columns that are read from a table."""
    section: Any = rows.section
    if not getattr(section, "is_long", True) and section.fields is None:
        return list(rows.names)
    return [name for name in dict.fromkeys(columns_needed(section)) if name in rows.names]


def _part_of(piece: Rows, number: int) -> NDArray[np.int64]:
    """Return the number of the part of every row, by the hash of its deal's id."""
    ids = coded_texts(piece.column(piece.section.id))
    parts = [zlib.crc32(text.encode("utf-8", "surrogatepass")) % number for text in ids.levels]
    return np.array([*parts, 0])[ids.codes]


class _PartFile:
    """The rows of one part: an Arrow stream in a file, or positions in DataFrames."""

    def __init__(self) -> None:
        self._file: Any = None
        self._writer: Any = None
        self._frames: list[tuple[pd.DataFrame, NDArray[Any], NDArray[Any]]] = []
        self.rows = 0

    def add(self, table: Any, numbers: NDArray[Any], positions: NDArray[Any]) -> None:
        """Append some rows of a chunk."""
        self.rows += len(positions)
        if isinstance(table, pd.DataFrame):
            self._frames.append((table, positions, numbers[positions]))
            return
        chosen = table.take(pa.array(positions)).append_column(ROW, pa.array(numbers[positions]))
        if self._writer is None:
            self._file = unnamed_file(self)
            self._writer = pa.ipc.new_stream(pa.PythonFile(self._file, mode="w"), chosen.schema)
        self._writer.write_table(chosen)

    def part(self, rows: Rows, metadata: TableMetadata) -> Rows:
        """Return the part as a separate table."""
        if self._writer is None:
            frames = [table.iloc[positions] for table, positions, _ in self._frames]
            frame: pd.DataFrame = pd.concat(frames)
            numbers = np.concatenate([each for _, _, each in self._frames])
            return rows.part(frame, numbers, metadata=metadata)
        self._writer.close()
        table = read_on_disk_table(self._file)
        self._file.close()
        return rows.part(table.drop_columns(ROW), table.column(ROW).to_numpy(), metadata=metadata)


@dataclass(eq=False)
class _MetadataReader:
    """Names, dates and amounts in all chunks of a table read so far."""

    rows: Rows
    names: dict[str, None] = field(default_factory=dict)
    days: dict[str, set[Any]] = field(default_factory=dict)
    amounts: Counter[Any] = field(default_factory=Counter)

    def add(self, piece: Rows) -> None:
        """Add one chunk."""
        section: Any = piece.section
        naming = getattr(section, "field", None) or getattr(section, "kind", None)
        if naming is not None:
            self.names |= dict.fromkeys(coded_texts(piece.column(naming)).levels)
        end = getattr(section, "valid_to", None)
        for name in filter(None, (getattr(section, section.time_key), end)):
            values = piece.column(name)
            if not pd.api.types.is_datetime64_any_dtype(values.dtype):
                _, levels = distinct(values)
                self.days.setdefault(name, set()).update(days_not_in_iso(levels))
        amount = getattr(section, "amount", None)
        if amount is not None and not pd.api.types.is_numeric_dtype(piece.column(amount).dtype):
            positions, levels = distinct(piece.column(amount))
            for level, count in zip(levels, np.bincount(positions[positions >= 0]), strict=True):
                self.amounts[level] += int(count)

    def metadata(self) -> TableMetadata:
        """Return the metadata of the whole table that are needed to read its parts."""
        dates = {}
        for name, days in self.days.items():
            dates[name], is_ambiguous = form_of_days(days, self.rows.section.dates)
            refuse_ambiguous(self.rows, name, is_ambiguous=is_ambiguous)
        amounts = list(self.amounts)
        form = parse_numbers(amounts, list(self.amounts.values()))[0] if amounts else None
        return TableMetadata(tuple(self.names), dates, form)


def open_rows(
    table_name: str,
    section: LongTable,
    given: Given | None = None,
    ids: Sequence[str] | None = None,
) -> Rows:
    """Open a table of the contract, or the table that replaces it.

    `given`: table that replaces the one in the contract.
    `ids`: ids of deals; from a database only their rows are read.
    Returns: the opened table; its columns are read when they are needed.
    Raises DealsError if the file does not exist or cannot be read.
    Raises DatabaseError or DependencyError if the database cannot be read.
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
            return pads.dataset(on_disk_table(schema, batches))
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
