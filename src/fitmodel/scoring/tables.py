"""Read and write CSV and Parquet as streams of Arrow batches.

file or pipe -> chunks of rows, each with what is wrong with its shape -> ... -> file or pipe
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import sys
import zlib
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from fitmodel.exceptions import DealsError, ProspectError
from fitmodel.scoring.streams import READERS, Chunk, Source
from fitmodel.tables.cells import as_cell_text
from fitmodel.tables.csv_form import (
    MarkedEnd,
    column_names,
    header_fields,
    separator_of,
    swallowing_values,
    writes_decimal_commas,
)
from fitmodel.tables.encodings import UTF8, as_utf8, detect_encoding
from fitmodel.tables.files import read_file
from fitmodel.tables.layout import find_top, total_rows
from fitmodel.tables.opening import (
    csv_error,
    lines_error,
    names_error,
    open_quote_error,
    width_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

PIPE = "-"
ENDINGS = (".csv", *READERS, ".tsv", ".parquet")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")  # read, never written
SUMS = "a line of sums, not a prospect"
HEAD_BYTES = 1 << 20  # the header must lie in these
BLOCK_BYTES = 4 << 20  # of CSV text at a time; a row must fit into it


def kind_of(name: str | Path) -> str:
    """Tell a table's format by its name; a pipe is CSV, a folder one of Parquet files.

    Raises
    ------
    ProspectError
        If the name has none of the known endings.
    """
    if str(name) == PIPE:
        return ".csv"
    if os.path.isdir(name):  # noqa: PTH112 - Path asks, and fails, where a name is too long
        return ".parquet"
    known = (*ENDINGS, *WORKBOOKS)
    result = next((end for end in known if Path(name).name.lower().endswith(end)), None)
    if result is None:
        raise ProspectError(
            f"{name} is none of {', '.join(known)}. Remedy: give the file such a name."
        )
    return result


@contextmanager
def open_source(path: str | Path, chunk_rows: int) -> Iterator[Source]:
    """Open a table for reading; `chunk_rows` is the most rows a chunk has.

    Raises
    ------
    ProspectError
        While opening or reading: if the table cannot be read as what its name says.
    """
    kind = kind_of(path)
    with ExitStack() as stack:
        if kind in WORKBOOKS:
            yield _read_workbook(path, chunk_rows)
            return
        opened = (_open_parquet if kind == ".parquet" else _open_csv)(path, chunk_rows)
        with _explained(path):
            source = stack.enter_context(opened)
        yield replace(source, chunks=_explained_chunks(path, source.chunks))


@contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:  # Arrow's own is an ArrowException too, and no problem of the file
        raise
    except (pa.ArrowException, OSError, EOFError, zlib.error, csv.Error, UnicodeError) as error:
        raise ProspectError(_unreadable(path, str(error))) from error


def _explained_chunks(path: str | Path, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    # here, and not around the whole: a problem of writing is none of the table that is read
    with _explained(path):
        yield from chunks


def count_rows(path: str | Path) -> int | None:
    """Rows of a Parquet file; None for CSV, which would have to be read to be counted."""
    if kind_of(path) != ".parquet":
        return None
    with _explained(path):
        if Path(path).is_dir():
            return int(pads.dataset(path, format="parquet", partitioning="hive").count_rows())
        return int(pq.read_metadata(path).num_rows)


@contextmanager
def _open_parquet(path: str | Path, chunk_rows: int) -> Iterator[Source]:
    # pre_buffer would keep the whole file in memory
    if Path(path).is_dir():
        options = pads.ParquetFragmentScanOptions(pre_buffer=False)
        table = pads.dataset(path, format="parquet", partitioning="hive")
        if not table.files:
            raise ProspectError(f"the folder {path} holds no Parquet file. Remedy: name another.")
        batches = table.to_batches(
            batch_size=chunk_rows,
            batch_readahead=2,
            fragment_readahead=1,
            fragment_scan_options=options,
        )
        sound = (_sound(batch) for batch in batches if batch.num_rows)
        yield Source(table.schema, sound, lacking=_lacking(table))
        return
    with pq.ParquetFile(path, pre_buffer=False) as file:
        batches = file.iter_batches(batch_size=chunk_rows)
        yield Source(file.schema_arrow, (_sound(batch) for batch in batches))


def _lacking(table: pads.Dataset) -> dict[str, list[str]]:
    """Columns that some files of a folder lack, which Arrow would give as empty, and the files."""
    own = {part.path: set(part.physical_schema.names) for part in table.get_fragments()}
    every = set().union(*own.values())
    return {
        name: [path for path, names in own.items() if name not in names]
        for name in sorted(every)
        if not all(name in names for names in own.values())
    }


def _sound(batch: pa.RecordBatch) -> Chunk:
    """Check that a batch's text is valid; a damaged file may hold text that is not."""
    batch.validate(full=True)
    return Chunk(batch)


def _read_workbook(path: str | Path, chunk_rows: int) -> Source:
    """The first table of a workbook; a cell of several types in its column becomes text."""
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
def _open_csv(path: str | Path, chunk_rows: int) -> Iterator[Source]:
    """Read everything as text, so that an id such as 007 comes out as it went in."""
    ragged: deque[Any] = deque()

    def set_aside(row: Any) -> str:
        if not marked.is_end(row.text):
            ragged.append(row)
        return "skip"

    with _input(path) as given:
        encoding = detect_encoding(given.peek(HEAD_BYTES)) or UTF8
        stream = as_utf8(given, encoding, HEAD_BYTES)
        _pass_titles(stream)
        head = stream.peek(HEAD_BYTES)
        fields, separator = _read_header(path, head)
        decimal_comma = writes_decimal_commas(separator, head.decode("utf-8", errors="replace"))
        marked = MarkedEnd(stream, separator, len(fields))
        reader = pacsv.open_csv(
            marked,
            # rows are numbered, and so can be put back, only when read by one thread
            pacsv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            pacsv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=set_aside
            ),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(fields, pa.string()), strings_can_be_null=False
            ),
        )
        names = column_names(fields)
        schema = pa.schema([(name, pa.string()) for name in names])
        named = (batch.rename_columns(names) for batch in reader)
        # Arrow gives no batch where no row has the header's width
        batches = chain(named, [pa.RecordBatch.from_pylist([], schema)])
        whole = _put_back(batches, ragged, separator, partial(_refuse_open_quote, path, marked))
        yield Source(schema, _cut(map(_without_sums, whole), chunk_rows), separator, decimal_comma)


def _pass_titles(stream: io.BufferedReader) -> None:
    """Read on to the header where there are titles above it, as training does."""
    head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    mark = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    lines = head[mark:].decode("utf-8", errors="replace").splitlines(keepends=True)
    top = find_top(lines)
    if top is not None and top.titles:
        above = "".join(lines[: top.lines])
        if "\N{REPLACEMENT CHARACTER}" not in above:
            stream.read(mark + len(above.encode()))


def _without_sums(chunk: Chunk) -> Chunk:
    """Mark the sum lines of a chunk with a problem; they are not prospects."""
    sums = {row: SUMS for row in total_rows(chunk.batch, is_end=False) if row not in chunk.problems}
    return Chunk(chunk.batch, {**chunk.problems, **sums}) if sums else chunk


def _refuse_open_quote(path: str | Path, marked: MarkedEnd, text: str | None) -> None:
    if line := marked.line_of_open_quote(text):
        raise ProspectError(f"{path} {open_quote_error(line)}")


def _put_back(
    batches: Iterator[pa.RecordBatch],
    ragged: deque[Any],
    separator: str,
    refuse: Callable[[str | None], None],
) -> Iterator[Chunk]:
    """Reinsert rows with a wrong number of fields at their positions.

    A quote that is never closed takes all rows that follow, as the last value or in the last of
    the rows set aside; `refuse` is asked before they are passed on.
    """
    number = 2  # the header is row 1
    for batch in batches:
        pieces: list[pa.RecordBatch] = []
        problems: dict[int, str] = {}
        taken = 0
        while ragged and ragged[0].number - number - len(problems) <= batch.num_rows:
            row = ragged.popleft()
            refuse(row.text)
            position = row.number - number
            good = position - len(problems) - taken
            pieces += [batch.slice(taken, good), _padded(row.text, batch.schema, separator)]
            taken += good
            problems[position] = width_error(row.text, row.actual_columns, row.expected_columns)
        number += batch.num_rows + len(problems)
        if batch.num_rows:
            refuse(batch.column(batch.num_columns - 1)[-1].as_py())
        whole = _joined([*pieces, batch.slice(taken)])
        doubtful = swallowing_values(whole, separator)
        yield Chunk(whole, {row: lines_error(text) for row, text in doubtful.items()} | problems)


def _padded(text: str, schema: pa.Schema, separator: str) -> pa.RecordBatch:
    """One row of as many fields as fit, the others empty; the problem quotes the whole row."""
    width = len(schema)
    fields = [*next(csv.reader([text], delimiter=separator)), *[""] * width][:width]
    return pa.record_batch([pa.array([value], pa.string()) for value in fields], schema=schema)


def _joined(pieces: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pieces[0] if len(pieces) == 1 else pa.concat_batches(pieces)


def _cut(chunks: Iterator[Chunk], most: int) -> Iterator[Chunk]:
    for chunk in chunks:
        for start in range(0, chunk.batch.num_rows, most):
            problems = {
                position - start: text
                for position, text in chunk.problems.items()
                if start <= position < start + most
            }
            yield Chunk(chunk.batch.slice(start, most), problems)


def _read_header(path: str | Path, head: bytes) -> tuple[list[str], str]:
    """The header's fields as they are written, and the separator."""
    try:
        # a character may be cut at the end of the head, which is not the header's
        text = head.removeprefix(b"\xef\xbb\xbf")[:HEAD_BYTES]
        lines = io.StringIO(text.decode("utf-8", errors="surrogateescape"), newline="")
        blank, first = next(
            ((position, line) for position, line in enumerate(lines) if line.strip()), (0, "")
        )
        first.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ProspectError(_unreadable(path, "invalid UTF8 data")) from error
    if not first:
        raise ProspectError(f"{path} is empty. Remedy: export the prospects again.")
    separator = "\t" if kind_of(path) == ".tsv" else separator_of(first)
    lines.seek(0)
    fields, _ = header_fields(lines, separator)
    if fields is None:
        raise ProspectError(f"{path} {open_quote_error(1 + blank)}")
    if problem := names_error(column_names(fields)):
        raise ProspectError(f"{path} {problem}")
    return fields, separator


def _input(path: str | Path) -> AbstractContextManager[io.BufferedReader]:
    if str(path) == PIPE:
        return _standard_input()
    opener: Any = READERS.get(kind_of(path), partial(Path.open, mode="rb"))
    return io.BufferedReader(opener(Path(path)), HEAD_BYTES)


@contextmanager
def _standard_input() -> Iterator[io.BufferedReader]:
    # the buffer of its own holds the whole header, however small the pieces that the pipe brings
    reader = io.BufferedReader(cast("Any", sys.stdin.buffer), HEAD_BYTES)
    try:
        yield reader
    finally:
        reader.detach()  # else standard input would be closed with it


def _unreadable(path: str | Path, problem: str) -> str:
    if kind_of(path) == ".parquet":
        return f"{path} cannot be read as Parquet: {problem}"
    if "UTF8" in problem or "'utf-8' codec" in problem:
        return f"{path} is not UTF-8 text. Remedy: save it as 'CSV UTF-8'."
    return f"{path} {csv_error(problem, BLOCK_BYTES)}"
