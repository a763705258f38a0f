"""Contract terms reduce the loss of an early churner and do not change the risk."""

from __future__ import annotations

import pytest

from fitmodel.decision.conditions import money_conditions
from fitmodel.decision.value import Money

MONEY = Money(0.8, 30, 3, 400, 900, 60, 0.12, word_of_mouth_cost="10%")


def test_every_condition_reduces_the_loss_and_keeps_the_value_of_a_stayer():
    result = money_conditions(MONEY, 20_000.0, 5)
    assert [condition.name for condition in result] == [
        "pilot",
        "shorter_term",
        "onboarding_bought",
        "paid_year",
        "pilot_and_onboarding",
    ]
    for condition in result:
        assert condition.money.value_if_leaves(20_000.0) > MONEY.value_if_leaves(20_000.0)
        assert condition.money.value_if_stays(20_000.0) >= MONEY.value_if_stays(20_000.0)


def test_the_effect_of_each_condition_on_an_early_churner_equals_a_hand_calculation():
    amount, now = 20_000.0, MONEY.value_if_leaves(20_000.0)
    gained = {
        condition.name: condition.money.value_if_leaves(amount) - now
        for condition in money_conditions(MONEY, amount, 5)
    }
    commission = 0.12 * amount * 7 / 12
    margin = 0.8 * amount * 2 / 12
    assert gained["shorter_term"] == pytest.approx(commission)
    assert gained["pilot"] == pytest.approx(commission + margin)
    assert gained["onboarding_bought"] == pytest.approx(900)
    assert gained["paid_year"] == pytest.approx(0.8 * amount * 9 / 12)
    assert gained["pilot_and_onboarding"] == pytest.approx(commission + margin + 900)


def test_terms_that_change_nothing_are_not_listed():
    paid = Money(0.8, 30, 3, paid_upfront_months=12)
    assert money_conditions(paid, 20_000.0, 5) == ()


def test_with_a_horizon_of_more_than_a_year_the_commission_rate_is_not_changed():
    (pilot, *_) = money_conditions(MONEY, 20_000.0, 18)
    assert pilot.money.commission_rate == MONEY.commission_rate
