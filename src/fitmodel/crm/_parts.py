"""Split a large table into parts, each with all rows of some deals; one is in memory at a time.

table -> chunks, in order -> each row into the part of its deal id's hash, in a file
      -> facts about the whole table: names of fields, the form of dates and amounts
      -> one part after the other, read with the code for small tables
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from fitmodel.crm._long_table import coded_texts, refuse_swapped
from fitmodel.crm._row_findings import WholeTable
from fitmodel.crm.columns import columns_needed
from fitmodel.tables.moments import days_not_in_iso, form_of_days
from fitmodel.tables.spool import nameless_file, read_spooled
from fitmodel.tables.values import distinct, settled_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.crm._long_table import Rows

WHOLE_ROWS = 1_000_000
"""A table with more rows is read in parts."""
PART_ROWS = 500_000
MAX_PARTS = 64  # each is an open file
PIECE_ROWS = 100_000
ROW = "__row_number"


def in_parts(rows: Rows) -> Iterator[Rows]:
    """Yield the table itself or, if it is large, parts with all rows of some deals each.

    Raises
    ------
    DealsError
        If the order of day and month is unclear.
    """
    if not is_large(rows):
        yield rows
        return
    number = min(-(-rows.count // PART_ROWS), MAX_PARTS)
    names = _needed(rows)
    facts, files = _TableFacts(rows), [_PartFile() for _ in range(number)]
    for piece in rows.pieces(names, PIECE_ROWS):
        facts.add(piece)
        part = _part_of(piece, number)
        order = np.argsort(part, kind="stable")
        bounds = np.searchsorted(part[order], np.arange(number + 1))
        table, numbers = piece.table, piece.numbers
        for file, start, stop in zip(files, bounds, bounds[1:], strict=False):
            if stop > start:
                file.add(table, numbers, order[start:stop])
    whole = facts.whole()
    for file in files:
        if file.rows:
            yield file.part(rows, whole)


def is_large(rows: Rows) -> bool:
    """Return whether a table is read in parts."""
    return rows.count > WHOLE_ROWS


def _needed(rows: Rows) -> list[str]:
    """Return the columns that are read from a table."""
    section: Any = rows.section
    if not getattr(section, "is_long", True) and section.fields is None:
        return list(rows.names)
    return [name for name in dict.fromkeys(columns_needed(section)) if name in rows.names]


def _part_of(piece: Rows, number: int) -> NDArray[np.int64]:
    """Return the number of the part of every row, by the hash of its deal's id."""
    ids = coded_texts(piece.column(piece.section.id))
    parts = [zlib.crc32(text.encode("utf-8", "surrogatepass")) % number for text in ids.levels]
    return np.array([*parts, 0])[ids.codes]


class _PartFile:
    """The rows of one part: an Arrow stream in a file, or positions in DataFrames."""

    def __init__(self) -> None:
        self._file: Any = None
        self._writer: Any = None
        self._frames: list[tuple[pd.DataFrame, NDArray[Any], NDArray[Any]]] = []
        self.rows = 0

    def add(self, table: Any, numbers: NDArray[Any], positions: NDArray[Any]) -> None:
        """Append some rows of a chunk."""
        self.rows += len(positions)
        if isinstance(table, pd.DataFrame):
            self._frames.append((table, positions, numbers[positions]))
            return
        chosen = table.take(pa.array(positions)).append_column(ROW, pa.array(numbers[positions]))
        if self._writer is None:
            self._file = nameless_file(self)
            self._writer = pa.ipc.new_stream(pa.PythonFile(self._file, mode="w"), chosen.schema)
        self._writer.write_table(chosen)

    def part(self, rows: Rows, whole: WholeTable) -> Rows:
        """Return the part as a separate table."""
        if self._writer is None:
            frames = [table.iloc[positions] for table, positions, _ in self._frames]
            frame: pd.DataFrame = pd.concat(frames)
            numbers = np.concatenate([each for _, _, each in self._frames])
            return rows.part(frame, numbers, whole=whole)
        self._writer.close()
        table = read_spooled(self._file)
        self._file.close()
        return rows.part(table.drop_columns(ROW), table.column(ROW).to_numpy(), whole=whole)


@dataclass(eq=False)
class _TableFacts:
    """Names, dates and amounts in all chunks of a table read so far."""

    rows: Rows
    names: dict[str, None] = field(default_factory=dict)
    days: dict[str, set[Any]] = field(default_factory=dict)
    amounts: Counter[Any] = field(default_factory=Counter)

    def add(self, piece: Rows) -> None:
        """Add one chunk."""
        section: Any = piece.section
        naming = getattr(section, "field", None) or getattr(section, "kind", None)
        if naming is not None:
            self.names |= dict.fromkeys(coded_texts(piece.column(naming)).levels)
        end = getattr(section, "valid_to", None)
        for name in filter(None, (getattr(section, section.time_key), end)):
            values = piece.column(name)
            if not pd.api.types.is_datetime64_any_dtype(values.dtype):
                _, levels = distinct(values)
                self.days.setdefault(name, set()).update(days_not_in_iso(levels))
        amount = getattr(section, "amount", None)
        if amount is not None and not pd.api.types.is_numeric_dtype(piece.column(amount).dtype):
            positions, levels = distinct(piece.column(amount))
            for level, count in zip(levels, np.bincount(positions[positions >= 0]), strict=True):
                self.amounts[level] += int(count)

    def whole(self) -> WholeTable:
        """Return the facts about the whole table that are needed to read its parts."""
        dates = {}
        for name, days in self.days.items():
            dates[name], swapped = form_of_days(days, self.rows.section.dates)
            refuse_swapped(self.rows, name, swapped=swapped)
        amounts = list(self.amounts)
        form = settled_numbers(amounts, list(self.amounts.values()))[0] if amounts else None
        return WholeTable(tuple(self.names), dates, form)
