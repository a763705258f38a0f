"""Propensity weights: a deal accepted with a small probability represents the rejected ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals._censoring import propensity_weights
from fitmodel.deals.outcomes import label_deals
from fitmodel.deals.reading import read_deals
from fitmodel.exceptions import DealsError

SIMULATION = simulate_deals(4000, seed=3)
SPEC = SIMULATION.spec.replace(deals={"propensity": "chance"})


def with_propensity(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"chance": values})


def test_the_weight_is_one_over_the_probability_up_to_a_cap_and_1_if_it_is_empty() -> None:
    result = propensity_weights(with_propensity([1.0, 0.5, np.nan, 0.001]), SPEC)
    np.testing.assert_array_equal(result, [1, 2, 1, 20])
    np.testing.assert_array_equal(propensity_weights(with_propensity([0.1]), SIMULATION.spec), [1])


def test_impossible_probabilities_are_refused_with_their_count() -> None:
    with pytest.raises(DealsError, match=r"'chance' is not above 0 .* in 2 of 3 deals, e.g. 0\."):
        propensity_weights(with_propensity([0.0, 0.5, 1.5]), SPEC)
    table = SIMULATION.deals.assign(chance=[0.0, *[0.5] * 3998, "often"])
    with pytest.raises(DealsError, match=r"chance: 2 row\(s\) are not probabilities above 0"):
        read_deals(table, SPEC)


def test_the_propensity_is_not_an_attribute() -> None:
    deals = read_deals(SIMULATION.deals.assign(chance=0.5), SPEC)
    assert "chance" not in label_deals(deals, SPEC).attributes


def test_weighted_labels_give_the_overall_rate_although_most_flagged_deals_are_missing() -> None:
    whole = label_deals(SIMULATION.deals, SIMULATION.spec)
    truth = np.average(whole.early_churn, weights=whole.weight)
    flagged = (SIMULATION.true_probability > 0.25).to_numpy()
    kept = ~flagged | (np.random.default_rng(0).random(4000) < 0.2)
    deals = SIMULATION.deals.assign(chance=np.where(flagged, 0.2, np.nan))[kept]
    labelled = label_deals(deals, SPEC)
    assert abs(np.average(labelled.early_churn, weights=labelled.weight) - truth) < 0.02
    unweighted = label_deals(deals, SIMULATION.spec)
    assert np.average(unweighted.early_churn, weights=unweighted.weight) < truth - 0.05
