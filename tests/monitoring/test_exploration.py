"""Who is let proceed is random, repeatable, and known in its probability."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.exceptions import FitModelError
from fitmodel.monitoring.exploration import choose_exploration, propensity_weights

IDS = [f"deal-{place}" for place in range(20_000)]
FLAGGED = np.arange(20_000) % 4 == 0


def test_the_unflagged_always_proceed_and_a_share_of_the_flagged() -> None:
    found = choose_exploration(IDS, FLAGGED, share=0.1, salt="s")
    assert found.proceed[~FLAGGED].all()
    assert abs(found.proceed[FLAGGED].mean() - 0.1) < 0.015
    assert set(found.propensity[FLAGGED]) == {0.1}
    assert set(found.propensity[~FLAGGED]) == {1.0}


def test_the_answer_depends_on_the_id_and_the_salt_alone() -> None:
    whole = choose_exploration(IDS, FLAGGED, share=0.1, salt="s")
    turned = choose_exploration(IDS[::-1], FLAGGED[::-1], share=0.1, salt="s")
    np.testing.assert_array_equal(whole.proceed, turned.proceed[::-1])
    anew = choose_exploration(IDS, FLAGGED, share=0.1, salt="t")
    assert (whole.proceed != anew.proceed).any()


def test_a_larger_share_lets_the_same_and_more() -> None:
    few = choose_exploration(IDS, FLAGGED, share=0.1, salt="s").proceed
    many = choose_exploration(IDS, FLAGGED, share=0.3, salt="s").proceed
    assert (many | ~few).all()


def test_weighted_by_the_propensity_the_mean_is_that_of_everybody() -> None:
    random = np.random.default_rng(0)
    left = random.random(len(IDS)) < np.where(FLAGGED, 0.6, 0.1)
    found = choose_exploration(IDS, FLAGGED, share=0.1, salt="s")
    signed = found.proceed
    weight = propensity_weights(found.propensity[signed])
    assert abs(np.average(left[signed], weights=weight) - left.mean()) < 0.02
    assert left[signed].mean() < left.mean() - 0.05


def test_impossible_shares_and_propensities_are_refused() -> None:
    with pytest.raises(FitModelError, match="from 0 to 1"):
        choose_exploration(["a"], [True], share=1.5, salt="s")
    with pytest.raises(FitModelError, match="1 propensities are not above 0"):
        propensity_weights([0.5, 0.0])
    np.testing.assert_array_equal(propensity_weights([1.0, 0.5, 0.001]), [1, 2, 20])
