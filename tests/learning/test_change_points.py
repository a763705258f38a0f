"""Whether and when a rate of leavers changed, and the present rate."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.stats import gamma, poisson

from fitmodel.learning._change_points import (
    MIN_AFTER,
    MIN_BEFORE,
    PRIOR_LEAVERS,
    _log_marginal,
    averaged,
    change_points,
    present_rate,
    share_of_shuffles,
)


def test_the_bayes_factor_agrees_with_a_numerical_integration():
    """One group whose rate changes in a known month, with the Gamma prior integrated on a grid."""
    observed = np.array([2, 1, 3, 2, 1, 2, 5, 6, 4.0])  # one possible month: after the sixth
    expected = np.full(9, 2.5)
    rate = np.arange(0.0005, 30, 0.001)
    prior = gamma.pdf(rate, PRIOR_LEAVERS, scale=1 / PRIOR_LEAVERS)

    def marginal(part):
        likelihood = poisson.pmf(observed[part][:, None], rate * expected[part][:, None])
        return float((prior * likelihood.prod(axis=0)).sum() * 0.001)

    by_hand = marginal(slice(6)) * marginal(slice(6, 9)) / marginal(slice(9))
    found = change_points(observed[:, None], expected[:, None])
    assert found.gain[0] == pytest.approx(np.log(by_hand), abs=1e-4)
    assert found.first[0] == 6
    present = present_rate(observed, expected, 1.0)
    assert present.factor == pytest.approx((PRIOR_LEAVERS + 15) / (PRIOR_LEAVERS + 7.5))
    assert (present.first, present.times) == (6, pytest.approx(16 / 8.5 / (12 / 16)))


def test_the_present_rate_is_the_mean_over_all_partitions():
    """Twelve months: every set of changes is written out, with the prior of each."""
    observed = np.array([3, 2, 4, 3, 2, 3, 7, 8, 6, 2, 1, 2.0])
    expected, months = np.full(12, 3.0), 12
    total = weighted = 0.0
    for count in range(1, 4):
        for cuts in combinations(range(1, months), count):
            edges = (0, *cuts, months)
            parts = [slice(*edge) for edge in pairwise(edges)]
            is_long = min(part.stop - part.start for part in parts) >= MIN_AFTER
            if not is_long or cuts[-1] < MIN_BEFORE:
                continue
            log = sum(_log_marginal(observed[part].sum(), expected[part].sum()) for part in parts)
            probability = np.exp(log) * (1 / 12) ** count * (11 / 12) ** (11 - count)
            last = parts[-1]
            rate = PRIOR_LEAVERS + observed[last].sum(), PRIOR_LEAVERS + expected[last].sum()
            total += probability
            weighted += probability * rate[0] / rate[1]
    assert present_rate(observed, expected, 1.0).factor == pytest.approx(weighted / total)


def test_a_change_that_went_back_is_no_present_level():
    """Three times the rate for a year, until half a year ago; the mean since then is twice it."""
    random = np.random.default_rng(6)
    true = np.where((np.arange(40) >= 22) & (np.arange(40) < 34), 3.0, 1.0)
    factors = [
        present_rate(random.poisson(5 * true).astype(float), np.full(40, 5.0), 1.0).factor
        for _ in range(100)
    ]
    assert np.mean(factors) == pytest.approx(1.0, abs=0.15)


def test_the_interval_of_the_present_rate_covers_it():
    """80% is aimed at; the month of the change is not known."""
    random = np.random.default_rng(3)
    true = np.where(np.arange(36) >= 26, 2.0, 1.0)
    inside = []
    for _ in range(500):
        observed = random.poisson(5 * true).astype(float)
        present = present_rate(observed, np.full(36, 5.0), 1.0)
        inside.append(abs(np.log(2.0 / present.factor)) < 1.2816 * present.deviation)
    assert 0.75 < np.mean(inside) < 0.87


def shuffles_with_a_gain(observed):
    """Share of shuffles of one group's months whose gain is as large."""
    expected = np.full_like(observed, 5.0)

    def gain_of(order):
        return float(change_points(observed[order], expected).gain[0])

    months = len(observed)
    return share_of_shuffles(gain_of, months, gain_of(np.arange(months)), 1.0)


def test_leavers_in_bursts_are_matched_by_shuffled_months_and_a_lasting_change_is_not():
    random = np.random.default_rng(5)
    late = np.arange(36)[:, None] >= 24
    bursts, lasting = [], []
    for _ in range(20):
        burst = np.where(random.random((36, 1)) < 1 / 12, 6.5, 0.5)
        bursts.append(shuffles_with_a_gain(random.poisson(5 * burst).astype(float)))
        changed = random.poisson(np.where(late, 15, 5)).astype(float)
        lasting.append(shuffles_with_a_gain(changed))
    assert 0.3 < np.mean(bursts) < 0.7  # uniform, whatever the leavers of a month
    assert max(lasting) < 0.05


def test_the_search_among_shuffles_ends_early():
    asked = []

    def gain_of(order):
        asked.append(order)
        return 1.0

    assert 0.05 < share_of_shuffles(gain_of, 36, 1.0, 0.05) < 0.06
    assert len(asked) == 10
    assert all(sorted(order) == list(range(36)) for order in asked)


def test_a_change_that_is_not_certain_is_applied_in_part():
    mean, deviation = averaged(2.0, 0.1, 0.4)
    draws = np.where(np.arange(10) < 4, 2.0, 1.0)
    assert mean == pytest.approx(draws.mean())
    variance = 0.4 * 2.0**2 * np.exp(0.1**2) + 0.6 - mean**2
    assert deviation == pytest.approx(np.sqrt(np.log1p(variance / mean**2)))
    assert averaged(2.0, 0.1, 1.0) == pytest.approx((2.0, 0.1))


def test_months_that_differ_more_than_chance_count_less():
    random = np.random.default_rng(4)
    rate = 30 * np.exp(random.normal(0, 0.3, (36, 2_000)))
    observed = random.poisson(rate).astype(float)
    found = change_points(observed, np.full_like(observed, observed.mean()))
    assert np.mean(found.gain > 4) < 0.02
