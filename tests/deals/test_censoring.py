"""Weights against censoring and against unsigned flagged deals give the rate of all deals."""

# ruff: noqa: PD011 - `Weights.values` is an array of ours, not a column of pandas

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sksurv.nonparametric import CensoringDistributionEstimator, kaplan_meier_estimator
from sksurv.util import Surv

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals._censoring import censoring_weights, effective_sample_size, propensity_weights
from fitmodel.deals.outcomes import kaplan_meier, label_deals
from fitmodel.deals.reading import read_deals
from fitmodel.exceptions import DealsError

HORIZON = 5


def _outcomes(months: np.ndarray, left: np.ndarray) -> pd.DataFrame:
    early = np.where(left & (months <= HORIZON), 1.0, np.where(months >= HORIZON, 0.0, np.nan))
    return pd.DataFrame({"followup_months": months, "left": left, "early_churn": early})


def _censored(seed: int, n: int = 600, *, whole: bool = True) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    stays, watched = random.exponential(12, n), random.uniform(0, 14, n)
    if whole:
        stays, watched = np.ceil(stays), np.floor(watched)
    return _outcomes(np.minimum(stays, watched), stays <= watched)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("whole", [True, False])
def test_the_weighted_early_churn_rate_is_one_minus_kaplan_meier_at_the_horizon(seed, whole):
    result = _censored(seed, whole=whole)
    weights = censoring_weights(result, HORIZON, cap=np.inf)
    early = result["early_churn"].fillna(0) @ weights.values
    survival = kaplan_meier(result["followup_months"], result["left"]).at(HORIZON)
    assert weights.values.sum() == pytest.approx(len(result), rel=1e-12)
    assert early / len(result) == pytest.approx(1 - survival, abs=1e-12)
    assert weights.capped == 0


def test_the_probability_of_being_observed_equals_that_of_scikit_survival():
    # without ties G(T-) = G(T) at an event, and G(h-) = G(h): the library gives G(t)
    result = _censored(7, whole=False)
    months, left = result["followup_months"].to_numpy(), result["left"].to_numpy()
    known = result["early_churn"].notna().to_numpy()
    estimate = CensoringDistributionEstimator().fit(Surv.from_arrays(left, months))
    chance = estimate.predict_proba(np.minimum(months[known], HORIZON))
    weights = censoring_weights(result, HORIZON, cap=np.inf).values[known]
    np.testing.assert_allclose(weights, 1 / chance, rtol=1e-12)


def test_at_equal_times_churn_is_counted_before_censoring():
    result = _outcomes(np.array([1, 2, 2, 4, 6.0]), np.array([False, True, False, True, False]))
    # G: 1 of 5 censored at 1; at 2 one of the remaining 4 leaves, then 1 of 3 is censored
    weights = censoring_weights(result, HORIZON).values
    np.testing.assert_allclose(weights, [0, 1 / 0.8, 0, 1 / (0.8 * 2 / 3), 1 / (0.8 * 2 / 3)])
    months, left = result["followup_months"].to_numpy(), result["left"].to_numpy()
    times, chance = kaplan_meier_estimator(left, months, reverse=True)
    assert chance[times == 2][0] == pytest.approx(0.8 * 2 / 3)


def test_a_deal_observed_exactly_to_the_horizon_has_a_known_label():
    result = _outcomes(np.array([3.0, 5.0, 5.0]), np.array([True, False, False]))
    np.testing.assert_allclose(censoring_weights(result, HORIZON).values, [1, 1, 1])


def test_weighting_is_unbiased_but_labelling_unknown_deals_0_or_dropping_them_is_not():
    true = 1 - np.exp(-HORIZON / 12)
    weighted, called_zero, left_out = [], [], []
    for seed in range(60):
        result = _censored(seed, whole=False)
        early = result["early_churn"]
        weights = censoring_weights(result, HORIZON).values
        weighted.append(np.average(early.fillna(0), weights=weights))
        called_zero.append(early.fillna(0).mean())
        left_out.append(early.mean())
    error = np.std(weighted) / np.sqrt(len(weighted))
    assert abs(np.mean(weighted) - true) < 3 * error
    assert np.mean(called_zero) < true - 10 * error
    assert np.mean(left_out) > true + 5 * error


def test_all_weights_are_1_if_all_labels_are_known():
    result = _outcomes(np.array([1, 3, 7, 9.0]), np.array([True, True, False, True]))
    weights = censoring_weights(result, HORIZON)
    np.testing.assert_array_equal(weights.values, 1.0)
    assert (weights.effective_sample_size, weights.capped) == (4.0, 0)


def test_weights_are_capped_and_the_capped_deals_are_counted():
    result = _censored(1)
    free = censoring_weights(result, HORIZON, cap=np.inf)
    capped = censoring_weights(result, HORIZON, cap=1.3)
    np.testing.assert_array_equal(capped.values, np.minimum(free.values, 1.3))
    assert capped.capped == (free.values > 1.3).sum() > 0
    assert capped.effective_sample_size > free.effective_sample_size


def test_a_deal_with_an_unknown_label_has_weight_0():
    result = _censored(2)
    weights = censoring_weights(result, HORIZON).values
    assert ((weights == 0) == result["early_churn"].isna()).all()
    assert (weights[weights > 0] >= 1).all()


def test_all_weights_are_0_if_no_label_is_known():
    result = _outcomes(np.array([1.0, 2.0]), np.array([False, False]))
    weights = censoring_weights(result, HORIZON)
    assert weights.values.tolist() == [0, 0]
    assert weights.effective_sample_size == 0
    assert censoring_weights(result.iloc[:0], HORIZON).values.size == 0


def test_the_effective_sample_size_is_kishs_formula():
    assert effective_sample_size(np.array([1, 1, 1, 0.0])) == pytest.approx(3)
    assert effective_sample_size(np.array([2, 1.0])) == pytest.approx(9 / 5)
    assert effective_sample_size(np.zeros(3)) == 0


@pytest.mark.parametrize("cap", [0.5, float("nan")])
def test_a_cap_below_1_is_refused(cap):
    with pytest.raises(DealsError, match="cap must be at least 1"):
        censoring_weights(_censored(0), HORIZON, cap=cap)


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
