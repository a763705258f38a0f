"""Contracts that cannot end within the horizon are detected; long-staying customers are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals._horizons import candidate_columns, find_bound_deals, terms_of
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of


def company(annual_leave, seed=1, deals=900):
    """A third of the deals are annual; the others lose one in five within five months."""
    random = np.random.default_rng(seed)
    annual = random.random(deals) < 1 / 3
    signed = np.datetime64("2023-01-01") + random.integers(0, 900, deals).astype("timedelta64[D]")
    monthly = np.where(random.random(deals) < 0.2, random.uniform(20, 150, deals), 3000)
    stays = np.where(annual, annual_leave(random, deals), monthly)
    left = signed + stays.astype("timedelta64[D]")
    left[left > np.datetime64("2026-06-30")] = np.datetime64("NaT")
    table = pd.DataFrame(
        {
            "closed_on": signed.astype("datetime64[us]"),
            "churned_on": left.astype("datetime64[us]"),
            "billing": np.where(annual, "annual", "monthly"),
            "other": random.choice(["x", "y"], deals),
        }
    )
    roles = {"closed_on": "closed_on", "churned_on": "churned_on", "observed_until": "2026-06-30"}
    spec = DealSpec(deals=roles, attributes={"include": ["billing", "other"]})
    return view_of(table, spec)


def test_annual_contracts_are_detected_with_their_term():
    view = company(lambda r, n: np.where(r.random(n) < 0.5, r.uniform(366, 390, n), 3000))
    (result,) = find_bound_deals(view, 5, candidate_columns(view))

    assert (result.column, result.value, result.left_by_age) == ("billing", "annual", 0)
    assert result.term_months == 12
    annual = (view.deals["billing"] == "annual").to_numpy()
    assert (terms_of(view, [result]) == np.where(annual, 12, 0)).all()


def test_groups_are_compared_also_if_their_values_have_several_types():
    view = company(lambda r, n: np.where(r.random(n) < 0.5, r.uniform(366, 390, n), 3000))
    values = [1, 2.5, "x", pd.Timestamp("2024-01-01"), True]
    mixed = view.deals.assign(other=[values[row % 5] for row in range(len(view.deals))])
    found = find_bound_deals(view_of(mixed, view.spec), 5, ["other", "billing"])

    assert [(each.column, each.value) for each in found] == [("billing", "annual")]


def test_customers_who_only_stay_longer_are_not_detected_as_bound():
    view = company(lambda r, n: np.where(r.random(n) < 0.1, r.uniform(20, 900, n), 3000))

    assert find_bound_deals(view, 5, candidate_columns(view)) == []


@pytest.mark.parametrize("seed", range(3))
def test_no_contract_terms_are_detected_in_deals_without_them(seed):
    sim = simulate_deals(1500, seed=seed)
    view = view_of(sim.deals, sim.spec)

    assert find_bound_deals(view, 5, candidate_columns(view)) == []


def test_a_group_observed_only_after_that_age_is_not_detected_as_bound():
    """Early leavers are not visible among deals signed long before leavers were recorded."""
    view = company(lambda r, n: np.where(r.random(n) < 0.5, r.uniform(20, 900, n), 3000))
    table = view.deals.assign(
        era=np.where(view.deals["closed_on"] < pd.Timestamp("2024-01-01"), "before", "since")
    )
    table = table[~(table["churned_on"] < pd.Timestamp("2024-06-01"))]
    spec = view.spec.replace(
        deals={"observed_from": "2024-06-01"}, attributes={"include": ["era", "other"]}
    )
    late = view_of(table, spec)
    old = (late.deals["era"] == "before").to_numpy()

    assert (late.left & old).sum() > 30
    assert not (late.left & old & (late.followup_months <= 5)).any()
    assert find_bound_deals(late, 5, candidate_columns(late)) == []
