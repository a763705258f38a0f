"""Two models are compared on the same resamples of the same deals."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.evaluation.comparison import PAIRED, compare_metrics
from fitmodel.evaluation.metrics import compare_log_loss, compute_metrics
from fitmodel.exceptions import DealsError


def sample(n: int = 400, noise: float = 0.0, seed: int = 0):
    random = np.random.default_rng(seed)
    log_odds = random.normal(-1, 1, n)
    y = (random.uniform(size=n) < 1 / (1 + np.exp(-log_odds))).astype(float)
    other = 1 / (1 + np.exp(-(log_odds + random.normal(0, noise, n))))
    return y, 1 / (1 + np.exp(-log_odds)), other, random.uniform(0.5, 2, n)


def test_each_difference_equals_that_of_the_separate_metrics() -> None:
    y, p, other, weight = sample(noise=1.0)
    result = compare_metrics(y, p, other, weight=weight, n_boot=20)
    alone = [
        compute_metrics(y, each, weight=weight, base_rate=0.3, n_boot=0) for each in (p, other)
    ]

    assert tuple(result) == PAIRED
    for name in PAIRED:
        assert result[name].value == pytest.approx(alone[0][name].value - alone[1][name].value)


def test_the_interval_of_the_log_loss_equals_that_of_compare_log_loss() -> None:
    y, p, other, weight = sample(noise=1.0)
    one = compare_metrics(y, p, other, weight=weight, n_boot=100, seed=3)["log_loss"]
    two = compare_log_loss(y, p, other, weight=weight, n_boot=100, seed=3)

    assert (one.low, one.high) == pytest.approx((two.low, two.high))


def test_the_truth_is_significantly_better_than_the_truth_with_noise() -> None:
    result = compare_metrics(*sample(2000, noise=1.5)[:3])

    assert result["log_loss"].high < 0
    assert result["brier"].high < 0
    assert result["roc_auc"].low > 0


def test_a_model_does_not_differ_from_itself() -> None:
    y, p, _, weight = sample()
    for metric in compare_metrics(y, p, p, weight=weight, n_boot=50).values():
        assert (metric.value, metric.low, metric.high) == pytest.approx((0, 0, 0), abs=1e-12)


def test_swapping_the_models_changes_the_sign_of_the_difference() -> None:
    y, p, other, weight = sample(noise=1.0)
    one, two = (
        compare_metrics(y, *pair, weight=weight, n_boot=0) for pair in ((p, other), (other, p))
    )

    for name in PAIRED:
        assert one[name].value == pytest.approx(-two[name].value)


def test_the_interval_is_narrower_than_that_of_unpaired_models() -> None:
    y, p, other, _ = sample(2000, noise=0.3)
    paired = compare_metrics(y, p, other)["log_loss"]
    alone = compute_metrics(y, p, base_rate=0.3)["log_loss"]

    assert paired.high - paired.low < (alone.high - alone.low) / 2


def test_deals_with_only_one_outcome_are_refused() -> None:
    with pytest.raises(DealsError, match="there is no early churner"):
        compare_metrics([0, 0, 0], [0.1, 0.2, 0.3], [0.2, 0.2, 0.2])
