"""Simulated history: a planted leak, and a signal found only in the events."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.crm.reading import open_deals
from fitmodel.datasets.simulation import simulate_deals


@pytest.fixture(scope="module")
def simulations():
    return simulate_deals(2000, seed=3, history=True), simulate_deals(2000, seed=3)


def test_the_history_gives_the_values_before_closing(simulations):
    with_history, without = simulations

    table = open_deals(with_history.deals, with_history.spec, with_history.tables).file.table

    assert (table["seats"] == without.deals["seats"]).all()
    assert (with_history.deals["seats"] != without.deals["seats"]).mean() > 0.2


def test_fields_are_overwritten_most_often_for_customers_who_left(simulations):
    with_history, _ = simulations
    table = open_deals(with_history.deals, with_history.spec, with_history.tables).file.table
    forgotten = (table["decision_maker_known"] == "yes") & (
        with_history.deals["decision_maker_known"] == "no"
    )
    left = with_history.deals["churned_on"].notna()

    assert forgotten[left].mean() > 0.3
    assert forgotten[~left].mean() == 0


def test_no_activity_before_closing_increases_the_true_risk(simulations):
    with_history, _ = simulations
    table = open_deals(with_history.deals, with_history.spec, with_history.tables).file.table
    silent = table["activities_days_since_last"] > 20

    risk = with_history.true_probability
    assert risk[silent].mean() > 1.5 * risk[~silent].mean()


def test_the_mean_risk_is_that_of_the_company(simulations):
    with_history, without = simulations

    assert abs(with_history.true_probability.mean() - without.true_probability.mean()) < 0.02


def test_the_same_seed_gives_the_same_tables_and_without_history_nothing_changes(simulations):
    with_history, without = simulations
    again = simulate_deals(2000, seed=3, history=True)

    for name, table in with_history.tables.items():
        assert table.equals(again.tables[name])
    assert without.tables == {}
    assert without.spec.history == {}
    shared = [name for name in without.deals if name not in ("seats", "churned_on")]
    assert with_history.deals[shared].equals(without.deals[shared])


def test_nothing_is_recorded_after_the_extract_ends(simulations):
    with_history, _ = simulations
    end = np.datetime64("2026-07-01")

    assert with_history.tables["fields"]["changed_at"].max() < end
    assert with_history.tables["activities"]["happened_at"].max() < end
