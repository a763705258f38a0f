"""Read a CSV, Parquet or Excel file, without a contract.

file -> type by its first bytes -> CSV, Parquet or Excel -> DataFrame and findings
"""

from __future__ import annotations

import codecs
import re
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fitmodel.exceptions import DealsError
from fitmodel.tables._csv_files import read_csv_file, spool_csv_file
from fitmodel.tables._excel import read_workbook
from fitmodel.tables._spool import Levels, Spool, on_disk_table, read_on_disk_table, unnamed_file
from fitmodel.tables.forms import FileTable, TableOnDisk
from fitmodel.tables.opening import head_of, names_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = [
    "FileTable",
    "Levels",
    "Spool",
    "TableOnDisk",
    "floats_of",
    "is_csv",
    "on_disk_table",
    "read_file",
    "read_on_disk_table",
    "read_table",
    "spool_csv",
    "unnamed_file",
]

_PARQUET = b"PAR1"
_OLD_INDEX = re.compile(r"__index_level_\d+__")  # as pandas writes an index
_JSON = re.compile(rb'\{\s*"|\[\s*[{\[]')
MARKUP_BYTES = 100  # bytes in which a web page or JSON shows itself
_NO_TABLES = {
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"{\\rtf": "a text document",
    b"SQLite format 3\x00": "a SQLite database",
    b"7z\xbc\xaf\x27\x1c": "an archive",
    b"Rar!": "an archive",
}
"""First bytes of files that are often given by mistake, and what they are."""
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def read_table(path: str | Path, *, sheet: str | None = None) -> pd.DataFrame:
    """Read a CSV (plain or compressed), Parquet or Excel file; the type is detected by content.

    Parameters
    ----------
    path : str or Path
        Path of the file: CSV in a common encoding, separated by comma, semicolon, tab or bar, plain
        or compressed (gzip, bzip2, Zstandard); Parquet; .xlsx, .xls or .ods.
    sheet : str, optional
        Name of the sheet of a workbook; by default the first sheet with a table.

    Returns
    -------
    DataFrame
        The table, with a RangeIndex. Titles above the header and lines of sums are left out. A CSV
        column is numeric if all its values are numbers; 007 stays text, and so does an integer that
        is too long to be exact. If the comma is not the separator, it may be the decimal mark. Text
        is stripped. "" and "-" are missing; in a column of numbers NA, null and None are too. In a
        text column these may be levels; `fitmodel.tables.tidying.tidy` decides.

    Raises
    ------
    DealsError
        If the file does not exist, is empty, is in no known encoding, has rows of different
        lengths, is not a table, or has duplicate column names.
    """
    return read_file(path, sheet=sheet).table


def read_file(path: str | Path, *, sheet: str | None = None) -> FileTable:
    """Read a file as `read_table` does, and return it with findings and row numbers.

    Raises
    ------
    DealsError
        The errors of `read_table`.
    """
    path = Path(path)
    with _explained(path):
        file = _read(path, sheet)
    _refuse_no_rows(path, len(file.table))
    return file


def spool_csv(path: str | Path) -> TableOnDisk:
    """Read a CSV file into a table on disk, so that memory does not grow with its rows.

    Raises
    ------
    DealsError
        The errors of `read_table`.
    """
    path = Path(path)
    with _explained(path):
        file = spool_csv_file(path, _head(path))
    _refuse_no_rows(path, len(file.table))
    return file


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise DealsError(f"{path} cannot be read: {error}") from error


def _refuse_no_rows(path: Path, rows: int) -> None:
    if rows == 0:
        raise DealsError(f"{path} has a header but no rows. Remedy: export the deals again.")


def is_csv(path: str | Path) -> bool:
    """Return whether an existing file is read as CSV."""
    return not head_of(Path(path)).startswith((_PARQUET, *_WORKBOOKS))


def _head(path: Path) -> bytes:
    """Return the first bytes of a file; an absent or empty file is an error."""
    if path.is_dir():
        raise DealsError(f"{path} is a folder. Remedy: give one CSV, Parquet or Excel file.")
    if not path.is_file():
        raise DealsError(f"there is no file {path}. Remedy: check the name and the folder.")
    if path.stat().st_size == 0:
        raise DealsError(f"{path} is empty. Remedy: export the deals again.")
    return head_of(path)


def _read(path: Path, sheet: str | None) -> FileTable:
    head = _head(path)
    if head.startswith(_WORKBOOKS):
        return read_workbook(path, sheet)
    if path.suffix.lower() == ".parquet" or head.startswith(_PARQUET):
        return _read_parquet(path)
    _refuse_markup(path, head)
    return read_csv_file(path, head)


def _refuse_markup(path: Path, head: bytes) -> None:
    """Refuse a web page, JSON, a document or a picture: none of them is a table."""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:MARKUP_BYTES].lower()
    if start.startswith((b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta")):
        raise DealsError(
            f"{path} is a web page or XML, although its name says otherwise: some systems export "
            "such files as .xls. Remedy: open it in a spreadsheet and save it as .xlsx or CSV."
        )
    if _JSON.match(start):
        raise DealsError(
            f"{path} is JSON. Remedy: export the deals as CSV, Parquet or Excel, or convert it: "
            "pandas.read_json(...).to_csv(...)."
        )
    kind = next((kind for mark, kind in _NO_TABLES.items() if head.startswith(mark)), None)
    if kind is not None:
        raise DealsError(
            f"{path} is {kind}, not a table. Remedy: export the deals as CSV, Parquet or Excel."
        )


def _read_parquet(path: Path) -> FileTable:
    try:
        if problem := names_error(pq.read_schema(path).names):
            raise DealsError(f"{path} {problem}")
        arrow = pq.read_table(path)
        arrow.validate(full=True)
        columns = [name for name in arrow.column_names if not _OLD_INDEX.fullmatch(name)]
        table = plain_frame(arrow.select(columns))
    except MemoryError:  # Arrow's subclass is an ArrowException too, but not an error of the file
        raise
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DealsError(f"{path} cannot be read as Parquet: {error}") from error
    return FileTable(table, row_numbers=np.arange(len(table)))


def plain_frame(arrow: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a DataFrame: no pandas metadata, exact decimals as floats.

    A dictionary of numbers becomes numbers: pandas refuses one that holds 0.0 and -0.0.
    """
    for position, column in enumerate(arrow.schema):
        kind, values = column.type, arrow.column(position)
        if pa.types.is_dictionary(kind) and not _is_text(kind.value_type):
            kind = kind.value_type
            values = values.cast(kind)
        if pa.types.is_decimal(kind):
            values = floats_of(values)
        if values.type != column.type:
            arrow = arrow.set_column(position, column.name, values)
    table: pd.DataFrame = arrow.replace_schema_metadata(None).to_pandas(date_as_object=False)
    return table


def _is_text(kind: pa.DataType) -> bool:
    is_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(check(kind) for check in is_text)


_Column = TypeVar("_Column", pa.Array, pa.ChunkedArray)


def floats_of(decimals: _Column) -> _Column:
    """Return the nearest float of each decimal, as for CSV text: 0.2 of DECIMAL(18, 6) is 0.2.

    Arrow's own cast rounds twice, because it divides by a power of ten.
    """
    return decimals.cast(pa.string()).cast(pa.float64())
