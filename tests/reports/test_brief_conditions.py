"""Conditions exist only for flagged prospects; contract terms change only the money."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from fitmodel.decision.conditions import money_conditions
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.language.catalogue import phrases
from fitmodel.model.assessment import Assessment
from fitmodel.model.wording import Wording
from fitmodel.reports._brief_conditions import brief_conditions

MONEY = Money(
    gross_margin=0.8, expected_lifetime_months=36.0, months_until_early_churn=2.5,
    acquisition_cost=1000.0, onboarding_cost=2000.0, support_cost_per_month=100.0,
    commission_rate=0.1,
)  # fmt: skip
AMOUNT = 6000.0


def assessment_of(p=0.6, *, poor_fit=True, language="en", months=5, **changes):
    wording = Wording(horizon_months=months, language=language)
    values = {"fit": "poor", "expected_value": -500.0, "worth": "loses"} | changes
    return Assessment(
        p, p - 0.1, p + 0.1, poor_fit, unfamiliar=False, reasons=(), model_version="v",
        wording=wording, **values,
    )  # fmt: skip


def model_with(money=MONEY):
    policy = Policy("risk", 0.3) if money is None else Policy("value", money=money)
    return SimpleNamespace(scorer=SimpleNamespace(policy=policy))


class Change:
    """A change of the onboarding that makes the prospect a good fit."""

    assessment = assessment_of(0.2, poor_fit=False, fit="good", expected_value=900.0, worth="gains")

    def in_words(self, language):
        return f"with onboarding ({language})"


def conditions(assessment=None, changes=(), amount=AMOUNT, money=MONEY):
    given = assessment_of() if assessment is None else assessment
    return brief_conditions(model_with(money), given, changes, amount)


def test_an_unflagged_prospect_has_no_conditions() -> None:
    assert conditions(assessment_of(poor_fit=False), [Change()]) == ()
    assert conditions() != ()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_changes_are_listed_first_in_the_language_with_their_effects(language) -> None:
    first, *terms = conditions(assessment_of(language=language), [Change()])

    assert first.words == f"with onboarding ({language})"
    assert (first.early_churn_probability, first.fit, first.worth) == (0.2, "good", "gains")
    assert first.expected_value == 900.0
    assert not first.is_term
    assert all(term.is_term for term in terms)


def test_a_term_keeps_the_probability_and_changes_the_value() -> None:
    terms = conditions()
    listed = money_conditions(MONEY, AMOUNT, 5)
    say = phrases("en", "brief")

    assert [term.words for term in terms] == [
        say(f"term_{condition.name}", months=5) for condition in listed
    ]
    for term, condition in zip(terms, listed, strict=True):
        assert (term.early_churn_probability, term.fit) == (0.6, "poor")
        value, low, high = (
            float(condition.money.expected_value(p, AMOUNT)) for p in (0.6, 0.7, 0.5)
        )
        assert term.expected_value == pytest.approx(value)
        assert term.expected_value_low == pytest.approx(low)
        assert term.expected_value_high == pytest.approx(high)
        assert term.expected_value > float(MONEY.expected_value(0.6, AMOUNT))


@pytest.mark.parametrize("amount", [None, math.nan, math.inf])
def test_without_an_amount_only_changes_are_listed(amount) -> None:
    assert [each.is_term for each in conditions(changes=[Change()], amount=amount)] == [False]


def test_without_money_or_a_horizon_there_are_no_terms() -> None:
    assert conditions(money=None) == ()
    assert conditions(assessment_of(months=None)) == ()
