"""Formulas of a workbook (.xlsx, .xlsm) that were never calculated, so that their cells are empty.

sheet -> its part of the zip -> cells with a formula -> those without a stored value

A program that writes formulas cannot calculate them: it stores no value, or 0 in every cell, and
asks the spreadsheet to calculate when the workbook is opened. The reader of workbooks returns
stored values only. An empty text that was calculated is stored as a text, so it is told apart.
"""

from __future__ import annotations

import html
import posixpath
import re
import zipfile
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from pathlib import Path

WORKBOOK = "xl/workbook.xml"
ZEROS = frozenset({"0", "0.0"})  # Java programs write 0.0
MIN_ZEROS = 3  # cells of a column that are all 0; fewer may be right
_TAG = r"<(?:\w+:)?%s\b([^>]*)>"
_SHEET, _RELATION = (re.compile(_TAG % name) for name in ("sheet", "Relationship"))
_ON_LOAD = re.compile(r"""\bfullCalcOnLoad\s*=\s*["'](1|true)["']""")
_CELL = re.compile(
    rb"<(?:\w+:)?c\b([^>]*)>\s*"
    rb"<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>([^<]*)</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v\b[^>]*>([^<]*)<|<(?:\w+:)?(is)\b)?"  # is: inline text
)
_POSITION = re.compile(rb"""\br\s*=\s*["']([A-Z]+)(\d+)["']""")
_IS_TEXT = re.compile(rb"""\bt\s*=\s*["']str["']""")


class _Formula(NamedTuple):
    row: int  # as the spreadsheet numbers it
    column: str
    text: str
    value: str  # "" if none is stored


def refuse_uncalculated(path: Path, sheet: str, names: Sequence[str], rows: Container[int]) -> None:
    """Refuse a sheet with formulas that have no stored value.

    Parameters
    ----------
    path : Path
        A workbook; other formats than .xlsx and .xlsm are not looked at.
    sheet : str
        Name of the sheet.
    names : sequence of str
        Names of its columns, from the first on.
    rows : container of int
        Numbers of the rows that are read.

    Raises
    ------
    DealsError
        If there are such formulas: names sheet, columns, counts and the remedy.
    """
    by_column: dict[str, list[_Formula]] = defaultdict(list)
    for formula in _uncalculated(path, sheet):
        if formula.row in rows and _index(formula.column) < len(names):
            by_column[formula.column].append(formula)
    if not by_column:
        return
    lines = [
        f"  {names[_index(column)]}: {len(cells):,} cell(s), for example {column}{cells[0].row} "
        f"={cells[0].text}"
        for column, cells in by_column.items()
    ]
    raise DealsError(
        f"{path}, sheet {sheet!r}: formulas have no calculated value, so their cells would count "
        "as empty:\n" + "\n".join(lines) + "\nRemedy: open the workbook in a spreadsheet program, "
        "which calculates the formulas, and save it; or let the program that wrote it write the "
        "values."
    )


def _uncalculated(path: Path, sheet: str) -> Iterator[_Formula]:
    if not zipfile.is_zipfile(path):
        return  # .xls stores a value with every formula
    with zipfile.ZipFile(path) as archive:
        if WORKBOOK not in archive.namelist():
            return
        workbook = archive.read(WORKBOOK).decode("utf-8", errors="replace")
        part = _part_of(archive, workbook, sheet)
        formulas = [] if part is None else list(_formulas(archive.read(part)))
    zeros: dict[str, list[bool]] = defaultdict(list)
    for formula in formulas:
        zeros[formula.column].append(formula.value in ZEROS)
    never = {
        column
        for column, are_zero in zeros.items()
        if _ON_LOAD.search(workbook) and all(are_zero) and len(are_zero) >= MIN_ZEROS
    }
    yield from (each for each in formulas if not each.value or each.column in never)


def _part_of(archive: zipfile.ZipFile, workbook: str, sheet: str) -> str | None:
    """Return the name of a sheet's file in the zip; None if it is not found."""
    relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", errors="replace")
    targets = {
        _attribute(tag, "Id"): _attribute(tag, "Target") for tag in _RELATION.findall(relations)
    }
    for tag in _SHEET.findall(workbook):
        if html.unescape(_attribute(tag, "name")) == sheet:
            target = targets.get(_attribute(tag, r"\w+:id"), "")
            part = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
            return part if part in archive.namelist() else None
    return None


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf"""(?<![\w:]){name}\s*=\s*(["'])(.*?)\1""", tag)
    return found[2] if found else ""


def _formulas(sheet: bytes) -> Iterator[_Formula]:
    for attributes, text, value, inline_text in _CELL.findall(sheet):
        position = _POSITION.search(attributes)
        if position is None or inline_text or (not value and _IS_TEXT.search(attributes)):
            continue
        column, row = position.groups()
        shown = html.unescape(text.decode("utf-8", errors="replace")) or "(shared)"
        yield _Formula(int(row), column.decode(), shown, value.decode("utf-8", errors="replace"))


def _index(column: str) -> int:
    """Return the position of a column by its letters: 0 for A, 26 for AA."""
    index = 0
    for letter in column:
        index = 26 * index + ord(letter) - ord("A") + 1
    return index - 1
