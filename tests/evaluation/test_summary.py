"""Whether the level of the predictions is off, with the error of the level that was learned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitmodel.evaluation.metrics import Metric, compute_metrics
from fitmodel.evaluation.summary import (
    MISFIT,
    describe_level_of_cuts,
    level_error,
    level_is_off,
)


def report(intercept: Metric, churners: int = 200, **changed: Any) -> Any:
    """A report of an evaluated model that learned from three quarters of the deals."""
    usual = {
        "n_early_churners": churners,
        "n_train": 750,
        "n_deals": 1000,
        "base_rate": 0.2,
        "level_error": None,  # as in a report of several models
    }
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


def evaluation(spread: float = 0.0, *, attributes: int = 1, tested: int = 10**6) -> Any:
    """An evaluated model that learned from 150 early churners; its predictions have this spread."""
    log_odds = -1.4 + spread * np.random.default_rng(3).standard_normal(1_000)
    p = 1 / (1 + np.exp(-log_odds))
    learned = SimpleNamespace(
        training_set=SimpleNamespace(early_churn=np.repeat([1.0, 0.0, np.nan], [150, 600, 99])),
    )
    return SimpleNamespace(
        learned=learned,
        n_train=10**9,
        table=pd.DataFrame({"probability": p, "weight": np.full(1_000, 1.0)}).iloc[
            np.arange(tested) % 1_000
        ],
        attributes=pd.DataFrame(np.zeros((1, attributes))),
    )


def test_the_error_of_a_level_is_that_of_its_churners_and_grows_with_what_else_is_not_known() -> (
    None
):
    alone = level_error(evaluation())
    rate = 1 / (1 + np.exp(1.4))
    assert alone == pytest.approx(1 / np.sqrt(150 * (1 - rate)), rel=0.001)
    assert level_error(evaluation(1.5)) > 1.15 * alone  # predictions that differ say less
    few = level_error(evaluation(tested=200))
    assert few == pytest.approx(np.sqrt(alone**2 * (1 + 1 / 200) + MISFIT**2 / 200), rel=0.001)
    assert level_error(evaluation(attributes=20, tested=200)) > few
    assert level_error(SimpleNamespace(learned=None)) is None


def test_the_error_of_the_level_decides_where_it_is_known() -> None:
    intercept = Metric("calibration_intercept", 0.45, 0.05, 0.85, 0.0)
    assert level_is_off(report(intercept, level_error=0.1))
    assert not level_is_off(report(intercept, level_error=0.12))


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
