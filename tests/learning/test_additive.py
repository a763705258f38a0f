"""Additive models: log-odds, means over replicates and weighted sums."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.learning._additive import Additive, Pair, weighted_sum

CODES = np.array([[0, 1], [1, 2], [2, 3], [2, 0], [3, 1]], dtype=np.int32)
PAIR = Pair((0, 1), (np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2])))


def model(replicates: int = 3, *, seed: int = 0, pairs: bool = True) -> Additive:
    random = np.random.default_rng(seed)
    singles = tuple(random.normal(size=(4, replicates)) for _ in range(2))
    if not pairs:
        return Additive(random.normal(size=replicates), singles)
    grids = (random.normal(size=(2, 3, replicates)),)
    return Additive(random.normal(size=replicates), singles, (PAIR,), grids)


def test_log_odds_are_the_intercept_and_one_row_of_each_table() -> None:
    additive = model()
    rows = additive.log_odds_by_replicate(CODES)
    by_hand = (
        additive.intercept
        + additive.singles[0][2]
        + additive.singles[1][3]
        + additive.grids[0][1, 2]
    )  # code 2 of the first attribute is row 1 of the grid, code 3 of the second is column 2

    np.testing.assert_allclose(rows[2], by_hand)
    assert rows.shape == (5, 3)
    np.testing.assert_allclose(additive.log_odds(CODES), rows.mean(axis=1))
    np.testing.assert_allclose(
        additive.mean().log_odds_by_replicate(CODES)[:, 0], rows.mean(axis=1)
    )


def test_a_weighted_mean_over_replicates_is_that_of_the_log_odds() -> None:
    additive, weights = model(pairs=False), np.array([0.5, 0.3, 0.2])
    weighted_mean = additive.weighted_mean(weights)

    assert weighted_mean.log_odds_by_replicate(CODES).shape == (5, 1)
    np.testing.assert_allclose(
        weighted_mean.log_odds(CODES), additive.log_odds_by_replicate(CODES) @ weights
    )


@pytest.mark.parametrize("slope", [2.0, np.array([1.0, 0.5, -1.0])])
def test_a_slope_multiplies_the_log_odds_of_each_replicate(slope) -> None:
    additive = model()
    np.testing.assert_allclose(
        additive.scaled(slope).log_odds_by_replicate(CODES),
        additive.log_odds_by_replicate(CODES) * slope,
    )


def test_shrunk_replicates_keep_their_mean_and_have_smaller_deviations() -> None:
    additive = model()
    rows, shrunk = (
        m.log_odds_by_replicate(CODES) for m in (additive, additive.shrunk_to_mean(0.5))
    )

    np.testing.assert_allclose(shrunk.mean(axis=1), rows.mean(axis=1))
    np.testing.assert_allclose(shrunk.std(axis=1), 0.5 * rows.std(axis=1))
    assert additive.shrunk_to_mean(1.0) is additive


def test_removing_pairs_or_changing_the_intercept_keeps_the_tables() -> None:
    additive = model()
    single = additive.without_pairs().log_odds_by_replicate(CODES)
    grid = additive.grids[0][PAIR.maps[0][CODES[:, 0]], PAIR.maps[1][CODES[:, 1]]]
    other = additive.with_intercept(additive.intercept + 1.0)

    np.testing.assert_allclose(single + grid, additive.log_odds_by_replicate(CODES))
    np.testing.assert_allclose(
        other.log_odds_by_replicate(CODES), additive.log_odds_by_replicate(CODES) + 1.0
    )


def test_a_weighted_sum_of_models_is_that_of_their_log_odds() -> None:
    first, second = model(seed=1), model(seed=2)
    whole = weighted_sum([first, second], [0.75, 0.25])
    rows = [each.log_odds_by_replicate(CODES) for each in (first, second)]

    assert len(whole.pairs) == len(whole.grids) == 2
    np.testing.assert_allclose(whole.log_odds_by_replicate(CODES), 0.75 * rows[0] + 0.25 * rows[1])
