"""Whether the level of the predictions is off, with the error of the level that was learned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitmodel.evaluation.metrics import Metric, compute_metrics
from fitmodel.evaluation.summary import describe_level_of_cuts, level_is_off


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


@pytest.mark.slow
def test_a_backtest_of_a_right_level_gives_a_warning_in_at_most_5_percent() -> None:
    """All cuts together and each cut are looked at: together they are wrong in 5% of the cases."""
    random, cuts, error = np.random.default_rng(7), 4, 0.2
    warned = 0
    for _ in range(2_000):
        values = random.normal(0, error, cuts)
        table = pd.DataFrame(
            {
                "date": pd.date_range("2025-01-01", periods=cuts, freq="QS"),
                "calibration_intercept": values,
                "calibration_intercept_low": values - 1.96 * error,
                "calibration_intercept_high": values + 1.96 * error,
                "n_train": 10**9,  # the learned level has no error of its own
                "train_rate": 0.2,
            }
        )
        pooled, half = values.mean(), 1.96 * error / np.sqrt(cuts)
        together = Metric("calibration_intercept", pooled, pooled - half, pooled + half, 0.0)
        warned += describe_level_of_cuts(together, table) is not None
    assert 0.02 < warned / 2_000 < 0.06
