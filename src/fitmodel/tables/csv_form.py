"""The dialect of a CSV file: separator, names, decimal mark, end."""

from __future__ import annotations

import csv
import io
import re
from codecs import getincrementaldecoder
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

SEPARATORS = ",;\t|"
_END = "end of the file"
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BLOCK = 1 << 22


def separator_of(line: str) -> str:
    """The separator of a header: what stands most often outside its quotes."""
    return max(SEPARATORS, key=re.sub(r'"[^"]*"', "", line).count)


def header_fields(lines: Iterable[str], separator: str) -> tuple[list[str] | None, int]:
    """Fields of the first record that is not empty, and how many lines were read for it.

    None instead of the fields where a quote is open until the last line.

    Raises
    ------
    csv.Error
    """
    reader = csv.reader(chain(lines, [f"\n{_END}"]), delimiter=separator)
    fields = next(filter(None, reader))
    return (None if fields[-1].endswith(f"\n{_END}") else fields), reader.line_num


def column_names(fields: Sequence[str]) -> list[str]:
    """Names of a header's fields, without blanks around them; a column without a name gets one."""
    stripped = (field.strip() for field in fields)
    return [name or f"Unnamed: {position}" for position, name in enumerate(stripped)]


def has_decimal_comma(separator: str) -> bool:
    """Tell whether a comma in a number can be its decimal mark: not where it separates."""
    return separator != ","


def writes_decimal_commas(separator: str, text: str) -> bool:
    """Tell whether a point in a number of this file may be a mark for thousands.

    Where ";" separates, a comma is the decimal mark: that is why it separates. A tab or a bar says
    nothing; there it is one where the beginning of the file has a number such as 12,5 or 1.234.567.
    """
    if separator in ",;":
        return separator == ";"
    mark = re.escape(separator)
    number = r"[+-]?(?:\d[\d.]*,\d+|\d{1,3}(?:\.\d{3}){2,})"
    return re.search(rf'(?:^|{mark})"?{number}"?(?={mark}|$)', text, re.MULTILINE) is not None


def swallowing_values(table: pa.Table | pa.RecordBatch, separator: str) -> dict[int, str]:
    """Rows with a value that seems to have taken the next row, and that value.

    A quote left open ends where the next row's value of that column begins, so that the value
    holds a line break and a whole row of separators, and the quote that ends the other's value.
    """
    result = {}
    for column in table.columns:
        ends = pc.ends_with(column, '"')
        if not pc.any(ends).as_py():
            continue
        positions = pc.indices_nonzero(ends)
        for position, text in zip(
            positions.to_pylist(), column.take(positions).to_pylist(), strict=True
        ):
            rows = "\n" in text or "\r" in text
            if rows and text.count('"') % 2 and text.count(separator) >= table.num_columns - 1:
                result[position] = text
    return result


class Readable(Protocol):
    """A stream of bytes, whose `read` gives fewer than asked for only at its end."""

    def read(self, size: int, /) -> bytes:
        """Give the next bytes."""


class MarkedEnd:
    """A stream of CSV text with a row of its own at the end, one field wider than the header.

    Where a quote is never closed, the reader takes all that follows for one value, and this row
    with it; else it comes out as a row of the wrong width, to be left out. So a reader that sees
    only values, and not the quotes, can tell a swallowed file from a whole one.

    Parameters
    ----------
    stream : readable
    separator : str
    width : int
        Fields of the header.
    lines : int
        Line breaks of the file before the stream.
    """

    closed = False  # Arrow asks

    def __init__(self, stream: Readable, separator: str, width: int, lines: int = 0) -> None:
        self._stream = stream
        self._row = separator * width + _END
        self._end = f"\n{self._row}".encode()
        self._lines = lines
        # Arrow shows a row of the wrong width before it looks whether it is text at all
        self._decoder = getincrementaldecoder("utf-8")()

    def read(self, size: int) -> bytes:
        """Give the next bytes of the stream, then those of the row; the last are one piece.

        A reader would not take a header alone for a table.

        Raises
        ------
        UnicodeDecodeError
        """
        asked = max(size - len(self._end) - 1, 1)
        data = self._stream.read(asked)
        if data.endswith(b"\r"):  # Arrow would leave out the rest of a break at the seam
            data += self._stream.read(1)
        self._decoder.decode(data, final=len(data) < asked)
        self._lines += _breaks(data)
        if len(data) >= asked:
            return data
        data, self._end = data + self._end, b""
        return data

    def is_end(self, text: str) -> bool:
        """Tell whether the text of a row is the one put behind the stream."""
        return text == self._row

    def line_of_open_quote(self, text: str | None) -> int | None:
        """Line on which a value, or the row that it is in, began if it has swallowed the end."""
        if text is None or not text.endswith(f"\n{self._row}"):
            return None
        return self._lines + 1 - _breaks(text.removesuffix(f"\n{self._row}").encode())


def _breaks(text: bytes) -> int:
    return text.count(b"\n") or text.count(b"\r")


def row_numbers(
    opened: Callable[[], BinaryIO], rows: int, above: int, separator: str
) -> NDArray[np.intp]:
    """Number of each row as a spreadsheet shows it: blank lines count, breaks in quotes do not.

    Parameters
    ----------
    opened : callable
        Gives the file from its beginning, as UTF-8.
    rows : int
        Rows below the header.
    above : int
        Lines above the header.
    separator : str
    """
    first = above + 2  # the header is a row too
    counted = np.arange(first, first + rows)
    if not _has_blank_lines(opened):
        return counted
    with io.TextIOWrapper(opened(), "utf-8-sig", errors="replace", newline="") as text:
        lines = csv.reader(islice(text, above, None), delimiter=separator)
        try:
            next(lines)
            filled = (number for number, row in enumerate(lines, first) if row)
            numbers = np.fromiter(filled, dtype=np.intp)
        except csv.Error:  # a field longer than the standard library reads
            return counted
    return numbers[:rows] if len(numbers) >= rows else counted


def _has_blank_lines(opened: Callable[[], BinaryIO]) -> bool:
    end = b""
    with opened() as file:
        while block := file.read(_BLOCK):
            if _BLANK_LINE.search(end + block):
                return True
            end = block[-3:]
    return False
