"""Determine the type of each column of a CSV file (integer, float or text), and convert it.

all values as text, chunk by chunk -> type of the whole column -> each chunk converted

A column is numeric only if all its values are numbers, so all chunks are checked before any is
converted. The same code converts tables in memory and tables on disk.

1.234 beside 950 can be 1.234 or 1234. If another column of the file has decimal commas, the point
is read as a thousands separator. Otherwise it is read as a decimal point, with a warning.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.tables._spool import Spool, on_disk_table
from fitmodel.tables.forms import FileTable, Finding, Forms, TableOnDisk
from fitmodel.tables.values import NumberForm, parse_numbers, read_numbers
from fitmodel.tables.vocabulary import MISSING_TEXT, UNCLEAR_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

CHECKED_FIRST = 1000  # values checked before the whole chunk
_NUMBER = r"^[+-]?(inf|Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$"
_CODE = r"^[+-]?0\d"  # 007 is a code, not the number 7
_WHOLE = r"^[+-]?\d+$"
_INT64, _EXACT_FLOAT = r"^[+-]?\d{1,18}$", r"^[+-]?\d{1,15}$"  # exact as int64, as float
_WITH_COMMA = r"^[+-]?\d[\d.]*(,\d+)?$"
_IN_THOUSANDS = r"^[+-]?([1-9]\d{0,2}(\.\d{3})+|[^.]*)$"  # what points may separate, or no point
_ZERO_END = r"\.\d\d0$"
_THOUSANDS = NumberForm(decimal=",", thousands=".")
_EMPTY = pa.array(sorted(MISSING_TEXT - UNCLEAR_WORDS))
_MISSING = pa.array(sorted(MISSING_TEXT))


@dataclass(frozen=True)
class CsvColumn:
    """The type of a column of a CSV file.

    `kind`: int64, float64 or string.
    `form`: for numbers with a decimal comma: their form.
    `all_words_missing`: for texts: whether words such as NA are missing, as in a column of numbers.
        Otherwise `tables.tidying` decides.
    `unclear_points`: for numbers with points: whether every point may be a thousands separator.
    """

    kind: pa.DataType
    form: NumberForm | None = None
    all_words_missing: bool = False
    unclear_points: bool = False

    def converted(self, text: pa.Array) -> pa.Array:
        """Return one chunk of the column, converted to the type."""
        text = pc.utf8_trim_whitespace(text)
        if self.kind == pa.string() and not self.all_words_missing:
            return _as_missing(text, _EMPTY)
        without_missing = _as_missing(text, _MISSING)
        if self.kind == pa.string():
            return without_missing
        if self.form is not None:
            numbers = read_numbers(without_missing.to_pandas().astype("str"), self.form).series
            return pa.array(numbers.to_numpy(), pa.float64())
        return pc.replace_substring_regex(without_missing, r"^\+", "").cast(self.kind)


TEXT = CsvColumn(pa.string())
CODES = CsvColumn(pa.string(), all_words_missing=True)


def column_of(pieces: Iterable[pa.Array], *, decimal_comma: bool) -> CsvColumn:
    """Determine the type of a column from all its values.

    Parameters
    ----------
    pieces : iterable of pyarrow.Array of str
        All chunks of the column, in order.
    decimal_comma : bool
        Whether a comma in a number can be the decimal mark.

    Returns
    -------
    CsvColumn
        The type.
    """
    features = _ColumnFeatures(may_have_commas=decimal_comma)
    for piece in pieces:
        features.add(_as_missing(pc.utf8_trim_whitespace(piece), _MISSING))
        if not (features.is_number or features.may_have_commas):
            return TEXT
    return features.column()


@dataclass
class _ColumnFeatures:
    """What all values of a column read so far have in common."""

    may_have_commas: bool
    is_number: bool = True
    is_whole: bool = True
    fits_int64: bool = True
    is_exact: bool = True
    may_be_thousands: bool = True
    has_zero_ends: bool = False
    has_codes: bool = False
    has_values: bool = False
    has_nulls: bool = False
    shapes: Counter[str] = field(default_factory=Counter)

    def add(self, texts: pa.Array) -> None:
        """Update the features with one chunk, whose missing values are null."""
        self.has_nulls |= texts.null_count > 0
        self.has_values |= texts.null_count < len(texts)
        self.is_number = self.is_number and _all(texts, _NUMBER)
        self.may_have_commas = self.may_have_commas and _all(texts, _WITH_COMMA)
        if not (self.is_number or self.may_have_commas):
            return
        self.has_codes = self.has_codes or _any(texts, _CODE)
        if self.is_number:
            self.is_whole = self.is_whole and _all(texts, _WHOLE)
            self.fits_int64 = self.fits_int64 and self.is_whole and _all(texts, _INT64)
            self.is_exact = self.is_exact and self.is_whole and _all(texts, _EXACT_FLOAT)
            self.may_be_thousands = self.may_be_thousands and _all(texts, _IN_THOUSANDS)
            if self.may_be_thousands and not self.is_whole:
                self.has_zero_ends = self.has_zero_ends or _any(texts, _ZERO_END)
        if self.may_have_commas:
            for each in pc.value_counts(_shapes(texts)).to_pylist():
                self.shapes[each["values"]] += each["counts"]

    def column(self) -> CsvColumn:
        """Return the type of the column, after all chunks were added."""
        if not self.has_values:
            return TEXT
        if self.is_number:
            return self._numbers()
        form = self._form_with_decimal_comma()
        return TEXT if form is None else CsvColumn(pa.float64(), form)

    def _numbers(self) -> CsvColumn:
        """Return a numeric type, or codes as text if numbers would lose digits."""
        if self.has_codes:
            return CODES
        if not self.is_whole:
            # numbers are written without a zero at the end: 1.250 is more likely a text
            are_unclear = self.may_be_thousands and (self.may_have_commas or self.has_zero_ends)
            return CsvColumn(pa.float64(), unclear_points=are_unclear)
        if self.has_nulls:
            return CsvColumn(pa.float64()) if self.is_exact else CODES
        return CsvColumn(pa.int64()) if self.fits_int64 else CODES

    def _form_with_decimal_comma(self) -> NumberForm | None:
        """Return the form of numbers with a decimal comma, or None."""
        if self.has_codes or not self.may_have_commas:
            return None
        shapes = {text: count for text, count in self.shapes.items() if text is not None}
        form = parse_numbers(list(shapes), list(shapes.values()))[0]
        unreadable = read_numbers(pd.Series(list(shapes), dtype="str"), form).unreadable
        return form if form.decimal == "," and not unreadable.any() else None


def _shapes(numbers: pa.Array) -> pa.Array:
    """Return numbers with every digit but a leading zero replaced by 1; this keeps their form."""
    with_ones = pc.replace_substring_regex(numbers, r"\d", "1")
    with_leading_zeros = pc.replace_substring_regex(with_ones, r"^([+-]?)1", r"\10")
    return pc.if_else(pc.match_substring_regex(numbers, r"^[+-]?0"), with_leading_zeros, with_ones)


def series_of(pieces: Iterable[pa.Array], column: CsvColumn) -> pd.Series[Any]:
    """Return the whole column, converted, in memory."""
    values = pa.chunked_array([column.converted(piece) for piece in pieces], column.kind)
    if column.kind == pa.string():
        series: pd.Series[Any] = values.to_pandas().astype("str")
        return series
    return pd.Series(values.to_numpy())


def _as_missing(text: pa.Array, words: pa.Array) -> pa.Array:
    """Return texts with some words replaced by null."""
    return pc.if_else(pc.is_in(text, value_set=words), pa.scalar(None, pa.string()), text)


def _all(text: pa.Array, pattern: str) -> bool:
    """Return whether all values match a pattern; the first values are checked first."""
    return all(
        pc.all(pc.match_substring_regex(part, pattern)).as_py() is not False
        for part in (text.slice(0, CHECKED_FIRST), text)
    )


def _any(text: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(text, pattern)).as_py())


@dataclass(frozen=True, eq=False)
class CsvTexts:
    """The rows of a CSV file, all as text.

    `kept`, ndarray of bool of shape (rows,): False for lines of sums and empty rows.
    `numbers`, ndarray of int of shape (rows,): number of each row in the file.
    `decimal_comma`: whether a comma in a number can be the decimal mark.
    """

    names: Sequence[str]
    table: pa.Table
    kept: NDArray[np.bool_]
    numbers: NDArray[np.intp]
    findings: tuple[Finding, ...]
    decimal_comma: bool

    def pieces(self, position: int) -> Iterator[pa.Array]:
        """Yield the kept values of a column, chunk by chunk."""
        start = 0
        for chunk in self.table.column(position).chunks:
            kept = self.kept[start : start + len(chunk)]
            start += len(chunk)
            yield chunk if kept.all() else chunk.filter(pa.array(kept))

    @property
    def columns(self) -> list[CsvColumn]:
        """Type of each column; one with decimal commas settles unclear points of the others."""
        columns = [
            column_of(self.pieces(position), decimal_comma=self.decimal_comma)
            for position in range(len(self.names))
        ]
        if all(column.form is None for column in columns):
            return columns
        return [
            replace(column, form=_THOUSANDS) if column.unclear_points else column
            for column in columns
        ]

    def findings_with(self, columns: Sequence[CsvColumn]) -> tuple[Finding, ...]:
        """Return the findings from reading the file, and those about unclear points."""
        unclear = [
            _unclear_points_finding(name, column, self.pieces(position))
            for position, (name, column) in enumerate(zip(self.names, columns, strict=True))
            if column.unclear_points
        ]
        return (*self.findings, *unclear)

    @property
    def unnamed(self) -> list[str]:
        """Columns without a name in the file; they are left out if they are empty."""
        return [name for name in self.names if name.startswith("Unnamed: ")]


def _unclear_points_finding(name: str, column: CsvColumn, pieces: Iterable[pa.Array]) -> Finding:
    """Return the finding that points of a column may be decimal points or separate thousands."""
    count, example = 0, ""
    for piece in pieces:
        texts = pc.utf8_trim_whitespace(piece)
        with_point = texts.filter(pc.fill_null(pc.match_substring(texts, "."), fill_value=False))
        count += len(with_point)
        example = example or (with_point[0].as_py() if len(with_point) else "")
    digits = example.replace(".", "")
    code = "thousands" if column.form is not None else "unclear_points"
    if column.form is None:
        reading = f"are read as decimal fractions: '{example}' may also mean {digits}"
        remedy = f"if the point separates thousands, write the numbers without it ({digits})"
    else:
        reading = f"are read with points as thousands separators: '{example}' is {digits}"
        reading += ", since other columns have decimal commas"
        remedy = "if the point is a decimal point, write a decimal comma as in the other columns"
    return Finding(code, name, count, "", f"{count} row(s) {reading}", remedy)


def in_memory(texts: CsvTexts) -> FileTable:
    """Return the table with converted columns, in memory."""
    columns = dict(zip(texts.names, texts.columns, strict=True))
    findings = texts.findings_with(list(columns.values()))
    table = pd.DataFrame(
        {
            name: series_of(texts.pieces(position), column)
            for position, (name, column) in enumerate(columns.items())
        }
    )
    table = table.drop(columns=[name for name in texts.unnamed if table[name].isna().all()])
    forms = {name: column.form for name, column in columns.items() if column.form is not None}
    return FileTable(table, findings, Forms(numbers=forms), texts.numbers[texts.kept])


def on_disk(texts: CsvTexts) -> TableOnDisk:
    """Return the table with converted columns, on disk."""
    names, columns = list(texts.names), texts.columns
    pieces = (texts.pieces(position) for position in range(len(names)))
    batches = (
        pa.record_batch([c.converted(text) for c, text in zip(columns, same, strict=True)], names)
        for same in zip(*pieces, strict=True)
    )
    kinds = [column.kind for column in columns]
    table = on_disk_table(pa.schema(list(zip(names, kinds, strict=True))), batches)
    empty = [name for name in texts.unnamed if table.column(name).null_count == len(table)]
    numbers = Spool(np.intp, on_disk=True)
    numbers.add(texts.numbers if texts.kept.all() else texts.numbers[texts.kept])
    findings = texts.findings_with(columns)
    return TableOnDisk(table.drop_columns(empty), numbers.array(), findings)
