"""Find the table in a sheet: titles above the header, lines of sums, empty rows.

rows as texts -> row of the header; rows of the table -> which are sums or empty
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.tables._csv_dialect import separator_of
from fitmodel.tables._number_text import parse_number_text
from fitmodel.tables.cells import shortened
from fitmodel.tables.forms import Finding
from fitmodel.tables.vocabulary import TOTAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

HEAD_ROWS = 40  # rows at the top of a sheet among which the header is searched
MAX_TITLES = 20  # maximum number of title rows above the header
MIN_COLUMNS = 3  # with fewer columns, titles cannot be distinguished from rows
FIRST_COLUMNS = 4  # columns in which the word for a sum is searched
MAX_TOTALS = 0.1  # if a larger share of rows has such a word, it is a level
_TOTAL = rf"(?i)^\s*(?:{TOTAL.pattern})\s*(?:\(.*\))?\s*:?\s*$"
_TOTAL_CELL = re.compile(_TOTAL)


@dataclass(frozen=True)
class HeaderPosition:
    """Where the table of a CSV file begins.

    Attributes
    ----------
    lines : int
        Number of physical lines above the header, including blank ones.
    titles : tuple of str
        The lines above the header that are not blank.
    separator : str
        The separator of the header.
    """

    lines: int
    titles: tuple[str, ...]
    separator: str


def find_top(lines: Sequence[str]) -> HeaderPosition | None:
    """Return where the header of a CSV file is, below its titles; None if the file is blank.

    Parameters
    ----------
    lines : sequence of str
        The first lines of the file.
    """
    first = next((position for position, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return None
    without_titles = HeaderPosition(first, (), separator_of(lines[first]))
    first_lines = [line for line in lines[first : first + HEAD_ROWS] if line.strip()]
    separators = [separator_of(line) for line in first_lines]
    separator = max(set(separators), key=lambda mark: sum(line.count(mark) for line in first_lines))
    try:
        rows = [
            next(csv.reader([line], delimiter=separator), []) for line in lines[: first + HEAD_ROWS]
        ]
    except csv.Error:
        return without_titles
    position = header_index(rows)
    if position is None or position <= first:
        return without_titles
    titles = tuple(line.strip() for line in lines[first:position] if line.strip())
    return HeaderPosition(position, titles, separator_of(lines[position]))


def header_index(rows: Sequence[Sequence[str]]) -> int | None:
    """Return the index of the header among the first rows of a sheet; None if all are blank.

    Titles are rows of one or few cells above a row of names, with a table below it.
    """
    counts = [sum(bool(cell.strip()) for cell in row) for row in rows]
    filled = [position for position, count in enumerate(counts) if count]
    if not filled:
        return None
    typical_count = float(np.median([counts[position] for position in filled]))
    if typical_count < MIN_COLUMNS:
        return filled[0]
    for position in filled[:MAX_TITLES]:
        if 2 * counts[position] < typical_count or 2 * len(rows[position]) <= typical_count:
            continue
        has_rows_below = any(other > position for other in filled)
        return position if has_rows_below and _are_names(rows[position]) else filled[0]
    return filled[0]


def _are_names(row: Sequence[str]) -> bool:
    cells = [cell.strip() for cell in row if cell.strip()]
    return not any(parse_number_text(cell) for cell in cells) and len(set(cells)) == len(cells)


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
    whether the table ends here). If many rows have the word, it is a level.
    """
    matches = [np.empty(0, dtype=np.uint64)]
    for column in table.columns[:FIRST_COLUMNS]:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            is_match = pc.match_substring_regex(column, _TOTAL)
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
    return [_cell(column[row].as_py()) for column in table.columns]


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _is_total(cells: Sequence[str], *, is_last: bool) -> bool:
    filled_cells = [cell for cell in cells if cell]
    has_empty_cells = len(filled_cells) < len(cells)
    are_numbers = all(parse_number_text(cell) is not None for cell in filled_cells[1:])
    return bool(_TOTAL_CELL.match(filled_cells[0])) and are_numbers and (has_empty_cells or is_last)


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
