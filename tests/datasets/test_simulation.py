"""The simulated deals agree with the true probabilities of the simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.outcomes import outcomes


@pytest.fixture(scope="module")
def large():
    return simulate_deals(20_000, seed=1)


def test_the_same_seed_gives_the_same_deals_and_another_seed_gives_others() -> None:
    first, again, other = (simulate_deals(300, seed=seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first.deals, again.deals)
    assert not first.deals.equals(other.deals)


def test_early_churn_happens_as_often_as_its_true_probability(large) -> None:
    churn = outcomes(large.deals, large.spec)
    mature = churn.index[churn["mature"]]
    truth = large.true_probability.loc[mature]
    tenth = pd.qcut(truth, 10, labels=False)
    by_truth = pd.DataFrame(
        {"truth": truth, "left": churn.loc[mature, "early_churn"], "tenth": tenth}
    )
    mean = by_truth.groupby("tenth").mean()
    error = np.sqrt(mean["truth"] * (1 - mean["truth"]) / by_truth.groupby("tenth").size())
    assert ((mean["left"] - mean["truth"]).abs() < 4 * error).all()


def test_nothing_is_known_after_the_extract_ends(large) -> None:
    end = pd.Timestamp(large.spec.deals.observed_until)
    assert (large.deals["closed_on"] <= end).all()
    assert (large.deals["churned_on"].dropna() <= end).all()
    left = large.deals.dropna(subset="churned_on")
    assert (left["churned_on"] > left["closed_on"]).all()


def test_some_deals_are_censored_and_none_of_them_has_a_label(large) -> None:
    churn = outcomes(large.deals, large.spec)
    young = ~churn["mature"] & ~churn["left"]
    assert young.any()
    assert churn.loc[young, "early_churn"].isna().all()


def test_the_contract_fits_the_deals_and_the_rep_is_not_an_attribute(large) -> None:
    names = large.spec.attribute_names(large.deals.columns)
    assert set(names) <= set(large.deals.columns)
    assert large.spec.deals.rep not in names
    assert "churned_on" not in names


def test_without_rep_effects_the_rep_does_not_change_the_churn_rate() -> None:
    alike, differing = (
        simulate_deals(5_000, seed=2, rep_effects=effects).reps["true_ratio"]
        for effects in (False, True)
    )
    np.testing.assert_allclose(alike, 1.0)
    assert differing.std() > 0.05


def test_leaks_are_planted_only_on_request() -> None:
    plain, leaky = (simulate_deals(500, seed=1, leaks=leaks) for leaks in (False, True))
    planted = set(leaky.deals.columns) - set(plain.deals.columns)
    assert planted
    pd.testing.assert_frame_equal(leaky.deals[plain.deals.columns], plain.deals)
