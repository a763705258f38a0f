"""Problems found in a table, and tables whose rows can be named in messages."""

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
        Name of the column.
    count : int
        Number of rows with the problem.
    example : str
        Some of these rows and their values; empty if the problem concerns no particular row.
    remedy : str
        What the user can do about it.
    message : str
        What is wrong, in words.
    code : str
        Kind of the problem. Of a warning: negative-amount or notation. Of an attribute whose form
        the user must state: currencies, date_order or unreadable. If the table only has too few
        deals: too-few. Otherwise empty.
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
    """A table that names its rows as they are numbered in the file.

    Attributes
    ----------
    table : DataFrame
        The table.
    first_row : int or None
        Number of the first row in the file. The index of the table then counts the rows of the file
        from 0, even if some were left out. None: rows are named by their index.
    rows : ndarray of int of shape (rows,) or None
        Number of every row in the file, if lines of the file were skipped.
    """

    table: pd.DataFrame
    first_row: int | None = None
    rows: NDArray[np.intp] | None = None

    def row(self, position: int) -> str:
        """Return the name of a row, as a user finds it in the file."""
        if self.rows is not None:
            return f"row {self.rows[position]}"
        if self.first_row is not None:
            return f"row {self.first_row + int(self.table.index[position])}"
        return row_name(self.table.index[position])

    def problems(self, rows: Mask, what: str, remedy: str, *columns: str) -> Iterator[Problem]:
        """Yield one problem, with examples, if any row is marked in the mask `rows`."""
        count = int(rows.sum())
        if count:
            positions = np.flatnonzero(rows)[:SHOWN_ROWS].tolist()
            example = "; ".join(self.cells(position, columns) for position in positions)
            yield Problem(columns[0], count, example, remedy, f"{count} row(s) {what}")

    def cells(self, position: int, columns: tuple[str, ...]) -> str:
        """Return the text that shows some cells of a row."""
        cells = [shown(self.table[name].iloc[position]) for name in columns]
        named = [f"{name} {cell}" for name, cell in zip(columns, cells, strict=True)]
        return f"{self.row(position)}: {', '.join(named) if len(cells) > 1 else cells[0]}"


@dataclass(frozen=True, eq=False, kw_only=True)
class ReadSheet(Sheet):
    """A tidy table with its contract and the parsed columns of its roles.

    Attributes
    ----------
    spec : DealSpec
        The contract of the table.
    readings : mapping of role to Reading
        The parsed column of each role that the table has.
    """

    spec: DealSpec
    readings: Mapping[str, Reading]


def shown(cell: Any) -> str:
    """Return a cell as text, shortened."""
    if isinstance(cell, pd.Timestamp):
        return str(cell).split(" ")[0]  # Python's date has no year 25000, a Timestamp has
    if pd.api.types.is_scalar(cell) and not isinstance(cell, Decimal) and pd.isna(cell):
        return "(empty)"
    return shortened(cell.item() if isinstance(cell, np.generic) else cell)


def explain(problems: list[Problem]) -> str:
    """Return one message that lists all problems, each on its own line."""
    lines = "\n".join(f"  {problem}" for problem in problems)
    return f"{len(problems)} problem(s) in the deals:\n{lines}"
