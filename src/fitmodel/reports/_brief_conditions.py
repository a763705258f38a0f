"""Conditions under which a poor fit could be signed, each with its probability and its value.

changes of attributes that remove the flag, terms of the contract -> probability, value, worth
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.decision.conditions import money_conditions
from fitmodel.decision.policy import Policy
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fitmodel.decision.conditions import Condition
    from fitmodel.decision.policy import FitBand, Worth
    from fitmodel.model.assessment import Assessment
    from fitmodel.model.counterfactuals import Counterfactual
    from fitmodel.model.fitmodel import FitModel


@dataclass(frozen=True)
class BriefCondition:
    """One condition under which a flagged prospect could be signed.

    `expected_value`, `expected_value_low`, `expected_value_high`: expected value of signing under
        the condition, with its interval; NaN where the money is not known.
    `worth`, {"gains", "loses", "unclear", ""}: "gains" if the interval of the value is above 0,
        "loses" if it is below 0 or the deal loses money even if the customer stays, else "unclear";
        "" without money.
    `is_term`: whether the condition is a term of the contract, which does not change the
        probability.
    """

    words: str
    early_churn_probability: float
    fit: FitBand
    expected_value: float
    expected_value_low: float
    expected_value_high: float
    worth: Worth
    is_term: bool


def brief_conditions(
    model: FitModel, assessment: Assessment, changes: Iterable[Counterfactual], amount: float | None
) -> tuple[BriefCondition, ...]:
    """Return the conditions for a flagged prospect; empty for other prospects.

    `changes`: changes that remove the flag, from `find_counterfactuals`.
    `amount`: yearly contract value.
    """
    if not assessment.poor_fit:
        return ()
    language = (
        assessment.wording.language
    )  # a counterfactual is assessed in the model's own language
    changed = (_condition_of_change(change, language) for change in changes)
    return (*changed, *_term_conditions(model, assessment, amount))


def _condition_of_change(change: Counterfactual, language: str) -> BriefCondition:
    after = change.assessment
    return BriefCondition(
        change.in_words(language),
        after.early_churn_probability,
        after.fit,
        after.expected_value,
        after.expected_value_low,
        after.expected_value_high,
        after.worth,
        is_term=False,
    )


def _term_conditions(
    model: FitModel, assessment: Assessment, amount: float | None
) -> Iterator[BriefCondition]:
    money, months = model.scorer.policy.money, assessment.wording.horizon_months
    if money is None or amount is None or not math.isfinite(amount) or months is None:
        return
    for condition in money_conditions(money, amount, months):
        yield _term_condition(condition, assessment, amount, months)


def _term_condition(
    condition: Condition, assessment: Assessment, amount: float, months: int
) -> BriefCondition:
    """Return a condition on a contract term, which changes only the money, not the probability."""
    verdict = Policy("value", money=condition.money).verdict(
        assessment.early_churn_probability,
        assessment.probability_low,
        assessment.probability_high,
        amount,
        unfamiliar=assessment.unfamiliar,
    )
    say = phrases(assessment.wording.language, "brief")
    return BriefCondition(
        say(f"term_{condition.name}", months=months),
        assessment.early_churn_probability,
        assessment.fit,
        verdict.expected_value,
        verdict.expected_value_low,
        verdict.expected_value_high,
        verdict.worth,
        is_term=True,
    )
