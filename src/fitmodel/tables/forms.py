"""The forms in which a table's columns are written, as training found them and scoring needs them.

Standard library and numpy only: this file is on the path of a single prospect.
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
    from numpy.typing import NDArray

    from fitmodel.tables.values import Reading

__all__ = [
    "NO_FORMS",
    "Forms",
    "forms_from_dict",
]


@dataclass(frozen=True)
class Forms:
    """Column to its form; a column that is not named is read as plain numbers and ISO dates.

    Parameters
    ----------
    numbers : mapping of str to NumberForm
    dates : mapping of str to DateForm
    empty : mapping of str to frozenset of str
        Texts and days that stand for nothing in a column: "Active" in a churn date.
    """

    numbers: Mapping[str, NumberForm] = field(default_factory=dict)
    dates: Mapping[str, DateForm] = field(default_factory=dict)
    empty: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.numbers or self.dates or self.empty)

    def number(self, column: str | None) -> NumberForm:
        """Form of a column's numbers."""
        return self.numbers.get(column or "", UNKNOWN)

    def date(self, column: str | None) -> DateForm:
        """Form of a column's dates."""
        return self.dates.get(column or "", ONLY_ISO)

    def is_empty(self, column: str | None, value: Any) -> bool:
        """Whether a value means "missing" in this column alone."""
        texts = self.empty.get(column or "")
        return texts is not None and str(value).strip().removesuffix(" 00:00:00") in texts

    def only(self, columns: set[str]) -> Forms:
        """Forms of these columns."""
        return Forms(
            {name: form for name, form in self.numbers.items() if name in columns},
            {name: form for name, form in self.dates.items() if name in columns},
            {name: texts for name, texts in self.empty.items() if name in columns},
        )

    def over(self, others: Forms) -> Forms:
        """These forms, and of columns that they do not name those found."""
        return Forms(
            {**others.numbers, **self.numbers},
            {**others.dates, **self.dates},
            {**others.empty, **self.empty},
        )

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Plain values, as the contract's section [reading] has them."""
        return {
            "dates": {name: form.order for name, form in self.dates.items()},
            "numbers": {name: str(form) for name, form in self.numbers.items()},
            "units": {name: form.unit for name, form in self.numbers.items() if form.unit},
            "empty": {name: sorted(texts) for name, texts in self.empty.items()},
        }


NO_FORMS = Forms()


def forms_from_dict(data: Mapping[str, Any]) -> Forms:
    """Forms of their plain values.

    Raises
    ------
    ValueError
        If a form is unknown.
    """
    units = {str(name): str(unit) for name, unit in data.get("units", {}).items()}
    numbers = {name: NumberForm(unit=unit) for name, unit in units.items()}
    for name, example in data.get("numbers", {}).items():
        if example not in EXAMPLES:
            raise ValueError(f"numbers are written as one of {sorted(EXAMPLES)}, not {example!r}")
        numbers[str(name)] = replace(EXAMPLES[example], unit=units.get(name, ""))
    for order in data.get("dates", {}).values():
        if order not in ORDERS:
            raise ValueError(f"dates are one of {ORDERS}, not {order!r}")
    dates = {str(name): DateForm(order) for name, order in data.get("dates", {}).items()}
    empty = {str(n): frozenset(map(str, texts)) for n, texts in data.get("empty", {}).items()}
    return Forms(numbers, dates, empty)


@dataclass(frozen=True)
class Finding:
    """One thing found while a table was read.

    Attributes
    ----------
    code : str
        What kind it is: placeholder, missing_word, level_word, total_row, title_row, empty_row,
        encoding, sheet, currencies, date_order, unreadable, unreadable_date, constant, history.
    column : str
        Empty where it concerns the table.
    count : int
        Rows it concerns.
    example : str
        One of these rows and its value.
    message : str
        What was found, and what was made of it.
    remedy : str
        What to do where it is wrong.
    asks : bool
        Whether it must be answered before the table can be learned from.
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


NUMBER_SHARE = 0.95  # of the filled-in texts must read as numbers for the column to be one
CODE_NAME = re.compile(
    r"(^|[_\W])(code|id|zip|postcode|postal|plz|sku|number|no|nr)$", re.IGNORECASE
)
MAX_CODE_LEVELS = 1_000


def reads_as_numbers(values: pd.Series[Any], form: NumberForm | None = UNKNOWN) -> bool:
    """Tell numbers from categories by type and content; flags and codes are categories.

    Parameters
    ----------
    values : Series
    form : NumberForm, optional
        How the numbers are written; None to settle it on the column.
    """
    return as_numbers(values, form) is not None


def as_numbers(values: pd.Series[Any], form: NumberForm | None = UNKNOWN) -> Reading | None:
    """Return the numbers of a column, see `reads_as_numbers`; None where it holds others."""
    levels = None if values.dtype.kind in "iuf" else distinct(values)
    if _are_flags(values) if levels is None else _are_flag_texts(levels[1]):  # or there are none
        return None
    reading = read_numbers(values, form, levels=levels)
    numbers = reading.series.to_numpy()
    filled = np.isfinite(numbers) | reading.unreadable
    if reading.unreadable.sum() > (1 - NUMBER_SHARE) * max(int(filled.sum()), 1):
        return None
    known = numbers[np.isfinite(numbers)]
    return None if looks_like_codes(str(values.name), known) else reading


def _are_flags(values: pd.Series[Any]) -> bool:
    """Tell whether a column of numbers holds nothing but 0 and 1."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return bool(((numbers == 0) | (numbers == 1) | np.isnan(numbers)).all())


def _are_flag_texts(levels: Sequence[Any]) -> bool:
    """Tell whether every level that is not missing is a spelling of yes or no."""
    known = (level for level in levels if not is_missing(level))
    return all(flag_text(level_text(level)) in {"yes", "no"} for level in known)


def looks_like_codes(name: str, numbers: NDArray[np.float64]) -> bool:
    """Tell whether whole numbers are names of things (a plan code) rather than amounts.

    They are when the attribute's name says so, or when few distinct large values recur with wide
    gaps between them: 1001, 1002, 2001 in a thousand deals is a price list, not a quantity.
    """
    if len(numbers) == 0 or not np.array_equal(numbers, np.round(numbers)):
        return False
    levels = np.unique(numbers)
    if len(levels) > min(MAX_CODE_LEVELS, max(len(numbers) // 5, 2)):
        return False
    if CODE_NAME.search(name):
        return True
    recurring = len(numbers) >= 20 * len(levels)
    large = levels[0] >= 100  # noqa: PLR2004 - counts and scales start near 0
    return bool(recurring and large and len(levels) <= 50)  # noqa: PLR2004 - a price list
