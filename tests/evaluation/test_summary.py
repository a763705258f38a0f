"""Whether the level of the predictions is off, with the error of the level that was learned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fitmodel.evaluation.metrics import Metric, compute_metrics
from fitmodel.evaluation.summary import level_is_off


def report(intercept: Metric, churners: int = 200, **changed: Any) -> Any:
    """A report of an evaluated model that learned from three quarters of the deals."""
    usual = {"n_early_churners": churners, "n_train": 750, "n_deals": 1000, "base_rate": 0.2}
    return SimpleNamespace(metrics={"calibration_intercept": intercept}, **usual | changed)


@pytest.mark.parametrize("side", [1, -1])
def test_an_interval_just_beyond_0_is_not_enough(side: int) -> None:
    def metric(value: float) -> Metric:
        ends = sorted((side * (value - 0.4), side * (value + 0.4)))
        return Metric("calibration_intercept", side * value, *ends, 0.0)

    # the error of a level from 150 churners of 20% is 1.96 / sqrt(150 * 0.8) = 0.18
    assert not level_is_off(report(metric(0.43)))
    assert level_is_off(report(metric(0.45)))
    assert level_is_off(report(metric(0.41), churners=20_000))
    assert not level_is_off(report(metric(0.41), churners=0))


@pytest.mark.slow
def test_a_level_that_never_changes_is_rarely_off() -> None:
    random, rate, churners = np.random.default_rng(14), 0.2, 150
    off, beyond = [], []
    for _ in range(300):
        learned = random.binomial(churners / rate, rate) / (churners / rate)
        spread = np.exp(random.normal(0, 0.8, 250))
        odds = spread / spread.mean() * rate / (1 - rate)
        odds_predicted = odds * learned / (1 - learned) * (1 - rate) / rate
        outcome = (random.random(250) < odds / (1 + odds)).astype(float)
        metrics = compute_metrics(outcome, odds_predicted / (1 + odds_predicted), base_rate=rate)
        intercept = metrics["calibration_intercept"]
        off.append(level_is_off(report(intercept)))
        beyond.append(intercept.low > 0 or intercept.high < 0)

    assert np.mean(beyond) > 0.08  # by the interval that treats the model as fixed
    assert np.mean(off) < 0.075
