"""Each bootstrap replicate has its own penalty and slope, with the uncertainty of the folds."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.learning._additive import Additive
from fitmodel.learning._uncertainty import add_misfit, draw_replicates
from fitmodel.learning.calibration import PRIOR_SLOPE_SD, HeldOut, expit


def held_out(n, *, seed=0):
    random = np.random.default_rng(seed)
    raw = random.normal(-1, 1, n)
    label = (random.random(n) < expit(raw)).astype(float)
    return raw, HeldOut(label, np.ones(n), np.arange(n) * 4 // n, np.zeros(n))


def draw(n, replicates=60, *, seed=1):
    raw, outcome = held_out(n)
    return draw_replicates(
        {3.0: raw, 10.0: 0.9 * raw},
        outcome,
        {3.0: 0.0, 10.0: 0.0},
        replicates=replicates,
        seed=seed,
    )


def test_the_same_deals_and_seed_give_the_same_replicates():
    assert draw(300, 5) == draw(300, 5)
    assert draw(300, 5) != draw(300, 5, seed=2)


def test_slopes_vary_more_with_few_deals_than_with_many():
    few, many = (np.std([item.slope for item in draw(n)]) for n in (200, 10_000))
    assert many < 0.5 * few


def test_with_very_few_deals_the_slopes_vary_as_their_prior():
    slopes = [item.slope for item in draw(8, 120)]
    assert np.std(slopes) == pytest.approx(PRIOR_SLOPE_SD, rel=0.25)


def test_slopes_are_centred_on_the_slope_of_the_scorecard():
    assert np.mean([item.slope for item in draw(2_000)]) == pytest.approx(1.0, abs=0.1)


def test_penalties_with_equal_predictions_are_all_drawn():
    assert {item.penalty for item in draw(200)} == {3.0, 10.0}


def test_a_penalty_that_is_clearly_worse_is_not_drawn():
    raw, outcome = held_out(5_000)
    result = draw_replicates(
        {1.0: raw, 100.0: -raw}, outcome, {1.0: 0.0, 100.0: 0.0}, replicates=20, seed=0
    )
    assert {item.penalty for item in result} == {1.0}


def _replicates(replicates=12):
    """Log-odds -1, 0 and 1 for the codes of one attribute, the same in all replicates."""
    table = np.repeat([[-1.0], [0.0], [1.0]], replicates, axis=1)
    return Additive(np.full(replicates, -2.0), (table,))


def test_the_misfit_has_half_its_variance_at_the_mean_and_more_away_from_it():
    moved = add_misfit(_replicates(), 0.2, centre=-2.0, spread=0.5)
    low, middle, high = moved.log_odds_by_replicate(np.array([[0], [1], [2]]))
    assert np.std(middle) == pytest.approx(0.2 / np.sqrt(2))
    assert np.std(low) == pytest.approx(np.std(high))
    assert np.std(high) == pytest.approx(np.sqrt(0.02 * (1 + (1 / 0.5) ** 2)))
    for log_odds, before in ((low, -3), (middle, -2), (high, -1)):
        assert log_odds.mean() == pytest.approx(before)


def test_the_misfit_over_all_deals_has_the_estimated_variance():
    rng = np.random.default_rng(0)
    table = rng.normal(0, 0.7, (500, 1)) * np.ones(12)
    deals = table[:, 0] - 2.0
    moved = add_misfit(
        Additive(np.full(12, -2.0), (table,)), 0.2, centre=deals.mean(), spread=deals.std()
    )
    log_odds = moved.log_odds_by_replicate(np.arange(500)[:, None])
    assert np.mean(log_odds.std(axis=1) ** 2) == pytest.approx(0.2**2)


def test_without_misfit_the_replicates_are_unchanged():
    before = _replicates(4)
    after = add_misfit(before, 0.0, centre=-2.0, spread=0.0)
    np.testing.assert_array_equal(after.intercept, before.intercept)
    np.testing.assert_array_equal(after.singles[0], before.singles[0])
