"""Durations estimated from the survival curve, compared with known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fitmodel.deals.survival import kaplan_meier
from fitmodel.decision._known_money import estimate_lifetime, estimate_months_until_early_churn


def watched(stay, until):
    """Return follow-up and whether the customer left, of customers watched for ``until`` months."""
    return np.minimum(stay, until), stay <= until


def exponential_curve(mean, until, n=4000, seed=0):
    random = np.random.default_rng(seed)
    stay = random.exponential(mean, n)
    return kaplan_meier(*watched(stay, random.uniform(0.0, until, n)))


def test_a_completely_observed_lifetime_is_the_mean():
    stay = np.random.default_rng(1).gamma(3.0, 6.0, 5000)
    curve = kaplan_meier(*watched(stay, np.full(5000, 200.0)))
    assert estimate_lifetime(curve) == pytest.approx(stay.mean(), rel=0.01)


def test_the_lifetime_is_that_of_customers_who_outlive_the_horizon():
    stay = np.random.default_rng(2).gamma(3.0, 6.0, 5000)
    curve = kaplan_meier(*watched(stay, np.full(5000, 200.0)))
    later = stay[stay > 5].mean()
    assert estimate_lifetime(curve, horizon_months=5) == pytest.approx(later, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_with_most_customers_censored_the_lifetime_is_not_overestimated(seed):
    """Exponential with mean 20, watched for up to 24 months: the truth after 5 months is 25."""
    curve = exponential_curve(20.0, 24.0, seed=seed)
    assert 20.0 < estimate_lifetime(curve, horizon_months=5) < 25.5


def test_a_lifetime_is_at_most_twice_the_observed_time():
    curve = exponential_curve(500.0, 12.0)
    last = curve.times[curve.at_risk >= 10][-1]
    assert estimate_lifetime(curve, horizon_months=5) == pytest.approx(2 * last)


def test_without_later_leavers_the_lifetime_is_finite():
    followup, left = np.full(100, 12.0), np.zeros(100, dtype=bool)
    followup[:20], left[:20] = 2.0, True
    assert 12.0 < estimate_lifetime(kaplan_meier(followup, left), horizon_months=5) <= 24.0


def test_a_curve_evaluated_at_chosen_months_gives_the_same_lifetime():
    stay = np.random.default_rng(3).exponential(20.0, 500)
    pairs = watched(stay, np.full(500, 24.0))
    chosen = kaplan_meier(*pairs, at=[3.0, 6.0, 12.0])
    assert estimate_lifetime(chosen, horizon_months=5) == estimate_lifetime(
        kaplan_meier(*pairs), horizon_months=5
    )


def test_with_too_few_customers_beyond_the_horizon_there_is_no_lifetime():
    curve = kaplan_meier(np.arange(12.0), np.zeros(12, dtype=bool))
    assert math.isnan(estimate_lifetime(curve, horizon_months=5))


def test_without_survivors_of_the_horizon_there_is_no_lifetime():
    curve = kaplan_meier(np.linspace(0.5, 4.0, 40), np.ones(40, dtype=bool))
    assert math.isnan(estimate_lifetime(curve, horizon_months=5))


def test_without_censoring_the_months_until_early_churn_are_their_mean():
    stay = np.random.default_rng(4).exponential(8.0, 2000)
    curve = kaplan_meier(*watched(stay, np.full(2000, 30.0)))
    mean = stay[stay <= 5].mean()
    result = estimate_months_until_early_churn(curve, horizon_months=5)
    assert result == pytest.approx(mean, rel=1e-9)


def test_young_deals_do_not_bias_the_months_until_early_churn():
    """Half of the deals were observed for less than the horizon and show only quick churners."""
    random = np.random.default_rng(5)
    stay, until = random.exponential(8.0, 20000), random.uniform(0.0, 10.0, 20000)
    followup, left = watched(stay, until)
    result = estimate_months_until_early_churn(kaplan_meier(followup, left), horizon_months=5)
    truth = stay[stay <= 5].mean()
    naive = followup[left & (followup <= 5)].mean()
    assert abs(result - truth) < 0.05
    assert naive < truth - 0.15


def test_without_early_churners_the_months_until_early_churn_are_missing():
    curve = kaplan_meier(np.full(50, 9.0), np.ones(50, dtype=bool))
    assert math.isnan(estimate_months_until_early_churn(curve, horizon_months=5))


def test_a_curve_shorter_than_the_horizon_gives_no_months_until_early_churn():
    curve = kaplan_meier(np.full(50, 3.0), np.arange(50) < 10)
    assert math.isnan(estimate_months_until_early_churn(curve, horizon_months=5))
