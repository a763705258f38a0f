"""Read a CSV or Parquet file as it is; nothing is interpreted by a contract.

file -> what it is by its first bytes -> Arrow -> columns of numbers or text -> DataFrame
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from fitmodel.deals.csv_form import (
    MarkedEnd,
    column_names,
    has_decimal_comma,
    header_fields,
    separator_of,
    swallowing_values,
)
from fitmodel.deals.decimals import floats_of
from fitmodel.deals.file_faults import csv_fault, names_fault, open_quote_fault
from fitmodel.deals.plain_words import shortened
from fitmodel.deals.spellings import MISSING_TEXT
from fitmodel.deals.values import decimal_mark, plain_numbers
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

SNIFF_BYTES = 1 << 20  # the header must lie in these
BLOCK_BYTES = 16 << 20  # of CSV text at a time; a row must fit into it
SHOWN_ROWS = 3
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NUMBER = r"^[+-]?(inf|Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$"
_CODE = r"^[+-]?0\d"  # 007 is no seven
_WHOLE, _EXACT_WHOLE = r"^[+-]?\d{1,18}$", r"^[+-]?\d{1,15}$"  # what int64 and a float can hold
_MARKED = r"^[+-]?\d[\d.]*(,\d+)?$"


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV (plain or gzip) or Parquet file, told apart by content.

    Parameters
    ----------
    path : str or Path
        CSV in UTF-8, separated by comma, semicolon, tab or bar.

    Returns
    -------
    DataFrame
        With a RangeIndex. A CSV column is numbers where all its values are: 007 stays text, as
        does a whole number too long to be held exactly. Where no comma separates, it may be the
        decimal mark. Text is stripped; "", NA, null, None and "-" are missing.

    Raises
    ------
    DealsError
        If there is no such file, or it is empty, not UTF-8, ragged, no table at all, or has two
        columns of one name.
    """
    path = Path(path)
    try:
        table = _read(path)
    except (OSError, EOFError, zlib.error) as error:
        raise DealsError(f"{path} cannot be read: {error}") from error
    if len(table) == 0:
        raise DealsError(f"{path} has a header but no rows. Remedy: export the deals again.")
    return table


def is_csv(path: str | Path) -> bool:
    """Tell whether an existing file is read as CSV."""
    return _head(Path(path))[: len(_PARQUET)] != _PARQUET


def _read(path: Path) -> pd.DataFrame:
    if path.is_dir():
        raise DealsError(f"{path} is a folder. Remedy: name one CSV or Parquet file.")
    if not path.is_file():
        raise DealsError(f"there is no file {path}. Remedy: check the name and the folder.")
    if path.stat().st_size == 0:
        raise DealsError(f"{path} is empty. Remedy: export the deals again.")
    head = _head(path)
    if head.startswith(_SPREADSHEETS):
        raise DealsError(f"{path} is a spreadsheet or zip. Remedy: save the sheet as 'CSV UTF-8'.")
    if path.suffix.lower() == ".parquet" or head.startswith(_PARQUET):
        return _read_parquet(path)
    return _read_csv(path, head)


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]  # GzipFile reads like a BinaryIO


def _head(path: Path) -> bytes:
    with _open(path) as file:
        return file.read(SNIFF_BYTES)


def _refuse_names(path: Path, names: Iterable[str]) -> None:
    if fault := names_fault(list(names)):
        raise DealsError(f"{path} {fault}")


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        _refuse_names(path, pq.read_schema(path).names)
        arrow = pq.read_table(path)
        arrow.validate(full=True)
        return _plain_frame(arrow)
    except MemoryError:  # Arrow's own is an ArrowException too, and no fault of the file
        raise
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DealsError(f"{path} cannot be read as Parquet: {error}") from error


def _plain_frame(arrow: pa.Table) -> pd.DataFrame:
    """Columns as pandas knows them; the file's own pandas metadata is not believed."""
    arrow = arrow.select([name for name in arrow.column_names if not _is_old_index(name)])
    for place, column in enumerate(arrow.schema):
        if pa.types.is_decimal(column.type):
            arrow = arrow.set_column(place, column.name, floats_of(arrow.column(place)))
    table: pd.DataFrame = arrow.replace_schema_metadata(None).to_pandas(date_as_object=False)
    return table


def _is_old_index(name: str) -> bool:
    return re.fullmatch(r"__index_level_\d+__", name) is not None


def _read_csv(path: Path, head: bytes) -> pd.DataFrame:
    names, separator, blank = _header(path, head)
    _refuse_names(path, names)
    try:
        arrow = _parse(path, names, separator, blank)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        _refuse_encoding(path)
        _refuse_ragged(path, names, separator, blank)
        raise DealsError(f"{path} {csv_fault(str(error), BLOCK_BYTES)}") from error
    columns = {
        name: _column(arrow.column(place), decimal_comma=has_decimal_comma(separator))
        for place, name in enumerate(names)
    }
    table = pd.DataFrame(columns)
    unnamed = [name for name in names if name.startswith("Unnamed: ")]
    return table.drop(columns=[name for name in unnamed if table[name].isna().all()])


def _header(path: Path, head: bytes) -> tuple[list[str], str, int]:
    """Names, separator and blank lines above, from the file's first bytes.

    A column without a name gets one.
    """
    if head.startswith(_UTF16) or b"\0" in head[:4]:
        raise DealsError(
            f"{path} is not UTF-8 text but UTF-16 ('Unicode text'). Remedy: save it as 'CSV UTF-8'."
        )
    text = codecs.getincrementaldecoder("utf-8-sig")(errors="replace").decode(head)
    lines = text.splitlines(keepends=True)
    first = next((place for place, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise DealsError(f"{path} holds nothing but blank lines. Remedy: export the deals again.")
    separator = separator_of(lines[first])
    try:
        names, read = header_fields(lines[first:], separator)
    except csv.Error as error:
        raise DealsError(f"{path} cannot be read as CSV: {error}") from error
    if names is None:
        raise DealsError(f"{path} {open_quote_fault(first + 1)}")
    if "\N{REPLACEMENT CHARACTER}" in "".join(names):
        _refuse_encoding(path)
    below = (line.strip() for line in lines[first + read :])
    if len(head) < SNIFF_BYTES and not any(below):
        raise DealsError(f"{path} has a header but no rows. Remedy: export the deals again.")
    return column_names(names), separator, first


def _parse(
    path: Path,
    names: list[str],
    separator: str,
    blank: int,
    set_aside: Callable[[Any], str] | None = None,
) -> pa.Table:
    """Read everything as text; `set_aside` gets the rows whose number of fields is wrong.

    Raises
    ------
    DealsError
        If a quote is open at the end of the file.
    """
    with _open(path) as file:
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
                skip_rows=blank,
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
            raise DealsError(f"{path} {open_quote_fault(line)}")
    if doubtful := swallowing_values(table, separator):
        row, text = next(iter(doubtful.items()))
        raise DealsError(
            f"{path}: {len(doubtful)} row(s) have a value that holds the row below it; row "
            f"{row + 1}: {shortened(text)}. Remedy: close every quote."
        )
    return table


def _refuse_encoding(path: Path) -> None:
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise DealsError(
                    f"{path} is not UTF-8 text: byte 0x{line[error.start]:02x} at position "
                    f"{error.start + 1} of line {number}. Remedy: save it as 'CSV UTF-8'."
                ) from error


def _refuse_ragged(path: Path, names: list[str], separator: str, blank: int) -> None:
    ragged: list[Any] = []

    def set_aside(row: Any) -> str:
        ragged.append(row)
        return "skip"

    try:
        _parse(path, names, separator, blank, set_aside)
    except pa.ArrowInvalid as error:
        raise DealsError(f"{path} {csv_fault(str(error), BLOCK_BYTES)}") from error
    shown = [
        f"row {row.number} has {row.actual_columns}: {shortened(row.text)}"
        for row in ragged[:SHOWN_ROWS]
    ]
    if ragged:
        raise DealsError(
            f"{path}: {len(ragged)} row(s) have not the header's {len(names)} fields; "
            f"{'; '.join(shown)}. Remedy: put texts that hold {separator!r} or a line break "
            "into double quotes, and close every quote."
        )


def _column(text: pa.ChunkedArray, *, decimal_comma: bool) -> pd.Series[Any]:
    """Numbers where all values are, else text."""
    text = pc.utf8_trim_whitespace(text)
    missing = pc.is_in(text, value_set=pa.array(sorted(MISSING_TEXT)))
    text = pc.if_else(missing, pa.scalar(None, pa.string()), text)
    if _all(text, _NUMBER):
        return _numbers(text)
    series = _as_text(text)
    marked = decimal_comma and _all(text, _MARKED) and not _any(text, _CODE)
    if marked and decimal_mark(series) == ",":
        numbers = pd.Series(plain_numbers(series))
        if numbers.notna().equals(series.notna()):
            return numbers
    return series


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
