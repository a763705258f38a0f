"""The forms in which a table's columns are written, as training found them and scoring needs them.

Standard library and numpy only: this file is on the path of a single prospect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fitmodel.tables._date_text import ORDERS
from fitmodel.tables.values import EXAMPLES, ONLY_ISO, UNKNOWN, DateForm, NumberForm

__all__ = ["NO_FORMS", "Forms", "forms_from_dict"]


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
        """Tell whether a value stands for nothing in this column alone."""
        texts = self.empty.get(column or "")
        return texts is not None and str(value).strip().removesuffix(" 00:00:00") in texts

    def only(self, columns: set[str]) -> Forms:
        """Forms of these columns."""
        return Forms(
            {name: form for name, form in self.numbers.items() if name in columns},
            {name: form for name, form in self.dates.items() if name in columns},
            {name: texts for name, texts in self.empty.items() if name in columns},
        )

    def over(self, found: Forms) -> Forms:
        """These forms, and of columns that they do not name those found."""
        return Forms(
            {**found.numbers, **self.numbers},
            {**found.dates, **self.dates},
            {**found.empty, **self.empty},
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
