"""Reader of a CSV file as chunks of rows, from its first row or from a later one.

stream -> header below any titles -> Arrow, all columns as text -> rows of a wrong width reinserted
       -> chunks

To start at a later row, the rows before it are counted but not parsed: only line breaks and quotes
are examined. A compressed file is decompressed up to that row.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from fitmodel.exceptions import ProspectError
from fitmodel.scoring.streams import Chunk, Source
from fitmodel.tables.csv_form import (
    MarkedEnd,
    column_names,
    find_top,
    header_fields,
    separator_of,
    values_with_next_row,
    writes_decimal_commas,
)
from fitmodel.tables.extra_rows import total_rows
from fitmodel.tables.opening import (
    UTF8,
    as_utf8,
    detect_encoding,
    merged_rows_error,
    names_error,
    open_quote_error,
    width_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

SUMS = "a line of sums, not a prospect"
HEAD_BYTES = 1 << 20  # the header must be within these first bytes
BLOCK_BYTES = 4 << 20  # CSV text is read in blocks of this size; a row must fit into one
_BREAK, _RETURN, _QUOTE = b'\n\r"'


class _Form(NamedTuple):
    """The properties of a CSV file that are needed to read its rows.

    `fields`: fields of the header, as they are written.
    `separator`: character between two fields.
    """

    path: str | Path
    fields: list[str]
    separator: str

    @property
    def schema(self) -> pa.Schema:
        """Schema of the file: all columns are text."""
        return pa.schema([(name, pa.string()) for name in column_names(self.fields)])


def open_csv(
    path: str | Path, file: io.BufferedReader, *, tabs: bool, reopen: Callable[[], Any] | None
) -> Source:
    """Return a CSV file as a source whose columns are all text, so that an id of 007 stays 007.

    `tabs`: whether the separator is a tab.
    `reopen`, callable or None: function that opens the file a second time, to read it from a later
        row. None for a pipe, which cannot be opened again.
    """
    encoding = detect_encoding(file.peek(HEAD_BYTES)) or UTF8
    stream = as_utf8(file, encoding, HEAD_BYTES)
    start = _skip_titles(stream)
    head = stream.peek(HEAD_BYTES)
    fields, separator = _read_header(path, head, tabs=tabs)
    decimal_comma = writes_decimal_commas(separator, head.decode("utf-8", errors="replace"))
    form = _Form(path, fields, separator)
    after = None if reopen is None else partial(_after, form, reopen, encoding, start)
    return Source(form.schema, _chunks(stream, form), separator, decimal_comma, after=after)


def _chunks(stream: Any, form: _Form, skipped_lines: int | None = None) -> Iterator[Chunk]:
    """Yield the rows of a stream.

    The stream begins with the header; or, if `skipped_lines` lines were skipped before it, with a
    row.
    """
    ragged: deque[Any] = deque()

    def set_aside(row: Any) -> str:
        if not marked.is_end(row.text):
            ragged.append(row)
        return "skip"

    marked = MarkedEnd(stream, form.separator, len(form.fields), lines=skipped_lines or 0)
    reader = pacsv.open_csv(
        marked,
        # Arrow numbers the rows of a wrong width, which are reinserted, only with one thread.
        pacsv.ReadOptions(
            use_threads=False,
            block_size=BLOCK_BYTES,
            column_names=None if skipped_lines is None else form.fields,
        ),
        pacsv.ParseOptions(
            delimiter=form.separator, newlines_in_values=True, invalid_row_handler=set_aside
        ),
        pacsv.ConvertOptions(
            column_types=dict.fromkeys(form.fields, pa.string()), strings_can_be_null=False
        ),
    )
    named = (batch.rename_columns(form.schema.names) for batch in reader)
    # If no row has the header's width, Arrow returns no batch at all.
    batches = chain(named, [pa.RecordBatch.from_pylist([], form.schema)])
    refuse = partial(_refuse_open_quote, form.path, marked)
    yield from _reinsert(batches, ragged, form.separator, refuse, 2 if skipped_lines is None else 1)


def _refuse_open_quote(path: str | Path, marked: MarkedEnd, text: str | None) -> None:
    if line := marked.line_of_open_quote(text):
        raise ProspectError(f"{path} {open_quote_error(line)}")


def _reinsert(
    batches: Iterator[pa.RecordBatch],
    ragged: deque[Any],
    separator: str,
    refuse: Callable[[str | None], None],
    number: int,
) -> Iterator[Chunk]:
    """Reinsert rows with a wrong number of fields at their positions.

    A quote that is never closed takes all following rows into one value: the last value of a
    batch, or of the last row that was set aside. `refuse` checks for this before such rows are
    yielded. `number` is Arrow's number of the first row.
    """
    for batch in batches:
        pieces: list[pa.RecordBatch] = []
        problems: dict[int, str] = {}
        n_taken = 0
        while ragged and ragged[0].number - number - len(problems) <= batch.num_rows:
            row = ragged.popleft()
            refuse(row.text)
            position = row.number - number
            n_complete = position - len(problems) - n_taken
            pieces += [batch.slice(n_taken, n_complete), _padded(row.text, batch.schema, separator)]
            n_taken += n_complete
            problems[position] = width_error(row.text, row.actual_columns, row.expected_columns)
        number += batch.num_rows + len(problems)
        if batch.num_rows:
            refuse(batch.column(batch.num_columns - 1)[-1].as_py())
        rows = pa.concat_batches([*pieces, batch.slice(n_taken)])
        suspicious = values_with_next_row(rows, separator)
        yield Chunk(
            rows, {row: merged_rows_error(text) for row, text in suspicious.items()} | problems
        )


def _padded(text: str, schema: pa.Schema, separator: str) -> pa.RecordBatch:
    """Return a row of a wrong width, cut or filled with empty fields to the table's width.

    The description of the problem quotes the whole row.
    """
    width = len(schema)
    fields = [*next(csv.reader([text], delimiter=separator)), *[""] * width][:width]
    return pa.record_batch([pa.array([value], pa.string()) for value in fields], schema=schema)


def without_sums(chunk: Chunk) -> Chunk:
    """Return the chunk with a problem at each line of totals, which is not a prospect."""
    sums = {row: SUMS for row in total_rows(chunk.batch, is_end=False) if row not in chunk.problems}
    return Chunk(chunk.batch, {**chunk.problems, **sums}) if sums else chunk


def _skip_titles(stream: io.BufferedReader) -> int:
    """Skip titles above the header, as training does; return at which byte the header begins."""
    head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    bom_length = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    lines = head[bom_length:].decode("utf-8", errors="replace").splitlines(keepends=True)
    top = find_top(lines)
    if top is not None and top.titles:
        titles = "".join(lines[: top.lines])
        if "\N{REPLACEMENT CHARACTER}" not in titles:
            stream.read(bom_length + len(titles.encode()))
            return bom_length + len(titles.encode())
    return 0


def _read_header(path: str | Path, head: bytes, *, tabs: bool) -> tuple[list[str], str]:
    """Return the header's fields as written, and the separator."""
    # The last character may be cut in two; it is after the header.
    text = head.removeprefix(codecs.BOM_UTF8)[:HEAD_BYTES]
    lines = io.StringIO(text.decode("utf-8", errors="surrogateescape"), newline="")
    blank, first = next(
        ((position, line) for position, line in enumerate(lines) if line.strip()), (0, "")
    )
    first.encode("utf-8")
    if not first:
        raise ProspectError(f"{path} is empty. Remedy: export the prospects again.")
    separator = "\t" if tabs else separator_of(first)
    lines.seek(0)
    fields, _ = header_fields(lines, separator)
    if fields is None:
        raise ProspectError(f"{path} {open_quote_error(1 + blank)}")
    if problem := names_error(column_names(fields)):
        raise ProspectError(f"{path} {problem}")
    return fields, separator


class _RemainingStream(NamedTuple):
    """The rest of a stream from the beginning of a row.

    `already_read`: bytes of these rows that were already read from the stream.
    `lines`: number of line breaks before the row.
    """

    already_read: bytes
    stream: Any
    lines: int


class _Chained:
    """One stream of some bytes followed by another stream."""

    def __init__(self, already_read: bytes, stream: Any) -> None:
        self._already_read, self._stream = already_read, stream

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer than `size` only at the end."""
        taken, self._already_read = self._already_read[:size], self._already_read[size:]
        return taken if len(taken) == size else taken + self._stream.read(size - len(taken))


def _after(
    form: _Form, reopen: Callable[[], Any], encoding: str, start: int, rows: int
) -> Iterator[Chunk] | None:
    """Return the rows after a number of rows; None if only a parser can find where these end.

    `start` is the byte at which the header begins, in UTF-8.
    """
    stream = as_utf8(reopen(), encoding, HEAD_BYTES)
    stream.read(start)
    remaining = stream_after_rows(stream, rows + 1, form.separator)
    if remaining is None:
        return None
    if not (remaining.already_read or stream.peek(1)):
        return iter(())
    return _chunks(_Chained(remaining.already_read, stream), form, remaining.lines)


def stream_after_rows(stream: BinaryIO, rows: int, separator: str) -> _RemainingStream | None:
    """Return the stream from the beginning of a later row, without parsing the rows before it.

    `rows`: number of rows to skip, including the header; at least one.
    `separator`: character between two fields.
    Returns None if there are fewer rows, or if a quote or line break is at an unusual position, so
        that only a parser can find the rows.
    """
    is_end = np.isin(np.arange(256), list(f'{separator}\r\n"'.encode()))  # bytes that end a field
    lines, in_quotes, bom = 0, False, codecs.BOM_UTF8
    while block := stream.read(BLOCK_BYTES):
        block = (block + stream.readline()).removeprefix(bom)
        bom = b""  # only the first block may begin with a byte order mark
        data = np.frombuffer(block, dtype=np.uint8)
        breaks = np.flatnonzero(data == _BREAK)
        quotes = np.flatnonzero(data == _QUOTE)
        if not _are_plain(data, quotes, is_end, in_quotes=in_quotes):
            return None
        outside = (np.searchsorted(quotes, breaks) + in_quotes) % 2 == 0
        row_ends = breaks[outside & (_lengths(data, breaks) > 0)]
        if not block.endswith(b"\n"):
            row_ends = np.append(row_ends, len(block) - 1)  # the stream's last row
        if rows <= len(row_ends):
            end = int(row_ends[rows - 1]) + 1
            return _RemainingStream(block[end:], stream, lines + int(np.searchsorted(breaks, end)))
        rows -= len(row_ends)
        lines += len(breaks)
        in_quotes = bool((len(quotes) + in_quotes) % 2)
    return None


def _lengths(data: NDArray[np.uint8], breaks: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of bytes of each line, without its line break."""
    starts = np.append(0, breaks + 1)[:-1]
    returns = (breaks > starts) & (data[np.maximum(breaks - 1, 0)] == _RETURN)
    lengths: NDArray[np.intp] = breaks - starts - returns
    return lengths


def _are_plain(
    data: NDArray[np.uint8], quotes: NDArray[np.intp], is_end: NDArray[np.bool_], *, in_quotes: bool
) -> bool:
    """Return whether quotes only enclose whole fields, and no CR outside them lacks its LF."""
    opens, closes = quotes[int(in_quotes) :: 2], quotes[1 - in_quotes :: 2]
    opens, closes = opens[opens > 0], closes[closes < len(data) - 1]
    if not (is_end[data[opens - 1]].all() and is_end[data[closes + 1]].all()):
        return False
    returns = np.flatnonzero(data[:-1] == _RETURN)
    lone_returns = returns[data[returns + 1] != _BREAK]
    return bool(((np.searchsorted(quotes, lone_returns) + in_quotes) % 2 == 1).all())
