"""The forms in which columns are written, findings from reading a table, and a table with both.

Training detects the forms and scoring uses them.

Imports pandas only for columns: this code runs for every single prospect and must load quickly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.tables._date_text import ORDERS
from fitmodel.tables.values import (
    EXAMPLES,
    ONLY_ISO,
    UNKNOWN,
    DateForm,
    NumberForm,
    distinct,
    flag_text,
    is_missing,
    level_text,
    read_numbers,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from fitmodel.tables.values import Reading

__all__ = ["NO_FORMS", "Forms", "forms_from_dict"]


@dataclass(frozen=True)
class Forms:
    """The forms of columns by name; all other columns hold plain numbers and ISO dates.

    Parameters
    ----------
    numbers : mapping of str to NumberForm
        Forms of columns of numbers.
    dates : mapping of str to DateForm
        Forms of columns of dates.
    empty : mapping of str to frozenset of str
        Texts and days that mean missing in a column, such as "Active" in a churn date.
    """

    numbers: Mapping[str, NumberForm] = field(default_factory=dict)
    dates: Mapping[str, DateForm] = field(default_factory=dict)
    empty: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.numbers or self.dates or self.empty)

    def number(self, column: str | None) -> NumberForm:
        """Return the form of a column's numbers."""
        return self.numbers.get(column or "", UNKNOWN)

    def date(self, column: str | None) -> DateForm:
        """Return the form of a column's dates."""
        return self.dates.get(column or "", ONLY_ISO)

    def is_empty(self, column: str | None, value: Any) -> bool:
        """Return whether a value is listed as missing for this column."""
        texts = self.empty.get(column or "")
        return texts is not None and str(value).strip().removesuffix(" 00:00:00") in texts

    def only(self, columns: set[str]) -> Forms:
        """Return the forms of some columns."""
        return Forms(
            {name: form for name, form in self.numbers.items() if name in columns},
            {name: form for name, form in self.dates.items() if name in columns},
            {name: texts for name, texts in self.empty.items() if name in columns},
        )

    def over(self, defaults: Forms) -> Forms:
        """Return these forms, completed by other forms for further columns."""
        return Forms(
            {**defaults.numbers, **self.numbers},
            {**defaults.dates, **self.dates},
            {**defaults.empty, **self.empty},
        )

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the forms as plain values, as in the section [reading] of the contract."""
        return {
            "dates": {name: form.order for name, form in self.dates.items()},
            "numbers": {name: str(form) for name, form in self.numbers.items()},
            "units": {name: form.unit for name, form in self.numbers.items() if form.unit},
            "empty": {name: sorted(texts) for name, texts in self.empty.items()},
        }


NO_FORMS = Forms()


def forms_from_dict(data: Mapping[str, Any]) -> Forms:
    """Return forms from plain values; the inverse of `Forms.to_dict`.

    Raises
    ------
    ValueError
        If a form is unknown.
    """
    units = {str(name): str(unit) for name, unit in data.get("units", {}).items()}
    numbers = {name: NumberForm(unit=unit) for name, unit in units.items()}
    for name, example in data.get("numbers", {}).items():
        if example not in EXAMPLES:
            raise ValueError(f"numbers must be one of {sorted(EXAMPLES)}, not {example!r}")
        numbers[str(name)] = replace(EXAMPLES[example], unit=units.get(name, ""))
    for order in data.get("dates", {}).values():
        if order not in ORDERS:
            raise ValueError(f"dates must be one of {ORDERS}, not {order!r}")
    dates = {str(name): DateForm(order) for name, order in data.get("dates", {}).items()}
    empty = {str(n): frozenset(map(str, texts)) for n, texts in data.get("empty", {}).items()}
    return Forms(numbers, dates, empty)


@dataclass(frozen=True)
class Finding:
    """One finding from reading a table.

    Attributes
    ----------
    code : str
        Kind of the finding: placeholder, missing_word, level_word, total_row, title_row, empty_row,
        encoding, sheet, thousands, unclear_points, currencies, date_order, unreadable,
        unreadable_date, constant, history, copied_events.
    column : str
        Name of the column; empty if it concerns the whole table.
    count : int
        Number of rows with the finding.
    example : str
        One of these rows and its value.
    message : str
        What was found, and how it was read.
    remedy : str
        What to do if that is wrong.
    asks : bool
        Whether the contract must answer it before a model can be trained.
    """

    code: str
    column: str
    count: int
    example: str
    message: str
    remedy: str
    asks: bool = False

    def __str__(self) -> str:
        column = f"{self.column}: " if self.column else ""
        example = f", for example {self.example}" if self.example else ""
        return f"{column}{self.message}{example}. Remedy: {self.remedy}"


@dataclass(frozen=True, eq=False)
class FileTable:
    """A table as read from its file, before it is interpreted by a contract.

    Attributes
    ----------
    table : DataFrame
        The table; with a RangeIndex if it comes from a file.
    findings : tuple of Finding
        What was left out, and how the file was read.
    forms : Forms
        Forms of columns with decimal commas.
    row_numbers : ndarray of int of shape (rows,) or None
        Number of each row in the file; None for a DataFrame.
    """

    table: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    forms: Forms = NO_FORMS
    row_numbers: NDArray[np.intp] | None = None


@dataclass(frozen=True, eq=False)
class TableOnDisk:
    """A table read from a file, kept in a memory-mapped temporary file.

    Attributes
    ----------
    table : pyarrow.Table
        The table.
    row_numbers : ndarray of int of shape (rows,)
        Number of each row in the file.
    findings : tuple of Finding
        What was left out, and how the file was read.
    """

    table: pa.Table
    row_numbers: NDArray[np.intp]
    findings: tuple[Finding, ...] = ()


NUMBER_SHARE = 0.95  # minimum share of numbers among the texts of a column of numbers
CODE_NAME = re.compile(
    r"(^|[_\W])(code|id|zip|postcode|postal|plz|sku|number|no|nr)$", re.IGNORECASE
)
MAX_CODE_LEVELS = 1_000


def reads_as_numbers(values: pd.Series[Any], form: NumberForm | None = UNKNOWN) -> bool:
    """Return whether a column holds numbers and not categories; flags and codes are categories.

    Parameters
    ----------
    values : Series
        The column.
    form : NumberForm, optional
        How the numbers are written; None to detect it from the column.
    """
    return as_numbers(values, form) is not None


def as_numbers(values: pd.Series[Any], form: NumberForm | None = UNKNOWN) -> Reading | None:
    """Return a column parsed as numbers, or None if it holds categories; see `reads_as_numbers`."""
    levels = None if values.dtype.kind in "iuf" else distinct(values)
    if _are_flags(values) if levels is None else _are_flag_texts(levels[1]):  # also if all missing
        return None
    reading = read_numbers(values, form, levels=levels)
    numbers = reading.series.to_numpy()
    is_filled = np.isfinite(numbers) | reading.unreadable
    if reading.unreadable.sum() > (1 - NUMBER_SHARE) * max(int(is_filled.sum()), 1):
        return None
    finite = numbers[np.isfinite(numbers)]
    return None if looks_like_codes(str(values.name), finite) else reading


def _are_flags(values: pd.Series[Any]) -> bool:
    """Return whether a column of numbers holds only 0 and 1."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return bool(((numbers == 0) | (numbers == 1) | np.isnan(numbers)).all())


def _are_flag_texts(levels: Sequence[Any]) -> bool:
    """Return whether every level that is not missing is a spelling of yes or no."""
    known = (level for level in levels if not is_missing(level))
    return all(flag_text(level_text(level)) in {"yes", "no"} for level in known)


def looks_like_codes(name: str, numbers: NDArray[np.float64]) -> bool:
    """Return whether whole numbers are codes (such as a plan's code) rather than quantities.

    They are codes if the attribute's name says so, or if a few distinct large values occur many
    times: 1001, 1002 and 2001 in a thousand deals are entries of a price list, not quantities.
    """
    if len(numbers) == 0 or not np.array_equal(numbers, np.round(numbers)):
        return False
    levels = np.unique(numbers)
    if len(levels) > min(MAX_CODE_LEVELS, max(len(numbers) // 5, 2)):
        return False
    if CODE_NAME.search(name):
        return True
    is_repeated = len(numbers) >= 20 * len(levels)
    is_large = levels[0] >= 100  # noqa: PLR2004 - counts and scales start near 0
    return bool(is_repeated and is_large and len(levels) <= 50)  # noqa: PLR2004 - a price list
