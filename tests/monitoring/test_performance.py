"""Performance of cohorts as they mature, and the estimate before outcomes are known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import nbinom, norm, poisson
from sklearn.metrics import roc_auc_score

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import extract_as_of
from fitmodel.exceptions import DealsError
from fitmodel.monitoring.performance import (
    DRAWS,
    MIN_OF_EACH,
    _aucs,
    _ratio,
    compute_cohorts,
    estimate_auc,
    evaluate_drawn,
    evaluate_overrides,
    observed_over_expected,
)


@pytest.fixture(scope="module")
def simulation():
    return simulate_deals(4_000, seed=3, rep_effects=False)


def test_true_probabilities_give_observed_over_expected_of_1(simulation) -> None:
    result = compute_cohorts(simulation.deals, simulation.spec, simulation.true_probability)
    old = result[result["mature"] == result["deals"]]
    assert len(old) > 5
    covered = (old["ratio_low"] <= 1) & (old["ratio_high"] >= 1)
    assert covered.mean() > 0.8
    assert result["mature"].iloc[-1] == 0
    assert 0 < result["expected"].iloc[-1] < result["deals"].iloc[-1] * 0.2


@pytest.mark.slow
def test_a_deal_that_exited_counts_for_the_hazard_until_its_exit(
    simulation,
) -> None:
    deals = simulation.deals.copy()
    staying = deals["churned_on"].isna() & (np.arange(len(deals)) % 3 == 0)
    deals["acquired_on"] = (deals["closed_on"] + pd.Timedelta(days=40)).where(staying)
    spec = simulation.spec.replace(deals={"exited_on": "acquired_on"})
    whole = compute_cohorts(simulation.deals, simulation.spec, simulation.true_probability)
    result = compute_cohorts(deals, spec, simulation.true_probability)
    assert (result["observed"] == whole["observed"]).all()
    assert (result["expected"] < whole["expected"]).all()
    assert (result["expected"].iloc[:8] > 0.5 * whole["expected"].iloc[:8]).all()


def test_a_young_cohort_is_not_better_only_because_of_its_age(simulation) -> None:
    cut = pd.Timestamp(simulation.spec.deals.observed_until) - pd.Timedelta(days=120)
    known, spec = extract_as_of(simulation.deals, simulation.spec, cut)
    result = compute_cohorts(known, spec, simulation.true_probability.loc[known.index])
    young = result[result["mature"] < result["deals"]]
    assert len(young) >= 2
    assert ((young["ratio_low"] <= 1) & (young["ratio_high"] >= 1)).all()


def test_a_model_with_half_the_true_risk_is_detected(simulation) -> None:
    result = compute_cohorts(simulation.deals, simulation.spec, simulation.true_probability / 2)
    old = result[result["mature"] > 100]
    assert (old["ratio"] > 1.4).all()
    assert (old["ratio_low"] > 1).mean() > 0.8


def test_the_auc_estimated_before_outcomes_covers_the_later_auc() -> None:
    random = np.random.default_rng(0)
    covered = []
    for _ in range(40):
        p = random.beta(1, 3, 400)
        result = estimate_auc(p, seed=1)
        auc = roc_auc_score(random.random(400) < p, p)
        covered.append(result.low <= auc <= result.high)
    assert np.mean(covered) >= 0.85


def test_drawn_aucs_equal_those_of_scikit_learn() -> None:
    random = np.random.default_rng(4)
    scores = np.round(random.random(300), 2)  # with ties
    left = random.random((20, 300)) < scores
    expected = [roc_auc_score(row, scores) for row in left]
    np.testing.assert_allclose(_aucs(left, scores), expected)
    partial = roc_auc_score(
        np.repeat([1, 0], 300),
        np.tile(scores, 2),
        sample_weight=np.concatenate([scores, 1 - scores]),
    )
    np.testing.assert_allclose(_aucs(scores[None], scores), [partial])


def test_constant_scores_have_an_estimated_auc_of_one_half() -> None:
    assert estimate_auc(np.full(100, 0.2)).value == pytest.approx(0.5)
    assert np.isnan(estimate_auc(np.array([0.2, 0.3])).value)


def test_without_draws_with_both_outcomes_there_is_no_interval() -> None:
    result = estimate_auc(np.zeros(20))

    assert np.isnan([result.low, result.high]).all()


def test_deals_without_a_probability_are_left_out_and_only_such_deals_are_refused(
    simulation,
) -> None:
    some = simulation.true_probability.where(np.arange(4_000) % 2 == 0)
    result = compute_cohorts(simulation.deals, simulation.spec, some)
    assert result["deals"].sum() == 2_000
    with pytest.raises(DealsError, match="no deal has a probability"):
        compute_cohorts(simulation.deals, simulation.spec, some * np.nan)


def test_overrides_of_wrong_flags_are_reported_as_right() -> None:
    latest = pd.DataFrame(
        {
            "poor_fit": [True] * 60 + [False] * 20,
            "probability": [0.5] * 60 + [0.1] * 20,
            "action": ["overridden"] * 50 + ["declined"] * 10 + ["signed"] * 20,
            "proceed": [False] * 60 + [True] * 20,
        },
        index=[f"p{number}" for number in range(80)],
    )
    churn = pd.Series([1.0] * 5 + [0.0] * 35 + [np.nan] * 10, index=latest.index[:50])
    result = evaluate_overrides(latest, churn)
    assert result["overridden"] == 50
    assert result["known"] == 40
    assert result["observed"] == 5
    assert result["expected"] == 20
    assert result["ratio_high"] < 1
    assert evaluate_drawn(latest, churn)["drawn"] == 0


def test_flagged_deals_drawn_at_random_are_evaluated_apart_from_those_a_person_picked() -> None:
    latest = pd.DataFrame(
        {
            "poor_fit": True,
            "probability": 0.5,
            "action": ["signed"] * 30 + ["overridden"] * 20 + ["declined"] * 10,
            "proceed": [True] * 30 + [False] * 20 + [True] * 10,
        },
        index=[f"p{number}" for number in range(60)],
    )
    churn = pd.Series([1.0] * 30 + [0.0] * 20, index=latest.index[:50])
    drawn, picked = evaluate_drawn(latest, churn), evaluate_overrides(latest, churn)

    assert (drawn["drawn"], drawn["observed"], drawn["expected"]) == (30, 30, 15)
    assert (picked["overridden"], picked["observed"], picked["expected"]) == (20, 0, 10)


FLAGGED = 0.12  # probability of each flagged deal of the series below


@cache
def result_of_log(evaluate, left, known):
    """Result for so many flagged deals with known outcomes, of which so many left early."""
    latest = pd.DataFrame(
        {"poor_fit": True, "probability": FLAGGED, "action": "signed",
         "proceed": evaluate is evaluate_drawn},
        index=range(known),
    )  # fmt: skip
    return evaluate(latest, pd.Series(np.arange(known) < left, latest.index, dtype=float))


@pytest.mark.slow
@pytest.mark.parametrize("evaluate", [evaluate_overrides, evaluate_drawn])
def test_right_probabilities_are_called_wrong_in_at_most_1_of_20_series_of_24_looks(
    evaluate,
) -> None:
    random = np.random.default_rng(5)
    left = (random.random((400, 24, 12)) < FLAGGED).sum(axis=2).cumsum(axis=1)

    def is_wrong(result):
        return not result["ratio_low"] <= 1 <= result["ratio_high"]

    at_each_look = [
        [is_wrong(result_of_log(evaluate, count, 12 * month))
         for month, count in enumerate(series, 1)]
        for series in left.tolist()
    ]  # fmt: skip
    assert np.any(at_each_look, axis=1).sum() <= 20
    one_look = [
        [is_wrong(_ratio(count, FLAGGED * 12 * month)) for month, count in enumerate(series, 1)]
        for series in left.tolist()
    ]
    assert np.any(one_look, axis=1).sum() > 30  # intervals for one look only break the promise


@pytest.mark.parametrize("evaluate", [evaluate_overrides, evaluate_drawn])
def test_flags_that_are_wrong_are_still_found_and_a_level_of_few_churners_widens(evaluate) -> None:
    exact = result_of_log(evaluate, 3, 200)
    assert exact["ratio_high"] < 1
    latest = pd.DataFrame(
        {"poor_fit": True, "probability": FLAGGED, "action": "signed",
         "proceed": evaluate is evaluate_drawn},
        index=range(200),
    )  # fmt: skip
    churn = pd.Series(np.arange(200) < 3, latest.index, dtype=float)
    few = evaluate(latest, churn, learned_churners=30)
    assert few["ratio"] == exact["ratio"]
    assert few["ratio_low"] <= exact["ratio_low"] < exact["ratio_high"] < few["ratio_high"]
    assert result_of_log(evaluate, 0, 0)["known"] == 0


def together(observed, expected, learned=np.inf):
    cohorts = pd.DataFrame({"observed": [3, observed - 3], "expected": [2.5, expected - 2.5]})
    return observed_over_expected(cohorts, learned_churners=learned)


@pytest.mark.parametrize("learned", [np.inf, 100.0])
def test_all_cohorts_together_have_their_sums_and_an_interval(learned) -> None:
    """Limits: the likelihood of other ratios is on average 20 times that of the limit."""
    result = together(15, 7.5, learned)
    assert (result["observed"], result["expected"], result["ratio"]) == (15, 7.5, 2)

    def likelihood(ratio):
        if np.isinf(learned):
            return poisson.pmf(15, 7.5 * ratio)
        return nbinom.pmf(15, learned, 1 / (1 + 7.5 * ratio / learned))

    for end in ("ratio_low", "ratio_high"):
        limit = result[end]
        others, _ = quad(
            lambda x, limit=limit: norm.pdf(x, 0, 0.7) * likelihood(limit * np.exp(x)), -5, 5
        )
        assert others / likelihood(limit) == pytest.approx(20, rel=1e-2)
    assert result["ratio_low"] < 2 < result["ratio_high"]


def test_a_model_of_few_churners_has_less_exact_expectations() -> None:
    exact, few, many = (together(15, 7.5, learned) for learned in (np.inf, 30, 1e7))

    assert few["ratio_low"] < exact["ratio_low"] < exact["ratio_high"] < few["ratio_high"]
    assert many == pytest.approx(exact, rel=1e-3)
    assert together(3, 9.0, 9)["ratio_low"] == 0
    none = observed_over_expected(pd.DataFrame({"observed": [0], "expected": [9.0]}))
    assert none["ratio_low"] == 0 < none["ratio_high"] < 1


@pytest.mark.slow
@pytest.mark.parametrize("learned", [np.inf, 60.0])
def test_a_right_model_is_called_wrong_by_at_most_1_of_20_series_of_monthly_checks(learned) -> None:
    random = np.random.default_rng(3)
    level = 1.0 if np.isinf(learned) else random.gamma(learned, 1 / learned, 1_000)[:, None]
    counts = random.poisson(5 * level, (1_000, 24)).cumsum(axis=1) + 3

    @cache
    def is_wrong(observed, month):
        result = together(observed, 3.0 + 5 * month, learned)
        return not result["ratio_low"] <= 1 <= result["ratio_high"]

    wrong = sum(
        any(is_wrong(count, month) for month, count in enumerate(row, 1)) for row in counts.tolist()
    )
    assert wrong <= 50
    mean = 3 + 5 * np.arange(1, 25)
    below, above = poisson.cdf(counts, mean), poisson.sf(counts - 1, mean)
    at_each_check = np.minimum(below, above) < 0.025  # an exact test at each of the 24 checks
    assert at_each_check.any(axis=1).sum() > 100


def test_the_calibration_slope_is_1_for_the_truth_and_less_for_an_overconfident_model(
    simulation,
) -> None:
    truth = simulation.true_probability
    result = compute_cohorts(simulation.deals, simulation.spec, truth, every="Y")
    old = result[result["mature"] > 500]
    assert ((old["slope_low"] <= 1) & (old["slope_high"] >= 1)).all()
    odds = (truth / (1 - truth)) ** 2
    sure = compute_cohorts(simulation.deals, simulation.spec, odds / (1 + odds), every="Y")
    np.testing.assert_allclose(sure["slope"], result["slope"] / 2, rtol=1e-3)
    assert np.isnan(result["slope"].iloc[-1]) == np.isnan(result["auc"].iloc[-1])


def test_a_ratio_is_observed_over_expected_with_its_exact_interval() -> None:
    """Garwood 1936: half the chi-squared quantiles of twice the count over the expected number."""
    from scipy.stats import chi2

    result = _ratio(6.0, 4.0)

    assert result["ratio"] == 1.5
    assert result["ratio_low"] == pytest.approx(chi2.ppf(0.025, 12) / 2 / 4)
    assert result["ratio_high"] == pytest.approx(chi2.ppf(0.975, 14) / 2 / 4)
    assert np.isnan(list(_ratio(3.0, 0.0).values())).all()
    assert _ratio(0.0, 4.0)["ratio"] == 0


def test_the_ratio_of_a_cohort_uses_its_own_counts(simulation) -> None:
    result = compute_cohorts(simulation.deals, simulation.spec, simulation.true_probability)

    assert (result["observed"] != result["expected"]).all()
    assert list(result["ratio"]) == pytest.approx(list(result["observed"] / result["expected"]))


def test_the_interval_of_the_estimate_includes_95_percent_of_draws() -> None:
    p = np.random.default_rng(5).uniform(0.05, 0.6, 300)
    result = estimate_auc(p, seed=7)
    drawn = np.random.default_rng(7).random((DRAWS, len(p))) < p
    areas = np.array([roc_auc_score(row, p) for row in drawn])

    assert result.low == pytest.approx(np.quantile(areas, 0.025))
    assert result.high == pytest.approx(np.quantile(areas, 0.975))
    assert result.low < result.value < result.high


def test_an_estimate_needs_twice_the_minimum_number_per_outcome() -> None:
    few, enough = np.full(2 * MIN_OF_EACH - 1, 0.5), np.linspace(0.2, 0.8, 2 * MIN_OF_EACH)

    assert np.isnan(estimate_auc(few).value)
    assert np.isfinite(estimate_auc(enough).value)
