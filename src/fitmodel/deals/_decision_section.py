"""The section [decision] of the deal contract: the policy, and the money of a deal."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from fitmodel.deals.plain_words import shortened
from fitmodel.deals.sections import Cost, Number, Section, Share
from fitmodel.tables.cells import read_share


class Decision(Section):
    """From probability to poor fit: the policy, and the money of a deal.

    `policy` left out is "risk": flagged from `odds_ratio` times the company's odds of early churn
    on. `capacity` is the share of prospects that can be flagged, `precision` the least share of
    flags that must be right. Costs are per deal, `support_cost_per_month` per month: an amount, or
    a share of the yearly contract value such as "8 %". `commission_rate` and `gross_margin` are
    shares of it. A poor fit from the yearly amount `big_deal` on is for a manager to decide; left
    out, it is the top tenth of the customers. Where assessments are logged, `explore_share` of the
    flagged prospects may proceed all the same, to learn from.
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
    def _amount_or_share(cls, value: Any, info: ValidationInfo) -> float | str:
        position, told = f"[decision] {info.field_name} must be", f"not {shortened(value)}"
        if isinstance(value, str) and read_share(value) is not None:
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            message = f'{position} an amount or a share such as "8 %", {told}'
            raise ValueError(message)  # noqa: TRY004 - pydantic collects ValueError only
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{position} at least 0 and finite, {told}")
        return float(value)

    @model_validator(mode="after")
    def _threshold_is_given(self) -> Self:
        if self.policy == "threshold" and self.threshold is None:
            raise ValueError('[decision] policy = "threshold" needs threshold, e.g. 0.3')
        return self
