"""The Kaplan-Meier survival curve, which is missing after the longest follow-up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from sksurv.nonparametric import kaplan_meier_estimator

from fitmodel.deals.survival import MIN_AT_RISK, kaplan_meier
from fitmodel.exceptions import DealsError

TIED = (np.array([1, 2, 2, 2, 3, 5, 5, 8.0]), np.array([1, 0, 1, 1, 0, 1, 0, 0], bool))


def _censored(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Whole and broken months, so that leaving and censoring fall together often."""
    random = np.random.default_rng(seed)
    stays, watched = random.exponential(10, n), random.uniform(0, 24, n)
    months = np.minimum(stays, watched)
    return np.where(random.random(n) < 0.7, np.ceil(months), months), stays <= watched


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_and_its_limits_equal_those_of_scikit_survival(seed):
    months, left = _censored(seed)
    times, survival, (low, high) = kaplan_meier_estimator(left, months, conf_type="log-log")
    curve = kaplan_meier(months, left)
    inside = (curve.survival > 0) & (curve.survival < 1)
    np.testing.assert_array_equal(curve.times, times)
    np.testing.assert_allclose(curve.survival, survival, rtol=0, atol=1e-12)
    np.testing.assert_allclose(curve.low[inside], low[inside], rtol=0, atol=1e-9)
    np.testing.assert_allclose(curve.high[inside], high[inside], rtol=0, atol=1e-9)


def test_a_small_table_computed_by_hand_with_churn_before_censoring_at_equal_times():
    curve = kaplan_meier(*TIED)
    np.testing.assert_array_equal(curve.at_risk, [8, 7, 4, 3, 1])
    np.testing.assert_array_equal(curve.events, [1, 2, 0, 1, 0])
    by_hand = np.cumprod([7 / 8, 5 / 7, 1, 2 / 3, 1])
    np.testing.assert_allclose(curve.survival, by_hand, atol=1e-15)


def test_without_censoring_the_curve_is_the_share_of_customers_remaining():
    months = np.random.default_rng(0).exponential(6, 200)
    curve = kaplan_meier(months, np.ones(200))
    np.testing.assert_allclose(curve.at(curve.times), [(months > t).mean() for t in curve.times])
    assert curve.restricted_mean() == pytest.approx(months.mean())
    assert curve.restricted_mean(4.0) == pytest.approx(np.minimum(months, 4).mean())


def test_the_confidence_limits_cover_the_truth_at_about_the_nominal_rate():
    true = np.exp(-5 / 10)
    covered = []
    for seed in range(400):
        months, left = _censored(seed, n=80)
        curve = kaplan_meier(months, left, at=[5.0])
        covered.append(curve.low[0] <= true <= curve.high[0])
    assert 0.91 < np.mean(covered) < 0.985


def test_integer_weights_are_equivalent_to_repeated_deals():
    months, left = TIED
    times = np.array([1, 3, 2, 1, 1, 2, 1, 1])
    weighted = kaplan_meier(months, left, weights=times)
    repeated = kaplan_meier(np.repeat(months, times), np.repeat(left, times))
    np.testing.assert_allclose(weighted.survival, repeated.survival, atol=1e-15)
    np.testing.assert_allclose(weighted.at_risk, repeated.at_risk)
    np.testing.assert_allclose(weighted.events, repeated.events)


def test_the_scale_of_weights_changes_neither_curve_nor_limits():
    months, left = _censored(3)
    weights = np.random.default_rng(1).uniform(0.2, 3, months.size)
    one, other = (kaplan_meier(months, left, weights=w) for w in (weights, weights * 1000))
    for name in ("survival", "low", "high"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9)


def test_equal_weights_change_nothing_and_unequal_ones_widen():
    months, left = _censored(4)
    plain = kaplan_meier(months, left)
    equal = kaplan_meier(months, left, weights=np.full(months.size, 2.5))
    np.testing.assert_allclose(equal.low, plain.low)
    uneven = kaplan_meier(months, left, weights=np.random.default_rng(2).exponential(1, 400))
    assert np.diff([uneven.low[100], uneven.high[100]]) > np.diff([plain.low[100], plain.high[100]])


def test_deals_of_weight_0_are_ignored():
    months, left = TIED
    some = np.arange(8) < 5
    weighted = kaplan_meier(months, left, weights=some.astype(float))
    np.testing.assert_allclose(weighted.survival, kaplan_meier(months[some], left[some]).survival)


def test_the_curve_is_missing_after_the_longest_follow_up():
    curve = kaplan_meier(*TIED)
    assert np.isnan(curve.at(8.1))
    assert np.isnan(curve.restricted_mean(9))
    assert not np.isnan(curve.at(8.0))
    gone = kaplan_meier([1, 2, 3.0], [True, True, True])
    assert gone.at(99.0) == 0
    assert gone.restricted_mean(99) == pytest.approx(2.0)


def test_evaluating_at_chosen_times_keeps_the_exact_curve():
    exact, read = kaplan_meier(*TIED), kaplan_meier(*TIED, at=[0, 2, 4, 9])
    np.testing.assert_allclose(read.survival, [1, *exact.survival[[1, 2]], np.nan])
    np.testing.assert_array_equal(read.at_risk, [8, 7, 3, 0])
    np.testing.assert_array_equal(read.events, [0, 3, 0, 1])
    assert read.at(5) == exact.at(5)
    assert read.restricted_mean(6) == exact.restricted_mean(6)
    assert np.isnan(read.low[3])
    assert np.isnan(read.high[3])


def test_before_the_first_leaver_the_lower_limit_is_the_exact_binomial_one():
    curve = kaplan_meier(np.full(30, 12.0), np.zeros(30))
    assert (curve.at(12.0), curve.high[0]) == (1.0, 1.0)
    assert curve.low[0] == pytest.approx(0.025 ** (1 / 30))


@pytest.mark.parametrize(("left", "survival"), [(True, 0.0), (False, 1.0)])
def test_the_curve_of_one_deal_has_very_wide_limits(left, survival):
    curve = kaplan_meier([3.0], [left])
    assert curve.survival.tolist() == [survival]
    assert curve.low[0] <= 0.025
    assert curve.high.tolist() == [1.0]
    assert curve.restricted_mean(3) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("months", "weights", "message"),
    [
        ([1.0, np.nan], None, r"follow-up is missing or negative in 1 of 2 deals \(first at pos"),
        ([1.0, -2.0], None, "follow-up is missing or negative"),
        ([1.0, 2.0], [1.0, np.inf], "weight is missing or negative in 1 of 2"),
        ([1.0, 2.0], [0.0, 0.0], "no deal to estimate survival from"),
        ([], None, "no deal to estimate survival from"),
    ],
)
def test_invalid_months_or_weights_are_refused(months, weights, message):
    with pytest.raises(DealsError, match=message):
        kaplan_meier(months, np.ones(len(months)), weights=weights)


def test_before_the_first_leaver_the_scale_of_weights_does_not_change_the_limits():
    months, left = np.array([2.0, 4, 6, 8]), np.array([True, False, True, False])
    weights = np.array([0.5, 1.0, 2.0, 1.0])
    one, other = (kaplan_meier(months, left, at=[1.0], weights=w) for w in (weights, weights * 1e3))
    assert other.low.tolist() == pytest.approx(one.low.tolist())


def _entered(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole months, so that entering, leaving and censoring fall together often."""
    random = np.random.default_rng(seed)
    months = random.integers(0, 12, n).astype(float)
    entry = np.where(random.random(n) < 0.5, 0.0, random.integers(0, 12, n))
    months[0], entry[0] = 12.0, 0.0  # at every age at least one deal is observed
    seen = entry <= months
    return months[seen], random.random(n)[seen] < 0.6, entry[seen]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60))
def test_with_entry_times_the_curve_and_its_limits_equal_those_of_scikit_survival(seed, n):
    months, left, entry = _entered(seed, n)
    assume(left.any())  # the library refuses to estimate otherwise
    # the library counts a deal at risk after its entry, fitmodel from its entry on; it accepts no
    # time below 0, so all are moved by a month, which does not change the numbers at risk
    times, survival, (low, high) = kaplan_meier_estimator(
        left, months + 1, time_enter=entry + 1 - 1e-9, conf_type="log-log"
    )
    curve = kaplan_meier(months, left, entry_months=entry)
    at = np.searchsorted(times, curve.times + 1)
    np.testing.assert_array_equal(times[at], curve.times + 1)
    np.testing.assert_allclose(curve.survival, survival[at], rtol=0, atol=1e-12)
    inside = (curve.survival > 1e-12) & (curve.survival < 1)
    np.testing.assert_allclose(curve.low[inside], low[at][inside], rtol=0, atol=1e-9)
    np.testing.assert_allclose(curve.high[inside], high[at][inside], rtol=0, atol=1e-9)


def test_six_deals_with_entry_times_computed_by_hand():
    months = [2.0, 4.0, 4.0, 5.0, 6.0, 8.0]
    left = [True, True, False, True, False, True]
    entry = [0.0, 0.0, 3.0, 0.0, 4.0, 0.0]
    curve = kaplan_meier(months, left, entry_months=entry)
    # at 2: four entered at 0. At 4: of these three are left, one entered at 3, one enters at 4.
    # At 5: those of 5, 6 and 8 months. At 6: two. At 8: one.
    assert curve.at_risk.tolist() == [4, 5, 3, 2, 1]
    assert curve.events.tolist() == [1, 1, 1, 0, 1]
    by_hand = [3 / 4, 3 / 4 * 4 / 5, 3 / 4 * 4 / 5 * 2 / 3, 3 / 4 * 4 / 5 * 2 / 3, 0.0]
    np.testing.assert_allclose(curve.survival, by_hand, atol=1e-15)
    variance = 1 / (4 * 3) + 1 / (5 * 4) + 1 / (3 * 2)  # Greenwood, at 5
    reach = np.exp(1.959963984540054 * np.sqrt(variance) / -np.log(0.4))
    assert curve.low[2] == pytest.approx(0.4**reach)
    assert curve.high[2] == pytest.approx(0.4 ** (1 / reach))


def test_a_deal_that_leaves_on_its_entry_day_is_at_risk():
    curve = kaplan_meier([3.0, 3.0, 9.0], [True, False, False], entry_months=[3.0, 0.0, 0.0])
    assert curve.at_risk.tolist() == [3, 1]
    assert curve.at(3.0) == pytest.approx(2 / 3)


def test_entry_times_of_0_change_nothing():
    months, left = _censored(2)
    plain, entered = kaplan_meier(months, left), kaplan_meier(months, left, entry_months=months * 0)
    np.testing.assert_array_equal(entered.survival, plain.survival)
    np.testing.assert_array_equal(entered.low, plain.low)


def test_entry_times_correct_the_survivorship_bias():
    random = np.random.default_rng(0)
    stays, entry = random.exponential(10, 40_000), random.uniform(0, 12, 40_000)
    entry[::4] = 0
    there = stays >= entry  # the others left before recording began and are not in the table
    months, left = np.minimum(stays, 15)[there], (stays <= 15)[there]
    known = kaplan_meier(months, left, entry_months=entry[there])
    ignored = kaplan_meier(months, left)
    assert known.at(5.0) == pytest.approx(np.exp(-0.5), abs=0.015)
    assert ignored.at(5.0) > np.exp(-0.5) + 0.05


def test_the_curve_is_missing_after_an_age_at_which_nobody_was_observed():
    curve = kaplan_meier(
        [1.0, 2.0, 9.0, 9.5], [True, False, True, False], entry_months=[0, 0, 6.0, 7.0]
    )
    assert curve.times.tolist() == [1, 2]
    assert curve.at(2.0) == 0.5
    assert np.isnan(curve.at(9.0))
    touching = kaplan_meier([1.0, 2.0, 9.0], [True, False, True], entry_months=[0, 0, 2.0])
    assert touching.at(2.5) == 0.5


def test_weights_with_entry_times_are_equivalent_to_repeated_deals():
    months, left, entry = _entered(3, 40)
    times = np.random.default_rng(0).integers(1, 4, months.size)
    weighted = kaplan_meier(months, left, weights=times, entry_months=entry)
    repeated = kaplan_meier(
        np.repeat(months, times), np.repeat(left, times), entry_months=np.repeat(entry, times)
    )
    np.testing.assert_allclose(weighted.survival, repeated.survival, atol=1e-12)
    np.testing.assert_allclose(weighted.at_risk, repeated.at_risk)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ([0.0, 2.5], r"entry is after the end of the follow-up in 1 of 2 deals \(first at pos"),
        ([0.0, -1.0], "entry is missing or negative in 1 of 2"),
        ([0.5, 1.5], "no deal was observed from its signing .* the first 0.5 months"),
    ],
)
def test_impossible_entry_times_are_refused(entry, message):
    with pytest.raises(DealsError, match=message):
        kaplan_meier([1.0, 2.0], [True, False], entry_months=entry)


@pytest.mark.parametrize("after", [0.0, 6.0])
def test_the_upper_limit_of_the_rate_is_close_to_the_exact_poisson_limit(after):
    """Exact: chi-squared with 2 (events + 1) degrees of freedom over twice the months watched."""
    months, left = _censored(3)
    curve = kaplan_meier(months, left)
    end = curve.times[curve.at_risk >= MIN_AT_RISK].max()
    watched = (np.minimum(months, end) - after).clip(min=0).sum()
    events = int((left & (months > after) & (months <= end)).sum())
    exact = chi2.ppf(0.95, 2 * (events + 1)) / 2 / watched

    assert curve.upper_rate_after(after) == pytest.approx(exact, rel=0.002)
    assert curve.upper_rate_after(after) > events / watched
    low, high = curve.rate_limits_after(after)
    assert low == pytest.approx(chi2.ppf(0.05, 2 * events) / 2 / watched, rel=0.005)
    assert high == curve.upper_rate_after(after)
    assert np.isnan(curve.upper_rate_after(end))


def test_the_upper_limit_counts_no_months_before_a_delayed_entry():
    """From month 8 to 40 two customers are observed; a hundred others enter after that."""
    months = np.array([8.0] * 20 + [60.0] * 2 + [44.0] * 100)
    entry = np.array([0.0] * 22 + [40.0] * 100)
    left = np.arange(122) >= 97
    curve = kaplan_meier(months, left, entry_months=entry)
    watched = (months - np.maximum(entry, 6.0)).clip(min=0)[months <= 44].sum() + 2 * (44 - 6)
    exact = chi2.ppf(0.95, 2 * (25 + 1)) / 2 / watched

    assert curve.upper_rate_after(6.0) == pytest.approx(exact, rel=0.002)


def test_without_leavers_the_upper_limit_is_three_over_the_months_observed():
    curve = kaplan_meier(np.full(50, 12.0), np.zeros(50, bool))
    assert curve.upper_rate_after(2.0) == pytest.approx(3.0 / 500, rel=0.02)
    assert curve.rate_limits_after(2.0)[0] == 0


def test_after_all_have_left_the_upper_limit_keeps_its_previous_value() -> None:
    curve = kaplan_meier([1.0, 2.0, 3.0, 4.0], [True] * 4)

    assert curve.survival.tolist() == [0.75, 0.5, 0.25, 0.0]
    assert curve.high[3] == curve.high[2] < curve.high[1] < 1
    assert curve.low[3] == 0.0


def test_before_the_first_leaver_the_lower_limit_uses_all_deals() -> None:
    """The effective number at the first time is used; later numbers count fewer deals."""
    months, left = np.array([2.0, 4, 6, 8]), np.array([True, False, True, False])
    assert kaplan_meier(months, left, at=[1.0]).low[0] == pytest.approx(0.025 ** (1 / 4))
    weights = np.array([3.0, 1.0, 1.0, 1.0])
    weighted = kaplan_meier(months, left, at=[1.0], weights=weights)
    assert weighted.low[0] == pytest.approx(0.025 ** (12 / 36))
