"""Each bootstrap replicate has its own penalty and slope, as uncertain as the folds leave them."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.learning._slope import PRIOR_SLOPE_SD, HeldOut
from fitmodel.learning._uncertainty import MISFIT, draw_replicates, misfit_shifts
from fitmodel.learning.calibration import expit


def held(n, *, seed=0):
    random = np.random.default_rng(seed)
    raw = random.normal(-1, 1, n)
    label = (random.random(n) < expit(raw)).astype(float)
    return raw, HeldOut(label, np.ones(n), np.arange(n) * 4 // n, np.zeros(n))


def drawn(n, replicates=60, *, seed=1):
    raw, outcome = held(n)
    return draw_replicates({3.0: raw, 10.0: 0.9 * raw}, outcome, replicates=replicates, seed=seed)


def test_the_same_deals_and_seed_give_the_same_replicates():
    assert drawn(300, 5) == drawn(300, 5)
    assert drawn(300, 5) != drawn(300, 5, seed=2)


def test_slopes_of_few_deals_scatter_more_than_those_of_many():
    few, many = (np.std([item.slope for item in drawn(n)]) for n in (200, 10_000))
    assert many < 0.5 * few


def test_slopes_of_hardly_any_deals_scatter_as_their_prior():
    slopes = [item.slope for item in drawn(8, 120)]
    assert np.std(slopes) == pytest.approx(PRIOR_SLOPE_SD, rel=0.25)


def test_slopes_centre_on_that_of_the_scorecard():
    assert np.mean([item.slope for item in drawn(2_000)]) == pytest.approx(1.0, abs=0.1)


def test_penalties_that_the_deals_cannot_tell_apart_are_all_drawn():
    assert {item.penalty for item in drawn(200)} == {3.0, 10.0}


def test_a_penalty_that_is_clearly_worse_is_not_drawn():
    raw, outcome = held(5_000)
    found = draw_replicates({1.0: raw, 100.0: -raw}, outcome, replicates=20, seed=0)
    assert {item.penalty for item in found} == {1.0}


def test_the_misfit_goes_up_and_down_in_turn_and_with_the_spread():
    shift = misfit_shifts(6, 0.5)
    np.testing.assert_allclose(shift, 0.5 * MISFIT * np.array([1, -1, 1, -1, 1, -1]))
    assert shift.mean() == pytest.approx(0.0)
    assert misfit_shifts(4, 0.0).tolist() == [0, 0, 0, 0]
