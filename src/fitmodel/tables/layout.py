"""Find the table in a sheet: skip titles above the header and sum lines.

rows as texts -> the row of the header; rows of the table -> which are sums, or hold nothing
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.tables._number_text import take_apart
from fitmodel.tables.cells import shortened
from fitmodel.tables.csv_form import separator_of
from fitmodel.tables.forms import Finding
from fitmodel.tables.vocabulary import TOTAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

LOOKED_AT = 40  # rows at the top of a sheet
MAX_TITLES = 20
NARROWEST = 3  # columns of a table whose titles can be told from its rows
FIRST_COLUMNS = 4  # in which the word for a sum stands
MAX_TOTALS = 0.1  # share of the rows; where more have the word, it is a level
_TOTAL = rf"(?i)^\s*(?:{TOTAL.pattern})\s*(?:\(.*\))?\s*:?\s*$"
_TOTAL_CELL = re.compile(_TOTAL)


@dataclass(frozen=True)
class Top:
    """Where a CSV file's table begins.

    Attributes
    ----------
    lines : int
        Physical lines above the header, blank ones too.
    titles : tuple of str
        Those that are not blank.
    separator : str
        Of the header.
    """

    lines: int
    titles: tuple[str, ...]
    separator: str


def find_top(lines: Sequence[str]) -> Top | None:
    """Find the header of a CSV file below its titles; None where the file is blank.

    Parameters
    ----------
    lines : sequence of str
        The first lines of the file.
    """
    first = next((position for position, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return None
    plain = Top(first, (), separator_of(lines[first]))
    head = [line for line in lines[first : first + LOOKED_AT] if line.strip()]
    votes = [separator_of(line) for line in head]
    separator = max(set(votes), key=lambda mark: sum(line.count(mark) for line in head))
    try:
        rows = [
            next(csv.reader([line], delimiter=separator), []) for line in lines[: first + LOOKED_AT]
        ]
    except csv.Error:
        return plain
    position = header_index(rows)
    if position is None or position <= first:
        return plain
    titles = tuple(line.strip() for line in lines[first:position] if line.strip())
    return Top(position, titles, separator_of(lines[position]))


def header_index(rows: Sequence[Sequence[str]]) -> int | None:
    """Index of the header among the first rows of a sheet; None where all are blank.

    Titles are rows of one or few cells above a row of names; what stands below must be a table.
    """
    counts = [sum(bool(cell.strip()) for cell in row) for row in rows]
    filled = [position for position, count in enumerate(counts) if count]
    if not filled:
        return None
    typical = float(np.median([counts[position] for position in filled]))
    if typical < NARROWEST:
        return filled[0]
    for position in filled[:MAX_TITLES]:
        if 2 * counts[position] < typical or 2 * len(rows[position]) <= typical:
            continue
        below = any(other > position for other in filled)
        return position if below and _are_names(rows[position]) else filled[0]
    return filled[0]


def _are_names(row: Sequence[str]) -> bool:
    cells = [cell.strip() for cell in row if cell.strip()]
    return not any(take_apart(cell) for cell in cells) and len(set(cells)) == len(cells)


def titles_finding(titles: Sequence[str]) -> Finding:
    """Say which lines above the header were left out."""
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
    """Find the rows of a table of texts that are sums or empty, with the findings on them.

    Parameters
    ----------
    table : pyarrow.Table
        All columns text.
    numbers : ndarray of int
        Number of each row in the file.
    """
    empty = _empty_rows(table)
    totals = np.zeros(table.num_rows, dtype=bool)
    totals[total_rows(table)] = True
    totals &= ~empty
    findings = []
    if totals.any():
        positions = np.flatnonzero(totals)
        findings.append(_finding("total_row", table, positions, numbers, "is a line of sums"))
    if empty.any() and table.num_rows > empty.sum():
        positions = np.flatnonzero(empty)
        findings.append(_finding("empty_row", table, positions, numbers, "holds nothing"))
    else:
        empty[:] = False
    return totals | empty, findings


def total_rows(table: pa.Table | pa.RecordBatch, *, is_end: bool = True) -> list[int]:
    """Rows of a table of texts that are sums of the others.

    The first cell that is not empty says so ("Total", "Summe", "合计"); all else are numbers, with
    gaps, or it is the last row (`is_end`: whether the table ends here). A word that many rows have
    is a level.
    """
    totals = [np.empty(0, dtype=np.uint64)]
    for column in table.columns[:FIRST_COLUMNS]:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            hits = pc.match_substring_regex(column, _TOTAL)
            totals.append(pc.indices_nonzero(pc.fill_null(hits, False)).to_numpy())  # noqa: FBT003 - pyarrow's
    result = np.unique(np.concatenate(totals))
    if len(result) > max(MAX_TOTALS * table.num_rows, 1):
        return []
    last = table.num_rows - 1 if is_end else -1
    return [
        position
        for position in result.tolist()
        if _is_total(_row(table, position), is_last=position == last)
    ]


def _row(table: Any, row: int) -> list[str]:
    return [_cell(column[row].as_py()) for column in table.columns]


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _is_total(cells: Sequence[str], *, is_last: bool) -> bool:
    filled = [cell for cell in cells if cell]
    gaps = len(filled) < len(cells)
    numbers = all(take_apart(cell) is not None for cell in filled[1:])
    return bool(_TOTAL_CELL.match(filled[0])) and numbers and (gaps or is_last)


def is_total_line(fields: Iterable[str]) -> bool:
    """Tell whether the fields of a row that is too short are a line of sums, or one note."""
    filled = [field.strip() for field in fields if field.strip()]
    if not filled:
        return True
    return bool(_TOTAL_CELL.match(filled[0])) and all(take_apart(cell) for cell in filled[1:])


def _empty_rows(table: pa.Table) -> NDArray[np.bool_]:
    """Rows in which no cell holds anything."""
    if table.num_columns < 2:  # noqa: PLR2004 - one empty cell is a missing value
        return np.zeros(table.num_rows, dtype=bool)
    nothing = np.empty(0, dtype=bool)
    return np.concatenate([nothing, *map(_empty_rows_of, table.to_batches())])


def _empty_rows_of(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    empty = np.ones(batch.num_rows, dtype=bool)
    for column in batch.columns:
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
        blank = pc.or_kleene(pc.is_null(text), pc.equal(text, ""))
        empty &= pc.fill_null(blank, True).to_numpy(zero_copy_only=False)  # noqa: FBT003 - pyarrow's
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
        "if it is a deal, write its cells in another way",
    )
