"""One history or event table, read column by column, and the findings on its rows.

file, folder, database or DataFrame -> columns by name -> codes of ids and fields, times

`Rows` is a whole table, or a part of a large one; the findings of all parts are added up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from fitmodel.crm._moments import NOT_A_TIME
from fitmodel.crm._row_findings import RowFinding
from fitmodel.deals.plain_words import nearest
from fitmodel.deals.validation import shown
from fitmodel.exceptions import DealsError
from fitmodel.tables.cells import level_text
from fitmodel.tables.moments import read_moments
from fitmodel.tables.values import distinct, is_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from fitmodel.crm._row_findings import TableMetadata
    from fitmodel.deals.contract import LongTable
    from fitmodel.tables.forms import Finding
    from fitmodel.tables.values import Mask

MAX_UNREADABLE = 0.5
WRITE_DATES = "write dates as YYYY-MM-DD, with or without a time"
TECHNICAL_PREFIXES = ("_fivetran_", "_dlt_", "_airbyte_", "dbt_", "_sdc_")
"""Prefixes of columns that data loaders add to every table."""


@dataclass(frozen=True, eq=False)
class Rows:
    """A history or event table, or a part of it; columns are read when they are needed.

    Attributes
    ----------
    table_name : str
        Name of the table in messages, such as ``[history.fields]``.
    section : LongTable
        The table's section in the contract.
    names : tuple of str
        Names of the columns.
    row_findings : list of RowFinding
        Findings on the rows, in the order of the checks.
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
        return _series(plain_columns(table), name)

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

        Raises
        ------
        DealsError
            If a column does not exist.
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
        refuse: Callable[[RowFinding], None] | None = None,
    ) -> None:
        """Record a finding about some rows, with their number and an example.

        `refuse` raises an error if there are too many. For a part it is called after all parts are
        read.
        """
        count = int(rows.sum())
        number, value = 0, ""
        if count:
            position = int(rows.argmax())
            number = position if self._numbers is None else int(self._numbers[position])
            value = shown(self.column(column).iloc[position])
        finding = RowFinding(problem, remedy, column, count, len(rows), number, value, settled)
        if refuse is not None:
            if self.metadata is None:
                refuse(finding)
            else:
                self.metadata.refusals[len(self.row_findings)] = refuse
        self.row_findings.append(finding)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that concern at least one row."""
        known = (each for each in self.row_findings if each.count and each.what)
        return tuple(each.to_finding(self.table_name) for each in known)


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


def _series(table: pa.Table, name: str) -> pd.Series[Any]:
    columns: pd.DataFrame = table.replace_schema_metadata(None).to_pandas(date_as_object=False)
    return columns[name]


@dataclass(frozen=True, eq=False)
class Coded:
    """A column as codes of its distinct values.

    Attributes
    ----------
    codes : ndarray of int32 of shape (rows,)
        -1 where the value is missing.
    levels : list
        The distinct values.
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


def read_times(rows: Rows, key: str) -> NDArray[np.int64]:
    """Return a column as microseconds since 1970; numpy's NaT if a value cannot be read.

    Raises
    ------
    DealsError
        If most values are not dates, or the order of day and month is unclear.
    """
    name = str(getattr(rows.section, key))
    values = rows.column(name)
    form = None if rows.metadata is None else rows.metadata.dates.get(name)
    moments = read_moments(values, rows.section.time_zone, rows.section.dates, form=form)
    refuse_ambiguous(rows, name, is_ambiguous=moments.is_ambiguous)

    def refuse(finding: RowFinding) -> None:
        if finding.count > MAX_UNREADABLE * finding.total:
            raise DealsError(
                f"{rows.table_name} {name}: {finding.count:,} of {finding.total:,} values are not "
                f"dates, for example row {finding.row}: {finding.value}. Remedy: name the column "
                f"of dates as {key}"
            )

    problem = "have an end that is not a date, and count as not ended" if key == "valid_to" else ""
    rows.note(moments.unreadable, problem, WRITE_DATES, name, refuse=refuse)
    times: NDArray[np.int64] = moments.times.astype(np.int64)
    return times


def refuse_ambiguous(rows: Rows, name: str, *, is_ambiguous: bool) -> None:
    """Raise an error if the order of day and month in a column is unclear.

    Raises
    ------
    DealsError
        If `is_ambiguous` is True.
    """
    if is_ambiguous:
        raise DealsError(
            f"{rows.table_name} {name}: every date can be read as day first and as month first. "
            'Remedy: add dates = "day first" or "month first" there, or write dates as YYYY-MM-DD'
        )


def deals_and_times(rows: Rows) -> tuple[Coded, NDArray[np.int64], Mask]:
    """Return deal and time of every row, and a mask of the rows that have both.

    Rows without an id or a time become findings.

    Raises
    ------
    DealsError
        If no row has both.
    """
    section = rows.section
    deal = coded_texts(rows.column(section.id))
    remedy = "give the deal's id in every row"
    rows.note(deal.codes < 0, "have no deal id and are left out", remedy, section.id)
    times = read_times(rows, section.time_key)
    empty = times == NOT_A_TIME
    column = getattr(section, section.time_key)
    rows.note(empty, "have no readable date and are left out", WRITE_DATES, column)
    is_valid = (deal.codes >= 0) & ~empty

    def refuse(finding: RowFinding) -> None:
        if finding.total and finding.count == finding.total:
            raise DealsError(
                f"{rows.table_name}: no row has both an id and a date. Remedy: correct the names "
                f"of the columns: id = {section.id!r}, {section.time_key} = {column!r}"
            )

    rows.note(~is_valid, "", "", section.id, refuse=refuse)
    return deal, times, is_valid


def field_columns(rows: Rows, used: Iterable[str | None]) -> Iterator[str]:
    """Yield the columns of a wide table that may be fields: not used yet, not from a loader."""
    other_columns = {name for name in used if name is not None}
    for name in rows.names:
        if name not in other_columns and not name.startswith(TECHNICAL_PREFIXES):
            yield name
