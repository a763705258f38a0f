"""A bonus goes to whose customers stay most; it adds up, ties share, and the young are pending."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import DealsError
from fitmodel.sales.bonus import pay_bonus, share_places
from fitmodel.sales.incentives import pay
from fitmodel.sales.plans import Bonus, Plan
from fitmodel.sales.scoreboard import compute_scoreboard

BONUS = Bonus(top=3, amount=Decimal("1000.01"))


@pytest.fixture(scope="module")
def simulation():
    return simulate_deals(1500, seed=4)


@pytest.mark.slow
@given(
    rates=st.dictionaries(st.text(min_size=1, max_size=3), st.sampled_from([0.7, 0.8, 0.9])),
    top=st.integers(1, 6),
    amount=st.decimals(0, 10**5, places=2),
)
def test_the_places_pay_what_they_are_worth_to_the_cent_and_in_order(rates, top, amount):
    paid = share_places(rates, top, amount)

    assert sum(paid.values(), Decimal(0)) == amount * min(top, len(rates))
    for first in paid:
        for second in set(rates) - set(paid):
            assert rates[first] > rates[second]
        for second in paid:
            if rates[first] > rates[second]:
                assert paid[first] >= paid[second]
            if rates[first] == rates[second]:
                assert abs(paid[first] - paid[second]) <= Decimal("0.01")


def test_reps_that_tie_share_the_places_they_hold():
    paid = share_places({"a": 0.9, "b": 0.8, "c": 0.8, "d": 0.7}, 2, Decimal(100))

    assert paid == {"a": Decimal(100), "b": Decimal(50), "c": Decimal(50)}


def test_the_rank_is_that_of_the_scoreboard(simulation):
    bonus = BONUS.model_copy(update={"period": "all"})
    deals, spec, p = simulation.deals, simulation.spec, simulation.true_probability
    board = compute_scoreboard(deals, spec, p).reps
    paid = pay_bonus(deals, spec, bonus, p).set_index("rep")

    assert paid["renewal_rate"].to_dict() == pytest.approx(
        (1 - board["shrunken_rate"])[paid.index].to_dict()
    )
    holders = paid.index[paid["bonus_pending"] > 0]
    best = board[board["signed"] >= 20]["shrunken_rate"].nsmallest(3)
    assert set(holders) == set(best.index)


def test_few_deals_take_no_part_and_young_periods_are_pending(simulation):
    paid = pay_bonus(simulation.deals, simulation.spec, BONUS, simulation.true_probability)

    assert (paid["signed"] >= 20).all()
    young = paid["period"] == "2026"
    assert (paid.loc[young, "bonus"] == 0).all()
    assert (paid.loc[~young, "bonus_pending"] == 0).all()
    assert paid.loc[~young, "bonus"].sum() > 0
    hoped = paid.loc[young, "bonus_expected"].sum()
    assert hoped == pytest.approx(float(paid.loc[young, "bonus_pending"].sum()))


def test_the_ledger_adds_up_over_reps_months_and_bonuses(simulation):
    plan = Plan(commission_rate=Decimal("0.1"), bonus=BONUS)
    ledger = pay(simulation.deals, simulation.spec, plan, simulation.true_probability)

    for table in (ledger.reps, ledger.months, ledger.reps_by_month):
        for name in ("deals", "nominal", "earned", "withheld", "pending", "bonus", "clawed_back"):
            assert table[name].iloc[:-1].sum() == table[name].iloc[-1] == ledger.total[name]
        parts = table["earned"] + table["withheld"] + table["pending"]
        assert (parts == table["nominal"]).all()
    assert ledger.total["bonus"] == ledger.bonuses["bonus"].sum()


def test_a_yearly_bonus_needs_dates(simulation):
    deals = pd.DataFrame({"tenure": [3.0, 9.0], "churn": [1, 0], "rep": "Kim", "amount": 10.0})
    roles = {"tenure_months": "tenure", "churned": "churn", "rep": "rep", "amount": "amount"}
    spec = type(simulation.spec)(deals=roles)
    with pytest.raises(DealsError, match=r'needs closing dates.*period = "all"'):
        pay(deals, spec, Plan(commission_rate=Decimal("0.1"), bonus=BONUS))
