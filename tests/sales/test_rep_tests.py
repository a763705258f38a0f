"""Error rates of naming reps: few by chance or for usual differences, most large ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from fitmodel.sales._rep_tests import (
    HISTORY_SHARE,
    allowing_tails,
    change_tails,
    exact_tails,
    name_reps,
)

EXPECTED = np.array([30.0, 22, 18, 15, 13, 12, 10, 9, 8, 6, 4, 3])


def pages(ratios, expected=EXPECTED, number=150, seed=20_000, error=0.05):
    """Share of pages on which any rep, and on which the first rep, is named with more leavers."""
    named = []
    for page in range(number):
        random = np.random.default_rng(seed + page)
        counts = random.poisson(expected * ratios(random)).astype(float)
        named.append(name_reps(counts, expected, error=error).direction)
    named = np.array(named)
    return float((named != 0).any(axis=1).mean()), float((named[:, 0] == 1).mean())


def test_among_equal_reps_one_is_named_on_at_most_5_percent_of_pages():
    assert pages(lambda _: np.ones(12))[0] <= 0.05


def test_reps_are_not_named_for_usual_unrecorded_differences():
    # 5% and two standard errors of 150 pages
    assert pages(lambda random: np.exp(random.normal(0, 0.35, 12)))[0] <= 0.05 + 0.036


@pytest.mark.parametrize(("times", "difference"), [(2.5, 0.35), (2.5, 0.5)])
def test_with_many_deals_reps_are_not_named_for_unrecorded_differences(times, difference):
    # with a gamma distribution of reps' ratios 10% of such pages named a rep
    named = pages(
        lambda random: np.exp(random.normal(0, difference, 12)), EXPECTED * times, number=100
    )[0]
    assert named <= 0.05 + 0.044  # 5% and two standard errors of 100 pages


def test_many_reps_are_not_named_for_unrecorded_differences():
    expected = np.random.default_rng(5).lognormal(2.5, 0.5, 30)
    error = 0.05 * HISTORY_SHARE  # the share of the error rate that a page uses for it
    differ = pages(
        lambda random: np.exp(random.normal(0, 0.35, 30)), expected, number=100, error=error
    )[0]
    assert differ <= 0.05 + 0.044


def test_with_very_many_deals_only_the_variance_between_reps_matters():
    expected = EXPECTED * 200
    observed = expected * np.exp(np.array([0.3, -0.3] * 6))
    allowing = allowing_tails(observed.round(), expected)
    # one rep of 12 that differ by .3 is about one standard deviation off
    assert 0.08 < allowing[0][0] < 0.3
    assert allowing[0][0] + allowing[1][0] == pytest.approx(1.0, abs=0.01)


def test_a_rep_with_half_of_all_deals_is_compared_with_the_others():
    expected = np.r_[140.0, EXPECTED]
    ratios = np.r_[2.0, np.ones(12)]

    somebody, first = pages(lambda _: ratios, expected, number=60)
    assert first >= 0.75
    assert somebody - first <= 0.05


def test_a_rep_with_48_percent_of_deals_and_twice_the_churn_is_detected():
    expected = np.r_[66.0, EXPECTED[:11] * (72 / EXPECTED[:11].sum())]
    ratios = np.r_[2.0, np.ones(11)]

    somebody, first = pages(lambda _: ratios, expected, error=0.05 * HISTORY_SHARE)
    assert first >= 0.75
    assert somebody - first <= 0.01


def test_the_exact_test_is_the_binomial_test():
    observed = np.array([12.0, 20, 9])
    expected = np.array([5.0, 22, 11])
    more, fewer = exact_tails(observed, expected)

    for at in range(3):
        share = expected[at] / expected.sum()
        assert more[at] == pytest.approx(
            binomtest(int(observed[at]), 41, share, alternative="greater").pvalue
        )
        assert fewer[at] == pytest.approx(
            binomtest(int(observed[at]), 41, share, alternative="less").pvalue
        )


def test_the_level_of_the_expected_numbers_does_not_matter():
    observed = np.array([40.0, 22, 18, 15, 9, 12])
    one, other = (name_reps(observed, EXPECTED[:6] * scale) for scale in (1.0, 1.7))

    assert one.adjusted == pytest.approx(other.adjusted, rel=1e-3)


def test_the_order_of_reps_does_not_matter():
    observed = np.array([70.0, 22, 18, 15, 2, 12])
    order = np.array([3, 0, 5, 1, 4, 2])
    one = name_reps(observed, EXPECTED[:6])
    other = name_reps(observed[order], EXPECTED[:6][order])

    assert other.adjusted == pytest.approx(one.adjusted[order])
    assert other.direction.tolist() == one.direction[order].tolist()


def test_an_allowance_for_differences_never_decreases_a_p_value():
    observed = EXPECTED.round() + np.array([20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    exact, allowing = exact_tails(observed, EXPECTED), allowing_tails(observed, EXPECTED)

    assert allowing[0][0] > exact[0][0]
    assert np.all((allowing[0] >= 0) & (allowing[0] <= 1))


def test_a_constant_ratio_is_not_a_change():
    past, recent = np.full(6, 60.0), np.full(6, 12.0)
    always = np.array([2.0, 1, 1, 1, 1, 1])
    lately = np.array([3.0, 1, 1, 1, 1, 1])

    assert change_tails(recent * always, recent, past * always, past)[0][0] > 0.3
    assert change_tails(recent * lately, recent, past, past)[0][0] < 1e-4
    named = name_reps(recent * lately, recent, past=(past, past))
    assert named.direction.tolist() == [1, 0, 0, 0, 0, 0]


def test_one_rep_alone_and_reps_without_enough_deals_are_never_named():
    assert name_reps(np.array([50.0]), np.array([5.0])).direction.tolist() == [0]
    few = name_reps(np.array([50.0, 10, 10]), np.array([5.0, 10, 10]), np.zeros(3, dtype=bool))
    assert few.direction.tolist() == [0, 0, 0]
    assert few.adjusted.tolist() == [1, 1, 1]
