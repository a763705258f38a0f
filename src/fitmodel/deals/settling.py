"""Find the notation of each attribute; parse numbers and dates written as text.

attribute of text -> numbers with signs, units and marks -> floats
                  -> dates that are not YYYY-MM-DD       -> days
                  -> all else stays text

The forms found are kept with the contract, so that prospects are read in them.
"""

from __future__ import annotations

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
    read_dates,
    read_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.errors import Sheet
    from fitmodel.tables.values import Mask

LOOKED_AT = 200  # distinct values; where hardly any is a number or a date, no more are read
DATE_SHARE = 0.95
_WRITTEN_ORDERS = {"year first", "month name", "day first", "month first"}


@dataclass(frozen=True, eq=False)
class Settled:
    """A table whose written numbers and dates are values.

    Attributes
    ----------
    table : DataFrame
    forms : Forms
        Of the attributes in which something was read.
    findings : tuple of Finding
    """

    table: pd.DataFrame
    forms: Forms
    findings: tuple[Finding, ...]


def settle_attributes(sheet: Sheet, spec: DealSpec) -> Settled:
    """Read the attributes of text that hold numbers or dates.

    Parameters
    ----------
    sheet : Sheet
        A tidy table; it is not changed.
    spec : DealSpec
        Its [reading] is taken as it is; columns that it does not name are settled by their content.
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
    """Attributes of text that may be numbers or dates and play no role."""
    names = spec.attribute_names(table.columns)
    taken = {spec.deals.amount, *spec.attributes.categorical}
    return [n for n in names if n in table and n not in taken and is_text(table[n])]


def _numbers(values: pd.Series[Any], spec: DealSpec, known: Forms) -> Reading | None:
    """The column as numbers that are not all plain; None where it is none, or they are."""
    name = str(values.name)
    if name in known.numbers:
        return read_numbers(values, known.numbers[name])
    if name in known.dates or (name not in spec.attributes.numeric and not _maybe(values, 0.5)):
        return None
    reading = as_numbers(values, None)
    if reading is None:
        settled = read_numbers(values)
        sought = name in spec.attributes.numeric or _currencies(settled)
        return settled if sought and _share(values, settled) >= NUMBER_SHARE else None
    return None if all(map(_is_plain, values.dropna().unique())) else reading


def _is_plain(cell: Any) -> bool:
    """Tell whether a cell is a number as Python writes it, which every room reads alike."""
    try:
        float(cell)
    except (TypeError, ValueError):
        return is_missing(cell)
    return True


def _share(values: pd.Series[Any], reading: Reading) -> float:
    """Share of the values that are numbers of any unit."""
    return sum(reading.units.values()) / max(int(values.notna().sum()), 1)


def _maybe(values: pd.Series[Any], least: float) -> bool:
    """Tell whether so many of the first distinct values are numbers of any unit."""
    first = _first_distinct(values)
    return len(first) > 0 and _share(first, read_numbers(first)) >= least


def _first_distinct(values: pd.Series[Any]) -> pd.Series[Any]:
    """The first `LOOKED_AT` different values; a few rows are looked at where they have as many."""
    for rows in (2 * LOOKED_AT, len(values)):
        first = values.iloc[:rows].dropna().drop_duplicates()[:LOOKED_AT]
        if len(first) == LOOKED_AT:
            break
    return first


def _dates(values: pd.Series[Any], spec: DealSpec, known: Forms) -> Reading | None:
    """The column as dates; None where it is none, or they are ISO dates, which all rooms read."""
    name = str(values.name)
    if name in known.dates:
        return read_dates(values, form=known.dates[name])
    if not spec.has_dates or values.dtype == object or is_date(values):
        return None
    return read_dates(values) if are_written_dates(values) else None


def are_written_dates(values: pd.Series[Any]) -> bool:
    """Tell whether a column of text is dates in a form of their own, with four digits of a year."""
    if values.dtype == object:
        return False
    first = _first_distinct(values)
    if not len(first) or not first.str.contains(r"\d{4}").mean() >= DATE_SHARE:
        return False
    for part in (first, values.dropna()):
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
            "are not numbers, and nearly all others are",
            "correct them, or leave them empty where the number is not known; a column of names "
            "belongs into [attributes] categorical",
        )


def _date_findings(sheet: Sheet, name: str, reading: Reading) -> Iterator[Finding]:
    rows = sheet.table[name].notna().to_numpy()
    if reading.swapped:
        remedy = (
            f'say [reading] dates = {{"{name}" = "day first"}} or "month first", or write dates as '
            "YYYY-MM-DD"
        )
        what = "are dates that can be read day first and month first"
        yield _finding(sheet, name, rows, what, remedy, code="date_order")
    elif reading.unreadable.any():
        what = "are not dates and are read as empty"
        remedy = "write the date, or leave it empty"
        found = reading.unreadable
        yield _finding(sheet, name, found, what, remedy, code="unreadable_date", asks=False)


def currency_finding(sheet: Sheet, name: str, reading: Reading) -> Finding:
    """Say that a column holds several currencies, how many rows of each."""
    result = _currencies(reading)
    counts = ", ".join(f"{rows} in {code}" for code, rows in result.items())
    main = max(result, key=lambda code: result[code])
    what = f"are in another currency than {main} ({counts}): they are not one number"
    remedy = (
        "convert them to one currency before, or add the column to [attributes] exclude and take "
        "it out of [deals] amount"
    )
    return _finding(sheet, name, reading.unreadable, what, remedy, code="currencies")


def _currencies(reading: Reading) -> dict[str, int]:
    """Rows per currency where a column has several; empty otherwise."""
    result: dict[str, int] = {}
    for unit, rows in reading.units.items():
        if code := currency_of(unit):
            result[code] = result.get(code, 0) + rows
    return result if len(result) > 1 else {}


def has_several_currencies(reading: Reading) -> bool:
    """Tell whether a column of numbers holds more than one currency."""
    return bool(_currencies(reading))


def _finding(
    sheet: Sheet,
    name: str,
    rows: Mask,
    what: str,
    remedy: str,
    *,
    code: str = "unreadable",
    asks: bool = True,
) -> Finding:
    count = int(rows.sum())
    positions = np.flatnonzero(rows)[:3].tolist()
    example = "; ".join(sheet.cells(position, (name,)) for position in positions)
    return Finding(code, name, count, example, f"{count} row(s) {what}", remedy, asks)
