"""The section [reading] of the contract: how the table's values are written."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from fitmodel.deals.sections import Column, Section
from fitmodel.tables.forms import Forms, forms_from_dict


class Reading(Section):
    """How the table's values are written, where one value alone would not tell.

    Training finds it and keeps it with the model; give it only where `fitmodel check` asks. `dates`
    gives the order of a column's dates ("day first", "month first", ...), `numbers` how it writes
    one thousand two hundred thirty-four and a half ("1,234.5" or "1.234,5"), `units` the unit of
    its numbers (a currency's code, "%", a word), `empty` texts that stand for nothing in it.
    `sheet` names the sheet of an Excel workbook.
    """

    section: ClassVar[str] = "reading"

    dates: dict[Column, str] = Field(default_factory=dict)
    numbers: dict[Column, str] = Field(default_factory=dict)
    units: dict[Column, Column] = Field(default_factory=dict)
    empty: dict[Column, tuple[str, ...]] = Field(default_factory=dict)
    sheet: Column | None = None

    @model_validator(mode="after")
    def _forms_are_known(self) -> Self:
        try:
            self.forms  # noqa: B018 - made to be checked
        except ValueError as error:
            raise ValueError(f"[reading] {error}") from None
        return self

    @property
    def forms(self) -> Forms:
        """The forms of the columns."""
        return forms_from_dict(self.model_dump(exclude={"sheet"}))
