"""The `[rows]` section of the contract: which rows are customers, and one row per customer."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from fitmodel.deals.plain_words import shortened
from fitmodel.deals.sections import Column, Count, Section
from fitmodel.deals.vocabulary import plain_value

LeftWithoutDate = Literal["drop", "observed_until", "unknown"]
_MAX_GAP_DAYS = 3660


def _as_values(value: Any) -> Any:
    """A single value as a list of one; texts, numbers and true/false as the text of a cell."""
    listed = value if isinstance(value, (list, tuple)) else [value]
    if not listed or not all(isinstance(each, (str, bool, int, float)) for each in listed):
        message = (
            f"[rows] takes a list of texts, numbers or true/false, not {shortened(value)}; "
            'write for example keep = {deal_stage = ["Won"]}'
        )
        raise ValueError(message)
    return tuple({plain_value(each): _written(each) for each in reversed(listed)}.values())[::-1]


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


Values = Annotated[tuple[str, ...], BeforeValidator(_as_values)]


class Rows(Section):
    """Which rows of the table are customers, and what makes one row of several.

    A row stays where, for every column in `keep`, its value is listed, and for no column in
    `drop`; "" stands for an empty cell. `customer` names the column whose rows are one customer,
    `gap_days` the days between two of them that are not leaving. `left_without_date` says what to
    do with customers that left on an unknown day. `trial_end` names the day on which a trial ends:
    a row that left by then never was a customer. `one_row_per` and `acknowledged` settle doubts
    that `fitmodel check` repeats.
    """

    section: ClassVar[str] = "rows"

    keep: dict[Column, Values] = Field(default_factory=dict)
    drop: dict[Column, Values] = Field(default_factory=dict)
    customer: Column | None = None
    gap_days: Annotated[Count, Field(ge=0, le=_MAX_GAP_DAYS)] = 30
    one_row_per: Literal["deal"] | None = None
    left_without_date: LeftWithoutDate | None = None
    trial_end: Column | None = None
    acknowledged: tuple[Column, ...] = ()

    @field_validator("drop", mode="after")
    @classmethod
    def _keep_or_drop(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        for name, values in value.items():
            both = [each for each in values if each in info.data.get("keep", {}).get(name, ())]
            if both:
                raise ValueError(f"[rows] '{both[0]}' of '{name}' stands in keep and in drop")
        return value

    @field_validator("one_row_per", mode="after")
    @classmethod
    def _one_answer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("customer") is not None:
            raise ValueError(
                '[rows] one_row_per = "deal" stands beside customer: either each row is a deal of '
                "its own, or the rows of a customer are one"
            )
        return value

    @property
    def chosen_by(self) -> tuple[str, ...]:
        """Columns by whose values rows are kept or left out."""
        return tuple(dict.fromkeys([*self.keep, *self.drop]))

    @property
    def single_valued(self) -> tuple[str, ...]:
        """Columns of which one value is kept, so that they can teach nothing."""
        return tuple(name for name, values in self.keep.items() if len(values) == 1)

    def settles(self, code: str, column: str = "") -> bool:
        """Whether a doubt is acknowledged: by its code, or by ``code:column``."""
        return code in self.acknowledged or f"{code}:{column}" in self.acknowledged
