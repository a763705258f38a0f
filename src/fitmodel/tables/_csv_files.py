"""Read a CSV file into memory or onto disk: encoding, titles, lines of sums, columns.

file -> encoding -> header below the titles -> Arrow, all text -> lines of sums left out
     -> columns of numbers or text -> DataFrame, or an Arrow table on disk
"""

from __future__ import annotations

import codecs
import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from fitmodel.exceptions import DealsError
from fitmodel.tables._csv_columns import CsvTexts, in_memory, on_disk
from fitmodel.tables._spool import on_disk_table
from fitmodel.tables.cells import shortened
from fitmodel.tables.csv_form import (
    MarkedEnd,
    column_names,
    find_top,
    has_decimal_comma,
    header_fields,
    row_numbers,
    values_with_next_row,
)
from fitmodel.tables.extra_rows import is_total_line, rows_left_out, titles_finding
from fitmodel.tables.forms import FileTable, Finding, TableOnDisk
from fitmodel.tables.opening import (
    SNIFF_BYTES,
    UTF8,
    as_utf8,
    csv_error,
    detect_encoding,
    detect_legacy,
    encoding_name,
    names_error,
    open_bytes,
    open_quote_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable


BLOCK_BYTES = 16 << 20  # size of a block of CSV text; a row must fit into a block
SHOWN_ROWS = 3
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_ONE_QUOTED = re.compile(r'"[^"]*"')


class _Header(NamedTuple):
    """The header of a CSV file."""

    path: Path
    encoding: str
    names: list[str]
    separator: str
    lines: int
    titles: tuple[str, ...]


class _Footer(NamedTuple):
    """A short line of sums or notes: its text, and its position among the lines with values."""

    text: str
    position: int


def read_csv_file(path: Path, head: bytes) -> FileTable:
    """Read a CSV file, plain or compressed, in any usual encoding.

    Raises DealsError if it is not text, has rows of different lengths, is empty, or has duplicate
    column names.
    """
    return in_memory(_texts_of(path, head, on_disk=False))


def spool_csv_file(path: Path, head: bytes) -> TableOnDisk:
    """Read a CSV file block by block into a table on disk.

    Raises DealsError: the errors of `read_csv_file`.
    """
    return on_disk(_texts_of(path, head, on_disk=True))


def _texts_of(path: Path, head: bytes, *, on_disk: bool) -> CsvTexts:
    """Return the rows of a file, with its encoding detected."""
    is_whole = len(head) < SNIFF_BYTES
    encoding = detect_encoding(head, is_complete=is_whole)
    if encoding is None:
        _refuse_encoding(path)
        raise DealsError(f"{path} is not text in a known encoding. Remedy: save it as 'CSV UTF-8'.")
    header = _header(path, head, encoding)
    try:
        return _texts(header, on_disk=on_disk)
    except UnicodeDecodeError:
        other_encoding = _late_encoding(path, encoding)
        if other_encoding is None:
            _refuse_encoding(path)
            raise
        return _texts(header._replace(encoding=other_encoding), on_disk=on_disk)


def _late_encoding(path: Path, tried: str) -> str | None:
    """Return the encoding of a file whose beginning was ASCII, but which is not UTF-8."""
    if tried != UTF8:
        return None
    with open_bytes(path) as file:
        return detect_legacy(file)


def _texts(header: _Header, *, on_disk: bool) -> CsvTexts:
    """Return all rows as text, with row numbers and findings."""
    path = header.path
    footers: list[_Footer] = []
    try:
        if on_disk:
            table, footers = _without_footers(header, on_disk=True)
        else:
            table = _parse(header)
    except pa.ArrowInvalid as error:
        table, footers = _without_footers(header)
        if not footers:
            raise DealsError(f"{path} {csv_error(str(error), BLOCK_BYTES)}") from error
    records = len(table) + len(footers)
    numbers = row_numbers(
        lambda: as_utf8(open_bytes(path), header.encoding), records, header.lines, header.separator
    )
    numbers = np.delete(numbers, [footer.position for footer in footers]) if footers else numbers
    left_out, findings = rows_left_out(table, numbers)
    notes = [*_notes(header), *findings, *_footer_notes(footers)]
    comma = has_decimal_comma(header.separator)
    return CsvTexts(header.names, table, ~left_out, numbers, tuple(notes), comma)


def _notes(header: _Header) -> list[Finding]:
    """Return the findings about encoding and titles."""
    notes = []
    if header.encoding != UTF8:
        notes.append(
            Finding(
                "encoding",
                "",
                0,
                "",
                f"the file is not UTF-8 and was read as {encoding_name(header.encoding)}",
                "if names look wrong, save it as 'CSV UTF-8'",
            )
        )
    return [*notes, *([titles_finding(header.titles)] if header.titles else [])]


def _footer_notes(footers: list[_Footer]) -> list[Finding]:
    if not footers:
        return []
    message = f"{len(footers)} short line(s) of sums or notes were left out"
    remedy = "if it is a deal, give it all fields of the header"
    return [Finding("total_row", "", len(footers), shortened(footers[0].text), message, remedy)]


def _header(path: Path, head: bytes, encoding: str) -> _Header:
    """Return column names, separator and titles, from the file's first bytes.

    Columns without a name are named.
    """
    codec = "utf-8-sig" if encoding == UTF8 else encoding
    text = codecs.getincrementaldecoder(codec)(errors="replace").decode(head)
    lines = text.splitlines(keepends=True)
    top = find_top(lines)
    if top is None:
        raise DealsError(f"{path} has blank lines only. Remedy: export the deals again.")
    try:
        names, lines_read = header_fields(lines[top.lines :], top.separator)
    except csv.Error as error:
        raise DealsError(f"{path} cannot be read as CSV: {error}") from error
    if names is None:
        raise DealsError(f"{path} {open_quote_error(top.lines + 1)}")
    if "\N{REPLACEMENT CHARACTER}" in "".join(names) and encoding == UTF8:
        _refuse_encoding(path)
    if control := _CONTROL.search("".join(names)):
        raise DealsError(
            f"{path} is not text: its first line contains the control character {control[0]!r}. "
            "Remedy: export the deals as CSV, Parquet or Excel."
        )
    rows_below = (line.strip() for line in lines[top.lines + lines_read :])
    if len(head) < SNIFF_BYTES and not any(rows_below):
        raise DealsError(f"{path} has a header but no rows. Remedy: export the deals again.")
    all_names = column_names(names)
    if problem := names_error(all_names):
        raise DealsError(f"{path} {problem}")
    return _Header(path, encoding, all_names, top.separator, top.lines, top.titles)


def _parse(
    header: _Header, set_aside: Callable[[Any], str] | None = None, *, on_disk: bool = False
) -> pa.Table:
    """Return all rows as text; `set_aside` is called for rows with a wrong number of fields.

    Raises DealsError if a quote is still open at the end of the file.
    """
    path, names, separator = header.path, header.names, header.separator
    with as_utf8(open_bytes(path), header.encoding) as file:
        stream = MarkedEnd(file, separator, len(names))
        bad_rows: list[str] = []

        def handle_bad_row(row: Any) -> str:
            if stream.is_end(row.text):
                return "skip"
            bad_rows[:] = [row.text]
            return "error" if set_aside is None else set_aside(row)

        options = (
            pacsv.ReadOptions(
                column_names=names,
                skip_rows=header.lines,
                skip_rows_after_names=1,
                block_size=BLOCK_BYTES,
                use_threads=set_aside is None,  # Arrow numbers rows only if one thread reads
            ),
            pacsv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=handle_bad_row
            ),
            pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
        if on_disk:
            reader = pacsv.open_csv(stream, *options)
            table = on_disk_table(reader.schema, reader)
        else:
            table = pacsv.read_csv(stream, *options)
    values = table.column(len(names) - 1).slice(max(len(table) - 1, 0)).to_pylist()
    for text in (*values, *bad_rows):
        if line := stream.line_of_open_quote(text):
            raise DealsError(f"{path} {open_quote_error(line)}")
    _refuse_merged_rows(path, table, separator)
    return table


def _refuse_merged_rows(path: Path, table: pa.Table, separator: str) -> None:
    """Raise an error if values seem to contain the next row, because of an open quote."""
    start, merged = 0, []
    for batch in table.to_batches():
        values = values_with_next_row(batch, separator)
        merged += [(start + row, shortened(text)) for row, text in values.items()]
        start += batch.num_rows
    if merged:
        row, text = merged[0]
        raise DealsError(
            f"{path}: {len(merged)} row(s) have a value that contains the next row; row "
            f"{row + 1}: {text}. Remedy: close every quote."
        )


def _refuse_encoding(path: Path) -> None:
    """Raise an error that names the first byte that is not UTF-8."""
    with open_bytes(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise DealsError(
                    f"{path} is not UTF-8 text: byte 0x{line[error.start]:02x} at position "
                    f"{error.start + 1} of line {number}. Remedy: save it as 'CSV UTF-8'."
                ) from error


def _without_footers(header: _Header, *, on_disk: bool = False) -> tuple[pa.Table, list[_Footer]]:
    """Return the table and its short last lines; other rows of a wrong width are an error."""
    short_rows: list[Any] = []

    def set_aside(row: Any) -> str:
        short_rows.append(row)
        return "skip"

    try:
        table = _parse(header, set_aside, on_disk=on_disk)
    except pa.ArrowInvalid as error:
        raise DealsError(f"{header.path} {csv_error(str(error), BLOCK_BYTES)}") from error
    width, separator = len(header.names), header.separator
    rows_above = header.lines + 2  # Arrow counts from 1, and the titles and the header too
    footers = [_Footer(row.text, row.number - rows_above) for row in short_rows]
    # after the last row: as many lines with values are above as there are rows and short lines
    are_last = [f.position - index >= len(table) for index, f in enumerate(footers)]
    bad_rows = [
        row
        for row, is_last in zip(short_rows, are_last, strict=True)
        if not _is_footer(row, separator, is_last=is_last)
    ]
    if bad_rows:
        shown = [
            f"row {row.number} has {row.actual_columns}: {shortened(row.text)}"
            for row in bad_rows[:SHOWN_ROWS]
        ]
        raise DealsError(
            f"{header.path}: {len(bad_rows)} row(s) do not have the header's {width} fields; "
            f"{'; '.join(shown)}. Remedy: put texts that contain {separator!r} or a line break "
            "into double quotes, and close every quote."
        )
    return table, footers


def _is_footer(row: Any, separator: str, *, is_last: bool) -> bool:
    """Return whether a short row is a line of sums, or a note of one field below all rows."""
    if row.actual_columns >= row.expected_columns:
        return False
    if _ONE_QUOTED.fullmatch(row.text.strip()):
        return bool(row.actual_columns == 1 and is_last)
    if '"' in row.text:
        return False
    fields = [field for field in row.text.split(separator) if any(map(str.isalnum, field))]
    if is_total_line(fields) and len(fields) > 1:
        return True
    return len(fields) == 1 and row.actual_columns == 1 and is_last
