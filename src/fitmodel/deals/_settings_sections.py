"""Sections of the contract with settings: decision, learning, checks, tracking and reading."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from fitmodel.checks.registry import all_codes
from fitmodel.deals._sections import Column, Columns, Cost, Count, Number, Positive, Section, Share
from fitmodel.deals.plain_words import shortened, suggestion
from fitmodel.tables.cells import read_share
from fitmodel.tables.forms import Forms, forms_from_dict


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
    `bends` allows the effect of a number in the ridge regression to change its direction.
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


_FOLDER_NAME = re.compile(r"[^/\\:\x00-\x1f]+")


def holds_password(uri: str) -> bool:
    """Return whether a URI holds a password or, for a server, a user name (often a token)."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # not a URI; MLflow reports that later
        return "@" in uri
    user = parts.username if parts.scheme in {"http", "https"} else None
    return bool(user or parts.password or "password=" in parts.query.lower())


class Tracking(Section):
    """Where MLflow stores runs and models.

    Without `uri` it is the environment variable MLFLOW_TRACKING_URI or, if that is not set,
    sqlite:///mlflow.db. `uri` must not hold a password, since the contract is stored in every
    bundle and shown in every run.
    """

    section: ClassVar[str] = "tracking"

    uri: Column | None = None
    experiment: Column = "prospect-fit"
    registered_model: Column = "prospect-fit"

    @field_validator("uri", mode="after")
    @classmethod
    def _names_no_password(cls, value: str | None) -> str | None:
        if value is not None and holds_password(value):
            raise ValueError(
                "[tracking] uri holds a password, and the contract is shown in every run and "
                "stored in every bundle: remove uri and set MLFLOW_TRACKING_URI, or for a server "
                "remove user and password from it and set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD"
            )
        return value

    @field_validator("registered_model", mode="after")
    @classmethod
    def _check_folder_name(cls, value: str) -> str:
        if not _FOLDER_NAME.fullmatch(value) or value.strip(". ") != value:
            raise ValueError(
                f"[tracking] registered_model {shortened(value)} also names the bundle's folder: "
                "no slashes, colons or control characters, no dot or space at either end"
            )
        return value


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
