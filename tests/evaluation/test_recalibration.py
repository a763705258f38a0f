"""Calibration slope, intercept and error of predicted probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from fitmodel.evaluation._calibration import (
    calibration_error,
    calibration_intercept,
    calibration_slope,
    logit,
    may_be_calibrated,
)
from fitmodel.evaluation.sample import Sample


def one(statistic, sample):
    return float(statistic(sample, sample.weight[None])[0])


@pytest.fixture
def sample(evaluated):
    return Sample.of(evaluated.y, evaluated.p, evaluated.weight)


def test_log_odds_are_finite_for_0_and_1_and_inverse_to_the_logistic_function():
    assert np.isfinite(logit([0.0, 1.0])).all()
    np.testing.assert_allclose(expit(logit([0.1, 0.5, 0.9])), [0.1, 0.5, 0.9])


def test_the_slope_equals_that_of_an_unpenalised_logistic_regression(sample):
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        logit(sample.probability)[:, None], sample.outcome, sample_weight=sample.weight
    )
    assert one(calibration_slope, sample) == pytest.approx(peer.coef_[0, 0], abs=1e-5)


def test_the_intercept_corrects_the_mean_prediction(sample):
    shift = one(calibration_intercept, sample)
    moved = expit(logit(sample.probability) + shift)
    weight = {"weights": sample.weight}
    assert np.average(moved, **weight) == pytest.approx(np.average(sample.outcome, **weight))


@pytest.mark.parametrize(
    "factor",
    [0.3, 0.5, 2.0, 4.0],  # with larger factors the largest probabilities round to 1
)
def test_multiplying_the_log_odds_divides_the_slope(evaluated, factor):
    plain = Sample.of(evaluated.y, evaluated.p)
    stretched = Sample.of(evaluated.y, expit(factor * logit(evaluated.p)))
    expected = one(calibration_slope, plain) / factor
    assert one(calibration_slope, stretched) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shift", [-3.0, -0.4, 0.4, 3.0, 15.0])
def test_shifting_the_log_odds_shifts_the_intercept_in_the_opposite_direction(evaluated, shift):
    plain, shifted = (Sample.of(evaluated.y, expit(logit(evaluated.p) + by)) for by in (0, shift))
    expected = one(calibration_intercept, plain) - shift
    assert one(calibration_intercept, shifted) == pytest.approx(expected, abs=1e-4)


def test_reversing_the_probabilities_changes_the_sign_of_the_slope(evaluated):
    turned = Sample.of(evaluated.y, 1 - evaluated.p)
    expected = -one(calibration_slope, Sample.of(evaluated.y, evaluated.p))
    assert one(calibration_slope, turned) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("p", "slope"),
    [([0.9, 0.8, 0.2], math.inf), ([0.1, 0.2, 0.8], -math.inf), ([0.3] * 3, math.nan)],
)
def test_the_slope_is_infinite_with_perfect_separation_and_missing_without_variation(p, slope):
    result = one(calibration_slope, Sample.of([1, 1, 0], p))
    assert result == pytest.approx(slope, nan_ok=True)


def test_the_slope_of_a_resample_equals_that_of_its_deals(sample):
    drawn = next(iter(sample.resamples(5, seed=0)))
    together = calibration_slope(sample, drawn)
    for weights, slope in zip(drawn, together, strict=True):
        kept = weights > 0
        alone = Sample.of(sample.outcome[kept], sample.probability[kept], weights[kept])
        assert slope == pytest.approx(one(calibration_slope, alone), abs=1e-6)


def plain_error(sample):
    """The simple expected calibration error over deciles, without ties and weights."""
    gap = np.array_split((sample.probability - sample.outcome), 10)
    return sum(abs(part.mean()) * len(part) for part in gap) / len(sample)


def test_the_calibration_error_is_below_the_simple_one_and_equal_for_large_gaps(draw):
    perfect = draw(1000, seed=4)
    sample = Sample.of(perfect.y, perfect.p)
    assert one(calibration_error, sample) < 0.7 * plain_error(sample)
    wrong = Sample.of(perfect.y, np.clip(perfect.p + 0.3, 0, 1))
    assert one(calibration_error, wrong) == pytest.approx(plain_error(wrong), rel=0.01)


def test_for_a_perfect_model_the_calibration_error_is_closer_to_0_than_the_simple_one(draw):
    cases = [draw(500, seed=seed) for seed in range(60)]
    samples = [Sample.of(case.y, case.p) for case in cases]
    corrected = np.mean([one(calibration_error, sample) for sample in samples])
    assert corrected < 0.7 * np.mean([plain_error(sample) for sample in samples])


def test_the_calibration_error_of_a_constant_is_its_distance_from_the_rate():
    y = np.r_[np.ones(300), np.zeros(700)]
    assert one(calibration_error, Sample.of(y, np.full(1000, 0.5))) == pytest.approx(0.2)


def test_the_interval_of_the_error_includes_0_only_for_a_calibrated_model(draw):
    perfect = [draw(1000, seed=seed) for seed in range(100)]
    rejected = sum(not may_be_calibrated(Sample.of(case.y, case.p)) for case in perfect)
    assert rejected <= 7
    shifted = [expit(logit(case.p) + 0.7) for case in perfect]
    caught = sum(
        not may_be_calibrated(Sample.of(case.y, p))
        for case, p in zip(perfect, shifted, strict=True)
    )
    assert caught >= 95
