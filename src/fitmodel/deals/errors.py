"""A problem of a table, and the table with row names for messages."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.tables.cells import row_name, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.values import Mask, Reading

SHOWN_ROWS = 3


@dataclass(frozen=True)
class Problem:
    """One problem of a table: column, count, example, remedy.

    Attributes
    ----------
    column : str
    count : int
        Rows it concerns.
    example : str
        Some of those rows and their values; empty where it concerns no row of its own.
    remedy : str
    message : str
        What is wrong, in words.
    code : str
        Its kind: negative-amount or notation of a warning; currencies, date_order or unreadable of
        an attribute that must be settled first; too-few where nothing is wrong but that so few
        deals teach nothing.
    """

    column: str
    count: int
    example: str
    remedy: str
    message: str
    code: str = ""

    def __str__(self) -> str:
        example = f", for example {self.example}" if self.example else ""
        return f"{self.column}: {self.message}{example}. Remedy: {self.remedy}"


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table that can name its rows as a person sees them.

    Attributes
    ----------
    table : DataFrame
    first_row : int or None
        Number of the first row as a person sees it in the file, whose rows the index then
        numbers from 0, also where some were left out; None: rows go by their index.
    rows : ndarray of int or None
        Number of every row, where lines were left out between them.
    """

    table: pd.DataFrame
    first_row: int | None = None
    rows: NDArray[np.intp] | None = None

    def row(self, position: int) -> str:
        """Name a row the way a person finds it."""
        if self.rows is not None:
            return f"row {self.rows[position]}"
        if self.first_row is not None:
            return f"row {self.first_row + int(self.table.index[position])}"
        return row_name(self.table.index[position])

    def problems(self, rows: Mask, what: str, remedy: str, *columns: str) -> Iterator[Problem]:
        """Yield one problem if any of the rows are marked, with examples."""
        count = int(rows.sum())
        if count:
            positions = np.flatnonzero(rows)[:SHOWN_ROWS].tolist()
            example = "; ".join(self.cells(position, columns) for position in positions)
            yield Problem(columns[0], count, example, remedy, f"{count} row(s) {what}")

    def cells(self, position: int, columns: tuple[str, ...]) -> str:
        """Show the cells of a row."""
        cells = [shown(self.table[name].iloc[position]) for name in columns]
        named = [f"{name} {cell}" for name, cell in zip(columns, cells, strict=True)]
        return f"{self.row(position)}: {', '.join(named) if len(cells) > 1 else cells[0]}"


@dataclass(frozen=True, eq=False, kw_only=True)
class ReadSheet(Sheet):
    """A tidy table with its contract, its roles read.

    Attributes
    ----------
    spec : DealSpec
    readings : mapping of role to Reading
    """

    spec: DealSpec
    readings: Mapping[str, Reading]


def shown(cell: Any) -> str:
    """Write a cell as a person would find it, shortened."""
    if isinstance(cell, pd.Timestamp):
        return str(cell).split(" ")[0]  # year 25000 has no date in Python
    if pd.api.types.is_scalar(cell) and not isinstance(cell, Decimal) and pd.isna(cell):
        return "(empty)"
    return shortened(cell.item() if isinstance(cell, np.generic) else cell)


def explain(problems: list[Problem]) -> str:
    """One message for all problems, a line each."""
    lines = "\n".join(f"  {problem}" for problem in problems)
    return f"{len(problems)} problem(s) in the deals:\n{lines}"
