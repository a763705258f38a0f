"""Sections of the deal contract: deals, label, attributes and words, with their validation."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from fitmodel.deals.plain_words import listed, sentences, shortened
from fitmodel.exceptions import SpecError
from fitmodel.tables.cells import PLAIN_MONEY, formats_money
from fitmodel.tables.vocabulary import UNCLEAR_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_NAMES = {"missing", "known_before_days"}  # keys of [attributes] whose values are not columns
_MAX_MONTHS = 1200  # a hundred years: beyond it calendar arithmetic overflows
COLLECTING = {"collecting": True}  # pydantic context: DealSpec lists the problems of all sections


def _read_date_or_column(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip()).date()
        except ValueError:
            return value
    if value is None or isinstance(value, date):
        return value
    message = f"[deals] observed_until must be a date or a column's name, not {shortened(value)}"
    raise ValueError(message)


def _read_day(value: Any) -> Any:
    result = _read_date_or_column(value) if isinstance(value, str | datetime) else value
    if result is None or isinstance(result, date):
        return result
    raise ValueError(
        f"[deals] observed_from must be a date such as 2023-01-31, not {shortened(value)}"
    )


def _check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


Column = Annotated[str, Field(min_length=1)]
Columns = Annotated[tuple[Column, ...], AfterValidator(_check_distinct)]
Date = Annotated[Column | date | None, BeforeValidator(_read_date_or_column)]
Day = Annotated[date | None, BeforeValidator(_read_day)]
Count = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Cost = Annotated[Number, Field(ge=0)]
Share = Annotated[Number, Field(gt=0, le=1)]
Positive = Annotated[Number, Field(gt=0)]


TenureUnit = Literal["months", "years", "weeks", "days"]
AmountPer = Literal["year", "quarter", "month", "week", "day", "contract"]
_NO_COLUMNS = {
    *("churned_values", "tenure_unit", "amount_per", "amount_scale", "contract_months", "currency")
}
_CURRENCY_CODE = re.compile(r"[A-Z]{3}")


class Section(BaseModel):
    """Base of a contract section: frozen, no unknown keys, plain error messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    section: ClassVar[str]

    @model_validator(mode="wrap")
    @classmethod
    def _explain_errors(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            if info.context is COLLECTING:
                raise
            keys = {cls.section: tuple(cls.model_fields)}
            lines = sentences(error.errors(include_url=False), keys, within=cls.section)
            raise SpecError(listed(lines, cls.__name__)) from None


class DealRoles(Section):
    """Which column plays which role; `observed_until` may be a date instead of a column.

    The outcome is given either by dates (`closed_on`, `churned_on`, `observed_until`) or by
    `tenure_months` and `churned`. With dates, `churned` is optional: a flag or status that also
    says who left. `churned_values` are the values of `churned` that mean "left", if these are not
    yes and no. `tenure_unit`, `amount_per` and `currency` are the units of tenure and amount; with
    `amount_per = "contract"` the amount is for `contract_months`. `amount_scale` is the money of an
    amount of 1: 1,000 for thousands, 10,000 for 万元. `propensity` is the probability with which a
    flagged deal was allowed to proceed; it is empty for a deal that was not flagged.
    `observed_from` is the date from which leavers were recorded, if that is later than the first
    deal.
    """

    section: ClassVar[str] = "deals"

    id: Column | None = None
    closed_on: Column | None = None
    churned_on: Column | None = None
    observed_until: Date = None
    observed_from: Day = None
    exited_on: Column | None = None
    rep: Column | None = None
    team: Column | None = None
    amount: Column | None = None
    propensity: Column | None = None
    tenure_months: Column | None = None
    churned: Column | None = None
    churned_values: tuple[Column, ...] = ()
    tenure_unit: TenureUnit | None = None
    amount_per: AmountPer | None = None
    amount_scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    contract_months: Annotated[Count, Field(gt=0, le=_MAX_MONTHS)] | None = None
    currency: Column | None = None

    @field_validator("*", mode="after")
    @classmethod
    def _check_role_columns(cls, value: Any, info: ValidationInfo) -> Any:
        if info.field_name in _NO_COLUMNS:
            return value
        for role, column in info.data.items():
            if isinstance(value, str) and value == column:
                raise ValueError(
                    f"[deals] column '{value}' cannot be both {role} and {info.field_name}"
                )
        return value

    @field_validator("tenure_months", mode="after")
    @classmethod
    def _check_outcome_form(cls, value: str | None, info: ValidationInfo) -> str | None:
        dates = ("closed_on", "churned_on", "observed_until", "observed_from", "exited_on")
        given = [name for name in dates if info.data.get(name) is not None]
        if value is not None and given:
            raise ValueError(
                f"[deals] has {info.field_name} and {', '.join(given)}: give the outcome either by "
                "dates (closed_on, churned_on, observed_until) or by tenure_months and churned, "
                "not both"
            )
        return value

    @model_validator(mode="after")
    def _check_complete(self) -> Self:
        forms = (("closed_on", "churned_on", "observed_until"), ("tenure_months", "churned"))
        given = [[name for name in form if getattr(self, name) is not None] for form in forms]
        if not any(given):
            raise ValueError(
                "[deals] says nothing about the outcome: give closed_on, churned_on and "
                "observed_until, or tenure_months and churned"
            )
        form, present = (forms[0], given[0]) if given[0] else (forms[1], given[1])
        missing = [name for name in form if name not in present]
        if missing:
            raise ValueError(f"[deals] has {', '.join(present)} but lacks {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _check_units(self) -> Self:
        required_roles = {
            "churned_values": "churned",
            "tenure_unit": "tenure_months",
            "amount_per": "amount",
            "amount_scale": "amount",
        }
        for unit, role in required_roles.items():
            if getattr(self, unit) and getattr(self, role) is None:
                raise ValueError(f"[deals] {unit} needs {role}: add {role}, or remove {unit}")
        if (self.amount_per == "contract") != (self.contract_months is not None):
            raise ValueError(
                '[deals] amount_per = "contract" and contract_months need each other: '
                "contract_months is the number of months that the amount pays for. If contracts "
                "differ in length, add a column with the yearly value instead"
            )
        return self

    def columns(self) -> dict[str, str]:
        """Return the column of each role as a dict; dates and units are not columns."""
        given = self.model_dump(exclude=_NO_COLUMNS)
        roles = {role: name for role, name in given.items() if isinstance(name, str)}
        if self.currency is not None and not _CURRENCY_CODE.fullmatch(self.currency):
            roles["currency"] = self.currency
        return roles


class Label(Section):
    """What early churn means: leaving within `horizon_months` calendar months of closing."""

    section: ClassVar[str] = "label"

    horizon_months: Annotated[Count, Field(gt=0, le=_MAX_MONTHS)] = 5


class Attributes(Section):
    """Which columns are attributes, and what is known about them before learning.

    `increasing` and `decreasing` are attributes with which the risk never falls or never rises.
    `categorical` and `numeric` force the kind of an attribute. `parents` maps an attribute with
    many levels to a coarser attribute; rare levels are shrunk towards the rate of the coarser one.
    `missing` lists which of the words NA, N/A, n/a, None, null and NULL mean a missing value, for
    all columns or by column; by default this is decided from each column's values (NA next to EU
    and APAC is North America). Of `[history.*]` and `[events.*]`, only entries more than
    `known_before_days` days before closing are used.
    """

    section: ClassVar[str] = "attributes"

    exclude: Columns = ()
    include: Columns | None = None
    actionable: Columns = ()
    increasing: Columns = ()
    decreasing: Columns = ()
    categorical: Columns = ()
    numeric: Columns = ()
    parents: dict[Column, Column] = Field(default_factory=dict)
    missing: tuple[str, ...] | dict[Column, tuple[str, ...]] | None = None
    known_before_days: Annotated[Count, Field(ge=0, le=3660)] = 0

    @field_validator("missing", mode="after")
    @classmethod
    def _check_missing(cls, value: Any) -> Any:
        word_lists = value.values() if isinstance(value, dict) else [value or ()]
        unknown = sorted({word for words in word_lists for word in words} - UNCLEAR_WORDS)
        if unknown:
            raise ValueError(
                f"[attributes] missing knows {', '.join(sorted(UNCLEAR_WORDS))}, not "
                f"{', '.join(unknown)}: list other texts for missing values in [reading] empty"
            )
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _check_attributes(cls, value: Any, info: ValidationInfo) -> Any:
        if info.field_name in NO_NAMES:  # values are words or days, not columns
            return value
        if info.field_name == "include" and value == ():
            raise ValueError("[attributes] include is empty: add columns, or remove the key")
        problems = list(_not_attributes(info.field_name or "", value or (), info.data))
        if problems:
            raise ValueError("\n".join(problems))
        return value

    @field_validator("decreasing", "categorical", "numeric", mode="after")
    @classmethod
    def _check_contradictions(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        exclusive = {
            "decreasing": ("increasing",),
            "categorical": ("increasing", "decreasing"),
            "numeric": ("categorical",),
        }
        problems = [
            f"[attributes] '{name}' cannot be both {other} and {info.field_name}"
            for other in exclusive[info.field_name or ""]
            for name in value
            if name in info.data.get(other, ())
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return value

    @field_validator("parents", mode="after")
    @classmethod
    def _check_parents(cls, value: dict[str, str]) -> dict[str, str]:
        for start in value:
            name, seen = start, set[str]()
            while name in value and name not in seen:
                seen.add(name)
                name = value[name]
            if name == start:
                raise ValueError(f"[attributes] parents form a circle that contains '{start}'")
        return value


def _not_attributes(key: str, names: Any, known: dict[str, Any]) -> Iterable[str]:
    """Yield a problem for each name that is excluded, or is missing from `include`."""
    include = known.get("include")
    for name in dict.fromkeys([*names, *(names.values() if isinstance(names, dict) else ())]):
        if name in known.get("exclude", ()):
            yield f"[attributes] '{name}' is in exclude and in {key}: remove it from one of them"
        elif include is not None and name not in include:
            yield f"[attributes] '{name}' is in {key} but not in include: add it there"


class Words(Section):
    """How attributes, units and money are written for people; `money` is a number format.

    `labels` and `units` are written with attributes and their values. `prospect` holds a sentence
    per attribute that may be shown to a prospect, with "{value}" for the value. A prospect is given
    only these sentences as reasons why the product does not fit.
    """

    section: ClassVar[str] = "words"

    labels: dict[Column, str] = Field(default_factory=dict)
    units: dict[Column, str] = Field(default_factory=dict)
    money: str = PLAIN_MONEY
    prospect: dict[Column, str] = Field(default_factory=dict)

    @field_validator("money", mode="after")
    @classmethod
    def _check_money(cls, value: str) -> str:
        if not formats_money(value):
            raise ValueError(
                f"[words] money {shortened(value)} does not format a number; "
                'write for example "€ {:,.0f}"'
            )
        return value
