"""What each column of a CSV file is: whole numbers, numbers, or text.

all values as text, piece by piece -> what the whole column is -> each piece converted

A column is numbers only where every one of its values is, so all pieces are seen before any is
converted. A table in memory and one on disk are converted by the same code.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.tables.forms import Forms
from fitmodel.tables.opening import FileTable, TableOnDisk
from fitmodel.tables.spool import Spool, spooled
from fitmodel.tables.values import NumberForm, read_numbers, settled_numbers
from fitmodel.tables.vocabulary import MISSING_TEXT, UNCLEAR_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from fitmodel.tables.forms import Finding

SHOWN_FIRST = 1000  # values that are asked before all of a piece are
_NUMBER = r"^[+-]?(inf|Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$"
_CODE = r"^[+-]?0\d"  # 007 is no seven
_WHOLE = r"^[+-]?\d+$"
_INT64, _EXACT_FLOAT = r"^[+-]?\d{1,18}$", r"^[+-]?\d{1,15}$"  # what int64 and a float can hold
_MARKED = r"^[+-]?\d[\d.]*(,\d+)?$"
_EMPTY = pa.array(sorted(MISSING_TEXT - UNCLEAR_WORDS))
_MISSING = pa.array(sorted(MISSING_TEXT))


@dataclass(frozen=True)
class CsvColumn:
    """Type of a column of texts.

    Attributes
    ----------
    kind : pyarrow.DataType
        int64, float64 or string.
    form : NumberForm or None
        Of numbers with a decimal comma.
    all_words_missing : bool
        Of texts: whether words such as NA are missing, as among numbers. Else they are left to
        `tables.tidying`.
    """

    kind: pa.DataType
    form: NumberForm | None = None
    all_words_missing: bool = False

    def converted(self, text: pa.Array) -> pa.Array:
        """Values of a piece of the column."""
        text = pc.utf8_trim_whitespace(text)
        if self.kind == pa.string() and not self.all_words_missing:
            return _without(text, _EMPTY)
        bare = _without(text, _MISSING)
        if self.kind == pa.string():
            return bare
        if self.form is not None:
            numbers = read_numbers(bare.to_pandas().astype("str"), self.form).series
            return pa.array(numbers.to_numpy(), pa.float64())
        return pc.replace_substring_regex(bare, r"^\+", "").cast(self.kind)


TEXT = CsvColumn(pa.string())
CODES = CsvColumn(pa.string(), all_words_missing=True)


def column_of(pieces: Iterable[pa.Array], *, decimal_comma: bool) -> CsvColumn:
    """Determine the type of a column from all its values.

    Parameters
    ----------
    pieces : iterable of pyarrow.Array of str
        The column from its first value to its last.
    decimal_comma : bool
        Whether a comma in a number can be its decimal mark.
    """
    seen = _Seen(may_be_marked=decimal_comma)
    for piece in pieces:
        seen.add(_without(pc.utf8_trim_whitespace(piece), _MISSING))
        if not (seen.is_number or seen.may_be_marked):
            return TEXT
    return seen.column()


@dataclass
class _Seen:
    """What the values of a column have in common so far."""

    may_be_marked: bool
    is_number: bool = True
    is_whole: bool = True
    fits_int64: bool = True
    is_exact: bool = True
    has_codes: bool = False
    has_values: bool = False
    has_nulls: bool = False
    shapes: Counter[str] = field(default_factory=Counter)

    def add(self, bare: pa.Array) -> None:
        """See a piece, in which what is missing is null."""
        self.has_nulls |= bare.null_count > 0
        self.has_values |= bare.null_count < len(bare)
        self.is_number = self.is_number and _all(bare, _NUMBER)
        self.may_be_marked = self.may_be_marked and _all(bare, _MARKED)
        if not (self.is_number or self.may_be_marked):
            return
        self.has_codes = self.has_codes or _any(bare, _CODE)
        if self.is_number:
            self.is_whole = self.is_whole and _all(bare, _WHOLE)
            self.fits_int64 = self.fits_int64 and self.is_whole and _all(bare, _INT64)
            self.is_exact = self.is_exact and self.is_whole and _all(bare, _EXACT_FLOAT)
        if self.may_be_marked:
            for each in pc.value_counts(_shapes(bare)).to_pylist():
                self.shapes[each["values"]] += each["counts"]

    def column(self) -> CsvColumn:
        """What the column is, when all has been seen."""
        if not self.has_values:
            return TEXT
        if self.is_number:
            return self._numbers()
        form = self._comma_form()
        return TEXT if form is None else CsvColumn(pa.float64(), form)

    def _numbers(self) -> CsvColumn:
        """Numbers, unless they are codes or would lose digits."""
        if self.has_codes:
            return CODES
        if not self.is_whole:
            return CsvColumn(pa.float64())
        if self.has_nulls:
            return CsvColumn(pa.float64()) if self.is_exact else CODES
        return CsvColumn(pa.int64()) if self.fits_int64 else CODES

    def _comma_form(self) -> NumberForm | None:
        """The form of numbers with a decimal comma; None where they are none."""
        if self.has_codes or not self.may_be_marked:
            return None
        shapes = {text: count for text, count in self.shapes.items() if text is not None}
        form = settled_numbers(list(shapes), list(shapes.values()))[0]
        unreadable = read_numbers(pd.Series(list(shapes), dtype="str"), form).unreadable
        return form if form.decimal == "," and not unreadable.any() else None


def _shapes(numbers: pa.Array) -> pa.Array:
    """Numbers with 1 for every digit but a leading zero: their form depends on nothing else."""
    ones = pc.replace_substring_regex(numbers, r"\d", "1")
    zeros = pc.replace_substring_regex(ones, r"^([+-]?)1", r"\10")
    return pc.if_else(pc.match_substring_regex(numbers, r"^[+-]?0"), zeros, ones)


def series_of(pieces: Iterable[pa.Array], column: CsvColumn) -> pd.Series[Any]:
    """The whole column in memory."""
    values = pa.chunked_array([column.converted(piece) for piece in pieces], column.kind)
    if column.kind == pa.string():
        series: pd.Series[Any] = values.to_pandas().astype("str")
        return series
    return pd.Series(values.to_numpy())


def _without(text: pa.Array, words: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_in(text, value_set=words), pa.scalar(None, pa.string()), text)


def _all(text: pa.Array, pattern: str) -> bool:
    """Tell whether all values match; the first are asked first."""
    return all(
        pc.all(pc.match_substring_regex(part, pattern)).as_py() is not False
        for part in (text.slice(0, SHOWN_FIRST), text)
    )


def _any(text: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(text, pattern)).as_py())


@dataclass(frozen=True, eq=False)
class CsvTexts:
    """The rows of a CSV file, all of them text.

    Attributes
    ----------
    names : sequence of str
    table : pyarrow.Table
        In memory, or on disk.
    kept : ndarray of bool of shape (rows,)
        Without sums and rows that hold nothing.
    numbers : ndarray of int of shape (rows,)
    findings : tuple of Finding
    decimal_comma : bool
        Whether a comma in a number can be its decimal mark.
    """

    names: Sequence[str]
    table: pa.Table
    kept: NDArray[np.bool_]
    numbers: NDArray[np.intp]
    findings: tuple[Finding, ...]
    decimal_comma: bool

    def pieces(self, position: int) -> Iterator[pa.Array]:
        """The kept values of a column, piece by piece."""
        start = 0
        for chunk in self.table.column(position).chunks:
            kept = self.kept[start : start + len(chunk)]
            start += len(chunk)
            yield chunk if kept.all() else chunk.filter(pa.array(kept))

    @property
    def columns(self) -> list[CsvColumn]:
        """Type of each column."""
        return [
            column_of(self.pieces(position), decimal_comma=self.decimal_comma)
            for position in range(len(self.names))
        ]

    @property
    def unnamed(self) -> list[str]:
        """Columns that have no name in the file; they are left out where they are empty."""
        return [name for name in self.names if name.startswith("Unnamed: ")]


def in_memory(texts: CsvTexts) -> FileTable:
    """The table with its columns converted, in memory."""
    columns = dict(zip(texts.names, texts.columns, strict=True))
    table = pd.DataFrame(
        {
            name: series_of(texts.pieces(position), column)
            for position, (name, column) in enumerate(columns.items())
        }
    )
    table = table.drop(columns=[name for name in texts.unnamed if table[name].isna().all()])
    forms = {name: column.form for name, column in columns.items() if column.form is not None}
    return FileTable(table, texts.findings, Forms(numbers=forms), texts.numbers[texts.kept])


def on_disk(texts: CsvTexts) -> TableOnDisk:
    """The table with its columns converted, on disk."""
    names, columns = list(texts.names), texts.columns
    pieces = (texts.pieces(position) for position in range(len(names)))
    batches = (
        pa.record_batch([c.converted(text) for c, text in zip(columns, same, strict=True)], names)
        for same in zip(*pieces, strict=True)
    )
    kinds = [column.kind for column in columns]
    table = spooled(pa.schema(list(zip(names, kinds, strict=True))), batches)
    empty = [name for name in texts.unnamed if table.column(name).null_count == len(table)]
    numbers = Spool(np.intp, on_disk=True)
    numbers.add(texts.numbers if texts.kept.all() else texts.numbers[texts.kept])
    return TableOnDisk(table.drop_columns(empty), numbers.array(), texts.findings)
