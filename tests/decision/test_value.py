"""Laws of the money: hand calculations, edge cases, and any valid money settings."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fitmodel.decision._bands import worth_of_many, worth_of_one
from fitmodel.decision.conditions import money_lines
from fitmodel.decision.value import COSTS, Money
from fitmodel.exceptions import SpecError

MONEY = Money(
    gross_margin=0.8,
    expected_lifetime_months=30,
    months_until_early_churn=3,
    acquisition_cost=400,
    onboarding_cost=900,
    support_cost_per_month=60,
    commission_rate=0.1,
)

costs = st.floats(0, 1e5)
shares = st.floats(0.01, 1.0)
chances = st.floats(0.0, 1.0)
amounts = st.floats(0.0, 1e7)


@st.composite
def monies(draw, acquisition=costs):
    until = draw(st.floats(0.1, 12.0))
    return Money(
        gross_margin=draw(shares),
        expected_lifetime_months=until + draw(st.floats(0.0, 120.0)),
        months_until_early_churn=until,
        acquisition_cost=draw(acquisition),
        onboarding_cost=draw(costs),
        support_cost_per_month=draw(st.floats(0, 1e4)),
        commission_rate=draw(st.floats(0.0, 1.0)),
    )


def test_the_values_follow_the_formula_of_the_docstring():
    stays = 0.8 * 3000 / 12 * 30 - 400 - 900
    leaves = 0.8 * 3000 / 12 * 3 - 900 - 60 * 3 - 0.1 * 3000
    assert MONEY.value_if_stays(3000.0) == pytest.approx(stays)
    assert MONEY.value_if_leaves(3000.0) == pytest.approx(leaves)
    assert MONEY.expected_value(0.25, 3000.0) == pytest.approx(0.75 * stays + 0.25 * leaves)
    assert MONEY.break_even(3000.0) == pytest.approx(stays / (stays - leaves))


@given(monies(), chances, st.one_of(amounts, st.none(), st.just(math.nan), st.just(math.inf)))
def test_one_number_and_an_array_give_identical_values(money, p, amount):
    array = np.array([np.nan if amount is None else amount])
    worth, many = money.expected_value(p, amount), money.expected_value(np.array([p]), array)
    assert np.array_equal([worth], many, equal_nan=True)
    assert np.array_equal([money.break_even(amount)], money.break_even(array), equal_nan=True)


@given(monies(acquisition=st.just(0.0)), chances, chances, amounts)
def test_value_decreases_with_the_probability_if_acquisition_cost_is_sunk(money, p, q, amount):
    low, high = sorted((p, q))
    rounding = 1e-9 * (abs(money.value_if_stays(amount)) + abs(money.value_if_leaves(amount)))
    assert money.expected_value(high, amount) <= money.expected_value(low, amount) + rounding


@given(monies(), chances, chances, amounts)
def test_value_decreases_with_the_probability_if_staying_is_worth_more_than_leaving(
    money, p, q, amount
):
    stays, leaves = money.value_if_stays(amount), money.value_if_leaves(amount)
    assume(stays >= leaves)
    low, high = sorted((p, q))
    rounding = 1e-9 * (abs(stays) + abs(leaves))
    assert money.expected_value(high, amount) <= money.expected_value(low, amount) + rounding


@given(monies(), chances, amounts, amounts)
def test_value_increases_with_the_amount_unless_commission_exceeds_a_churners_margin(
    money, p, first, second
):
    kept = money.gross_margin * money.months_until_early_churn / 12
    assume(money.commission_rate <= kept)
    small, large = sorted((first, second))
    least, most = money.expected_value(p, small), money.expected_value(p, large)
    assert least <= most + 1e-9 * (abs(least) + abs(most) + 1.0)


@given(monies(), amounts)
def test_the_value_of_signing_is_0_at_the_break_even(money, amount):
    threshold = money.break_even(amount)
    assert 0.0 <= threshold <= 1.0
    stays, leaves = money.value_if_stays(amount), money.value_if_leaves(amount)
    if stays >= 0.0 > leaves:
        worth = money.expected_value(threshold, amount)
        assert worth == pytest.approx(0.0, abs=1e-9 * (stays - leaves))


@given(monies(), amounts)
def test_break_even_is_the_threshold_of_elkans_cost_matrix(money, amount):
    """Declining a stayer costs its value, signing a leaver its loss (Elkan 2001, equation 2)."""
    wrongly_declined, wrongly_signed = money.value_if_stays(amount), -money.value_if_leaves(amount)
    assume(wrongly_declined > 0.0 and wrongly_signed > 0.0)
    elkan = wrongly_declined / (wrongly_declined + wrongly_signed)
    assert money.break_even(amount) == pytest.approx(elkan)


@pytest.mark.parametrize("amount", [500.0, 700.0, 3000.0, 30000.0])
def test_the_break_even_does_not_depend_on_the_unit_of_the_currency(amount):
    unit = 1e-5
    costs = ("acquisition_cost", "onboarding_cost", "support_cost_per_month")
    in_units = replace(MONEY, **{name: getattr(MONEY, name) * unit for name in costs})
    assert in_units.break_even(amount * unit) == pytest.approx(MONEY.break_even(amount))
    many = in_units.break_even(np.array([amount * unit]))
    assert many == pytest.approx([MONEY.break_even(amount)])


@pytest.mark.parametrize(
    ("value", "least", "most", "if_stays", "worth"),
    [
        (0.5, 0.2, 0.9, 2.0, "gains"),
        (0.5, -0.2, 0.9, 2.0, "unclear"),
        (-0.5, -0.9, -0.2, 2.0, "loses"),
        (0.5, 0.2, 0.9, -0.1, "loses"),
        (0.2, np.nan, np.nan, 1.0, "gains"),
        (-0.2, np.nan, np.nan, 1.0, "loses"),
        (0.0, np.nan, np.nan, 1.0, "unclear"),
    ],
)
def test_a_deal_gains_or_loses_only_if_the_whole_interval_does(value, least, most, if_stays, worth):
    assert worth_of_one(value, least, most, if_stays) == worth
    of_many = worth_of_many(*(np.array([each, np.nan]) for each in (value, least, most, if_stays)))
    assert of_many.tolist() == [worth, ""]


def test_a_larger_deal_has_a_higher_break_even():
    thresholds = MONEY.break_even(np.array([700.0, 1500.0, 3000.0, 30000.0]))
    assert (np.diff(thresholds) > 0).all()


def test_the_break_even_is_0_if_even_a_staying_customer_loses_money():
    assert MONEY.break_even(500.0) == 0.0


def test_at_the_least_amount_a_staying_customer_breaks_even():
    assert MONEY.min_amount == 650.0
    assert MONEY.value_if_stays(650.0) == pytest.approx(0.0)


def test_the_break_even_is_1_if_even_an_early_churner_gains_money():
    assert Money(0.8, 30, 3).break_even(3000.0) == 1.0


def test_every_cost_reduces_the_value_and_a_longer_lifetime_increases_it():
    worth = MONEY.expected_value(0.3, 3000.0)
    for name in ("acquisition_cost", "onboarding_cost", "support_cost_per_month"):
        dearer = replace(MONEY, **{name: getattr(MONEY, name) + 10})
        assert dearer.expected_value(0.3, 3000.0) < worth
    assert replace(MONEY, commission_rate=0.2).expected_value(0.3, 3000.0) < worth
    longer = replace(MONEY, expected_lifetime_months=31)
    assert longer.expected_value(0.3, 3000.0) > worth


@pytest.mark.parametrize("amount", [None, math.nan, math.inf, -math.inf])
def test_a_missing_amount_has_no_value(amount):
    assert math.isnan(MONEY.expected_value(0.2, amount))
    assert math.isnan(MONEY.break_even(amount))


def test_missing_amounts_in_an_array_give_missing_values():
    worth = MONEY.expected_value(np.array([0.2, 0.2]), np.array([3000.0, np.nan]))
    assert np.isnan(worth).tolist() == [False, True]
    worth = MONEY.expected_value(np.array([0.2, 0.2]), np.array([3000, None], dtype=object))
    assert np.isnan(worth).tolist() == [False, True]


def test_one_amount_applies_to_many_probabilities():
    worth = MONEY.expected_value(np.array([0.0, 1.0]), 3000.0)
    assert worth.tolist() == [MONEY.value_if_stays(3000.0), MONEY.value_if_leaves(3000.0)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gross_margin": 80}, "gross_margin is 80.0: it is a share"),
        ({"gross_margin": 0}, "gross_margin is 0"),
        ({"commission_rate": 10}, "commission_rate is 10.0: it is a share"),
        ({"onboarding_cost": -1}, "onboarding_cost is -1.0: give a finite number"),
        ({"acquisition_cost": math.nan}, "acquisition_cost is nan"),
        ({"expected_lifetime_months": math.inf}, "expected_lifetime_months is inf"),
        ({"expected_lifetime_months": 2}, "already stayed 3 months on average"),
    ],
)
def test_impossible_money_is_refused_with_its_key(change, message):
    with pytest.raises(SpecError, match=message):
        replace(MONEY, **change)


@given(
    monies(),
    st.tuples(*[st.one_of(costs, st.floats(0, 99).map(lambda x: f"{x:.1f} %"))] * 5),
    st.floats(0, 24),
    amounts,
    chances,
)
def test_the_money_lines_add_up_to_both_values_and_to_an_independent_sum(
    money, given_costs, upfront, amount, p
):
    chosen = dict(zip(COSTS, given_costs, strict=True))
    money = replace(money, **chosen, paid_upfront_months=upfront)
    lines = money_lines(money, amount)
    scale = 1e-9 * (1 + sum(abs(line.if_stays) + abs(line.if_leaves) for line in lines))
    stays, leaves = (
        Fraction(sum(map(Fraction, side)))
        for side in zip(
            *[(line.if_stays, line.if_leaves) for line in lines] or [(0.0, 0.0)], strict=True
        )
    )
    assert float(stays) == pytest.approx(money.value_if_stays(amount), abs=scale)
    assert float(leaves) == pytest.approx(money.value_if_leaves(amount), abs=scale)
    average = sum(line.expected(p) for line in lines)
    assert average == pytest.approx(money.expected_value(p, amount), abs=scale)

    def paid(cost):
        return float(cost[:-2]) / 100 * amount if isinstance(cost, str) else cost

    acquisition, onboarding, support, mouth, elsewhere = map(paid, given_costs)
    life, until = money.expected_lifetime_months, money.months_until_early_churn
    monthly = money.gross_margin * amount / 12
    own_stays = monthly * max(life, upfront) - acquisition - onboarding - elsewhere
    own_leaves = (
        monthly * max(until, upfront)
        - onboarding
        - elsewhere
        - mouth
        - support * until
        - money.commission_rate * amount
    )
    assert money.value_if_stays(amount) == pytest.approx(own_stays, abs=scale)
    assert money.value_if_leaves(amount) == pytest.approx(own_leaves, abs=scale)


def test_money_lines_of_0_are_left_out():
    names = [line.name for line in money_lines(Money(0.8, 30, 3, onboarding_cost="8 %"), 1000.0)]
    assert names == ["gross_margin", "onboarding_cost"]


def test_with_a_cost_as_a_share_a_big_early_churner_loses_money():
    fixed = Money(0.8, 30, 3, onboarding_cost=900)
    share = Money(0.8, 30, 3, onboarding_cost="30 %")
    assert fixed.break_even(200_000.0) == 1.0  # never flagged for its money at any risk
    assert share.break_even(200_000.0) == share.break_even(2_000.0) < 1.0


def test_months_paid_in_advance_make_early_churn_cheaper():
    monthly, yearly = MONEY, replace(MONEY, paid_upfront_months=12)
    assert yearly.value_if_leaves(3000.0) - monthly.value_if_leaves(3000.0) == pytest.approx(
        0.8 * 3000 * 9 / 12
    )
    assert yearly.value_if_stays(3000.0) == monthly.value_if_stays(3000.0)
    shorter = replace(MONEY, paid_upfront_months=2)
    assert shorter.value_if_leaves(3000.0) == monthly.value_if_leaves(3000.0)


@pytest.mark.parametrize("text", ["8 %", "8%", "8.0 %", "8,0 %", " 8\u00a0% ", "8\uff05"])
def test_a_share_is_read_in_every_notation(text):
    assert Money(0.8, 30, 3, onboarding_cost=text).cost("onboarding_cost", 1000.0) == 80.0


@pytest.mark.parametrize("text", ["8", "%", "-8 %", "8 % of it", "eight %", "1.000,5 %", ""])
def test_a_cost_that_is_neither_amount_nor_share_is_refused(text):
    with pytest.raises(SpecError, match="onboarding_cost is .*give an amount, or a share"):
        Money(0.8, 30, 3, onboarding_cost=text)


def test_scoring_one_prospect_imports_only_numpy():
    heavy = "{'pandas', 'scipy', 'sklearn', 'pydantic', 'matplotlib', 'mlflow'}"
    code = f"import sys, fitmodel.decision.policy; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  our own interpreter
    assert done.stdout.strip() == "[]"
