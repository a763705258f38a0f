"""Laws of the policies and the bands."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.decision.policy import Policy, fit_band
from fitmodel.decision.value import Money
from fitmodel.exceptions import SpecError

MONEY = Money(0.8, 30, 3, 400, 900, 60, 0.1)
INVERTED = Money(0.8, 30, 3, acquisition_cost=4000)  # a leaver is cheaper than a stayer
POLICIES = [
    Policy("value", 0.85, MONEY, "by value"),
    Policy("value", None, MONEY),
    Policy("value", 0.5, INVERTED),
    Policy("capacity", 0.4, MONEY),
    Policy("capacity", 0.4),
    Policy("precision", None),
    Policy("threshold", 0.3),
]
every_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda each: each.kind)

chances = st.floats(0.0, 1.0)
amounts = st.one_of(st.floats(0.0, 1e6), st.none(), st.just(math.nan), st.just(math.inf))


@pytest.mark.slow
@every_policy
@given(st.lists(st.tuples(chances, amounts), min_size=1, max_size=30))
def test_one_prospect_and_many_are_judged_alike_to_the_bit(policy, deals):
    p = np.array([chance for chance, _ in deals])
    amount = np.array([math.nan if each is None else each for _, each in deals])
    poor, worth, threshold = zip(*(policy.assess(*deal) for deal in deals), strict=True)
    assert list(poor) == policy.poor_fit(p, amount).tolist()
    assert np.array_equal(worth, policy.expected_value(p, amount), equal_nan=True)
    assert np.array_equal(threshold, policy.threshold_for(amount))


@every_policy
def test_one_prospect_gets_plain_python_values(policy):
    poor, worth, threshold = policy.assess(np.float64(0.9), np.float64(100.0))
    assert (type(poor), type(worth), type(threshold)) == (bool, float, float)


@pytest.mark.slow
@every_policy
@given(chances, chances, amounts)
def test_a_higher_probability_never_takes_a_flag_away(policy, p, q, amount):
    low, high = sorted((p, q))
    if policy.money is INVERTED and policy.threshold_for(amount) == 1.0:
        return  # worth signing whatever happens: never flagged, at either
    assert policy.assess(low, amount)[0] <= policy.assess(high, amount)[0]


@pytest.mark.slow
@every_policy
@given(st.lists(chances, min_size=2, max_size=20))
def test_scoring_in_chunks_changes_nothing(policy, p):
    p = np.array(p)
    amount = np.linspace(0, 9000, len(p))
    parts = [policy.poor_fit(p[i : i + 1], amount[i : i + 1]) for i in range(len(p))]
    assert np.concatenate(parts).tolist() == policy.poor_fit(p, amount).tolist()


def test_value_flags_exactly_the_deals_not_worth_signing():
    p = np.linspace(0, 1, 101)
    amount = np.full(101, 3000.0)
    policy = Policy("value", 0.5, MONEY)
    assert (policy.poor_fit(p, amount) == (policy.expected_value(p, amount) < 0)).all()
    limit = policy.threshold_for(amount)
    assert (policy.poor_fit(p, amount) == (p > limit)).all()


def test_a_deal_that_loses_money_even_if_the_customer_stays_is_flagged_at_any_probability():
    policy = Policy("value", 0.5, INVERTED)
    p = np.array([0.0, 0.5, 1.0])
    amount = np.full(3, 1000.0)
    assert policy.expected_value(p, amount)[-1] > 0  # the acquisition cost is the stayer's alone
    assert policy.poor_fit(p, amount).all()
    assert policy.threshold_for(amount).tolist() == [0.0, 0.0, 0.0]


def test_a_deal_without_an_amount_is_judged_by_the_common_threshold():
    policy = Policy("value", 0.6, MONEY)
    assert policy.poor_fit(np.array([0.59, 0.6]), np.array([np.nan, np.nan])).tolist() == [
        False,
        True,
    ]
    assert policy.poor_fit(np.array([0.59, 0.6])).tolist() == [False, True]
    assert np.isnan(policy.expected_value(np.array([0.59, 0.6]))).all()


def test_without_a_threshold_nothing_is_flagged():
    policy = Policy("precision", None)
    assert not policy.poor_fit(np.array([0.0, 1.0])).any()
    assert policy.assess(1.0)[2] == math.inf


def test_other_policies_still_tell_the_value_where_money_is_known():
    policy = Policy("capacity", 0.4, MONEY)
    assert policy.assess(0.1, 3000.0)[1] == MONEY.expected_value(0.1, 3000.0)


def test_a_missing_probability_is_not_flagged_and_has_no_value():
    poor, worth, _ = Policy("value", 0.5, MONEY).assess(math.nan, 3000.0)
    assert not poor
    assert math.isnan(worth)


@every_policy
def test_a_policy_survives_json(policy):
    text = json.dumps(policy.to_dict(), allow_nan=False)
    assert Policy.from_dict(json.loads(text)) == policy


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "profit"}, "policy is 'profit': choose one of value, capacity"),
        ({"kind": "value", "threshold": 0.5}, "'value' needs gross_margin"),
        ({"kind": "threshold", "threshold": 1.5}, "threshold is 1.5: give a probability"),
        ({"kind": "threshold", "threshold": math.nan}, "threshold is nan"),
    ],
)
def test_an_impossible_policy_is_refused(values, message):
    with pytest.raises(SpecError, match=message):
        Policy(**values)


@pytest.mark.parametrize(
    ("prospect", "band"),
    [
        ((True, 0.6, 0.9, 0.5, False), "poor"),
        ((True, 0.4, 0.9, 0.5, True), "poor"),
        ((False, 0.4, 0.6, 0.5, False), "watch"),
        ((False, 0.4, 0.5, 0.5, False), "watch"),
        ((False, 0.1, 0.2, 0.5, True), "watch"),
        ((False, 0.1, 0.2, 0.5, False), "good"),
        ((False, 0.9, 1.0, math.inf, False), "good"),
    ],
)
def test_bands_of_one_and_of_many(prospect, band):
    poor, *others = prospect
    assert fit_band(*prospect) == band
    assert fit_band(np.bool_(poor), *others) == band
    many = fit_band(*(np.array([each] * 2) for each in prospect))
    assert many.tolist() == [band, band]


def test_one_threshold_serves_many_bands():
    bands = fit_band(
        np.array([True, False]), np.array([0.6, 0.1]), np.array([0.9, 0.2]), 0.5, unfamiliar=False
    )
    assert bands.tolist() == ["poor", "good"]
