"""Laws of the policies and the bands."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from fitmodel.decision.policy import Policy, fit_band
from fitmodel.decision.value import Money
from fitmodel.exceptions import SpecError

MONEY = Money(0.8, 30, 3, 400, 900, 60, 0.1)
INVERTED = Money(0.8, 30, 3, acquisition_cost=4000)  # a leaver loses less than a stayer
POLICIES = [
    Policy("value", 0.85, MONEY, "by value"),
    Policy("value", None, MONEY),
    Policy("value", 0.5, INVERTED),
    Policy("capacity", 0.4, MONEY),
    Policy("capacity", 0.4),
    Policy("precision", None),
    Policy("threshold", 0.3),
    Policy("risk", 0.2, MONEY, level=0.11, big_deal=2000),
    Policy("risk", 0.2, level=0.11, big_deal=2000),
    Policy("value", 0.85, MONEY, level=0.11, risk_threshold=0.2, big_deal=2000),
    Policy("value", 0.1, INVERTED, level=0.3, risk_threshold=0.5),
]
every_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda each: each.kind)

chances = st.floats(0.0, 1.0)
amounts = st.one_of(st.floats(0.0, 1e6), st.none(), st.just(math.nan), st.just(math.inf))


@pytest.mark.slow
@given(st.lists(st.tuples(chances, amounts), min_size=1, max_size=30))
def test_one_prospect_and_many_get_identical_results(deals):
    p = np.array([chance for chance, _ in deals])
    amount = np.array([math.nan if each is None else each for _, each in deals])
    for policy in POLICIES:
        note(str(policy))
        poor, worth, threshold = zip(*(policy.assess(*deal) for deal in deals), strict=True)
        assert list(poor) == policy.poor_fit(p, amount).tolist()
        assert np.array_equal(worth, policy.expected_value(p, amount), equal_nan=True)
        assert np.array_equal(threshold, policy.threshold_for(amount))


@every_policy
def test_one_prospect_gets_plain_python_values(policy):
    poor, worth, threshold = policy.assess(np.float64(0.9), np.float64(100.0))
    assert (type(poor), type(worth), type(threshold)) == (bool, float, float)


@pytest.mark.slow
@given(chances, chances, amounts)
def test_a_higher_probability_never_takes_a_flag_away(p, q, amount):
    low, high = sorted((p, q))
    for policy in POLICIES:
        note(str(policy))
        if policy.money is INVERTED and policy.threshold_for(amount) == 1.0:
            continue  # worth signing for any outcome: never flagged by either policy
        assert policy.assess(low, amount)[0] <= policy.assess(high, amount)[0]


@pytest.mark.slow
@given(st.lists(chances, min_size=2, max_size=20))
def test_scoring_in_chunks_gives_the_same_results(p):
    p = np.array(p)
    amount = np.linspace(0, 9000, len(p))
    for policy in POLICIES:
        note(str(policy))
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
    assert policy.expected_value(p, amount)[-1] > 0  # only a stayer has the acquisition cost
    assert policy.poor_fit(p, amount).all()
    assert policy.threshold_for(amount).tolist() == [0.0, 0.0, 0.0]


def test_a_deal_without_an_amount_is_compared_with_the_common_threshold():
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


def test_other_policies_return_the_value_if_money_is_known():
    policy = Policy("capacity", 0.4, MONEY)
    assert policy.assess(0.1, 3000.0)[1] == MONEY.expected_value(0.1, 3000.0)


def test_a_missing_probability_is_not_flagged_and_has_no_value():
    poor, worth, _ = Policy("value", 0.5, MONEY).assess(math.nan, 3000.0)
    assert not poor
    assert math.isnan(worth)


@every_policy
def test_a_policy_is_written_and_read_back_as_json(policy):
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
def test_bands_of_one_and_of_many_without_a_level(prospect, band):
    poor, *others = prospect
    assert fit_band(*prospect) == band
    assert fit_band(np.bool_(poor), *others) == band
    many = fit_band(*(np.array([each] * 2) for each in prospect))
    assert many.tolist() == [band, band]


def test_one_threshold_applies_to_many_bands():
    bands = fit_band(
        np.array([True, False]), np.array([0.6, 0.1]), np.array([0.9, 0.2]), 0.5, unfamiliar=False
    )
    assert bands.tolist() == ["poor", "good"]


@pytest.mark.parametrize(
    ("prospect", "band"),
    [
        ((True, 0.0, 0.1, 0.2, False, 0.05), "poor"),
        ((False, 0.05, 0.11, 0.2, False, 0.11), "good"),
        ((False, 0.05, 0.15, 0.2, False, 0.111), "watch"),
        ((False, 0.05, 0.25, 0.2, False, 0.1), "watch"),
        ((False, 0.05, 0.1, 0.2, True, 0.08), "watch"),
        ((False, math.nan, math.nan, 0.2, False, 0.08), "good"),
        ((False, math.nan, math.nan, 0.2, False, math.nan), "watch"),
        ((False, 0.9, 1.0, math.inf, False, 0.97), "watch"),
    ],
)
def test_above_the_companys_level_no_prospect_is_a_good_fit(prospect, band):
    poor, low, high, threshold, unfamiliar, probability = prospect
    assert fit_band(poor, low, high, threshold, unfamiliar, probability, 0.11) == band
    many = fit_band(*(np.array([each] * 2) for each in prospect), level=0.11)
    assert many.tolist() == [band, band]


@given(
    st.lists(st.tuples(chances, chances, chances, amounts, st.booleans()), min_size=1, max_size=20),
    st.booleans(),
)
def test_one_prospect_and_many_get_identical_verdicts(deals, has_interval):
    ordered = [(*sorted(deal[:3]), *deal[3:]) for deal in deals]
    if not has_interval:
        ordered = [(math.nan, p, math.nan, *rest) for _, p, _, *rest in ordered]
    for policy in POLICIES:
        note(str(policy))
        one = [
            policy.verdict(p, low, high, amount, unfamiliar=unusual)
            for low, p, high, amount, unusual in ordered
        ]
        low, p, high = (np.array([deal[number] for deal in ordered]) for number in range(3))
        amount = np.array([math.nan if deal[3] is None else deal[3] for deal in ordered])
        many = policy.verdicts(p, low, high, amount, np.array([deal[4] for deal in ordered]))
        for name in many._fields:
            singles = [getattr(verdict, name) for verdict in one]
            result = getattr(many, name).tolist()
            equal_nan = name.startswith("expected")
            assert np.array_equal(singles, result, equal_nan=equal_nan), name


@given(chances, chances, chances, amounts, st.booleans())
def test_a_verdict_satisfies_its_laws(a, b, c, amount, unusual):
    low, p, high = sorted((a, b, c))
    for policy in POLICIES:
        note(str(policy))
        result = policy.verdict(p, low, high, amount, unfamiliar=unusual)
        assert (result.fit == "poor") == result.poor_fit
        assert result.fit != "good" or policy.level is None or p <= policy.level
        assert not result.escalate or (result.poor_fit and amount >= policy.big_deal)
        assert (result.worth == "") == math.isnan(result.expected_value)
        if result.worth:
            slack = 1e-9 * (abs(result.expected_value_low) + abs(result.expected_value_high) + 1)
            assert result.expected_value_low - slack <= result.expected_value
            assert result.expected_value <= result.expected_value_high + slack
        if policy.risk_threshold is not None and p >= policy.risk_threshold:
            assert result.poor_fit
            assert result.fit == "poor"


@given(chances, chances, chances, st.floats(1.0, 1e6), st.floats(1.0, 1e6), st.booleans())
def test_money_never_changes_the_fit_under_risk(a, b, c, amount, other, unusual):
    low, p, high = sorted((a, b, c))
    policy, bare = (Policy("risk", 0.2, money, level=0.11) for money in (MONEY, None))
    fits = {
        each.verdict(p, low, high, value, unfamiliar=unusual)[:2]
        for each in (policy, bare)
        for value in (amount, other, None)
    }
    assert len(fits) == 1


@pytest.mark.parametrize(
    ("interval", "amount", "worth"),
    [
        ((0.01, 0.02, 0.03), 3000.0, "gains"),
        ((0.2, 0.8, 0.99), 3000.0, "unclear"),
        ((0.95, 0.97, 0.99), 1200.0, "loses"),
        ((0.01, 0.02, 0.03), 500.0, "loses"),  # loses money even if the customer stays
        ((0.01, 0.02, 0.03), None, ""),
        ((math.nan, 0.02, math.nan), 3000.0, "gains"),
    ],
)
def test_the_worth_depends_on_interval_and_amount(interval, amount, worth):
    low, p, high = interval
    policy = Policy("risk", 0.2, MONEY, level=0.11)
    assert policy.verdict(p, low, high, amount, unfamiliar=False).worth == worth


def test_an_older_policy_without_a_level_gives_the_same_results():
    old = Policy.from_dict({"kind": "capacity", "threshold": 0.4, "money": None, "description": ""})
    assert old.verdict(0.3, 0.25, 0.35, 1e6, unfamiliar=False)[:2] == (False, "good")
    assert not old.verdict(0.9, 0.8, 0.95, 1e9, unfamiliar=False).escalate


@pytest.mark.parametrize("values", [{"level": 1.2}, {"risk_threshold": -0.1}, {"big_deal": 0}])
def test_a_number_out_of_range_is_refused_with_its_name(values):
    (name,) = values
    with pytest.raises(SpecError, match=name):
        Policy("risk", 0.3, **values)


@pytest.mark.parametrize("policy", [each for each in POLICIES if each.kind != "value"],
                         ids=lambda each: each.kind)  # fmt: skip
@pytest.mark.parametrize("amount", [None, 3000.0])
def test_a_probability_equal_to_the_threshold_is_flagged(policy, amount):
    at = policy.assess(0.5, amount)[2]
    if math.isfinite(at):
        assert policy.assess(at, amount)[0]
        assert not policy.assess(math.nextafter(at, 0.0), amount)[0]
        amounts = None if amount is None else np.array([amount, amount])
        assert policy.poor_fit(np.array([at, np.nextafter(at, 0)]), amounts).tolist() == [
            True, False,
        ]  # fmt: skip
    else:
        assert not policy.assess(1.0, amount)[0]
