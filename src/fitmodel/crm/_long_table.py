"""One history or event table, read column by column, and the findings on its rows.

file, folder, database or DataFrame -> columns by name -> codes of ids and fields, times

`Rows` is a whole table, or a part of a large one; the findings of all parts are added up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from fitmodel.deals.plain_words import nearest
from fitmodel.deals.validation import shown
from fitmodel.exceptions import DealsError
from fitmodel.tables.cells import level_text
from fitmodel.tables.forms import Finding
from fitmodel.tables.values import distinct, is_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fitmodel.deals.contract import LongTable
    from fitmodel.tables.values import DateForm, Mask, NumberForm


@dataclass(frozen=True)
class RowFinding:
    """A finding about some rows of a table, or of a part of it.

    `what`: what is wrong with the rows; empty if this is not shown to people. It may contain
        ``{settled}``.
    `remedy`, `column`: what the user can do, and the column.
    `settled`: number that replaces ``{settled}`` in `what`.
    """

    what: str
    remedy: str
    column: str
    count: int
    total: int
    row: int
    value: str
    settled: int = 0
    code: str = "history"

    def to_finding(self, table_name: str) -> Finding:
        """Return the finding with its message for people."""
        what = self.what.replace("{settled}", f"{self.settled:,}")
        column, example = f"{table_name} {self.column}", f"row {self.row}: {self.value}"
        message = f"{self.count:,} of {self.total:,} row(s) {what}"
        return Finding(self.code, column, self.count, example, message, self.remedy)


@dataclass(frozen=True, eq=False)
class TableMetadata:
    """Metadata of a whole table that are needed to read its parts.

    `names`: all names of fields, or of kinds.
    `dates`: form of the dates of each column with dates.
    `amount`: form of the amounts.
    `refusals`, dict of int to callable: functions that raise an error if a finding has too many
        rows, by the finding's position.
    """

    names: tuple[str, ...]
    dates: Mapping[str, DateForm | None]
    amount: NumberForm | None
    refusals: dict[int, Callable[[RowFinding], None]] = field(default_factory=dict)

    def findings(
        self, parts: Sequence[Sequence[RowFinding]], table_name: str
    ) -> tuple[Finding, ...]:
        """Return the findings added up over all parts, which had the same checks in one order.

        Raises DealsError if a finding has too many rows.
        """
        result = []
        for position, of_parts in enumerate(zip(*parts, strict=True)):
            with_rows = sorted((each for each in of_parts if each.count), key=lambda each: each.row)
            finding = replace(
                (with_rows or of_parts)[0],
                count=sum(each.count for each in of_parts),
                total=sum(each.total for each in of_parts),
                settled=sum(each.settled for each in of_parts),
            )
            if position in self.refusals:
                self.refusals[position](finding)
            result += [finding.to_finding(table_name)] if finding.count and finding.what else []
        return tuple(result)


@dataclass(frozen=True, eq=False)
class Rows:
    """A history or event table, or a part of it; columns are read when they are needed.

    Attributes
    ----------
    metadata : TableMetadata or None
        For a part: metadata of the whole table.
    """

    table_name: str
    section: LongTable
    names: tuple[str, ...]
    _frame: pd.DataFrame | None = None
    _dataset: Any = None
    _arrow: pa.Table | None = None  # the dataset's rows, if they are in memory: no scan is needed
    _numbers: NDArray[np.intp] | None = None
    row_findings: list[RowFinding] = field(default_factory=list)
    metadata: TableMetadata | None = None

    @property
    def count(self) -> int:
        """Number of rows."""
        table = self._arrow if self._frame is None else self._frame
        return int(self._dataset.count_rows()) if table is None else len(table)

    def column(self, name: str) -> pd.Series[Any]:
        """Return one column, with a RangeIndex."""
        if self._frame is not None:
            return self._frame[name].reset_index(drop=True)
        source = self._arrow
        table = self._dataset.to_table(columns=[name]) if source is None else source.select([name])
        columns = plain_columns(table).replace_schema_metadata(None)
        series: pd.Series[Any] = columns.to_pandas(date_as_object=False)[name]
        return series

    def texts(self, name: str) -> pd.Series[Any]:
        """Return one column as texts; None if a value is missing."""
        column = coded(self.column(name))
        levels = np.array([*map(level_text, column.levels), None], dtype=object)
        return pd.Series(levels[column.codes], dtype=object)

    def pieces(self, names: Sequence[str], rows: int) -> Iterator[Rows]:
        """Yield the table in chunks of `rows` rows, with some of its columns."""
        if self._frame is not None:
            for start in range(0, len(self._frame), rows):
                yield self._of(self._frame[list(names)].iloc[start : start + rows], start)
            return
        start = 0
        for batch in self._dataset.to_batches(
            columns=list(names), batch_size=rows, batch_readahead=1, fragment_readahead=1
        ):
            if batch.num_rows:
                yield self._of(plain_columns(pa.Table.from_batches([batch])), start)
                start += batch.num_rows

    def _of(self, table: pd.DataFrame | pa.Table, start: int) -> Rows:
        """Return consecutive rows, the first of which is the row `start`, as a part."""
        positions = np.arange(start, start + len(table))
        numbers = positions if self._numbers is None else self._numbers[positions]
        return self.part(table, numbers)

    def part(
        self,
        table: pd.DataFrame | pa.Table,
        numbers: NDArray[Any],
        metadata: TableMetadata | None = None,
    ) -> Rows:
        """Return some rows, with their numbers, as a separate table."""
        is_frame = isinstance(table, pd.DataFrame)
        return Rows(
            self.table_name,
            self.section,
            tuple(map(str, table.columns if is_frame else table.column_names)),
            _frame=table if is_frame else None,
            _dataset=None if is_frame else pads.dataset(table),
            _arrow=None if is_frame else table,
            _numbers=numbers,
            metadata=metadata,
        )

    @property
    def table(self) -> pd.DataFrame | pa.Table:
        """All columns of the table."""
        if self._frame is not None:
            return self._frame
        return self._dataset.to_table() if self._arrow is None else self._arrow

    @property
    def numbers(self) -> NDArray[np.intp]:
        """Number of each row in the file."""
        return np.arange(self.count) if self._numbers is None else self._numbers

    def need(self, keys: Iterable[str]) -> None:
        """Check that the table has the columns that the contract names for some keys.

        Raises DealsError if a column does not exist.
        """
        lines = []
        for key in keys:
            name = getattr(self.section, key)
            if name is not None and name not in self.names:
                close = nearest(name, self.names)
                hint = f"did you mean {close!r}?" if close else f"it has {', '.join(self.names)}"
                lines.append(
                    f"{self.table_name} {key} = {name!r}, but there is no such column; {hint}"
                )
        if lines:
            raise DealsError("\n".join(lines))

    def note(
        self,
        rows: Mask,
        problem: str,
        remedy: str,
        column: str,
        *,
        settled: int = 0,
        code: str = "history",
        refuse: Callable[[RowFinding], None] | None = None,
    ) -> None:
        """Record a finding about some rows; `refuse` raises an error if there are too many.

        For a part it is called after all parts are read.
        """
        count = int(rows.sum())
        row, value = 0, ""
        if count:
            position = int(rows.argmax())
            row = position if self._numbers is None else int(self._numbers[position])
            value = shown(self.column(column).iloc[position])
        finding = RowFinding(problem, remedy, column, count, len(rows), row, value, settled, code)
        if refuse is not None:
            if self.metadata is None:
                refuse(finding)
            else:
                self.metadata.refusals[len(self.row_findings)] = refuse
        self.row_findings.append(finding)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that concern at least one row."""
        reported = [each for each in self.row_findings if each.count and each.what]
        return tuple(each.to_finding(self.table_name) for each in reported)


def findings_of(part: Rows, row_findings: Sequence[Sequence[RowFinding]]) -> tuple[Finding, ...]:
    """Return the findings of a whole table, from one of its parts and the findings of each.

    Raises DealsError if too many rows of the table cannot be read.
    """
    if part.metadata is None:
        return part.findings
    return part.metadata.findings(row_findings, part.table_name)


def plain_columns(table: pa.Table) -> pa.Table:
    """Return an Arrow table with dictionaries and decimals converted to plain types."""
    for position, column in enumerate(table.schema):
        kind = column.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_decimal(kind):
            kind = pa.float64()
        if kind != column.type:
            table = table.set_column(position, column.name, table.column(position).cast(kind))
    return table


@dataclass(frozen=True, eq=False)
class Coded:
    """A column as codes of its distinct values.

    `codes`, ndarray of int32 of shape (rows,): -1 where the value is missing.
    """

    codes: NDArray[np.int32]
    levels: list[Any]


def coded(values: pd.Series[Any]) -> Coded:
    """Encode a column by its distinct values; texts for missing values are missing."""
    positions, levels = distinct(values)
    given = [position for position, level in enumerate(levels) if not is_missing(level)]
    code_of_level = np.full(len(levels) + 1, -1, dtype=np.int32)
    code_of_level[given] = np.arange(len(given))
    return Coded(code_of_level[positions], [levels[position] for position in given])


def coded_texts(values: pd.Series[Any]) -> Coded:
    """Encode a column by the texts of its values: 12, 12.0 and "12 " have the same code."""
    column = coded(values)
    texts = [level_text(level) for level in column.levels]
    position = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    code_of_level = np.array([*(position[text] for text in texts), -1], dtype=np.int32)
    return Coded(code_of_level[column.codes], list(position))


def digest_of(*parts: Any, arrays: Iterable[NDArray[Any]]) -> bytes:
    """Return a digest of texts and arrays."""
    digest = sha256(repr(parts).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def positions_of(ids: pd.Series[Any], known: pd.Index[Any]) -> NDArray[np.int64]:
    """Return the position of each id among known ids, compared as texts; -1 if it is absent."""
    texts = coded_texts(ids)
    positions = known.get_indexer(pd.Index(texts.levels, dtype=object))
    return np.append(positions, -1)[texts.codes].astype(np.int64)
