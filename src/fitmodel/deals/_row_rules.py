"""The `[rows]` section of the contract: which rows are customers, and how to merge rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from fitmodel.checks.registry import all_codes
from fitmodel.deals._sections import Column, Count, Section
from fitmodel.deals.plain_words import shortened, suggestion
from fitmodel.deals.vocabulary import plain_value

if TYPE_CHECKING:
    from collections.abc import Mapping

LeftWithoutDate = Literal["drop", "observed_until", "unknown"]
_MAX_GAP_DAYS = 3660


def _as_values(value: Any) -> Any:
    """Return one value or a list of values as a tuple of texts without duplicates."""
    items = value if isinstance(value, (list, tuple)) else [value]
    if not items or not all(isinstance(each, (str, bool, int, float)) for each in items):
        message = (
            f"[rows] takes a list of texts, numbers or true/false, not {shortened(value)}; "
            'write for example keep = {deal_stage = ["Won"]}'
        )
        raise ValueError(message)
    return tuple({plain_value(each): _as_text(each) for each in reversed(items)}.values())[::-1]


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


Values = Annotated[tuple[str, ...], BeforeValidator(_as_values)]


class Rows(Section):
    """Which rows of the table are customers, and which rows belong to one customer.

    A row is kept if its value is listed for every column in `keep`, and is not listed for any
    column in `drop`; "" means an empty cell. `customer` is the column with the customer's id: its
    rows are merged. A gap of at most `gap_days` days between two rows of a customer does not count
    as leaving. `left_without_date` says what to do with customers that left on an unknown day.
    `trial_end` is the column with the end of a trial: a row that left by then was never a customer.
    `one_row_per` and `acknowledged` answer questions that `fitmodel check` repeats.
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
    def _check_values(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        for name, values in value.items():
            in_both = [each for each in values if each in info.data.get("keep", {}).get(name, ())]
            if in_both:
                raise ValueError(
                    f"[rows] '{in_both[0]}' of '{name}' is in keep and in drop: remove it from one"
                )
        return value

    @field_validator("one_row_per", mode="after")
    @classmethod
    def _check_one_row_per(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("customer") is not None:
            raise ValueError(
                '[rows] one_row_per = "deal" and customer exclude each other: either each row is a '
                "separate deal, or the rows of a customer are merged. Remove one of them"
            )
        return value

    @field_validator("acknowledged", mode="after")
    @classmethod
    def _check_questions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = questions()
        problems = [
            f"[rows] acknowledged has {shortened(each)}, which is not a question of "
            f"`fitmodel check`; {_suggestion(each.partition(':')[0], known)}"
            for each in value
            if each.partition(":")[0] not in known.values()
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return value

    @property
    def chosen_by(self) -> tuple[str, ...]:
        """Columns whose values decide which rows are kept."""
        return tuple(dict.fromkeys([*self.keep, *self.drop]))

    @property
    def single_valued(self) -> tuple[str, ...]:
        """Columns of which only one value is kept; a constant cannot be learned from."""
        return tuple(name for name, values in self.keep.items() if len(values) == 1)

    def settles(self, code: str, column: str = "") -> bool:
        """Return whether a question is acknowledged, by its code or by ``code:column``."""
        return code in self.acknowledged or f"{code}:{column}" in self.acknowledged


def questions() -> dict[str, str]:
    """Return the questions that a contract can acknowledge: their names, by the code of the check.

    Examples
    --------
    >>> from fitmodel.deals._row_rules import questions
    >>> questions()["FM306"]
    'repeated-rows'
    """
    return {
        code.code: source.removeprefix("question:")
        for code in all_codes().values()
        for source in code.sources
        if source.startswith("question:")
    }


def with_known_questions(rows: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section of an older contract without acknowledged names that do not exist."""
    known = questions().values()
    names = rows.get("acknowledged") or ()
    return {**rows, "acknowledged": [each for each in names if each.partition(":")[0] in known]}


def _suggestion(name: str, known: Mapping[str, str]) -> str:
    return suggestion(known.get(name, name), known.values())
