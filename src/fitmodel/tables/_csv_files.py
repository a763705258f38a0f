"""Read a CSV file of past deals whole: its encoding, its titles and sums, its columns.

file -> encoding -> header below its titles -> Arrow, all text -> sums left out
     -> columns of numbers or text -> DataFrame
"""

from __future__ import annotations

import codecs
import csv
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from fitmodel.exceptions import DealsError
from fitmodel.tables.cells import shortened
from fitmodel.tables.csv_form import (
    MarkedEnd,
    column_names,
    has_decimal_comma,
    header_fields,
    row_numbers,
    swallowing_values,
)
from fitmodel.tables.encodings import (
    UTF8,
    as_utf8,
    detect_encoding,
    detect_legacy,
    encoding_name,
)
from fitmodel.tables.forms import Finding, Forms
from fitmodel.tables.layout import find_top, is_total_line, rows_left_out, titles_finding
from fitmodel.tables.opening import (
    SNIFF_BYTES,
    FileTable,
    csv_error,
    names_error,
    open_bytes,
    open_quote_error,
)
from fitmodel.tables.values import NumberForm, read_numbers
from fitmodel.tables.vocabulary import MISSING_TEXT, UNCLEAR_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK_BYTES = 16 << 20  # of CSV text at a time; a row must fit into it
SHOWN_ROWS = 3
_NUMBER = r"^[+-]?(inf|Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$"
_CODE = r"^[+-]?0\d"  # 007 is no seven
_WHOLE, _EXACT_WHOLE = r"^[+-]?\d{1,18}$", r"^[+-]?\d{1,15}$"  # what int64 and a float can hold
_MARKED = r"^[+-]?\d[\d.]*(,\d+)?$"
_EMPTY = pa.array(sorted(MISSING_TEXT - UNCLEAR_WORDS))
_MISSING = pa.array(sorted(MISSING_TEXT))


class _Header(NamedTuple):
    """The header of a CSV file."""

    path: Path
    encoding: str
    names: list[str]
    separator: str
    lines: int
    titles: tuple[str, ...]


def read_csv_file(path: Path, head: bytes) -> FileTable:
    """Read a CSV file, plain or gzip, in any usual encoding.

    Raises
    ------
    DealsError
        If it is not text, ragged, holds nothing, or has two columns of one name.
    """
    whole = len(head) < SNIFF_BYTES
    encoding = detect_encoding(head, whole=whole)
    if encoding is None:
        _refuse_encoding(path)
        raise DealsError(
            f"{path} is not text in any usual encoding. Remedy: save it as 'CSV UTF-8'."
        )
    header = _header(path, head, encoding)
    try:
        return _table(header)
    except UnicodeDecodeError:
        later = _late_encoding(path, encoding)
        if later is None:
            _refuse_encoding(path)
            raise
        return _table(header._replace(encoding=later))


def _late_encoding(path: Path, tried: str) -> str | None:
    """The encoding of a file whose beginning was ASCII."""
    if tried != UTF8:
        return None
    with open_bytes(path) as file:
        return detect_legacy(file)


def _table(header: _Header) -> FileTable:
    path, names = header.path, header.names
    footers: list[str] = []
    try:
        arrow = _parse(header)
    except pa.ArrowInvalid as error:
        arrow, footers = _without_footers(header)
        if not footers:
            raise DealsError(f"{path} {csv_error(str(error), BLOCK_BYTES)}") from error
    opened = partial(_as_utf8, path, header.encoding)
    numbers = row_numbers(opened, len(arrow), header.lines, header.separator)
    left_out, findings = rows_left_out(arrow, numbers)
    if left_out.any():
        arrow, numbers = arrow.filter(pa.array(~left_out)), numbers[~left_out]
    columns, forms = {}, {}
    for position, name in enumerate(names):
        columns[name], form = _column(
            arrow.column(position), decimal_comma=has_decimal_comma(header.separator)
        )
        if form is not None:
            forms[name] = form
    table = pd.DataFrame(columns)
    unnamed = [name for name in names if name.startswith("Unnamed: ")]
    table = table.drop(columns=[name for name in unnamed if table[name].isna().all()])
    notes = [*_notes(header), *findings, *_footer_notes(footers)]
    return FileTable(table, tuple(notes), Forms(numbers=forms), numbers)


def _as_utf8(path: Path, encoding: str) -> Any:
    return as_utf8(open_bytes(path), encoding)


def _notes(header: _Header) -> list[Finding]:
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


def _footer_notes(footers: list[str]) -> list[Finding]:
    if not footers:
        return []
    message = f"{len(footers)} short line(s) of sums or notes were left out"
    remedy = "if it is a deal, give it all fields of the header"
    return [Finding("total_row", "", len(footers), shortened(footers[0]), message, remedy)]


def _refuse_names(path: Path, names: list[str]) -> None:
    if problem := names_error(names):
        raise DealsError(f"{path} {problem}")


def _header(path: Path, head: bytes, encoding: str) -> _Header:
    """Names, separator and lines above, from the file's first bytes.

    A column without a name gets one.
    """
    codec = "utf-8-sig" if encoding == UTF8 else encoding
    text = codecs.getincrementaldecoder(codec)(errors="replace").decode(head)
    lines = text.splitlines(keepends=True)
    top = find_top(lines)
    if top is None:
        raise DealsError(f"{path} holds nothing but blank lines. Remedy: export the deals again.")
    try:
        names, read = header_fields(lines[top.lines :], top.separator)
    except csv.Error as error:
        raise DealsError(f"{path} cannot be read as CSV: {error}") from error
    if names is None:
        raise DealsError(f"{path} {open_quote_error(top.lines + 1)}")
    if "\N{REPLACEMENT CHARACTER}" in "".join(names) and encoding == UTF8:
        _refuse_encoding(path)
    below = (line.strip() for line in lines[top.lines + read :])
    if len(head) < SNIFF_BYTES and not any(below):
        raise DealsError(f"{path} has a header but no rows. Remedy: export the deals again.")
    named = column_names(names)
    _refuse_names(path, named)
    return _Header(path, encoding, named, top.separator, top.lines, top.titles)


def _parse(header: _Header, set_aside: Callable[[Any], str] | None = None) -> pa.Table:
    """Read everything as text; `set_aside` gets the rows whose number of fields is wrong.

    Raises
    ------
    DealsError
        If a quote is open at the end of the file.
    """
    path, names, separator = header.path, header.names, header.separator
    with as_utf8(open_bytes(path), header.encoding) as file:
        marked = MarkedEnd(file, separator, len(names))
        ragged: list[str] = []

        def told(row: Any) -> str:
            if marked.is_end(row.text):
                return "skip"
            ragged[:] = [row.text]
            return "error" if set_aside is None else set_aside(row)

        table = pacsv.read_csv(
            marked,
            pacsv.ReadOptions(
                column_names=names,
                skip_rows=header.lines,
                skip_rows_after_names=1,
                block_size=BLOCK_BYTES,
                use_threads=set_aside is None,  # rows are numbered only when read by one thread
            ),
            pacsv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=told
            ),
            pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    values = table.column(len(names) - 1).slice(max(len(table) - 1, 0)).to_pylist()
    for text in (*values, *ragged):
        if line := marked.line_of_open_quote(text):
            raise DealsError(f"{path} {open_quote_error(line)}")
    if doubtful := swallowing_values(table, separator):
        row, text = next(iter(doubtful.items()))
        raise DealsError(
            f"{path}: {len(doubtful)} row(s) have a value that holds the row below it; row "
            f"{row + 1}: {shortened(text)}. Remedy: close every quote."
        )
    return table


def _refuse_encoding(path: Path) -> None:
    with open_bytes(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise DealsError(
                    f"{path} is not UTF-8 text: byte 0x{line[error.start]:02x} at position "
                    f"{error.start + 1} of line {number}. Remedy: save it as 'CSV UTF-8'."
                ) from error


def _without_footers(header: _Header) -> tuple[pa.Table, list[str]]:
    """The table without short lines of sums and notes; refuses other rows of a wrong width."""
    ragged: list[Any] = []

    def set_aside(row: Any) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = _parse(header, set_aside)
    except pa.ArrowInvalid as error:
        raise DealsError(f"{header.path} {csv_error(str(error), BLOCK_BYTES)}") from error
    width, separator = len(header.names), header.separator
    wrong = [row for row in ragged if not _is_footer(row, len(table), separator)]
    if wrong:
        shown = [
            f"row {row.number} has {row.actual_columns}: {shortened(row.text)}"
            for row in wrong[:SHOWN_ROWS]
        ]
        raise DealsError(
            f"{header.path}: {len(wrong)} row(s) do not have the header's {width} fields; "
            f"{'; '.join(shown)}. Remedy: put texts that hold {separator!r} or a line break "
            "into double quotes, and close every quote."
        )
    return table, [row.text for row in ragged]


def _is_footer(row: Any, rows: int, separator: str) -> bool:
    """Tell whether a short row is a line of sums, or a note of one field below all rows."""
    if row.actual_columns >= row.expected_columns or '"' in row.text:
        return False
    fields = [field for field in row.text.split(separator) if any(map(str.isalnum, field))]
    if is_total_line(fields) and len(fields) > 1:
        return True
    return len(fields) == 1 and row.actual_columns == 1 and row.number > rows + 1


def _column(
    text: pa.ChunkedArray, *, decimal_comma: bool
) -> tuple[pd.Series[Any], NumberForm | None]:
    """Numbers where all values are, else text; and their form where a comma is in it.

    Words such as NA are missing among numbers; in a text they are left to `tables.tidying`.
    """
    text = pc.utf8_trim_whitespace(text)
    bare = pc.if_else(pc.is_in(text, value_set=_MISSING), pa.scalar(None, pa.string()), text)
    if _all(bare, _NUMBER):
        return _numbers(bare), None
    marked = decimal_comma and _all(bare, _MARKED) and not _any(bare, _CODE)
    if marked:
        reading = read_numbers(_as_text(bare))
        form = reading.form
        if isinstance(form, NumberForm) and form.decimal == "," and not reading.unreadable.any():
            return pd.Series(reading.series.to_numpy()), form
    kept = pc.if_else(pc.is_in(text, value_set=_EMPTY), pa.scalar(None, pa.string()), text)
    return _as_text(kept), None


def _as_text(text: pa.ChunkedArray) -> pd.Series[Any]:
    series: pd.Series[Any] = text.to_pandas().astype("str")
    return series


def _numbers(text: pa.ChunkedArray) -> pd.Series[Any]:
    """Numbers of number texts, unless they are codes or would lose digits."""
    if _any(text, _CODE):
        return _as_text(text)
    bare = pc.replace_substring_regex(text, r"^\+", "")
    if _all(text, r"^[+-]?\d+$"):
        held = _WHOLE if text.null_count == 0 else _EXACT_WHOLE
        if not _all(text, held):
            return _as_text(text)
        if text.null_count == 0:
            return pd.Series(bare.cast(pa.int64()).to_numpy())
    return pd.Series(bare.cast(pa.float64()).to_numpy())


def _all(text: pa.ChunkedArray, pattern: str) -> bool:
    """Tell whether there are values and all match; the first thousand are asked first."""
    parts = (text.slice(0, 1000), text)
    return all(pc.all(pc.match_substring_regex(part, pattern)).as_py() for part in parts) and (
        text.null_count < len(text)
    )


def _any(text: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(text, pattern)).as_py())
