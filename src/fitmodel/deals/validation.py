"""Problems of a table: how they are written, those of its shape, and warnings."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals._cell_warnings import cell_warnings
from fitmodel.tables.cells import row_name, shortened
from fitmodel.tables.moments import exchanged_day_and_month
from fitmodel.tables.tidying import nested, unwritable
from fitmodel.tables.values import DateForm, day_of, is_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.values import Mask, Reading

    RowNumbers = NDArray[np.intp] | None

SHOWN_ROWS = 3
MIN_OTHER_ORDER = 3  # dates with day and month in the other order; fewer may be typing errors
MIN_OTHER_VALUES = 0.2  # share of rows with another value than all such dates have


@dataclass(frozen=True)
class Problem:
    """One problem of a table: column, count, example, remedy.

    Attributes
    ----------
    count : int
        Number of rows with the problem.
    example : str
        Some of these rows and their values; empty if the problem concerns no particular row.
    remedy : str
        What the user can do about it.
    message : str
        What is wrong, in words.
    code : str
        Kind of the problem. Of a warning: negative-amount, notation, formula,
        words-among-numbers or mostly-empty-role. Of an attribute whose form
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


def exchanged_problem(cells: pd.Series[Any]) -> Problem | None:
    """Return the problem that a spreadsheet has exchanged day and month in a column; else None."""
    example = exchanged_day_and_month(cells)
    if example is None:
        return None
    return Problem(
        str(cells.name),
        int(cells.notna().sum()),
        example,
        "export the dates again as YYYY-MM-DD, and do not open the file in a spreadsheet set to "
        "another country",
        "no date has a day above 12 and every text has one: a spreadsheet has taken the day for "
        "the month in all others, so these dates are wrong",
    )


def mixed_orders(table: pd.DataFrame, name: str, reading: Reading) -> tuple[str, str] | None:
    """Return problem and remedy if all unreadable dates have day and month in the other order."""
    other = {"day first": "month first", "month first": "day first"}.get(str(reading.order))
    texts = table[name][reading.unreadable]
    if other is None or len(texts) < MIN_OTHER_ORDER:
        return None
    if any(day_of(cell, DateForm(other)) is None for cell in texts):
        return None
    remedy = (
        "write all dates as YYYY-MM-DD. To correct these rows alone is not enough: where the day "
        "is at most 12, such dates are read with day and month exchanged"
    )
    shared = _shared_value(table, reading.unreadable)
    return f"are written {other}, and the others {reading.order}{shared}", remedy


def _shared_value(table: pd.DataFrame, rows: Mask) -> str:
    """Return a remark that names a value which all these rows have, and not all others."""
    for name in table.columns:
        cells = table[name]
        values = cells[rows].unique()
        if len(values) == 1 and (cells != values[0]).mean() >= MIN_OTHER_VALUES:
            return f" (all of them have {name} {shown(values[0])})"
    return ""


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

    def problems(self, rows: Mask, problem: str, remedy: str, *columns: str) -> Iterator[Problem]:
        """Yield one problem, with examples, if any row is marked in the mask `rows`."""
        count = int(rows.sum())
        if count:
            positions = np.flatnonzero(rows)[:SHOWN_ROWS].tolist()
            example = "; ".join(self.cells(position, columns) for position in positions)
            yield Problem(columns[0], count, example, remedy, f"{count} row(s) {problem}")

    def cells(self, position: int, columns: tuple[str, ...]) -> str:
        """Return the text that shows some cells of a row."""
        cells = [shown(self.table[name].iloc[position]) for name in columns]
        with_names = [f"{name} {cell}" for name, cell in zip(columns, cells, strict=True)]
        return f"{self.row(position)}: {', '.join(with_names) if len(cells) > 1 else cells[0]}"


@dataclass(frozen=True, eq=False, kw_only=True)
class ReadSheet(Sheet):
    """A tidy table with its contract and the parsed columns of its roles.

    Attributes
    ----------
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


_DATE = (r"\d{4}-\d{2}-\d{2}", "2026-06-30")
_NUMBER = (r"[+-]?\d*\.?\d+([eE][+-]?\d+)?$", "1065.95")


def find_warnings(
    deals: pd.DataFrame,
    spec: DealSpec,
    first_row: int | None = None,
    *,
    row_numbers: RowNumbers = None,
) -> list[Problem]:
    """List warnings about deals that have no errors.

    Parameters
    ----------
    deals : DataFrame
        Past deals, as returned by `fitmodel.deals.reading.read_deals`.
    first_row : int, optional
        Number of the first row in the file, for messages; by default rows are named by their index.
    row_numbers : ndarray of int of shape (deals,), optional
        Number of every row in the file, if lines of the file were skipped.

    Returns
    -------
    list of Problem
        Warnings about negative amounts, formulas, a few words in a column of numbers, and a rep
        or team that is empty in most rows. With a negative amount the probability can still be
        learned, but the expected value of such a deal is meaningless, and so are the policy
        ``value`` and commission plans.

    Examples
    --------
    >>> from fitmodel.deals.validation import find_warnings
    >>> sim = fitmodel.simulate_deals(200, seed=1)
    >>> find_warnings(sim.deals, sim.spec)
    []
    """
    sheet = Sheet(deals, first_row, row_numbers)
    return [*_negative_amounts(sheet, spec), *_cell_problems(sheet, spec)]


def _cell_problems(sheet: Sheet, spec: DealSpec) -> Iterator[Problem]:
    for rows, problem, remedy, column, code in cell_warnings(sheet.table, spec):
        for each in sheet.problems(rows, problem, remedy, column):
            yield replace(each, code=code)


def _negative_amounts(sheet: Sheet, spec: DealSpec) -> list[Problem]:
    name, deals = spec.deals.amount, sheet.table
    if name is None:
        return []
    is_negative = (deals[name] < 0).to_numpy()
    remedy = (
        "give the yearly value as money, not standardised, and leave it empty if there is none; or "
        "remove amount from [deals]: the column still is an attribute"
    )
    text = "are below zero (amount), so their expected value and commission are wrong"
    problems = sheet.problems(is_negative, text, remedy, name)
    return [replace(problem, code="negative-amount") for problem in problems]


def notation_warnings(
    written: pd.DataFrame,
    spec: DealSpec,
    first_row: int | None = None,
    *,
    row_numbers: RowNumbers = None,
) -> list[Problem]:
    """List warnings about notations that are clear in a column, but not in a single prospect.

    A whole column shows whether 03.06.2026 is in June and whether 1.065 is above a thousand; a
    single prospect does not. If [reading] of the contract gives the form of a column, as in the
    contract of `fitmodel.deals.reading.DealsRead`, prospects are read in that form and there is no
    warning.

    Parameters
    ----------
    written : DataFrame
        The table as returned by `fitmodel.deals.reading.read_table`, before any conversion.
    spec, first_row, row_numbers
        The same as for `find_warnings`.

    Returns
    -------
    list of Problem
        One warning per column.

    Examples
    --------
    >>> from fitmodel.deals.validation import notation_warnings
    >>> sim = fitmodel.simulate_deals(50, seed=1)
    >>> dotted = sim.deals.assign(closed_on=sim.deals["closed_on"].dt.strftime("%d.%m.%Y"))
    >>> [warning.column for warning in notation_warnings(dotted, sim.spec)]
    ['closed_on']
    """
    sheet = Sheet(written, first_row, row_numbers)
    formats = {"closed_on": _DATE, "amount": _NUMBER}
    problem = "are written in a form that can be read in past deals, but not in a single prospect"
    forms = spec.reading.forms  # prospects are read in these forms too
    return [
        replace(warning, code="notation")
        for role, (pattern, example) in formats.items()
        if (name := getattr(spec.deals, role)) is not None
        and name not in {*forms.numbers, *forms.dates}
        and is_text(written[name])
        for warning in sheet.problems(
            np.array([_is_other_text(cell, pattern) for cell in written[name]], dtype=bool),
            problem,
            f"write {example} in both",
            name,
        )
    ]


def shape_errors(sheet: Sheet) -> list[Problem]:
    """List problems of column names and cells that prevent all further checks."""
    frame = sheet.table
    invalid = [name for name in frame.columns if not isinstance(name, str) or not name.strip()]
    if invalid:
        message = (
            f"{len(invalid)} column name(s) are not texts, for example {shortened(invalid[0])}"
        )
        return [Problem("(columns)", len(invalid), "", "name every column", message)]
    duplicates = sorted(set(frame.columns[frame.columns.duplicated()]))
    if duplicates:
        message = f"the table has more than one column named {duplicates}"
        return [Problem("(columns)", len(duplicates), "", "rename them", message)]
    return [problem for name in frame.columns for problem in _cell_errors(sheet, name)]


def _cell_errors(sheet: Sheet, name: str) -> Iterator[Problem]:
    cells = sheet.table[name]
    problem = "hold a list, a mapping, bytes or a complex number"
    yield from sheet.problems(nested(cells), problem, "one value per cell: split or drop it", name)
    problem = "hold an incomplete character or a signalling NaN, which cannot be written to a file"
    yield from sheet.problems(unwritable(cells), problem, "read the table again as UTF-8", name)


def _is_other_text(cell: Any, pattern: str) -> bool:
    """Return whether a cell is a text in another form; dates and numbers are read as they are."""
    return isinstance(cell, str) and re.match(pattern, cell.strip()) is None
