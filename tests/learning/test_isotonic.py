"""A curved distortion is followed where there are events enough; a straight one keeps its line."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.learning.calibration import expit, fit_sigmoid
from fitmodel.learning.isotonic import ISOTONIC_EVENTS, fit_calibration, fit_isotonic


def distorted(n: int, *, bent: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    raw = random.normal(-0.5, 1.5, n)
    truth = np.where(raw > 0, raw * 0.2, raw * 1.8) if bent else 0.7 * raw - 0.3
    return raw, (random.random(n) < expit(truth)).astype(float), expit(truth)


def folds(raw: np.ndarray) -> np.ndarray:
    """Four folds, one after the other."""
    return np.arange(len(raw)) * 4 // len(raw)


def test_a_bent_distortion_is_followed_nearer_than_a_line_can() -> None:
    raw, label, truth = distorted(30_000, bent=True)
    weight = np.ones(len(raw))
    fitted = fit_calibration(raw, label, weight, folds(raw))
    assert fitted.method == "isotonic"
    own = np.abs(fitted.probability(raw) - truth).mean()
    line = np.abs(fit_sigmoid(raw, label, weight).probability(raw) - truth).mean()
    assert own < 0.5 * line
    assert own < 0.015


def test_a_straight_distortion_keeps_its_line() -> None:
    raw, label, _ = distorted(30_000, bent=False)
    assert fit_calibration(raw, label, np.ones(len(raw)), folds(raw)).method == "sigmoid"


def test_with_few_events_even_a_bent_distortion_keeps_a_line() -> None:
    raw, label, _ = distorted(1_500, bent=True)
    assert label.sum() < ISOTONIC_EVENTS
    assert fit_calibration(raw, label, np.ones(len(raw)), folds(raw)).method == "sigmoid"


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_block_without_the_other_outcome_is_no_certainty(rate: float) -> None:
    raw, label, _ = distorted(20_000, bent=True)
    label = np.where(raw < -3, rate if rate == 0 else label, label)
    fitted = fit_isotonic(raw, label, np.ones(len(raw)))
    probability = fitted.probability(np.array([-20.0, -3.5, 0.0, 20.0]))
    assert ((probability > 0) & (probability < 1)).all()
    assert (np.diff(probability) >= 0).all()


def test_weights_count_as_repeated_deals_do() -> None:
    raw, label, _ = distorted(4_000, bent=True)
    twice = fit_isotonic(np.tile(raw, 2), np.tile(label, 2), np.ones(8_000))
    heavy = fit_isotonic(raw, label, np.full(4_000, 2.0))
    np.testing.assert_allclose(heavy.probability(raw), twice.probability(raw), rtol=1e-9)


def test_the_map_survives_as_data() -> None:
    raw, label, _ = distorted(10_000, bent=True)
    fitted = fit_isotonic(raw, label, np.ones(len(raw)))
    assert type(fitted).from_dict(fitted.to_dict()) == fitted


def test_a_bend_that_later_deals_do_not_have_is_not_followed() -> None:
    raw, early, _ = distorted(30_000, bent=True)
    _, later, _ = distorted(30_000, bent=False)
    fold = folds(raw)
    label = np.where(fold == 0, early, later)
    assert label.sum() > ISOTONIC_EVENTS
    assert fit_calibration(raw, label, np.ones(len(raw)), fold).method == "sigmoid"
