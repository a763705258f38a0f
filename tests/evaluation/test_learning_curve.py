"""The learning curve decreases as 1 / n and extrapolates to twice the deals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.evaluation import _learning_curve as learning_curve
from fitmodel.evaluation._learning_curve import (
    COLUMNS,
    compute_learning_curve,
    fit_curve,
    plot_learning_curve,
)
from fitmodel.exceptions import DealsError

N = np.array([200, 400, 800])


def test_the_fitted_curve_recovers_its_parameters() -> None:
    assert fit_curve(N, 0.4 + 12 / N) == pytest.approx((0.4, 12))


def test_a_loss_that_increases_with_deals_gives_slope_0() -> None:
    level, slope = fit_curve(N, np.array([0.40, 0.41, 0.42]))

    assert (level, slope) == (pytest.approx(0.41), 0)


def learned(monkeypatch, law) -> None:
    """Replace training: each share of the deals gets a loss from a formula."""

    def measured(train, _test, _spec):
        if len(train) < 150:
            return None
        loss = law(len(train))
        return {
            "n_train": len(train), "early_churners": len(train) // 5, "log_loss": loss,
            "log_loss_low": loss - 0.01, "log_loss_high": loss + 0.01, "roc_auc": 0.7,
        }  # fmt: skip

    monkeypatch.setattr(learning_curve, "_measured", measured)


def test_the_last_row_is_extrapolated_to_twice_the_deals(monkeypatch) -> None:
    learned(monkeypatch, lambda n: 0.4 + 20 / n)
    sim = simulate_deals(1500, seed=1)
    steps: list[float] = []
    frame = compute_learning_curve(sim.deals, sim.spec, progress=steps.append)
    last, before = frame.iloc[-1], frame.iloc[-2]

    assert tuple(frame.columns) == COLUMNS
    assert steps == sorted(steps)
    assert list(frame["extrapolated"]) == [False] * (len(frame) - 1) + [True]
    assert last["n_train"] == 2 * before["n_train"]
    assert last["fitted"] == pytest.approx(0.4 + 20 / last["n_train"])
    assert np.isnan(last["log_loss"])
    assert frame["n_train"].is_monotonic_increasing


def test_smaller_shares_are_nested_and_the_test_deals_are_fixed(monkeypatch) -> None:
    seen = []

    def measured(train, test, _spec):
        seen.append((set(train.index), set(test.index)))
        return {"n_train": len(train), "early_churners": 1, "log_loss": 1 / len(train)}

    monkeypatch.setattr(learning_curve, "_measured", measured)
    monkeypatch.setattr(learning_curve, "COLUMNS", ("n_train", "fitted", "extrapolated"))
    sim = simulate_deals(1500, seed=1)
    compute_learning_curve(sim.deals, sim.spec, shares=(1.0, 0.5, 0.25))

    assert seen[0][0] < seen[1][0] < seen[2][0]
    assert seen[0][1] == seen[1][1] == seen[2][1]
    assert not seen[2][0] & seen[2][1]


def test_too_few_points_are_refused(monkeypatch) -> None:
    learned(monkeypatch, lambda _: 0.4)
    sim = simulate_deals(400, seed=1)
    with pytest.raises(DealsError, match=r"of 2 shares .* needed; 3 are needed for a curve"):
        compute_learning_curve(sim.deals, sim.spec, shares=(0.1, 1.0))


@pytest.mark.slow
def test_on_simulated_deals_more_deals_predict_better(quick_learner) -> None:
    sim = simulate_deals(4000, seed=3, signal=1.5)
    frame = compute_learning_curve(
        sim.deals, sim.spec.replace(learning=quick_learner), shares=(0.08, 0.3, 1.0)
    )
    known = frame[~frame["extrapolated"]]

    assert known["log_loss"].iloc[-1] < known["log_loss"].iloc[0]
    assert frame["fitted"].iloc[-1] < known["fitted"].iloc[-1]


def test_the_plot_shows_the_computed_values() -> None:
    frame = pd.DataFrame(
        {
            "n_train": [200, 400, 800], "early_churners": [40, 80, 160],
            "log_loss": [0.46, 0.43, 0.415], "log_loss_low": 0.4, "log_loss_high": 0.5,
            "roc_auc": 0.7,
        }
    )  # fmt: skip
    curve = learning_curve._with_extrapolation(frame)
    ax = plot_learning_curve(curve)
    labels = ax.get_legend_handles_labels()[1]

    gain = curve["fitted"].iloc[-2] - curve["fitted"].iloc[-1]
    assert f"twice the deals: {gain:.4f} less log loss" in labels
    assert plot_learning_curve(curve, ax) is ax
