"""The value of signing with each customer's own lifetime instead of one common lifetime."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fitmodel.decision.conditions import describe_own_months, money_lines
from fitmodel.decision.own_months import KNOTS, LONGEST, OwnMonths
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.exceptions import SpecError
from fitmodel.learning.churn_curve import ChurnCurve

ONE = Money(0.8, 24.0, 3.0, 400.0, 900.0, 60.0, 0.1)
TABLE = OwnMonths((0.0, 0.2, 1.0), (40.0, 24.0, 8.0), (4.0, 3.0, 1.0))
LONGER = replace(TABLE, stays_longest=(120.0, 60.0, 8.0))
OWN = replace(ONE, own_months=TABLE)
P = np.array([0.0, 0.01, 0.1, 0.2, 0.35, 0.7, 1.0])
AMOUNT = np.array([500.0, 3_000.0, 12_000.0, 12_000.0, 40_000.0, 900.0, np.nan])


def curve() -> ChurnCurve:
    months = np.arange(1, 31)
    shift = np.where(months == 5, 0.0, np.log(months / 5))
    zero = np.zeros(30)
    return ChurnCurve(5, np.ones(30), shift[None, :], zero, zero, -1.5, 0.03)


def test_a_riskier_customer_who_survives_the_horizon_stays_shorter():
    own = OwnMonths.of(curve())
    assert own.probability == KNOTS
    assert (np.diff(own.stays) <= 0).all()
    assert own.stays[1] > own.stays[-2] + 5
    assert all(0 <= months <= 5 for months in own.leaves)


def test_at_a_knot_the_table_equals_the_curve():
    stays, leaves = curve().expected_lifetimes(np.array([0.2]))
    assert OwnMonths.of(curve()).of_one(0.2) == pytest.approx((stays[0], leaves[0]))


@pytest.mark.parametrize("table", [TABLE, OwnMonths((0.0, 1.0), (30.0, 6.0), (5.0, 1.0))])
def test_months_are_interpolated_linearly_between_knots(table):
    stays, leaves = table.of_many(P)
    assert stays == pytest.approx(np.interp(P, table.probability, table.stays))
    assert leaves == pytest.approx(np.interp(P, table.probability, table.leaves))


def test_without_a_tail_rate_there_is_no_table():
    assert OwnMonths.of(replace(curve(), monthly_rate=np.nan)) is None


@pytest.mark.parametrize("money", [OWN, replace(ONE, own_months=LONGER)])
def test_one_prospect_and_many_get_identical_money(money):
    policy = Policy("value", 0.4, money, level=0.2, risk_threshold=0.9, big_deal=10_000)
    low, high, unusual = P * 0.5, 0.5 + P * 0.5, P > 2
    many = policy.verdicts(P, low, high, AMOUNT, unusual)
    for position, p in enumerate(P):
        amount = float(AMOUNT[position])
        one = policy.verdict(float(p), low[position], high[position], amount, unfamiliar=False)
        for name in one._fields:
            given = getattr(many, name)[position]
            assert getattr(one, name) == given or (np.isnan(given) and np.isnan(one.expected_value))


def test_the_longest_lifetimes_are_at_least_the_careful_ones_and_limited():
    before = np.full(len(KNOTS), LONGEST)
    for rate in (0.0, 0.01, 0.02, 0.03):  # the last one is the upper limit too
        own = OwnMonths.of(replace(curve(), lowest_rate=rate))
        longest = np.array(own.stays_longest)
        assert (longest >= own.stays).all()
        assert (longest <= before).all()
        assert (np.diff(longest) <= 0).all(), "a riskier customer stays shorter"
        assert own.longest.stays == own.stays_longest
        before = longest
    assert longest[-3:] == pytest.approx(own.stays[-3:])
    assert longest[1] > own.stays[1], "the customer's own hazard is lower than the company's"
    assert OwnMonths.of(curve()).stays_longest == ()  # nothing is known of the rate
    assert TABLE.longest is TABLE


@pytest.mark.parametrize(
    ("amount", "careful", "worth"),
    [(150.0, "loses", "loses"), (350.0, "loses", "unclear"), (4_000.0, "gains", "gains")],
)
def test_a_deal_loses_only_if_it_also_does_with_the_longest_lifetime(amount, careful, worth):
    """A lifetime that is estimated on the careful side makes too many deals losses."""
    ends = (0.05, 0.02, 0.1)
    one, both = (
        Policy("risk", 0.5, replace(ONE, own_months=own)).verdict(*ends, amount, unfamiliar=False)
        for own in (TABLE, LONGER)
    )
    assert (one.worth, both.worth) == (careful, worth)
    assert (both.expected_value, both.expected_value_low) == (
        one.expected_value,
        one.expected_value_low,
    )
    assert both.expected_value_high > one.expected_value_high


def test_at_the_common_months_the_value_equals_that_of_one_lifetime():
    assert OWN.expected_value(0.2, 12_000.0) == pytest.approx(ONE.expected_value(0.2, 12_000.0))
    assert OWN.expected_value(0.02, 12_000.0) > ONE.expected_value(0.02, 12_000.0)
    assert OWN.expected_value(0.6, 12_000.0) < ONE.expected_value(0.6, 12_000.0)


def test_a_deal_is_flagged_above_its_own_break_even():
    policy = Policy("value", 0.4, OWN)
    p, amount = np.linspace(0.01, 0.99, 197), np.full(197, 3_000.0)
    assert (policy.poor_fit(p, amount) == (p > policy.threshold_for(amount, p))).all()


def test_the_money_lines_add_up_to_the_expected_value():
    lines = money_lines(OWN, 12_000.0, 0.35)
    assert sum(line.expected(0.35) for line in lines) == pytest.approx(
        OWN.expected_value(0.35, 12_000.0)
    )


def test_a_policy_is_read_back_from_json_with_its_table():
    policy = Policy("risk", 0.4, replace(ONE, own_months=LONGER), level=0.2)
    again = Policy.from_dict(json.loads(json.dumps(policy.to_dict())))
    assert again == policy


def test_an_older_policy_without_a_table_is_read():
    data = Policy("risk", 0.4, ONE).to_dict()
    del data["money"]["own_months"]
    assert Policy.from_dict(data).money == ONE
    data = Policy("risk", 0.4, OWN).to_dict()
    del data["money"]["own_months"]["stays_longest"]
    assert Policy.from_dict(data).money == OWN


def test_the_difference_to_one_lifetime_is_described():
    assert describe_own_months(ONE, 0.2) == ""
    text = describe_own_months(OWN, 0.2)
    assert "32 months at half the company's level" in text
    assert "one lifetime for everybody would be 24" in text


@pytest.mark.parametrize(
    "wrong",
    [
        ((0.0, 1.0), (1.0,), (1.0, 1.0)),
        ((0.0, 1.0), (9.0, 5.0), (1.0, 1.0), (12.0, 4.0)),
        ((0.0, 1.0), (9.0, 5.0), (1.0, 1.0), (12.0,)),
        ((0.0, 1.0), (9.0, 5.0), (1.0, 1.0), (12.0, np.inf)),
        ((0.1, 1.0), (1.0, 1.0), (1.0, 1.0)),
        ((0.0, 0.5), (1.0, 1.0), (1.0, 1.0)),
        ((0.0, 1.0), (1.0, np.inf), (1.0, 1.0)),
        ((0.0, 1.0), (1.0, -1.0), (1.0, 1.0)),
        ((1.0,), (1.0,), (1.0,)),
        ((0.0, 0.6, 0.4, 1.0), (1.0,) * 4, (1.0,) * 4),
        ((0.0, 0.5, 0.5, 1.0), (1.0,) * 4, (1.0,) * 4),
    ],
)
def test_a_damaged_table_is_refused(wrong):
    with pytest.raises(SpecError, match="own_months"):
        OwnMonths(*wrong)
