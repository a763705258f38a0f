"""The value of deals from the survival curve and the money, and the yearly loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.outcomes import kaplan_meier, outcomes
from fitmodel.decision.own_months import OwnMonths
from fitmodel.sales.rates import compute_yearly_loss
from fitmodel.sales.worth import COLUMNS, compute_worth, cross_fitted_bands


@pytest.fixture(scope="module")
def simulation(simulate_quickly):
    return simulate_quickly(1200, seed=5)


def test_months_are_the_area_under_the_curve_and_inside_the_interval(simulation):
    worth = compute_worth(simulation.deals, simulation.spec)
    result = outcomes(simulation.deals, simulation.spec)
    curve = kaplan_meier(result["followup_months"], result["left"])
    row = worth.table.iloc[0]

    assert row["months"] == pytest.approx(curve.restricted_mean(worth.window_months))
    assert (worth.table["months_low"] < worth.table["months"]).all()
    assert (worth.table["months"] < worth.table["months_high"]).all()
    segments = worth.table[worth.table["kind"] == "segment"]
    assert segments["deals"].sum() == row["deals"] == len(simulation.deals)


def test_without_churn_a_deal_is_worth_its_margin_minus_costs(simulation):
    deals = simulation.deals.copy()
    early = outcomes(deals, simulation.spec)["early_churn"] == 1
    one = early.index[early][:1]  # the money needs one who left early
    deals.loc[deals.index.difference(one), "churned_on"] = None
    deals["annual_value"] = 1200.0
    spec = simulation.spec.replace(decision={"commission_rate": 0.0, "support_cost_per_month": 0.0})
    worth = compute_worth(deals, spec)
    row = worth.table.iloc[0]

    assert row["months"] == pytest.approx(worth.window_months, rel=0.01)
    assert row["value"] == pytest.approx(0.8 * 100 * row["months"] - 400 - 900)


def test_without_a_large_enough_group_the_table_has_columns_and_no_rows(simulation):
    few = compute_worth(simulation.deals.head(8), simulation.spec)
    assert few.table.columns.tolist() == list(COLUMNS)
    assert few.table.empty
    assert "" in few.left_out
    many = compute_worth(simulation.deals, simulation.spec)
    assert many.table.columns.tolist() == list(COLUMNS)


def test_without_money_there_are_months_and_no_value(simulation):
    worth = compute_worth(
        simulation.deals, simulation.spec.replace(decision={"policy": None, "gross_margin": None})
    )

    assert worth.money is None
    assert worth.table["value"].isna().all()
    assert worth.table["months"].notna().all()


def test_the_yearly_loss_counts_the_early_leavers_of_the_year(simulation):
    deals, spec = simulation.deals, simulation.spec
    money = compute_worth(deals, spec).money
    loss = compute_yearly_loss(deals, spec, money)
    early = outcomes(deals, spec)["early_churn"] == 1
    here = early & (deals["churned_on"] > "2025-06-30")
    spent = loss.acquisition + loss.onboarding + loss.support + loss.commission

    assert loss.customers == here.sum() > 0
    assert loss.commission == pytest.approx(0.1 * deals.loc[here, "annual_value"].sum())
    assert loss.net == pytest.approx(spent - loss.margin)
    assert loss.net_low < loss.net < loss.net_high


@pytest.mark.slow
def test_every_deal_has_a_fit_band_and_poor_fits_stay_shorter(simulation):
    bands, policy = cross_fitted_bands(simulation.deals, simulation.spec)
    table = compute_worth(simulation.deals, simulation.spec, bands).table.set_index("name")

    assert bands.isin(["good", "watch", "poor"]).all()
    assert policy.kind == "risk"  # the contract sets none
    assert table.loc["poor", "months"] < table.loc["good", "months"]


def test_a_credit_note_is_ignored_as_a_price(simulation):
    deals = simulation.deals.copy()
    notes = deals.index[:12]
    unpriced = deals.assign(annual_value=deals["annual_value"].astype(float).mask(deals.index < 12))
    deals["annual_value"] = deals["annual_value"].astype(float)
    deals.loc[notes, "annual_value"] = -500.0
    value = compute_worth(deals, simulation.spec).table["value"]
    assert value.tolist() == compute_worth(unpriced, simulation.spec).table["value"].tolist()


def test_the_lifetime_value_uses_each_customers_own_curve(simulation):
    spec = simulation.spec.replace(decision={"expected_lifetime_months": None})
    deals = simulation.deals
    risk = pd.Series(np.linspace(0.05, 0.6, len(deals)), deals.index)
    own = OwnMonths((0.0, 1.0), (60.0, 10.0), (4.0, 2.0))
    row = compute_worth(deals, spec, probability=risk, own_months=own).table.iloc[0]
    money = compute_worth(deals, spec, own_months=own).money
    each = money.expected_value(risk.to_numpy(), deals["annual_value"].to_numpy())

    assert row["whole_life"] == pytest.approx(np.nanmean(each))
    assert compute_worth(deals, spec, own_months=own).table["whole_life"].isna().all()


def test_the_missed_lifetime_uses_each_customers_own_curve(simulation):
    spec = simulation.spec.replace(decision={"expected_lifetime_months": None})
    deals = simulation.deals
    own = OwnMonths((0.0, 1.0), (60.0, 10.0), (4.0, 2.0))
    money = compute_worth(deals, spec, own_months=own).money
    low, high = (
        compute_yearly_loss(deals, spec, money, pd.Series(risk, deals.index)).missed
        for risk in (0.1, 0.8)
    )
    usual = replace(money, own_months=None, expected_lifetime_months=55.0)
    assert low == pytest.approx(compute_yearly_loss(deals, spec, usual).missed)
    assert high < low / 2


def test_bands_and_money_of_the_sales_report_use_each_customers_own_months(simulation):
    spec = simulation.spec.replace(decision={"expected_lifetime_months": None})
    _, policy = cross_fitted_bands(simulation.deals, spec)
    calm, risky = (policy.money.months(p)[0] for p in (0.05, 0.5))
    assert calm > risky
