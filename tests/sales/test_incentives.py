"""Commission plans and the ledger: exact amounts, sums, and pending commission."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.deals.outcomes import outcomes
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.learning.curve_fitting import fit_curve
from fitmodel.sales._ledger import compare_plans, split_commission
from fitmodel.sales.incentives import chances_to_reach, pay
from fitmodel.sales.plans import Plan, Tier, read_plan

AT_SIGNING = Plan(name="plan A", commission_rate=Decimal("0.1"), earned_after_months=0)
LATER = Plan(
    name="plan B",
    commission_rate=Decimal("0.1"),
    tiers=(Tier(months=3, share=Decimal("0.5")),),
    paid_at_signing=Decimal("0.25"),
)


@pytest.fixture(scope="module")
def simulation():
    return simulate_deals(1200, seed=4)


@settings(max_examples=300, deadline=None)
@given(
    amount=st.decimals(0, 10**7, places=2),
    months=st.floats(0, 60),
    left=st.booleans(),
    exited=st.booleans(),
    paid=st.decimals(0, 1, places=3),
    rate=st.decimals(0, 1, places=4),
)
def test_every_entry_adds_up_to_the_cent(amount, months, left, exited, paid, rate):
    plan = LATER.model_copy(update={"paid_at_signing": paid, "commission_rate": rate})
    nominal, chances = plan.rounded(amount * rate), {3: 0.8, 5: 0.5}
    row = split_commission(plan, nominal, months, left=left, exited=exited, chances=chances)

    assert row["nominal"] == row["earned"] + row["withheld"] + row["pending"]
    assert min(row[name] for name in ("earned", "withheld", "pending", "clawed_back")) >= 0
    assert row["clawed_back"] <= row["paid_at_signing"]
    assert not (row["withheld"] and row["pending"])
    assert 0 <= row["expected"] <= float(row["pending"]) + 0.011


@pytest.mark.parametrize(
    ("months", "left", "earned", "withheld", "pending", "clawed_back"),
    [
        (1.0, True, "0.00", "100.00", "0.00", "25.00"),
        (3.0, True, "0.00", "100.00", "0.00", "25.00"),
        (3.1, True, "50.00", "50.00", "0.00", "0.00"),
        (5.0, True, "50.00", "50.00", "0.00", "0.00"),
        (5.1, True, "100.00", "0.00", "0.00", "0.00"),
        (5.0, False, "100.00", "0.00", "0.00", "0.00"),
        (1.0, False, "0.00", "0.00", "100.00", "0.00"),
        (4.0, False, "50.00", "0.00", "50.00", "0.00"),
        (30.0, False, "100.00", "0.00", "0.00", "0.00"),
    ],
)
def test_a_commission_of_a_hundred_is_split_by_age(
    months, left, earned, withheld, pending, clawed_back
):
    row = split_commission(
        LATER, Decimal(100), months, left=left, exited=False, chances={3: 1.0, 5: 1.0}
    )
    result = [row[name] for name in ("earned", "withheld", "pending", "clawed_back")]

    assert result == [Decimal(text) for text in (earned, withheld, pending, clawed_back)]


def test_reps_add_up_to_all_and_pending_has_an_expected_value(simulation):
    ledger = pay(simulation.deals, simulation.spec, LATER, simulation.true_probability)
    sums = ledger.reps

    assert sums.iloc[:-1]["earned"].sum() == sums.loc["all", "earned"]
    assert len(ledger.deals) == simulation.deals["annual_value"].notna().sum()
    young = ledger.deals[ledger.deals["pending"] > 0]
    assert len(young)
    assert (young["expected"] <= young["pending"].astype(float) + 1e-9).all()
    assert (young["expected"] > 0).all()


def test_commission_paid_at_signing_includes_commission_for_lost_deals(simulation):
    before, after = (pay(simulation.deals, simulation.spec, plan) for plan in (AT_SIGNING, LATER))
    result = compare_plans(before, after)
    lost = after.deals["left_early"]
    less = before.deals.loc[lost, "nominal"].sum() - after.deals.loc[lost, "earned"].sum()

    assert result.to_lost_before - result.to_lost_after == less > 0
    assert f"under “plan B”, {less:,.2f} that went to deals lost within 5 months" in str(result)
    with pytest.raises(DealsError, match="not of the same deals"):
        compare_plans(before, pay(simulation.deals.head(9), simulation.spec, LATER))


def test_plan_and_model_define_early_leavers_the_same(simulation):
    plan = LATER.model_copy(update={"earned_after_months": simulation.spec.label.horizon_months})
    deals = simulation.deals.copy()
    deals.loc[2, ["closed_on", "churned_on"]] = pd.to_datetime(["2025-01-10", "2025-06-10"])
    early = outcomes(deals, simulation.spec)["early_churn"] == 1

    assert early.loc[2]
    ledger = pay(deals, simulation.spec, plan)
    assert ledger.deals["left_early"].equals(early.loc[ledger.deals.index].rename("left_early"))


def test_a_deal_without_an_amount_earns_nothing_and_one_without_a_rep_is_kept(simulation):
    deals = simulation.deals.copy()
    deals.loc[0, "annual_value"] = None
    deals.loc[1, "rep"] = None
    ledger = pay(deals, simulation.spec, LATER)

    assert 0 not in ledger.deals.index
    assert ledger.deals.loc[1, "rep"] == "(no name)"


def test_an_invalid_plan_is_refused_with_its_key(tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text('name = "B"\ncommission_rate = 0.1\n[[tiers]]\nmonths = 3\nshare = 0.5\n')
    assert read_plan(file).commission_rate == Decimal("0.1")
    file.write_text("commission_rate = 1.5\nprize = 3\n")
    with pytest.raises(SpecError, match=r"(?s)commission_rate: must be at most 1.*prize: "):
        read_plan(file)
    file.write_text("commission_rate = 0.1\ntiers = [{months = 6, share = 0.5}]\n")
    with pytest.raises(SpecError, match="tiers must rise"):
        read_plan(file)
    with pytest.raises(SpecError, match="there is no plan"):
        read_plan(tmp_path / "absent.toml")


def test_deals_without_a_rep_column_are_refused(simulation):
    with pytest.raises(DealsError, match="rep and an amount"):
        pay(simulation.deals, simulation.spec.replace(deals={"rep": None}), LATER)


def test_any_index_is_accepted(simulation):
    deals = simulation.deals.set_index(pd.Index(range(5000, 5000 + len(simulation.deals))))
    left, right = (pay(table, simulation.spec, LATER) for table in (deals, simulation.deals))

    assert left.reps.equals(right.reps)


def test_the_expected_commission_includes_the_tiers_to_come():
    young = split_commission(
        LATER, Decimal(100), 1.0, left=False, exited=False, chances={3: 0.8, 5: 0.6}
    )
    assert young["expected"] == pytest.approx(50 * 0.8 + 50 * 0.6)
    older = split_commission(
        LATER, Decimal(100), 4.0, left=False, exited=False, chances={3: 1.0, 5: 0.9}
    )
    assert older["expected"] == pytest.approx(50 * 0.9)


def test_a_deal_that_ended_for_another_reason_is_not_pending(simulation):
    deals = simulation.deals.copy()
    result = outcomes(deals, simulation.spec)
    position = result.index[(result["followup_months"] < 2) & ~result["left"]][0]
    deals["acquired_on"] = pd.NaT
    deals.loc[position, "acquired_on"] = deals.loc[position, "closed_on"] + pd.Timedelta(days=10)
    spec = simulation.spec.replace(deals={"exited_on": "acquired_on"})
    before = pay(simulation.deals, simulation.spec, LATER).deals.loc[position]
    row = pay(deals, spec, LATER).deals.loc[position]
    assert before["pending"] > 0
    assert row["pending"] == 0
    assert row["withheld"] == row["nominal"] - row["earned"]
    assert not row["left_early"]


def test_reaching_a_later_age_is_less_likely(simulation):
    long = LATER.model_copy(update={"earned_after_months": 12, "tiers": ()})
    short = LATER.model_copy(update={"earned_after_months": 5, "tiers": ()})
    p = simulation.true_probability
    far, near = (pay(simulation.deals, simulation.spec, plan, p).deals for plan in (long, short))
    young = near["pending"] > 0
    assert (far.loc[young, "expected"] < near.loc[young, "expected"]).all()


def test_the_comparison_is_worded_correctly_with_the_stricter_plan_first(simulation):
    strict, loose = (pay(simulation.deals, simulation.spec, plan) for plan in (LATER, AT_SIGNING))
    text = str(compare_plans(strict, loose))
    assert "more to deals lost within 5 months would have been paid besides" in text
    assert "-" not in text.replace("plan B", "")
    assert f"pending {strict.reps.loc['all', 'pending']:,.2f}" in text


@pytest.mark.parametrize("value", [-1.0, float("inf")])
def test_impossible_amounts_are_refused(simulation, value):
    deals = simulation.deals.copy()
    deals["annual_value"] = deals["annual_value"].astype(float)
    deals.loc[3, "annual_value"] = value
    with pytest.raises(DealsError, match=r"annual_value: 1 amount\(s\) are negative or infinite"):
        pay(deals, simulation.spec, LATER)
    with pytest.raises(DealsError, match="no deal has an amount"):
        pay(deals.assign(annual_value=float("nan")), simulation.spec, LATER)


def test_a_deal_without_a_probability_is_refused(simulation):
    p = simulation.true_probability.copy()
    p.iloc[4] = float("nan")
    with pytest.raises(DealsError, match=r"1 deal\(s\) have no probability"):
        pay(simulation.deals, simulation.spec, LATER, p)
    with pytest.raises(DealsError, match="share their index"):
        pay(pd.concat([simulation.deals] * 2), simulation.spec, LATER)


def test_a_future_exit_date_withholds_nothing(simulation):
    deals, spec = simulation.deals, simulation.spec
    later = spec.replace(deals={"exited_on": "exited_on"})
    announced = deals.assign(
        exited_on=pd.Timestamp(deals["closed_on"].max() + pd.Timedelta("3650D"))
    )
    plain, with_exit = pay(deals, spec, LATER), pay(announced, later, LATER)
    columns = ["earned", "withheld", "pending"]
    pd.testing.assert_frame_equal(with_exit.deals[columns], plain.deals[columns])


@pytest.mark.parametrize(
    ("clauses", "tolerance"),
    [
        ({}, 0.05),
        ({"clawback": "unused_months"}, 0.02),
        ({"clawback": "unused_months", "tiers": ({"months": 3, "share": "0.5"},)}, 0.03),
    ],
)
def test_the_expected_commission_is_about_what_is_earned_a_year_later(clauses, tolerance):
    plan = Plan(commission_rate="0.1", earned_after_months=12, **clauses)
    sim = simulate_deals(6000, seed=3, months=40)
    until = pd.Timestamp(sim.spec.deals.observed_until) - pd.DateOffset(months=12)
    past = sim.deals[sim.deals["closed_on"] <= until]
    later = pay(past, sim.spec, plan).deals
    past = past.assign(churned_on=past["churned_on"].where(past["churned_on"] <= until))
    spec = sim.spec.replace(deals={"observed_until": str(until.date())})
    now = pay(past, spec, plan).deals
    earned = float((later["earned"] - now["earned"])[now["pending"] > 0].sum())

    assert now["expected"].sum() == pytest.approx(earned, rel=tolerance)


def test_the_ages_of_an_upgrade_are_counted_from_the_upgrade():
    sim = simulate_deals(800, seed=4)
    view = view_of(sim.deals, sim.spec)
    old = view.index[(view.followup_months > 8) & ~view.left & (view.followup_months < 9)][:3]
    since = pd.Series(6.0, old.repeat(2))
    for probability in (None, sim.true_probability):
        chances = chances_to_reach(view, sim.spec, [0, 2, 6], probability, since=since)
        from_signing = chances_to_reach(view, sim.spec, [6, 8, 12], probability)

        assert chances.to_numpy() == pytest.approx(from_signing.loc[since.index].to_numpy())
        assert (chances[[0, 2]] == 1).all(axis=None)
        assert (chances[6] < 1).all()


def test_the_probability_to_reach_an_age_uses_the_customers_own_curve():
    sim = simulate_deals(800, seed=4)
    view = view_of(sim.deals, sim.spec)
    p = sim.true_probability
    own = fit_curve(view, p.to_numpy(), 5)
    chances = chances_to_reach(view, sim.spec, [3, 12], p)
    now = own.survival_at(p.to_numpy(), view.followup_months)
    there = own.survival_at(p.to_numpy(), np.full(len(p), 12.0))
    young = view.followup_months < 12
    assert chances[12].to_numpy()[young] == pytest.approx((there / now)[young])
    risky = (p > p.quantile(0.9)).to_numpy() & (view.followup_months < 1)
    safe = (p < p.quantile(0.1)).to_numpy() & (view.followup_months < 1)
    assert chances[12][risky].mean() < chances[12][safe].mean() - 0.3
