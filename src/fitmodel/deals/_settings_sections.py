"""Sections of the contract with settings: decision, learning, checks, reading and rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from fitmodel.checks.registry import all_codes
from fitmodel.deals._sections import Column, Columns, Cost, Count, Number, Positive, Section, Share
from fitmodel.deals.plain_words import shortened, suggestion
from fitmodel.deals.vocabulary import plain_value
from fitmodel.tables.cells import read_share
from fitmodel.tables.forms import Forms, forms_from_dict

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_GAP_DAYS = 3660


class Decision(Section):
    """How a probability becomes a poor fit: the decision policy, and the money of a deal.

    The default `policy` is "risk": a prospect is flagged from `odds_ratio` times the company's odds
    of early churn on. `capacity` is the share of prospects that can be flagged, `precision` the
    minimum share of flags that must be right. Costs are per deal, `support_cost_per_month` per
    month; each is an amount, or a share of the yearly contract value such as "8%".
    `commission_rate` and `gross_margin` are shares of the yearly contract value. If a poor fit has
    a yearly amount of at least `big_deal`, a manager decides; the default is the amount that a
    tenth of the customers reach. If assessments are logged, `explore_share` of the flagged
    prospects may proceed, so that the next model can learn from them.
    """

    section: ClassVar[str] = "decision"

    policy: Literal["value", "capacity", "precision", "threshold", "risk"] | None = None
    odds_ratio: Annotated[Number, Field(ge=1)] = 2.0
    capacity: Share = 0.10
    precision: Share = 0.5
    threshold: Annotated[Number, Field(ge=0, le=1)] | None = None
    big_deal: Annotated[Number, Field(gt=0)] | None = None
    gross_margin: Share | None = None
    expected_lifetime_months: Annotated[Number, Field(gt=0)] | None = None
    paid_upfront_months: Cost = 0.0
    acquisition_cost: float | str = 0.0
    onboarding_cost: float | str = 0.0
    support_cost_per_month: float | str = 0.0
    word_of_mouth_cost: float | str = 0.0
    opportunity_cost: float | str = 0.0
    commission_rate: Annotated[Cost, Field(le=1)] = 0.0
    explore_share: Annotated[Number, Field(ge=0, lt=1)] = 0.0

    @field_validator(
        "acquisition_cost",
        "onboarding_cost",
        "support_cost_per_month",
        "word_of_mouth_cost",
        "opportunity_cost",
        mode="plain",
    )
    @classmethod
    def _read_cost(cls, value: Any, info: ValidationInfo) -> float | str:
        prefix, suffix = f"[decision] {info.field_name} must be", f"not {shortened(value)}"
        if isinstance(value, str) and read_share(value) is not None:
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            message = f'{prefix} an amount or a share such as "8%", {suffix}'
            raise ValueError(message)  # noqa: TRY004 - pydantic collects ValueError only
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{prefix} at least 0 and finite, {suffix}")
        return float(value)

    @model_validator(mode="after")
    def _check_threshold(self) -> Self:
        if self.policy == "threshold" and self.threshold is None:
            raise ValueError('[decision] policy = "threshold" needs threshold, e.g. 0.3')
        return self


class Learning(Section):
    """Settings of the learner: seed, components, candidates and limits.

    `components` are the candidates for the weighted sum; "logistic" is always in it. `penalties` of
    the ridge regression and `shares` of a second component are chosen by cross-validation with
    `folds` folds. `pairs` is the maximum number of pairs of attributes that boosting may choose.
    `bends` allows the effect of a number in the ridge regression to change its direction. `changes`
    predicts a group of customers whose early churn changed lately at its present level.
    `replicates` is the number of bootstrap refits for the interval. After `time_budget_seconds` no
    further component is tried. With more than `effect_deals` deals, effects are learned from a
    stratified sample of that size, and the level from all deals. `prior` is the folder of another
    model, or of several pooled models: contributions are shrunk towards those of that model, as far
    as the deals agree with it. `expect` names levels that an expert expects to be "riskier" or
    "safer".
    """

    section: ClassVar[str] = "learning"

    seed: Annotated[Count, Field(ge=0, lt=2**32)] = 0
    threads: Annotated[Count, Field(ge=1)] = 1
    components: Columns = ("logistic", "boosted")
    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = (
        0.3, 1.0, 3.0, 10.0, 30.0, 100.0,
    )  # fmt: skip
    shares: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.25, 0.5, 0.75, 1.0)
    pairs: Annotated[Count, Field(ge=0, le=50)] = 5
    folds: Annotated[Count, Field(ge=2, le=20)] = 4
    bends: bool = True
    changes: bool = True
    replicates: Annotated[Count, Field(ge=3, le=200)] = 12
    time_budget_seconds: Positive | None = None
    effect_deals: Annotated[Count, Field(ge=2_000)] = 20_000
    prior: Annotated[str, Field(min_length=1)] | None = None
    expect: dict[Column, Literal["riskier", "safer"]] = Field(default_factory=dict)
    _parent: Any = PrivateAttr(default=None)

    @field_validator("components", mode="after")
    @classmethod
    def _check_components(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "logistic" not in value:
            raise ValueError('[learning] components needs "logistic": it gives the soft labels')
        return tuple(dict.fromkeys(value))

    @property
    def parent(self) -> Any:
        """Contributions of the model in `prior`; None before that model is read."""
        return self._parent

    def with_parent(self, parent: Any) -> Self:
        """Return a copy of the section with the contributions of the model in `prior`."""
        copied = self.model_copy()
        copied._parent = parent  # noqa: SLF001 - an object of the same class
        return copied


class Checks(Section):
    """Which checks are silenced, and why.

    `ignore` maps a code, or ``"code:column"``, to the reason. Checks of the rows and of the outcome
    cannot be silenced. Leakage can only be silenced for a named column.
    """

    section: ClassVar[str] = "checks"

    ignore: dict[Column, str] = Field(default_factory=dict)

    @field_validator("ignore", mode="after")
    @classmethod
    def _check_ignored(cls, value: dict[str, str]) -> dict[str, str]:
        problems = [text for key, reason in value.items() if (text := _problem(key, reason))]
        if problems:
            raise ValueError("\n".join(problems))
        return value

    def reason_for(self, code: str, column: str = "") -> str:
        """Return why a check is silenced for a column; "" if it is not silenced."""
        return self.ignore.get(f"{code}:{column}", self.ignore.get(code, ""))


def _problem(key: str, reason: str) -> str | None:
    """Return what is wrong with one entry of `ignore`; None if nothing is."""
    number, _, column = key.partition(":")
    code = all_codes().get(number)
    if code is None:
        by_name = {each.name: each.code for each in all_codes().values()}
        hint = suggestion(by_name.get(number, number), all_codes(), "{}")
        return f"[checks] ignore has {shortened(key)}, which is not a code of a check; {hint}"
    if code.ignore == "no":
        return f"[checks] ignore cannot silence {number} ({code.name}). Remedy: {code.do}"
    if code.ignore == "column" and not column:
        return (
            f"[checks] ignore can silence {number} ({code.name}) for a named column only: write "
            f'"{number}:COLUMN" = "reason"'
        )
    if not reason.strip():
        return f"[checks] ignore {shortened(key)} has no reason: write why it may be silenced"
    return None


class Reading(Section):
    """How values are written in the table, for forms that a single value does not show.

    Training detects them and keeps them with the model; they are needed in the contract only if
    `fitmodel check` asks. `dates` gives the order of a column's dates ("day first", "month first",
    ...), `numbers` how it writes one thousand two hundred thirty-four and a half ("1,234.5" or
    "1.234,5"), `units` the unit of its numbers (a currency code, "%", a word), and `empty` the
    texts that mean a missing value. `sheet` is the name of the sheet of an Excel workbook.
    """

    section: ClassVar[str] = "reading"

    dates: dict[Column, str] = Field(default_factory=dict)
    numbers: dict[Column, str] = Field(default_factory=dict)
    units: dict[Column, Column] = Field(default_factory=dict)
    empty: dict[Column, tuple[str, ...]] = Field(default_factory=dict)
    sheet: Column | None = None

    @model_validator(mode="after")
    def _check_forms(self) -> Self:
        try:
            self.forms  # noqa: B018 - raises an error if a form is unknown
        except ValueError as error:
            raise ValueError(f"[reading] {error}") from None
        return self

    @property
    def forms(self) -> Forms:
        """The forms of the columns as one object."""
        return forms_from_dict(self.model_dump(exclude={"sheet"}))


LeftWithoutDate = Literal["drop", "observed_until", "unknown"]


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
    `unobserved = "drop"` leaves out deals signed after `observed_until` and customers who left
    before `observed_from`; without it they are an error. `one_row_per` and `acknowledged` answer
    questions that `fitmodel check` repeats.
    """

    section: ClassVar[str] = "rows"

    keep: dict[Column, Values] = Field(default_factory=dict)
    drop: dict[Column, Values] = Field(default_factory=dict)
    customer: Column | None = None
    gap_days: Annotated[Count, Field(ge=0, le=_MAX_GAP_DAYS)] = 30
    one_row_per: Literal["deal"] | None = None
    left_without_date: LeftWithoutDate | None = None
    trial_end: Column | None = None
    unobserved: Literal["drop"] | None = None
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
        names = {each: each.partition(":")[0] for each in value}
        problems = [
            f"[rows] acknowledged has {shortened(each)}, which is not a question of "
            f"`fitmodel check`; {suggestion(known.get(name, name), known.values())}"
            for each, name in names.items()
            if name not in known.values()
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
    >>> from fitmodel.deals._settings_sections import questions
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
