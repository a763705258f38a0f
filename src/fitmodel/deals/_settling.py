"""Detect the notation of each attribute; parse numbers and dates written as text.

text attribute -> numbers with signs, units and separators -> floats
               -> dates other than YYYY-MM-DD              -> days
               -> everything else stays text

The detected forms are stored in the contract, so that prospects are read in the same forms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.attributes import is_date
from fitmodel.tables.forms import NUMBER_SHARE, Finding, Forms, as_numbers
from fitmodel.tables.values import (
    DateForm,
    NumberForm,
    Reading,
    currency_of,
    is_missing,
    is_text,
    parse_numbers,
    read_dates,
    read_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.validation import Sheet
    from fitmodel.tables.values import Mask

MAX_SAMPLE = 200  # distinct values checked first; if few are numbers or dates, the rest is skipped
DATE_SHARE = 0.95
_FOUR_DIGITS = re.compile(r"\d{4}", re.ASCII)
_WRITTEN_ORDERS = {"year first", "month name", "day first", "month first"}


@dataclass(frozen=True, eq=False)
class Settled:
    """A table with the numbers and dates of its text attributes parsed.

    `findings`: findings about values that could not be read, or whose form is unclear.
    """

    table: pd.DataFrame
    forms: Forms
    findings: tuple[Finding, ...]


def settle_attributes(sheet: Sheet, spec: DealSpec) -> Settled:
    """Parse the text attributes that hold numbers or dates.

    Parameters
    ----------
    sheet : Sheet
        A tidy table; it is not changed.
    spec : DealSpec
        The contract. Forms in [reading] are used as given; other columns' forms are detected from
        their values.
    """
    table, known = sheet.table.copy(), spec.reading.forms
    numbers: dict[str, NumberForm] = {}
    dates: dict[str, DateForm] = {}
    findings: list[Finding] = []
    for name in _texts(table, spec):
        values = table[name]
        if (reading := _numbers(values, spec, known)) is not None:
            findings += _number_findings(sheet, name, reading)
        elif (reading := _dates(values, spec, known)) is not None:
            findings += _date_findings(sheet, name, reading)
        else:
            continue
        if isinstance(reading.form, NumberForm):
            numbers[name] = reading.form
        elif isinstance(reading.form, DateForm):
            dates[name] = reading.form
        if not any(finding.asks and finding.column == name for finding in findings):
            table[name] = reading.series
    return Settled(table, Forms(numbers, dates), tuple(findings))


def _texts(table: pd.DataFrame, spec: DealSpec) -> list[str]:
    """Return the text attributes that may hold numbers or dates and play no role."""
    names = spec.attribute_names(table.columns)
    skipped = {spec.deals.amount, *spec.attributes.categorical}
    return [n for n in names if n in table and n not in skipped and is_text(table[n])]


def _numbers(values: pd.Series[Any], spec: DealSpec, known: Forms) -> Reading | None:
    """Return a column parsed as numbers; None if it holds no numbers, or only plain ones."""
    name = str(values.name)
    if name in known.numbers:
        return read_numbers(values, known.numbers[name])
    is_numeric = name in spec.attributes.numeric
    if name in known.dates or not (is_numeric or _may_be_numbers(values, 0.5)):
        return None
    reading = as_numbers(values, None)
    if reading is None:
        readable = read_numbers(values)
        is_expected = is_numeric or _currencies(readable)
        return readable if is_expected and _share(values, readable) >= NUMBER_SHARE else None
    return None if all(map(_is_plain, values.dropna().unique())) else reading


def _is_plain(cell: Any) -> bool:
    """Return whether a cell is a number as Python writes it; such numbers need no form."""
    try:
        float(cell)
    except (TypeError, ValueError):
        return is_missing(cell)
    return True


def _share(values: pd.Series[Any], reading: Reading) -> float:
    """Return the share of the values that are numbers, whatever their unit."""
    return sum(reading.units.values()) / max(int(values.notna().sum()), 1)


def _may_be_numbers(values: pd.Series[Any], min_share: float) -> bool:
    """Return whether at least a share of the first distinct values are numbers of any unit."""
    first = _first_distinct(values)
    units = parse_numbers(first, [1] * len(first))[1]
    return len(first) > 0 and sum(units.values()) / len(first) >= min_share


def _first_distinct(values: pd.Series[Any]) -> list[Any]:
    """Return the first `MAX_SAMPLE` distinct values, from the first rows if these have as many."""
    for part in (values.iloc[: 2 * MAX_SAMPLE], values):
        first = part.dropna().unique().tolist()[:MAX_SAMPLE]
        if len(first) == MAX_SAMPLE:
            break
    return first


def _dates(values: pd.Series[Any], spec: DealSpec, known: Forms) -> Reading | None:
    """Return a column parsed as dates; None if it holds no dates, or only ISO dates."""
    name = str(values.name)
    if name in known.dates:
        return read_dates(values, form=known.dates[name])
    if not spec.has_dates or values.dtype == object or is_date(values):
        return None
    return read_dates(values) if are_written_dates(values) else None


def are_written_dates(values: pd.Series[Any]) -> bool:
    """Return whether a text column holds dates in another form than ISO, with four-digit years."""
    if values.dtype == object:
        return False
    first = _first_distinct(values)
    with_year = sum(_FOUR_DIGITS.search(text) is not None for text in first)
    if not first or with_year / len(first) < DATE_SHARE:
        return False
    for part in (pd.Series(first, dtype=values.dtype), values.dropna()):
        reading = read_dates(part)
        if reading.order not in {*_WRITTEN_ORDERS, "either"}:
            return False
        if reading.series.notna().mean() < DATE_SHARE:
            return False
    return True


def _number_findings(sheet: Sheet, name: str, reading: Reading) -> Iterator[Finding]:
    if _currencies(reading):
        yield currency_finding(sheet, name, reading)
    elif reading.unreadable.any():
        yield _finding(
            sheet,
            name,
            reading.unreadable,
            "are not numbers, although nearly all others are",
            "correct them, or leave them empty if the number is not known; add a column of names "
            "to [attributes] categorical",
        )


def _date_findings(sheet: Sheet, name: str, reading: Reading) -> Iterator[Finding]:
    rows = sheet.table[name].notna().to_numpy()
    if reading.is_ambiguous:
        remedy = (
            f'add [reading] dates = {{"{name}" = "day first"}} or "month first", or write dates as '
            "YYYY-MM-DD"
        )
        problem = "are dates that can be read as day first and as month first"
        yield _finding(sheet, name, rows, problem, remedy, code="date_order")
    elif reading.unreadable.any():
        problem = "are not dates and are read as empty"
        remedy = "write the date, or leave it empty"
        rows = reading.unreadable
        yield _finding(sheet, name, rows, problem, remedy, code="unreadable_date", asks=False)


def currency_finding(sheet: Sheet, name: str, reading: Reading) -> Finding:
    """Return a finding that a column holds several currencies, with the rows of each."""
    rows_by_code = _currencies(reading)
    counts = ", ".join(f"{rows} in {code}" for code, rows in rows_by_code.items())
    main_currency = max(rows_by_code, key=lambda code: rows_by_code[code])
    problem = f"are in another currency than {main_currency} ({counts}) and cannot be compared"
    remedy = (
        "convert them to one currency before, or add the column to [attributes] exclude and remove "
        "it from [deals] amount"
    )
    return _finding(sheet, name, reading.unreadable, problem, remedy, code="currencies")


def _currencies(reading: Reading) -> dict[str, int]:
    """Return the rows per currency if a column has several currencies; otherwise an empty dict."""
    rows_by_code: dict[str, int] = {}
    for unit, rows in reading.units.items():
        if code := currency_of(unit):
            rows_by_code[code] = rows_by_code.get(code, 0) + rows
    return rows_by_code if len(rows_by_code) > 1 else {}


def has_several_currencies(reading: Reading) -> bool:
    """Return whether a column of numbers holds more than one currency."""
    return bool(_currencies(reading))


def _finding(
    sheet: Sheet,
    name: str,
    rows: Mask,
    problem: str,
    remedy: str,
    *,
    code: str = "unreadable",
    asks: bool = True,
) -> Finding:
    count = int(rows.sum())
    positions = np.flatnonzero(rows)[:3].tolist()
    example = "; ".join(sheet.cells(position, (name,)) for position in positions)
    return Finding(code, name, count, example, f"{count} row(s) {problem}", remedy, asks)
