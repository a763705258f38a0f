"""Dynamic Poisson models of the level: filter, scores of past forecasts, and the months ahead."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import nbinom, norm, poisson

from fitmodel.learning._dynamic_level import (
    CONSTANT,
    IS_MOVING,
    MIN_MONTHS,
    MODELS,
    MOVING,
    PRIOR,
    PRIOR_LEAVERS,
    PRIOR_MOVING,
    State,
    filter_levels,
    forecast_scores,
    level_ahead,
    log_probability,
)

HORIZON = 5
STEADY = [number for number, (movement, noise) in enumerate(MODELS) if not noise]


def months_of(seed, months=30, leavers=8.0):
    """Observed and expected leavers of a company whose level wanders."""
    random = np.random.default_rng(seed)
    expected = random.uniform(0.5, 1.5, months) * leavers
    level = np.exp(random.normal(0, 0.1, months).cumsum())
    return random.poisson(expected * level).astype(float), expected


def test_a_constant_and_a_moving_level_split_the_prior():
    """The prior is split between a constant and a moving level, and evenly within each."""
    assert PRIOR.sum() == pytest.approx(1.0)
    assert PRIOR[IS_MOVING].sum() == pytest.approx(PRIOR_MOVING)
    assert len(set(PRIOR[IS_MOVING])) == len(set(PRIOR[~IS_MOVING])) == 1
    assert len(set(MODELS)) == len(MODELS)
    assert {movement for movement, _ in MODELS} == {CONSTANT, *MOVING}


def test_a_constant_level_without_noise_is_observed_over_expected():
    """With the prior leavers counted on both sides: the Gamma posterior is exact."""
    observed, expected = months_of(0)
    states = filter_levels(observed, expected)
    constant = MODELS.index((CONSTANT, 0.0))
    shape, rate = PRIOR_LEAVERS + observed.cumsum(), PRIOR_LEAVERS + expected.cumsum()
    np.testing.assert_allclose(np.exp(states.level[:, constant]), shape / rate)
    np.testing.assert_allclose(states.variance[:, constant], 1 / shape)


@pytest.mark.parametrize("number", [n for n in STEADY if not MODELS[n][0].slope])
def test_the_filter_agrees_with_a_numerical_integration(number):
    """The exact posterior of the log level, on a grid."""
    movement, _ = MODELS[number]
    observed, expected = months_of(1)
    grid = np.linspace(-2.5, 2.5, 1_001)
    density = norm.pdf(grid, 0, PRIOR_LEAVERS**-0.5)
    moved = grid[:, None] - movement.persistence * grid
    kernel = norm.pdf(moved, 0, movement.step) if movement.step else np.eye(len(grid))
    for month, (leavers, foreseen) in enumerate(zip(observed, expected, strict=True)):
        density = kernel @ density if month else density
        density = density * poisson.pmf(leavers, foreseen * np.exp(grid))
        density /= density.sum()
    mean = density @ grid
    deviation = np.sqrt(density @ (grid - mean) ** 2)
    states = filter_levels(observed, expected)
    assert states.level[-1, number] == pytest.approx(mean, abs=0.15 * deviation)
    assert np.sqrt(states.variance[-1, number]) == pytest.approx(deviation, rel=0.1)


def test_a_steady_trend_is_extrapolated():
    month = np.arange(60)
    expected = np.full(60, 400.0)
    observed = (expected * np.exp(0.02 * (month - 30))).round()
    mean, variance = level_ahead(filter_levels(observed, expected), HORIZON)
    trend = next(n for n in STEADY if MODELS[n][0].slope and not MODELS[n][0].step)
    ahead = 0.02 * (np.arange(60, 60 + HORIZON) - 30).mean()
    assert mean[trend] == pytest.approx(ahead, abs=2 * np.sqrt(variance[trend]))
    assert mean[trend] == pytest.approx(ahead, abs=0.03)
    wanders = next(n for n in STEADY if MODELS[n][0].step == 0.05)
    assert mean[wanders] < mean[trend] - 0.04


def test_the_months_ahead_have_the_moments_of_simulated_levels():
    """The variance includes what changes until the horizon ends."""
    random, draws = np.random.default_rng(2), 40_000
    states = filter_levels(*months_of(3))
    mean, variance = level_ahead(states, HORIZON)
    now = State(*(values[-1] for values in states))
    for number in np.flatnonzero(IS_MOVING):
        movement, noise = MODELS[number]
        level, slope = random.multivariate_normal(
            [now.level[number], now.slope[number]],
            [
                [now.variance[number], now.covariance[number]],
                [now.covariance[number], now.slope_variance[number]],
            ],
            draws,
        ).T
        ahead = np.zeros(draws)
        for _ in range(HORIZON):
            level = movement.persistence * level + slope + random.normal(0, movement.step, draws)
            ahead += (level + random.normal(0, noise, draws)) / HORIZON
        assert mean[number] == pytest.approx(ahead.mean(), abs=5 * ahead.std() / np.sqrt(draws))
        assert variance[number] == pytest.approx(ahead.var(), rel=0.04)


def test_a_constant_level_is_the_long_run_mean():
    mean, variance = level_ahead(filter_levels(*months_of(4)), HORIZON)
    noise = np.array([noise for _, noise in MODELS])
    assert set(mean[~IS_MOVING]) == {0.0}
    np.testing.assert_allclose(variance[~IS_MOVING], noise[~IS_MOVING] ** 2 / HORIZON)


def test_a_months_leavers_are_scored_by_the_negative_binomial():
    shape, log_level, foreseen = 7.0, np.log(1.3), 4.0
    by_scipy = nbinom.logpmf(6, shape, shape / (shape + 1.3 * foreseen))
    score = log_probability(np.array(6.0), np.array(foreseen), np.array(log_level), np.array(1 / 7))
    assert score == pytest.approx(by_scipy)


@pytest.mark.parametrize("horizon", [1, 3, 8])
def test_each_past_month_is_scored_once_by_the_mean_over_its_forecasts(horizon):
    observed, expected = months_of(5, months=16)
    states = filter_levels(observed, expected)
    scores = forecast_scores(states, observed, expected, horizon)
    noise = np.array([noise for _, noise in MODELS])
    by_hand = np.zeros(len(MODELS))
    for month in range(MIN_MONTHS, 16):
        forecasts = []
        for origin in range(max(month - horizon, MIN_MONTHS - 1), month):
            state = State(*(values[origin] for values in states))
            for _ in range(month - origin):
                state = state.next_month()
            variance = state.variance + noise**2
            forecasts.append(
                log_probability(observed[month], expected[month], state.level, variance)
            )
        by_hand += np.mean(forecasts, axis=0)
    np.testing.assert_allclose(scores, by_hand)


def test_no_forecast_of_a_month_uses_the_month_or_later_ones():
    observed, expected = months_of(6, months=20)
    changed = observed.copy()
    changed[15:] += 40
    before, after = (filter_levels(each, expected) for each in (observed, changed))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one[:15], other[:15])


@pytest.mark.parametrize("expected", [0.0, 1e-9])
def test_months_without_exposure_change_nothing(expected):
    observed, foreseen = months_of(7, months=12)
    state = State(*(values[-1] for values in filter_levels(observed, foreseen)))
    for before, after in zip(state, state.after(0.0, expected), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-8)
