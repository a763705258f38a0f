"""The statistics of the audit, which find nothing in few deals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from fitmodel.leakage.statistics import (
    BINS,
    _auc,
    _rank_within,
    cohorts_of,
    groups_of,
    missing_churners,
    numbers_of,
    only_churners,
    rank_correlation,
    risk_ratio,
    separation,
)


def _one_cohort(n: int) -> np.ndarray:
    return np.zeros(n, dtype=np.int64)


def test_numbers_are_split_into_twenty_groups_and_missing_values_are_a_group():
    groups = groups_of(pd.Series([*range(1000), np.nan]))
    assert groups[-1] == 0
    assert np.bincount(groups)[1:].tolist() == [50] * BINS
    assert (np.diff(groups[:-1]) >= 0).all()


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", "b", None, "a"]),
        pd.Series([3, 5, None, 3]),
        pd.Series([True, False, None, True], dtype=object),
        pd.Series(["a", "b", None, "a"], dtype="category"),
    ],
)
def test_few_distinct_values_are_levels(column):
    assert groups_of(column).tolist() == [1, 2, 0, 1]


def test_numeric_text_is_numeric_and_a_category_of_numbers_is_not():
    np.testing.assert_array_equal(numbers_of(pd.Series(["1", "2.5", None])), [1, 2.5, np.nan])
    assert numbers_of(pd.Series([1, 2], dtype="category")) is None
    assert numbers_of(pd.Series(["a", "2"])) is None
    assert numbers_of(pd.Series([None, None], dtype=object)) is None


def test_cohorts_have_at_least_a_hundred_deals_and_there_are_at_most_twenty():
    days = np.datetime64("2024-01-01") + np.arange(1000)
    assert np.bincount(cohorts_of(days)).tolist() == [100] * 10
    assert cohorts_of(np.repeat(days, 100)).max() == 19
    assert cohorts_of(days[:99]).max() == 0
    assert cohorts_of(days[:0]).size == 0


@pytest.mark.parametrize("ties", [1, 5])
def test_the_auc_of_one_cohort_equals_that_of_scikit_learn(ties):
    random = np.random.default_rng(0)
    label = (random.random(500) < 0.3).astype(float)
    score = np.round((label + random.normal(size=500)) * ties) / ties
    result = _auc(score, label, _one_cohort(500))
    assert result.value == pytest.approx(roc_auc_score(label, score))
    assert result.low < result.value


def test_only_pairs_within_a_cohort_are_compared():
    random = np.random.default_rng(1)
    cohort = random.integers(0, 6, 900)
    label = (random.random(900) < cohort / 6).astype(float)
    # depends on the cohort and has no signal within it
    score = cohort + 0.3 * random.normal(size=900)
    assert roc_auc_score(label, score) > 0.75
    result = _auc(score, label, cohort)
    assert abs(result.value - 0.5) < 0.06
    assert result.low < 0.5


def test_the_lower_limit_of_the_auc_of_noise_is_below_one_half():
    lows = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        label = (random.random(300) < 0.2).astype(float)
        lows.append(separation(random.integers(0, 40, 300), label, _one_cohort(300)).low)
    assert np.mean(np.array(lows) > 0.5) < 0.01


def test_the_lower_limit_of_the_auc_is_below_the_truth():
    # two normals whose means lie d apart have AUC Phi(d / sqrt(2)); d = 1.6 gives 0.871
    for seed in range(200):
        random = np.random.default_rng(seed)
        label = (random.random(400) < 0.15).astype(float)
        score = random.normal(size=400) + 1.6 * label
        assert separation(groups_of(pd.Series(score)), label, _one_cohort(400)).low < 0.871


def test_a_distinct_level_for_each_deal_has_auc_one_half():
    label = np.tile([0.0, 1.0], 200)
    assert separation(np.arange(1, 401), label, _one_cohort(400)).value == pytest.approx(0.5)


def test_a_single_class_has_no_separation():
    assert separation(np.ones(9, dtype=np.int64), np.ones(9), _one_cohort(9)) == (0.5, 0.0)


def test_ranks_start_at_one_in_each_cohort_and_ties_get_the_mean_rank():
    values, cohort = np.array([5, 1, 1, 9, 7.0]), np.array([1, 0, 0, 1, 0])
    assert _rank_within(values, cohort).tolist() == [1, 1.5, 1.5, 2, 3]


def test_the_correlation_of_one_cohort_is_spearmans_correlation():
    random = np.random.default_rng(2)
    months = random.exponential(9, 300)
    values = np.where(
        random.random(300) < 0.2, np.nan, np.round(months + 5 * random.normal(size=300))
    )
    known = ~np.isnan(values)
    result = rank_correlation(-values, months, _one_cohort(300))
    expected = spearmanr(values[known], months[known]).statistic
    assert result.value == pytest.approx(expected)
    assert 0 < result.low < expected


def test_a_value_that_drifts_with_the_closing_date_has_no_rank_correlation():
    random = np.random.default_rng(3)
    days = np.datetime64("2024-01-01") + random.integers(0, 900, 3000)
    watched = (np.datetime64("2026-06-30") - days).astype(float) / 30.4
    months = watched * random.random(3000)  # recent deals that left did so soon
    price = -watched + random.normal(size=3000)
    assert abs(spearmanr(price, months).statistic) > 0.5
    assert rank_correlation(price, months, cohorts_of(days)).value < 0.1


@pytest.mark.parametrize("values", [np.full(50, np.nan), np.ones(50), np.arange(50.0)[:10]])
def test_missing_or_constant_values_have_rank_correlation_0(values):
    assert rank_correlation(values, np.arange(len(values)), _one_cohort(len(values))) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("deals", "stayed", "rate", "verdict"),
    [
        (60, 0, 0.2, "surely"),
        (400, 4, 0.2, "surely"),
        (400, 5, 0.2, "no"),  # more than one in a hundred
        (20, 0, 0.2, "maybe"),  # 0.2 ** 20, but the upper limit of the share that stays is 0.37
        (6, 0, 0.2, "no"),
        (60, 0, 0.9, "no"),  # like all deals
        (0, 0, 0.2, "no"),
    ],
)
def test_only_churners_needs_a_large_group_and_a_lower_rate_elsewhere_in_the_cohort(
    deals, stayed, rate, verdict
):
    others = 4000
    churned = np.zeros(deals + others, dtype=bool)
    churned[stayed:deals] = True
    churned[deals : deals + int(others * rate)] = True
    group = np.arange(deals + others) < deals
    assert only_churners(group, churned, _one_cohort(deals + others)) == verdict


def test_an_old_plan_of_a_cohort_in_which_all_left_is_not_suspected():
    cohort = np.repeat([0, 1], 500)
    churned = (cohort == 0) | (np.arange(1000) % 5 == 0)
    old_plan = (cohort == 0) & (np.arange(1000) % 2 == 0)
    assert only_churners(old_plan, churned, cohort) == "no"
    assert only_churners(old_plan, churned, _one_cohort(1000)) == "surely"


def test_missing_churners_counts_the_churners_expected_in_a_group_without_any():
    churned = np.arange(1000) % 4 == 0
    group = np.arange(1000) % 4 == 1
    result = missing_churners(group, churned, _one_cohort(1000), expected_at_least=20)
    assert result == pytest.approx(62.5)
    assert missing_churners(group, churned, _one_cohort(1000), expected_at_least=70) == 0
    assert missing_churners(group | churned, churned, _one_cohort(1000), expected_at_least=1) == 0


def test_the_risk_ratio_of_one_cohort_is_the_ratio_of_the_two_shares():
    churned = np.arange(1000) < 200
    group = (np.arange(1000) % 200 < 120) & churned | (np.arange(1000) % 20 == 0) & ~churned
    result = risk_ratio(group, churned, _one_cohort(1000))
    assert result.value == pytest.approx(0.6 / 0.05, rel=0.02)
    error = np.sqrt(1 / 120 - 1 / 200 + 1 / 40 - 1 / 800)  # for two independent shares (Katz 1978)
    assert result.low == pytest.approx(result.value * np.exp(-3 * error), rel=0.05)


def test_the_risk_ratio_of_a_field_of_old_deals_is_not_confounded_by_their_age():
    random = np.random.default_rng(5)
    cohort = random.integers(0, 2, 4000)
    churned = random.random(4000) < np.where(cohort == 0, 0.9, 0.05)
    recorded = random.random(4000) < np.where(cohort == 0, 0.9, 0.02)
    assert risk_ratio(recorded, churned, _one_cohort(4000)).low > 5
    assert risk_ratio(recorded, churned, cohort).value == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(("inside", "gone"), [(0, 5), (20, 0), (20, 20)])
def test_without_comparable_deals_the_lower_limit_of_the_risk_ratio_is_0(inside, gone):
    values = np.arange(20)
    assert risk_ratio(values < inside, values < gone, _one_cohort(20)).low == 0.0


def test_a_decreasing_value_has_no_rising_correlation():
    months = np.arange(100.0)
    assert rank_correlation(-months, months, _one_cohort(100)).value == pytest.approx(1.0)
    assert rank_correlation(-months, months, _one_cohort(100), rising=True) == (0.0, 0.0)
