"""The misfit: estimated variance of effects that the scorecard omits, and its prior."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fitmodel.learning import _uncertainty
from fitmodel.learning._imputation import Imputed, impute
from fitmodel.learning._proportional_odds import FollowUp
from fitmodel.learning._uncertainty import (
    PRIOR_MISFIT,
    SHAPE_MISFIT,
    _overlap_of_all,
    _variance_component,
    misfit,
    omitted_pair_variance,
    omitted_shape_variance,
    posterior_variance,
)
from fitmodel.learning.calibration import expit
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns
from fitmodel.learning.settings import LearnerOptions


def fitted(n: int, interaction: float, *, seed: int = 0, attributes: int = 2) -> Imputed:
    """Ridge regression on random signs, with an interaction of the first two."""
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1.0, 1.0], (n, attributes))
    log_odds = 0.6 * sign.sum(axis=1) * np.sqrt(2 / attributes) - 0.5
    if attributes > 1:
        log_odds += interaction * sign[:, 0] * sign[:, 1]
    frame = pd.DataFrame(np.where(sign > 0, "yes", "no")).add_prefix("a")
    columns = fit_columns(frame, EncodingOptions())
    follow_up = FollowUp.of(np.ones(n), rng.random(n) < expit(log_odds), 1.0)
    return impute(columns, encode(columns, frame), follow_up, 0.3, LearnerOptions())


def relative_misfit(fit: Imputed) -> float:
    """Posterior misfit of pairs relative to its prior."""
    spread = float(np.std(fit.log_odds))
    pairs = misfit(fit, fit.log_odds, spread, seed=0) ** 2 - (SHAPE_MISFIT * spread) ** 2
    return np.sqrt(max(pairs, 0.0)) / (PRIOR_MISFIT * spread)


@pytest.mark.parametrize("interaction", [0.3, 0.6])
def test_the_deviation_of_an_omitted_interaction_is_estimated(interaction) -> None:
    """The effect of a product of two signs has its coefficient as standard deviation."""
    squares = []
    for seed in range(8):
        fit = fitted(4_000, interaction, seed=seed)
        squares.append(omitted_pair_variance(fit, fit.log_odds, seed=0)[0])
    assert np.sqrt(np.mean(squares)) == pytest.approx(interaction, rel=0.2)


def test_the_estimate_is_0_on_average_without_omitted_effects() -> None:
    estimates, errors = [], []
    for seed in range(30):
        fit = fitted(1_000, 0.0, seed=seed)
        variance, error = omitted_pair_variance(fit, fit.log_odds, seed=0)
        estimates.append(variance)
        errors.append(error)
    assert abs(np.mean(estimates)) < 3 * np.mean(errors) / np.sqrt(30)
    assert np.std(estimates) == pytest.approx(np.mean(errors), rel=0.5)


def test_many_deals_without_omitted_effects_reduce_the_misfit() -> None:
    assert np.mean([relative_misfit(fitted(20_000, 0.0, seed=seed)) for seed in range(4)]) < 0.5


def test_without_omitted_effects_more_deals_reduce_the_posterior_misfit() -> None:
    few, some, many = (
        np.mean([relative_misfit(fitted(n, 0.0, seed=seed, attributes=12)) for seed in range(6)])
        for n in (60, 300, 5_000)
    )
    assert few == pytest.approx(1.0, abs=0.1)
    assert 0.65 < some < 0.95
    assert many < 0.6


def test_without_numbers_the_shape_misfit_stays_at_its_prior() -> None:
    fit = fitted(20_000, 0.0)
    assert misfit(fit, fit.log_odds, 2.0, seed=0) >= 2.0 * SHAPE_MISFIT


def test_with_a_single_attribute_the_pair_misfit_is_its_prior() -> None:
    assert relative_misfit(fitted(2_000, 0.0, attributes=1)) == pytest.approx(1.0)


def test_a_scorecard_without_effects_has_no_misfit() -> None:
    fit = fitted(400, 0.0)
    assert misfit(fit, np.zeros(400), 0.0, seed=0) == 0.0


def test_the_same_deals_and_seed_give_the_same_misfit() -> None:
    fit = fitted(6_000, 0.2, attributes=14)
    first, second = (misfit(fit, fit.log_odds, 1.0, seed=3) for _ in range(2))
    assert first == second


def fit_to_number(n: int, step: float, *, seed: int = 0) -> Imputed:
    """Ridge regression without bends on a number with a linear effect and a step."""
    rng = np.random.default_rng(seed)
    value = rng.normal(size=n).round(3)
    inside = (np.abs(value) < 0.6745).astype(float)  # half of the deals
    log_odds = 0.8 * value + step * (2 * inside - 1) - 0.5
    frame = pd.DataFrame({"value": value})
    columns = fit_columns(frame, EncodingOptions())
    follow_up = FollowUp.of(np.ones(n), rng.random(n) < expit(log_odds), 1.0)
    return impute(columns, encode(columns, frame), follow_up, 0.3, LearnerOptions(bends=False))


@pytest.mark.parametrize("step", [0.3, 0.6])
def test_the_deviation_of_an_omitted_step_is_estimated(step) -> None:
    fits = [fit_to_number(4_000, step, seed=seed) for seed in range(8)]
    squares = [omitted_shape_variance(fit, fit.log_odds, seed=0)[0] for fit in fits]
    assert np.sqrt(np.mean(squares)) == pytest.approx(step, rel=0.25)


def test_a_linear_effect_has_no_omitted_shape() -> None:
    fits = [fit_to_number(2_000, 0.0, seed=seed) for seed in range(20)]
    estimates = [omitted_shape_variance(fit, fit.log_odds, seed=0) for fit in fits]
    error = np.mean([each[1] for each in estimates])
    assert abs(np.mean([each[0] for each in estimates])) < 3 * error / np.sqrt(20)
    narrow = [misfit(fit, fit.log_odds, 1.0, seed=0) for fit in fits]
    assert np.mean(narrow) < np.hypot(SHAPE_MISFIT, PRIOR_MISFIT)


def test_with_boosting_the_shape_misfit_is_not_below_its_prior() -> None:
    fit = fit_to_number(4_000, 0.0)
    assert misfit(fit, fit.log_odds, 1.0, seed=0) < np.hypot(SHAPE_MISFIT, PRIOR_MISFIT)
    predicted = misfit(fit, fit.log_odds, 1.0, seed=0, boosted=True)
    assert predicted == pytest.approx(np.hypot(SHAPE_MISFIT, PRIOR_MISFIT))


def test_categories_have_no_shape_misfit() -> None:
    fit = fitted(400, 0.0)
    assert omitted_shape_variance(fit, fit.log_odds, seed=0) is None


@pytest.mark.parametrize(
    ("estimate", "right"),
    [
        (None, 0.04),
        ((0.3, 0.01), 0.2975),  # precise: close to the estimate
        ((-0.5, 4.0), 0.04),  # imprecise: close to the prior mean
        ((5.0, 1e6), 0.04),
        ((0.02, 0.0), 0.02),
        ((-0.02, 0.0), 0.0),
    ],
)
def test_the_posterior_variance_lies_between_its_estimate_and_its_prior(estimate, right) -> None:
    assert posterior_variance(estimate, 0.04) == pytest.approx(right, rel=0.02)


def test_the_posterior_variance_is_the_mean_of_the_posterior_density() -> None:
    grid = np.linspace(0, 2, 400_001)
    density = np.exp(-((grid - 0.03) ** 2) / 2 / 0.05**2 - grid / 0.04)
    assert posterior_variance((0.03, 0.05), 0.04) == pytest.approx(
        np.average(grid, weights=density), rel=1e-3
    )


@pytest.mark.parametrize("number", [3, 5])
def test_the_overlap_of_all_products_is_the_mean_of_their_squared_correlations(number) -> None:
    """The other products are assumed to overlap as much as those in the sample."""
    squares = np.full((3, 3), 0.2)
    np.fill_diagonal(squares, 1.0)
    whole = np.full((number, number), 0.2)
    np.fill_diagonal(whole, 1.0)
    assert _overlap_of_all(squares, number) == pytest.approx(whole.mean())


def test_the_standard_error_matches_the_deviation_of_estimates_without_omitted_effects() -> None:
    random = np.random.default_rng(0)
    n, used = 400, np.arange(400)
    effects = random.normal(size=(n, 6))
    effects[:, 3:] += 0.7 * effects[:, :3]  # products overlap
    estimates = []
    for _ in range(600):
        outcome = (random.random(n) < 0.5).astype(float)
        deals = SimpleNamespace(matrix=np.zeros((n, 1)), weight=np.ones(n), early_churn=outcome)
        estimates.append(_variance_component(effects, 6, deals, np.zeros(n), used))
    values, errors = np.array(estimates).T
    assert errors.mean() == pytest.approx(values.std(), rel=0.12)
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(600)


def test_products_with_less_information_than_one_deal_are_ignored() -> None:
    n = 50
    deals = SimpleNamespace(matrix=np.zeros((n, 1)), weight=np.ones(n), early_churn=np.zeros(n))
    rare = np.zeros((n, 1))
    rare[0] = 1.0  # one deal of fifty with a residual of 0.5: information of 0.25 deals

    assert _variance_component(rare, 1, deals, np.zeros(n), np.arange(n)) is None
    assert _variance_component(
        np.tile([[1.0], [-1.0]], (25, 1)), 1, deals, np.zeros(n), np.arange(n)
    )


def test_a_sample_without_repeats_is_used_for_very_many_pairs(monkeypatch) -> None:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(50, 30))
    design = SimpleNamespace(bases=[np.zeros((3, 1))] * 30)
    deals = SimpleNamespace(matrix=matrix, design=design)
    calls = []
    monkeypatch.setattr(
        _uncertainty,
        "_variance_component",
        lambda products, number, *_: calls.append((products, number)),
    )
    omitted_pair_variance(deals, np.zeros(50), seed=0)
    ((products, number),) = calls

    assert number == 30 * 29 / 2
    assert products.shape == (50, _uncertainty.MAX_PAIRS)
    assert len({tuple(row) for row in products.T}) == _uncertainty.MAX_PAIRS


def test_main_effects_are_projected_out_with_the_information_of_each_deal(monkeypatch) -> None:
    """Weighted least squares with the information of each deal leaves no main effect."""
    random = np.random.default_rng(0)
    matrix, weight = random.normal(size=(80, 2)), random.uniform(0.5, 2, 80)
    log_odds = 0.8 * matrix[:, 0] - 1.0
    outcome = (random.random(80) < expit(log_odds)).astype(float)
    deals = SimpleNamespace(matrix=matrix, weight=weight, early_churn=outcome)
    seen = []
    without = _uncertainty.without_main_effects

    def watched(*given):
        seen.append((given[2], without(*given)))
        return seen[-1][1]

    monkeypatch.setattr(_uncertainty, "without_main_effects", watched)
    _variance_component(random.normal(size=(80, 3)), 3, deals, log_odds, np.arange(80))
    ((information, rest),) = seen

    probability = expit(log_odds)
    np.testing.assert_allclose(information, weight * probability * (1 - probability))
    wide = np.column_stack([np.ones(80), matrix])
    np.testing.assert_allclose((wide * information[:, None]).T @ rest, 0, atol=1e-9)
    assert (
        _variance_component(matrix @ random.normal(size=(2, 4)), 4, deals, log_odds, np.arange(80))
        is None
    )
