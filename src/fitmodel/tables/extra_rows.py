"""Rows of a sheet that are no rows of its table: titles, sums, empty rows, repeated headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.tables._number_text import parse_number_text
from fitmodel.tables.cells import shortened
from fitmodel.tables.forms import Finding
from fitmodel.tables.vocabulary import TOTAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

FIRST_COLUMNS = 4  # columns in which the word for a sum is searched
MAX_TOTALS = 0.1  # if a larger share of rows has such a word, it is a level
_TOTAL = rf"(?i)^\s*(?:{TOTAL.pattern})\s*(?:\(.*\))?\s*:?\s*$"
_TOTAL_CELL = re.compile(_TOTAL)
_COLONS = ":\uff1a"
# "Subtotal 2024-Q1", "Total for north": a sum only if half of the other cells are empty
_TOTAL_OF = rf"(?i)^\s*(?:{TOTAL.pattern})(?:[\s{_COLONS}-]|\d).{{0,40}}$"


def titles_finding(titles: Sequence[str]) -> Finding:
    """Return the finding that lines above the header were left out."""
    return Finding(
        "title_row",
        "",
        len(titles),
        f"row 1: {shortened(titles[0])}",
        f"{len(titles)} line(s) above the header are titles and were left out",
        "if one of them is the header, delete the lines above it",
    )


def rows_left_out(
    table: pa.Table, numbers: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], list[Finding]]:
    """Return a mask of rows that are sums, empty or repeat the header, and the findings on them.

    Parameters
    ----------
    table : pyarrow.Table
        The rows, with all columns as text.
    numbers : ndarray of int of shape (rows,)
        Number of each row in the file.
    """
    empty = _empty_rows(table)
    totals = np.zeros(table.num_rows, dtype=bool)
    totals[total_rows(table)] = True
    totals &= ~empty
    headers = _repeated_headers(table)
    findings = []
    if headers.any():
        positions = np.flatnonzero(headers)
        findings.append(_finding("header_row", table, positions, numbers, "repeats the header"))
    if totals.any():
        positions = np.flatnonzero(totals)
        findings.append(_finding("total_row", table, positions, numbers, "is a line of sums"))
    if empty.any() and table.num_rows > empty.sum():
        positions = np.flatnonzero(empty)
        findings.append(_finding("empty_row", table, positions, numbers, "is empty"))
    else:
        empty[:] = False
    return totals | empty | headers, findings


def _repeated_headers(table: pa.Table) -> NDArray[np.bool_]:
    """Return a mask of the rows that repeat the header, as below a page break."""
    rows = np.ones(table.num_rows, dtype=bool)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not rows.any():
            break
        if not name.startswith("Unnamed: "):
            is_name = pc.equal(column.cast(pa.string()), name)
            rows &= np.asarray(pc.fill_null(is_name, False).to_numpy(zero_copy_only=False))  # noqa: FBT003 - pyarrow's
    return rows


def total_rows(table: pa.Table | pa.RecordBatch, *, is_end: bool = True) -> list[int]:
    """Return the positions of rows that are sums of other rows.

    In such a row the first cell that is not empty is a word such as "Total", "Summe" or "合计", and
    all other cells are numbers. It also has empty cells, or is the last row of the table (`is_end`:
    whether the table ends here). The word may name what was added up, as in "Subtotal Q1", if half
    of the cells are empty. If many rows have the word, it is a level.
    """
    matches = [np.empty(0, dtype=np.uint64)]
    for column in table.columns[:FIRST_COLUMNS]:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            is_match = pc.match_substring_regex(column, f"{_TOTAL}|{_TOTAL_OF}")
            matches.append(pc.indices_nonzero(pc.fill_null(is_match, False)).to_numpy())  # noqa: FBT003 - pyarrow's
    candidates = np.unique(np.concatenate(matches))
    if len(candidates) > max(MAX_TOTALS * table.num_rows, 1):
        return []
    last_row = table.num_rows - 1 if is_end else -1
    return [
        position
        for position in candidates.tolist()
        if _is_total(_row(table, position), is_last=position == last_row)
    ]


def _row(table: Any, row: int) -> list[str]:
    cells = (column[row].as_py() for column in table.columns)
    return ["" if cell is None else str(cell).strip() for cell in cells]


def _is_total(cells: Sequence[str], *, is_last: bool) -> bool:
    filled_cells = [cell for cell in cells if cell]
    has_empty_cells = len(filled_cells) < len(cells)
    are_numbers = all(parse_number_text(cell) is not None for cell in filled_cells[1:])
    if _TOTAL_CELL.match(filled_cells[0]):
        return are_numbers and (has_empty_cells or is_last)
    return are_numbers and 1 < len(filled_cells) <= len(cells) / 2


def is_total_line(fields: Iterable[str]) -> bool:
    """Return whether the fields of a short row are a line of sums, or empty."""
    filled = [field.strip() for field in fields if field.strip()]
    if not filled:
        return True
    return bool(_TOTAL_CELL.match(filled[0])) and all(
        parse_number_text(cell) for cell in filled[1:]
    )


def _empty_rows(table: pa.Table) -> NDArray[np.bool_]:
    """Return a mask of the rows whose cells are all empty."""
    if table.num_columns < 2:  # noqa: PLR2004 - one empty cell is a missing value
        return np.zeros(table.num_rows, dtype=bool)
    no_rows = np.empty(0, dtype=bool)
    return np.concatenate([no_rows, *map(_empty_rows_of, table.to_batches())])


def _empty_rows_of(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    empty = np.ones(batch.num_rows, dtype=bool)
    for column in batch.columns:
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
        is_blank = pc.or_kleene(pc.is_null(text), pc.equal(text, ""))
        empty &= pc.fill_null(is_blank, True).to_numpy(zero_copy_only=False)  # noqa: FBT003 - pyarrow's
        if not empty.any():
            break
    return empty


def _finding(
    code: str, table: pa.Table, rows: NDArray[np.intp], numbers: NDArray[np.intp], what: str
) -> Finding:
    cells = [cell for cell in _row(table, int(rows[0])) if cell]
    example = f"row {int(numbers[rows[0]])}" + (f": {shortened(', '.join(cells))}" if cells else "")
    return Finding(
        code,
        "",
        len(rows),
        example,
        f"{len(rows)} row(s) left out: each {what}",
        "if it is a deal, change its cells in the file",
    )
