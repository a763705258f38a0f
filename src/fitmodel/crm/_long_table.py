"""One table beside the deals, read a column at a time; and what is wrong with its rows.

file, folder, database or frame -> columns by name -> codes of ids and fields, moments
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from fitmodel.deals.errors import shown
from fitmodel.deals.plain_words import nearest
from fitmodel.exceptions import DatabaseError, DealsError
from fitmodel.tables.cells import level_text
from fitmodel.tables.database_rows import read_rows
from fitmodel.tables.databases import is_database
from fitmodel.tables.files import read_file
from fitmodel.tables.forms import Finding
from fitmodel.tables.moments import read_moments
from fitmodel.tables.values import distinct, is_missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from fitmodel.deals.history_sections import LongTable
    from fitmodel.tables.values import Mask

Given = pd.DataFrame | str | Path
"""What stands for a table in place of the contract's own: a frame, a file, a folder or the URL of a
database's table."""
MAX_UNREADABLE = 0.5
TECHNICAL = ("_fivetran_", "_dlt_", "_airbyte_", "dbt_", "_sdc_")
"""How columns begin that loaders add to every table."""


@dataclass(frozen=True, eq=False)
class Rows:
    """A table beside the deals: its columns are read when they are asked for.

    Attributes
    ----------
    place : str
        Its name in the contract, as messages give it: ``[history.fields]``.
    section : LongTable
    names : tuple of str
        Of its columns.
    """

    place: str
    section: LongTable
    names: tuple[str, ...]
    _frame: pd.DataFrame | None = None
    _dataset: Any = None
    _numbers: NDArray[np.intp] | None = None
    findings: list[Finding] = field(default_factory=list)

    def column(self, name: str) -> pd.Series[Any]:
        """One column, with a RangeIndex."""
        if self._frame is not None:
            return self._frame[name].reset_index(drop=True)
        column = self._dataset.to_table(columns=[name]).column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_decimal(column.type):
            column = column.cast(pa.float64())
        series: pd.Series[Any] = pa.table({name: column}).to_pandas(date_as_object=False)[name]
        return series

    def texts(self, name: str) -> pd.Series[Any]:
        """One column as texts of its values, None where there is none."""
        result = coded(self.column(name))
        levels = np.array([*map(level_text, result.levels), None], dtype=object)
        return pd.Series(levels[result.codes], dtype=object)

    def row(self, position: int) -> str:
        """Name a row as whoever opens the file finds it."""
        number = position if self._numbers is None else int(self._numbers[position])
        return f"row {number}"

    def need(self, keys: Iterable[str]) -> None:
        """Refuse a table that lacks a column which the contract names.

        Raises
        ------
        DealsError
        """
        lines = []
        for key in keys:
            name = getattr(self.section, key)
            if name is not None and name not in self.names:
                close = nearest(name, self.names)
                hint = f"did you mean {close!r}?" if close else f"it has {', '.join(self.names)}"
                lines.append(f"{self.place} {key} = {name!r}, but there is no such column; {hint}")
        if lines:
            raise DealsError("\n".join(lines))

    def told(self, rows: Mask, what: str, remedy: str, column: str) -> None:
        """Keep what was found in some rows: how many, and an example."""
        count = int(rows.sum())
        if count:
            position = int(rows.argmax())
            example = f"{self.row(position)}: {shown(self.column(column).iloc[position])}"
            message = f"{count:,} of {len(rows):,} row(s) {what}"
            self.findings.append(
                Finding("history", f"{self.place} {column}", count, example, message, remedy)
            )


def open_rows(
    place: str,
    section: LongTable,
    given: Given | None = None,
    ids: Sequence[str] | None = None,
) -> Rows:
    """Open a table of the contract, or what is given in its place.

    Parameters
    ----------
    place : str
        Its name in the contract, as messages give it.
    section : LongTable
    given : DataFrame or path, optional
    ids : sequence of str, optional
        Of a table in a database only the rows of these deals are asked for.

    Raises
    ------
    DealsError
        If there is no such file, or it cannot be read.
    DatabaseError, DependencyError
        If the database cannot be read.
    """
    if isinstance(given, pd.DataFrame):
        return Rows(place, section, tuple(map(str, given.columns)), _frame=given)
    source = section.table if given is None else given
    if is_database(source):
        query = section.query if given is None else None
        dataset = _database(place, str(source), query, None if ids is None else (section.id, ids))
        return Rows(place, section, tuple(dataset.schema.names), _dataset=dataset)
    path = Path(source)
    if not path.exists():
        raise DealsError(
            f"{place}: there is no file or folder {path}. Remedy: correct table in the contract "
            "(it is sought from the folder you are in), or name another with --table"
        )
    if path.is_dir() or path.suffix.lower() == ".parquet":
        dataset = _parquet(place, path)
        return Rows(place, section, tuple(dataset.schema.names), _dataset=dataset)
    file = read_file(path)
    names = tuple(map(str, file.table.columns))
    return Rows(place, section, names, _frame=file.table, _numbers=file.row_numbers)


def _database(
    place: str, url: str, query: str | None, only: tuple[str, Sequence[str]] | None
) -> Any:
    try:
        return pads.dataset(read_rows(url, query, only))
    except DatabaseError as error:
        raise DatabaseError(f"{place}: {error}") from error


def _parquet(place: str, path: Path) -> Any:
    """Parquet files as one table; a column that is absent in some of them is empty there."""
    try:
        files = _parquet_files(path) if path.is_dir() else [path]
        if not files:
            raise DealsError(f"{place}: the folder {path} holds no Parquet file")
        parts = [pads.dataset(file, format="parquet") for file in files]
        schema = pa.unify_schemas([part.schema for part in parts], promote_options="permissive")
        return pads.dataset(files, schema=schema, format="parquet")
    except (pa.ArrowException, OSError) as error:
        raise DealsError(f"{place}: {path} cannot be read as Parquet: {error}") from error


def _parquet_files(folder: Path) -> list[Path]:
    """Without those in hidden folders, where writers work."""
    found = sorted(folder.glob("**/*.parquet"))
    return [
        file
        for file in found
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


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
    """Code a column by its distinct values, whose texts that stand for nothing are missing."""
    places, levels = distinct(values)
    kept = [place for place, level in enumerate(levels) if not is_missing(level)]
    to = np.full(len(levels) + 1, -1, dtype=np.int32)
    to[kept] = np.arange(len(kept))
    return Coded(to[places], [levels[place] for place in kept])


def coded_texts(values: pd.Series[Any]) -> Coded:
    """Code a column by the texts of its values: 12, 12.0 and "12 " are one."""
    result = coded(values)
    texts = [level_text(level) for level in result.levels]
    position = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    to = np.array([*(position[text] for text in texts), -1], dtype=np.int32)
    return Coded(to[result.codes], list(position))


def digest_of(*parts: Any, arrays: Iterable[NDArray[Any]]) -> bytes:
    """A digest of texts and arrays."""
    result = sha256(repr(parts).encode())
    for array in arrays:
        result.update(np.ascontiguousarray(array).data)
    return result.digest()


def read_times(rows: Rows, key: str) -> NDArray[np.int64]:
    """Moments of a column in microseconds since 1970; numpy's NaT where none is readable.

    Raises
    ------
    DealsError
        If most of them are no date, or day and month could be swapped in all of them.
    """
    name = str(getattr(rows.section, key))
    values = rows.column(name)
    read = read_moments(values, rows.section.time_zone, rows.section.dates)
    if read.swapped:
        raise DealsError(
            f"{rows.place} {name}: every date can be read day first and month first. Remedy: say "
            'dates = "day first" or "month first" there, or write dates as YYYY-MM-DD'
        )
    if read.unreadable.sum() > MAX_UNREADABLE * len(values):
        position = int(read.unreadable.argmax())
        raise DealsError(
            f"{rows.place} {name}: {int(read.unreadable.sum()):,} of {len(values):,} values are no "
            f"date, for example {rows.row(position)}: {shown(values.iloc[position])}. Remedy: name "
            f"the column of dates as {key}"
        )
    times: NDArray[np.int64] = read.times.astype(np.int64)
    return times


def whose_and_when(rows: Rows) -> tuple[Coded, NDArray[np.int64], Mask]:
    """Deal and moment of every row, and which rows have both; the others are told.

    Raises
    ------
    DealsError
        If no row has both.
    """
    section = rows.section
    deal = coded_texts(rows.column(section.id))
    remedy = "give the deal's id in every row"
    rows.told(deal.codes < 0, "have no id of a deal and are left out", remedy, section.id)
    times = read_times(rows, section.time_key)
    empty = times == np.iinfo(np.int64).min
    remedy = "write dates as YYYY-MM-DD, with or without a time"
    column = getattr(section, section.time_key)
    rows.told(empty, "have no readable date and are left out", remedy, column)
    kept = (deal.codes >= 0) & ~empty
    if len(kept) and not kept.any():
        raise DealsError(
            f"{rows.place}: no row has both an id and a date. Remedy: name its columns"
        )
    return deal, times, kept


def field_columns(rows: Rows, taken: Iterable[str | None]) -> Iterator[str]:
    """The columns of a wide table that may be fields: not those taken, nor a loader's own."""
    others = {name for name in taken if name is not None}
    for name in rows.names:
        if name not in others and not name.startswith(TECHNICAL):
            yield name
