"""The form of a CSV file: separator, header below its titles, open quotes, row numbers."""

from __future__ import annotations

import csv
import io
import re
from codecs import getincrementaldecoder
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.tables._number_text import parse_number_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

SEPARATORS = ",;\t|"
_END = "end of the file"
_SEPARATOR_LINE = re.compile(r'"?sep=[,;|\t]?"?', re.IGNORECASE)  # tells Excel the separator
_BREAK = re.compile(r"\r\n|\n|\r")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BLOCK = 1 << 22
HEAD_ROWS = 40  # rows at the top of a sheet among which the header is searched
MAX_TITLES = 20  # maximum number of title rows above the header
_DIGIT = re.compile(r"\d")
MIN_COLUMNS = 3  # with fewer columns, titles cannot be distinguished from rows
MIN_WIDTH_OF_ROWS = 8  # minimum number of columns in which separators show that a value is a row


def separator_of(line: str) -> str:
    """Return the separator of a header: the most frequent candidate outside of quotes."""
    return max(SEPARATORS, key=re.sub(r'"[^"]*"', "", line).count)


def header_fields(lines: Iterable[str], separator: str) -> tuple[list[str] | None, int]:
    """Return the fields of the first record that is not empty, and how many lines it took.

    The fields are None if a quote is open until the last line.

    Raises
    ------
    csv.Error
        If a field is too long.
    """
    reader = csv.reader(chain(lines, [f"\n{_END}"]), delimiter=separator)
    fields = next(filter(None, reader))
    return (None if fields[-1].endswith(f"\n{_END}") else fields), reader.line_num


def column_names(fields: Sequence[str]) -> list[str]:
    """Return the column names of a header, stripped; an empty name becomes "Unnamed: N"."""
    stripped = (field.strip() for field in fields)
    return [name or f"Unnamed: {position}" for position, name in enumerate(stripped)]


def has_decimal_comma(separator: str) -> bool:
    """Return whether a comma in a number can be the decimal mark: not if it is the separator."""
    return separator != ","


def writes_decimal_commas(separator: str, text: str) -> bool:
    """Return whether a point in a number of this file may be a thousands separator.

    With ";" as separator, the comma is the decimal mark, since that is the usual reason for ";".
    With a tab or a bar this depends on numbers such as 12,5 or 1.234.567 at the start of the file.
    """
    if separator in ",;":
        return separator == ";"
    mark = re.escape(separator)
    number = r"[+-]?(?:\d[\d.]*,\d+|\d{1,3}(?:\.\d{3}){2,})"
    return re.search(rf'(?:^|{mark})"?{number}"?(?={mark}|$)', text, re.MULTILINE) is not None


@dataclass(frozen=True)
class HeaderPosition:
    """Where the table of a CSV file begins.

    Attributes
    ----------
    lines : int
        Number of physical lines above the header, including blank ones.
    titles : tuple of str
        The lines above the header that are not blank.
    separator : str
        The separator of the header.
    """

    lines: int
    titles: tuple[str, ...]
    separator: str


def find_top(lines: Sequence[str]) -> HeaderPosition | None:
    """Return where the header of a CSV file is, below its titles; None if the file is blank.

    Parameters
    ----------
    lines : sequence of str
        The first lines of the file.
    """
    first = next((position for position, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return None
    if _SEPARATOR_LINE.fullmatch(lines[first].strip()) and (below := find_top(lines[first + 1 :])):
        titles = (lines[first].strip(), *below.titles)
        return HeaderPosition(first + 1 + below.lines, titles, below.separator)
    without_titles = HeaderPosition(first, (), separator_of(lines[first]))
    first_lines = [line for line in lines[first : first + HEAD_ROWS] if line.strip()]
    separators = [separator_of(line) for line in first_lines]
    separator = max(set(separators), key=lambda mark: sum(line.count(mark) for line in first_lines))
    try:
        rows = [
            next(csv.reader([line], delimiter=separator), []) for line in lines[: first + HEAD_ROWS]
        ]
    except csv.Error:
        return without_titles
    position = header_index(rows)
    if position is None or position <= first:
        return without_titles
    titles = tuple(line.strip() for line in lines[first:position] if line.strip())
    return HeaderPosition(position, titles, separator_of(lines[position]))


def header_index(rows: Sequence[Sequence[str]]) -> int | None:
    """Return the index of the header among the first rows of a sheet; None if all are blank.

    Titles are rows of one or few cells above a row of names, with a table below it. A row of names
    with gaps, above another row of names, has the names of groups of columns.
    """
    counts = [sum(bool(cell.strip()) for cell in row) for row in rows]
    filled = [position for position, count in enumerate(counts) if count]
    if not filled:
        return None
    typical_count = float(np.median([counts[position] for position in filled]))
    if typical_count < MIN_COLUMNS:
        return filled[0]
    for position in filled[:MAX_TITLES]:
        if 2 * counts[position] < typical_count or 2 * len(rows[position]) <= typical_count:
            continue
        has_rows_below = any(other > position for other in filled)
        if has_rows_below and _are_groups(rows[position], rows[position + 1 :]):
            return position + 1
        return position if has_rows_below and _are_names(rows[position]) else filled[0]
    return filled[0]


def _are_groups(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Return whether a row has names of groups of columns, and the row below it is the header.

    The header fills the gaps and repetitions of the groups. It is no row of the table, because at
    least two columns have digits in all rows below it, and none of these has one in it.
    """
    header, *rows = below or [[]]
    names = [cell.strip() for cell in row if cell.strip()]
    if len(set(names)) >= len(header) or any(map(parse_number_text, names)):
        return False
    if len(header) < MIN_COLUMNS or not all(map(str.strip, header)) or not _are_names(header):
        return False
    columns = [
        [each[k] for each in rows if len(each) > k and each[k].strip()] for k in range(len(header))
    ]
    counted = [
        name
        for name, cells in zip(header, columns, strict=True)
        if cells and all(map(_DIGIT.search, cells))
    ]
    return len(counted) > 1 and not any(map(_DIGIT.search, counted))


def _are_names(row: Sequence[str]) -> bool:
    cells = [cell.strip() for cell in row if cell.strip()]
    return not any(parse_number_text(cell) for cell in cells) and len(set(cells)) == len(cells)


def values_with_next_row(table: pa.Table | pa.RecordBatch, separator: str) -> dict[int, str]:
    """Return the rows with a value that seems to contain the next row, each with that value.

    An unclosed quote ends where the same column's value begins in a later row. The value then
    contains a line break, the rest of its row and the beginning of the later row, with one row of
    separators for each line break.
    """
    result: dict[int, str] = {}
    for index, column in enumerate(table.columns):
        has_break = pc.or_(pc.match_substring(column, "\n"), pc.match_substring(column, "\r"))
        if not pc.any(has_break).as_py():
            continue
        positions = pc.indices_nonzero(has_break)
        texts = zip(positions.to_pylist(), column.take(positions).to_pylist(), strict=True)
        result |= {
            position: text
            for position, text in texts
            if _ends_in_quote(text, separator, table.num_columns)
            or _has_rows_separators(text, separator, index, table.num_columns)
        }
    return result


def _ends_in_quote(text: str, separator: str, width: int) -> bool:
    """Return whether a value holds a whole row of separators and ends with an unpaired quote."""
    is_open = text.endswith('"') and text.count('"') % 2
    return bool(is_open and text.count(separator) >= width - 1)


def _has_rows_separators(text: str, separator: str, index: int, width: int) -> bool:
    """Return whether the lines of a value have as many separators as pieces of rows have.

    In narrow tables the numbers may agree by chance, for example in a note of two lines.
    """
    if width < MIN_WIDTH_OF_ROWS:
        return False
    first, *between, last = (line.count(separator) for line in _BREAK.split(text))
    return (
        first == width - 1 - index
        and last == index
        and all(separators == width - 1 for separators in between)
    )


class Readable(Protocol):
    """A stream of bytes whose `read` returns fewer bytes than requested only at the end."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""


class MarkedEnd:
    """A stream of CSV text with an extra last row that is one field wider than the header.

    It detects unclosed quotes with a reader that returns only values. If a quote is never closed,
    the last value contains everything that follows, including the extra row. Otherwise the extra
    row is returned as a row of the wrong width, and is left out.

    Parameters
    ----------
    stream : readable
        The CSV text, as UTF-8.
    separator : str
        The separator of the file.
    width : int
        Number of fields of the header.
    lines : int
        Number of line breaks of the file before the stream.
    """

    closed = False  # Arrow reads this attribute

    def __init__(self, stream: Readable, separator: str, width: int, lines: int = 0) -> None:
        self._stream = stream
        self._row = separator * width + _END
        self._end = f"\n{self._row}".encode()
        self._lines = lines
        # Arrow reports a row of the wrong width before it checks the encoding
        self._decoder = getincrementaldecoder("utf-8")()

    def read(self, size: int) -> bytes:
        """Return the next bytes of the stream; the last ones together with the extra row.

        They are returned together, because a reader does not accept a header alone as a table.

        Raises
        ------
        UnicodeDecodeError
            If the stream is not UTF-8.
        """
        n_bytes = max(size - len(self._end) - 1, 1)
        data = self._stream.read(n_bytes)
        if data.endswith(b"\r"):  # Arrow drops the second half of a line break split by a block
            data += self._stream.read(1)
        self._decoder.decode(data, final=len(data) < n_bytes)
        self._lines += _breaks(data)
        if len(data) >= n_bytes:
            return data
        data, self._end = data + self._end, b""
        return data

    def is_end(self, text: str) -> bool:
        """Return whether the text of a row is the extra row."""
        return text == self._row

    def line_of_open_quote(self, text: str | None) -> int | None:
        """Return the line on which a value began if it contains the extra row, else None."""
        if text is None or not text.endswith(f"\n{self._row}"):
            return None
        return self._lines + 1 - _breaks(text.removesuffix(f"\n{self._row}").encode())


def _breaks(text: bytes) -> int:
    return text.count(b"\n") or text.count(b"\r")


def row_numbers(
    opened: Callable[[], BinaryIO], rows: int, lines_above: int, separator: str
) -> NDArray[np.intp]:
    """Return the number of each row as in a spreadsheet.

    Blank lines count as rows; line breaks inside of quotes do not.

    Parameters
    ----------
    opened : callable
        Returns the file as a stream from its beginning, as UTF-8.
    rows : int
        Number of rows below the header.
    lines_above : int
        Number of lines above the header.
    separator : str
        The separator of the file.
    """
    first = lines_above + 2  # the header is a row too
    consecutive = np.arange(first, first + rows)
    if not _has_blank_lines(opened):
        return consecutive
    with io.TextIOWrapper(opened(), "utf-8-sig", errors="replace", newline="") as text:
        lines = csv.reader(islice(text, lines_above, None), delimiter=separator)
        try:
            next(lines)
            numbers_of_rows = (number for number, row in enumerate(lines, first) if row)
            numbers = np.fromiter(numbers_of_rows, dtype=np.intp)
        except csv.Error:  # a field is longer than the csv module allows
            return consecutive
    return numbers[:rows] if len(numbers) >= rows else consecutive


def _has_blank_lines(opened: Callable[[], BinaryIO]) -> bool:
    end = b""
    with opened() as file:
        while block := file.read(_BLOCK):
            if _BLANK_LINE.search(end + block):
                return True
            end = block[-3:]
    return False
