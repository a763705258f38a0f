"""Reading of tables (CSV, Parquet files and folders, workbooks) as streams of Arrow batches.

file, folder or pipe -> chunks of a fixed number of rows, each with its malformed rows

files -> type of each column over all files and folder names -> chunks of rows in these types

Arrow alone applies the first file's columns and types to all files: a column that only later files
have is lost, an integer column refuses a fraction, and a time with a zone becomes a time in UTC.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, LocalFileSystem

from fitmodel.exceptions import DealsError, ProspectError
from fitmodel.scoring._csv_source import BLOCK_BYTES, HEAD_BYTES, open_csv, without_sums
from fitmodel.scoring.streams import READERS, Chunk, Source
from fitmodel.tables.cells import as_cell_text
from fitmodel.tables.files import read_file
from fitmodel.tables.opening import csv_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


PIPE = "-"
DATABASE_FILES = (".db", ".sqlite", ".sqlite3")
ENDINGS = (".csv", *READERS, ".tsv", ".parquet")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")  # read, never written
UNIT = "us"  # for timestamps of several units: holds every date, and loses no precision in use


def kind_of(name: str | Path) -> str:
    """Return a table's format from its name; a pipe is CSV, a folder holds Parquet files.

    Raises
    ------
    ProspectError
        If the name has none of the known endings.
    """
    if str(name) == PIPE:
        return ".csv"
    if os.path.isdir(name):  # noqa: PTH112 - Path.is_dir raises where a name is too long
        return ".parquet"
    known = (*ENDINGS, *WORKBOOKS)
    result = next((end for end in known if Path(name).name.lower().endswith(end)), None)
    if result is None:
        if Path(name).suffix.lower() in DATABASE_FILES:
            raise ProspectError(
                f"{name} is the file of a database. Remedy: give it as sqlite:///{name} with "
                "--query, or export the table as CSV or Parquet."
            )
        raise ProspectError(
            f"{name} is none of {', '.join(known)}. Remedy: give the file such a name."
        )
    return result


@contextmanager
def open_source(path: str | Path, chunk_rows: int) -> Iterator[Source]:
    """Open a table for reading; all chunks but the last have `chunk_rows` rows.

    Raises
    ------
    ProspectError
        While opening or reading, if the table cannot be read in the format of its name.
    """
    kind = kind_of(path)
    with ExitStack() as stack:
        if kind in WORKBOOKS:
            yield _read_workbook(path, chunk_rows)
            return
        opened = (_open_parquet if kind == ".parquet" else _open_csv)(path, chunk_rows)
        with _with_path_in_errors(path):
            source = stack.enter_context(opened)
        equal_chunks = partial(_equal_chunks, path, chunk_rows, is_text=kind != ".parquet")
        after = (
            None
            if source.after is None
            else partial(_later_chunks, path, source.after, equal_chunks)
        )
        yield replace(source, chunks=equal_chunks(source.chunks), after=after)


@contextmanager
def _with_path_in_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:  # Arrow's is an ArrowException too, but the file is not the problem
        raise
    except (pa.ArrowException, OSError, EOFError, zlib.error, csv.Error, UnicodeError) as error:
        raise ProspectError(_unreadable(path, str(error))) from error


def _equal_chunks(
    path: str | Path, chunk_rows: int, chunks: Iterator[Chunk], *, is_text: bool
) -> Iterator[Chunk]:
    """Yield chunks of `chunk_rows` rows each, so that a later run has the same chunks."""
    # Only reading is inside: an error of writing must not be reported for the table that is read.
    with _with_path_in_errors(path):
        for chunk in _in_equal_chunks(chunks, chunk_rows):
            yield without_sums(chunk) if is_text else chunk


def _later_chunks(
    path: str | Path,
    after: Callable[[int], Iterator[Chunk] | None],
    equal_chunks: Callable[[Iterator[Chunk]], Iterator[Chunk]],
    rows: int,
) -> Iterator[Chunk] | None:
    with _with_path_in_errors(path):
        chunks = after(rows)
    return None if chunks is None else equal_chunks(chunks)


def count_rows(path: str | Path) -> int | None:
    """Return the number of rows of Parquet; None for other formats, which would be read whole."""
    if kind_of(path) != ".parquet":
        return None
    with _with_path_in_errors(path):
        if Path(path).is_dir():
            return int(pads.dataset(path, format="parquet").count_rows())
        return int(pq.read_metadata(path).num_rows)


@contextmanager
def _open_parquet(path: str | Path, chunk_rows: int) -> Iterator[Source]:
    # pre_buffer would keep the whole file in memory
    if Path(path).is_dir():
        table, lacking = open_folder(path)
        batches = table.to_batches(
            batch_size=chunk_rows,
            batch_readahead=2,
            fragment_readahead=1,
            fragment_scan_options=pads.ParquetFragmentScanOptions(pre_buffer=False),
        )
        validated = (_validated(batch) for batch in batches if batch.num_rows)
        yield Source(table.schema, validated, lacking=lacking)
        return
    with pq.ParquetFile(path, pre_buffer=False) as file:
        batches = file.iter_batches(batch_size=chunk_rows)
        after = partial(_parquet_after, file, chunk_rows)
        yield Source(file.schema_arrow, map(_validated, batches), after=after)


def _parquet_after(file: pq.ParquetFile, chunk_rows: int, rows: int) -> Iterator[Chunk]:
    """Yield the rows after the first `rows`; row groups before them are not read."""
    first = 0
    while first < file.num_row_groups and file.metadata.row_group(first).num_rows <= rows:
        rows -= file.metadata.row_group(first).num_rows
        first += 1
    groups = list(range(first, file.num_row_groups))
    for batch in file.iter_batches(batch_size=chunk_rows, row_groups=groups):
        if rows < batch.num_rows:
            yield _validated(batch.slice(rows))
        rows -= min(rows, batch.num_rows)


def _validated(batch: pa.RecordBatch) -> Chunk:
    """Return a batch as a chunk after validation; a damaged file may hold invalid text."""
    batch.validate(full=True)
    return Chunk(batch)


def _read_workbook(path: str | Path, chunk_rows: int) -> Source:
    """Return the first table of a workbook; a column with cells of several types becomes text."""
    try:
        frame = read_file(path).table
    except DealsError as error:
        raise ProspectError(str(error)) from error
    for name in [name for name in frame if frame[name].dtype == object]:
        frame[name] = frame[name].map(as_cell_text)
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    chunks = (Chunk(batch) for batch in table.to_batches(max_chunksize=chunk_rows))
    return Source(table.schema, chunks)


@contextmanager
def _open_csv(path: str | Path, _chunk_rows: int) -> Iterator[Source]:
    with ExitStack() as stack:
        reopen = None if str(path) == PIPE else lambda: stack.enter_context(_input(path))
        file = stack.enter_context(_input(path))
        yield open_csv(path, file, tabs=kind_of(path) == ".tsv", reopen=reopen)


def _in_equal_chunks(chunks: Iterator[Chunk], chunk_rows: int) -> Iterator[Chunk]:
    """Yield the same rows in chunks of `chunk_rows`; only the last may be shorter."""
    pieces: list[Chunk] = []
    rows = 0
    for chunk in chunks:
        start = 0
        while start < chunk.batch.num_rows:
            piece = _slice(chunk, start, chunk_rows - rows)
            pieces.append(piece)
            rows, start = rows + piece.batch.num_rows, start + piece.batch.num_rows
            if rows == chunk_rows:
                yield _joined(pieces)
                pieces, rows = [], 0
    if pieces:
        yield _joined(pieces)


def _slice(chunk: Chunk, start: int, length: int) -> Chunk:
    problems = {
        position - start: text
        for position, text in chunk.problems.items()
        if start <= position < start + length
    }
    return Chunk(chunk.batch.slice(start, length), problems)


def _joined(pieces: list[Chunk]) -> Chunk:
    if len(pieces) == 1:
        return pieces[0]
    problems: dict[int, str] = {}
    rows = 0
    for piece in pieces:
        problems |= {rows + position: text for position, text in piece.problems.items()}
        rows += piece.batch.num_rows
    return Chunk(pa.concat_batches([piece.batch for piece in pieces]), problems)


def _input(path: str | Path) -> AbstractContextManager[io.BufferedReader]:
    if str(path) == PIPE:
        return _standard_input()
    opener: Any = READERS.get(kind_of(path), partial(Path.open, mode="rb"))
    return io.BufferedReader(opener(Path(path)), HEAD_BYTES)


@contextmanager
def _standard_input() -> Iterator[io.BufferedReader]:
    # A buffer of this size holds the whole header, however small the pieces from the pipe are.
    reader = io.BufferedReader(cast("Any", sys.stdin.buffer), HEAD_BYTES)
    try:
        yield reader
    finally:
        reader.detach()  # otherwise standard input would be closed with the buffer


def _unreadable(path: str | Path, problem: str) -> str:
    if kind_of(path) == ".parquet":
        return f"{path} cannot be read as Parquet: {problem}"
    if "UTF8" in problem or "'utf-8' codec" in problem:
        return f"{path} is not UTF-8 text. Remedy: save it as 'CSV UTF-8'."
    return f"{path} {csv_error(problem, BLOCK_BYTES)}"


def open_folder(path: str | Path) -> tuple[pads.Dataset, dict[str, list[str]]]:
    """Return the table of a folder, and the columns that some files lack, with these files.

    Raises
    ------
    ProspectError
        If there is no file, or no single type can hold all values of a column.
    """
    files = pads.dataset(path, format="parquet")
    if not files.files:
        raise ProspectError(f"the folder {path} holds no Parquet file. Remedy: name another.")
    keys = _keys(path)
    own = {part.path: part.physical_schema for part in files.get_fragments()}
    schema = _common_schema(own, keys)
    table = pads.dataset(path, schema=schema, format="parquet", partitioning="hive")
    return table, _lacking(own, set(keys.names))


def _keys(path: str | Path) -> pa.Schema:
    """Return the columns that come from folder names such as ``region=EMEA``."""
    root = str(Path(path).absolute())
    options = pads.FileSystemFactoryOptions(
        partitioning=pads.HivePartitioning.discover(), partition_base_dir=root
    )
    selector = FileSelector(root, recursive=True)
    files = pads.ParquetFileFormat()
    factory = pads.FileSystemDatasetFactory(LocalFileSystem(), selector, files, options)
    return factory.inspect_schemas()[-1]


def _lacking(own: dict[str, pa.Schema], keys: set[str]) -> dict[str, list[str]]:
    all_names = set().union(*(schema.names for schema in own.values())) - keys
    return {
        name: [file for file, schema in own.items() if name not in schema.names]
        for name in sorted(all_names)
        if not all(name in schema.names for schema in own.values())
    }


def _common_schema(own: dict[str, pa.Schema], keys: pa.Schema) -> pa.Schema:
    """Return every column of any file, each with a type that holds the values of all files."""
    types_of: dict[str, dict[pa.DataType, str]] = {}
    for file, schema in own.items():
        for item in schema:
            if item.name not in keys.names:  # a folder's name has priority over a file's column
                types_of.setdefault(item.name, {}).setdefault(item.type, file)
    first = next(iter(own.values()))
    fields = [pa.field(name, _common_type(name, kinds)) for name, kinds in types_of.items()]
    return pa.schema([*fields, *keys], first.metadata)


def _common_type(name: str, kinds: dict[pa.DataType, str]) -> pa.DataType:
    """Return one type for the values of several types; text if no other type holds them all."""
    if len(kinds) == 1:
        return next(iter(kinds))
    nested = [kind for kind in kinds if pa.types.is_nested(kind)]
    if nested:
        other = next(kind for kind in kinds if kind != nested[0])
        raise ProspectError(
            f"{name} is {nested[0]} in {kinds[nested[0]]} and {other} in {kinds[other]}. Remedy: "
            "write these files again with one type."
        )
    plain = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in kinds]
    times = _common_time([kind for kind in plain if not pa.types.is_null(kind)])
    if times is not None:
        return times
    try:
        schemas = [pa.schema([(name, kind)]) for kind in plain]
        return pa.unify_schemas(schemas, promote_options="permissive").field(name).type
    except pa.ArrowTypeError:
        return pa.string()


def _common_time(kinds: list[pa.DataType]) -> pa.DataType | None:
    """Return a type for timestamps of one zone, or without zone and dates; None for others."""
    if not all(pa.types.is_timestamp(kind) or pa.types.is_date(kind) for kind in kinds):
        return None
    zones = {kind.tz if pa.types.is_timestamp(kind) else None for kind in kinds}
    if len(zones) != 1 or len(set(kinds)) == 1:
        return None
    return pa.timestamp(UNIT, zones.pop())
