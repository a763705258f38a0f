"""Read one sheet of a workbook (.xlsx, .xls, .ods) as a table.

workbook -> sheet by name, or the first with a table -> header below its titles
         -> lines of sums left out -> columns of numbers, dates, yes/no or text
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from fitmodel.exceptions import DealsError, DependencyError
from fitmodel.tables._excel_formulas import refuse_uncalculated
from fitmodel.tables.csv_form import HEAD_ROWS, column_names, header_index
from fitmodel.tables.extra_rows import rows_left_out, titles_finding
from fitmodel.tables.forms import FileTable, Finding
from fitmodel.tables.opening import names_error
from fitmodel.tables.vocabulary import EMPTY_TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_workbook(path: Path, sheet: str | None = None) -> FileTable:
    """Read one sheet of a workbook.

    `sheet`: name of the sheet; by default the first sheet with a table.
    Raises DealsError if it cannot be opened, has no such sheet, the sheet has no table, or its
    formulas have no calculated value.
    Raises DependencyError if python-calamine is not installed.
    """
    try:
        import python_calamine as calamine
    except ImportError as error:
        raise DependencyError(
            "workbooks need python-calamine. Remedy: pip install python-calamine"
        ) from error
    try:
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            names = book.sheet_names
            if sheet is not None and sheet not in names:
                raise DealsError(
                    f"{path} has no sheet {sheet!r}; it has {', '.join(map(repr, names))}. Remedy: "
                    "correct [reading] sheet."
                )
            searched = names if sheet is None else [sheet]
            sheets: list[str] = []
            headers: list[list[str]] = []
            rows: list[list[Any]] = []
            filled: list[tuple[int, int]] = []
            for name in searched:
                sheet_of_name = book.get_sheet_by_name(name)
                sheet_rows = sheet_of_name.to_python(skip_empty_area=False)
                if _is_table(sheet_rows):
                    if not sheets:
                        rows, filled = sheet_rows, _fill_merged(sheet_rows, sheet_of_name)
                    sheets.append(name)
                    headers.append(_header_of(sheet_rows))
    except (calamine.CalamineError, calamine.PasswordError) as error:
        raise DealsError(
            f"{path} is a spreadsheet or zip that cannot be opened: {error}. Remedy: save the "
            "sheet as 'CSV UTF-8'."
        ) from error
    if not sheets:
        raise DealsError(f"{path} has no sheet with a header and rows. Remedy: export it again.")
    chosen, *others = sheets
    table = _table(path, chosen, rows)
    alike = [name for name, each in zip(sheets, headers, strict=True) if each == headers[0]]
    notes = [_sheet_finding(chosen, others, alike[1:])] if others else []
    notes += [_merged_finding(filled)] if filled else []
    return FileTable(table.table, (*notes, *table.findings), table.forms, table.row_numbers)


def _fill_merged(rows: list[list[Any]], sheet: Any) -> list[tuple[int, int]]:
    """Write the value of cells that are merged over several rows into each of these rows.

    Returns row and column of the cells that were filled. Cells merged within one row are titles,
    and are left alone.
    """
    filled = []
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if bottom == top or right != left or top >= len(rows) or _is_blank(rows[top][left]):
            continue
        for row in range(top + 1, min(bottom + 1, len(rows))):
            rows[row][left] = rows[top][left]
            filled.append((row, left))
    return filled


def _merged_finding(filled: Sequence[tuple[int, int]]) -> Finding:
    """Return a finding that says how many cells got the value of the cell merged with them."""
    row, _ = filled[0]
    return Finding(
        "merged_cells",
        "",
        len(filled),
        f"row {row + 1}",
        f"{len(filled)} cell(s) are merged with a cell above, and have its value",
        "if they are empty, take the merged cells apart in the workbook",
    )


def _is_table(rows: Sequence[Sequence[Any]]) -> bool:
    """Return whether there are a header and at least one row below it."""
    return sum(any(not _is_blank(cell) for cell in row) for row in rows) > 1


def _table(path: Path, sheet: str, rows: Sequence[Sequence[Any]]) -> FileTable:
    """Return the rows of a sheet as a table, without titles, lines of sums and empty rows."""
    shown = [[_as_text(cell) for cell in row] for row in rows[:HEAD_ROWS]]
    header_row = header_index(shown)
    if header_row is None:
        raise DealsError(f"{path} has blank rows only. Remedy: export the deals again.")
    names = column_names([_as_text(cell) for cell in rows[header_row]])
    if problem := names_error(names):
        raise DealsError(f"{path} {problem}")
    rows_below = rows[header_row + 1 :]
    numbers = np.arange(len(rows_below)) + header_row + 2
    texts = pa.table(
        [
            pa.array([_as_text(row[position]) for row in rows_below], pa.string())
            for position in range(len(names))
        ],
        names=names,
    )
    left_out, findings = rows_left_out(texts, numbers)
    refuse_uncalculated(path, sheet, names, set(numbers[~left_out].tolist()))
    kept = [
        row
        for row, is_left_out in zip(rows_below, left_out.tolist(), strict=True)
        if not is_left_out
    ]
    columns = {
        name: _column([row[position] for row in kept]) for position, name in enumerate(names)
    }
    unnamed = [name for name in names if name.startswith("Unnamed: ")]
    empty = [name for name in unnamed if columns[name].isna().all()]
    table = pd.DataFrame({name: cells for name, cells in columns.items() if name not in empty})
    titles = [" ".join(filter(None, row)) for row in shown[:header_row] if any(row)]
    notes = [titles_finding(titles)] if titles else []
    return FileTable(table, (*notes, *findings), row_numbers=numbers[~left_out])


def _header_of(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return the names in the header of a sheet."""
    shown = [[_as_text(cell) for cell in row] for row in rows[:HEAD_ROWS]]
    return [name for name in shown[header_index(shown) or 0] if name]


def _sheet_finding(chosen: str, others: Sequence[str], alike: Sequence[str]) -> Finding:
    """Return a finding that names the sheet that was read and the others.

    `alike`: other sheets with the same columns, such as one for each year.
    """
    listed = ", ".join(map(repr, others))
    message = f"the workbook has several sheets with tables: {chosen!r} was read, not {listed}"
    remedy = f'if the deals are in another one, write [reading] sheet = "{others[0]}"'
    if alike:
        message += f". {len(alike)} of them have the same columns, so their deals are missing"
        remedy = "copy the rows of all these sheets into one"
    return Finding("sheet", "", 0, "", message, remedy)


def _is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _as_text(cell: Any) -> str:
    if _is_blank(cell):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _column(cells: Sequence[Any]) -> pd.Series[Any]:
    """Return cells as a column of their common type; mixed types become an object column."""
    values = [_plain(cell) for cell in cells]
    kinds = {type(cell) for cell in values if cell is not None}
    if not kinds:
        return pd.Series([None] * len(values), dtype="str")
    if kinds <= {int, float}:
        are_integers = all(cell is not None and float(cell).is_integer() for cell in values)
        fit_int64 = are_integers and all(abs(cell) < 2**53 for cell in values)
        return pd.Series(values, dtype=np.int64 if fit_int64 else np.float64)
    if kinds == {str}:
        return pd.Series(values, dtype="str")
    if kinds == {dt.datetime}:
        return pd.Series(pd.to_datetime(pd.Series(values, dtype=object)))
    if kinds == {bool} and None not in values:
        return pd.Series(values, dtype=bool)
    return pd.Series(values, dtype=object)


def _plain(cell: Any) -> Any:
    """Return a cell with empty texts as None and a date as a datetime."""
    if isinstance(cell, str):
        cell = cell.strip()
        return None if cell in EMPTY_TEXT else cell
    if isinstance(cell, dt.date) and not isinstance(cell, dt.datetime):
        return dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - a day has no zone
    return cell
