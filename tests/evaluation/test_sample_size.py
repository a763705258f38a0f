"""The number of deals a model needs is that of the literature, and the learning curve falls."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.evaluation import sample_size as learning_curve
from fitmodel.evaluation.sample_size import (
    COLUMNS,
    compute_learning_curve,
    deals_for_width,
    describe_sample,
    expected_width,
    fit_learning_curve,
    minimum_sample_size,
    parameters_of,
    plot_learning_curve,
)
from fitmodel.exceptions import DealsError

R_SQUARED_OF_AUC = 0.291  # the first criterion gives 615 from 0.2908 to 0.2911


def test_the_results_equal_those_of_the_package_pmsampsize() -> None:
    """The numbers that its own tests expect (pmsampsize 0.1.0, tests/test_pmsampsize.py).

    Test 1: type = "b", csrsquared = 0.288, parameters = 24, prevalence = 0.174. Test 2: the same
    with cstatistic = 0.89, from which the package simulates an R squared; the one with which the
    first criterion needs its 615 deals must need its 660 by the second.
    """
    result = minimum_sample_size(24, 0.174, 0.288)
    assert (result.shrinkage, result.optimism, result.rate) == (623, 662, 221)
    assert result.deals == 662
    of_c_statistic = minimum_sample_size(24, 0.174, R_SQUARED_OF_AUC)
    assert (of_c_statistic.shrinkage, of_c_statistic.optimism) == (615, 660)
    assert (of_c_statistic.rate, of_c_statistic.deals) == (221, 660)


def test_the_result_equals_the_example_of_the_paper() -> None:
    """BMJ 368:m441: 30 parameters, an outcome of 5% and R squared of 0.05 need 5,249."""
    assert minimum_sample_size(30, 0.05, 0.05).shrinkage == pytest.approx(5_249, abs=1)


def test_the_default_r_squared_is_15_percent_of_the_largest_possible() -> None:
    """The paper's table: the largest R squared of Cox and Snell is 0.33 at 5% and 0.75 at 50%."""
    assert minimum_sample_size(10, 0.5).shrinkage == minimum_sample_size(10, 0.5, 0.1125).shrinkage
    assert minimum_sample_size(10, 0.05).deals > minimum_sample_size(10, 0.05, 0.15 * 0.33).rate


def test_more_parameters_and_rarer_churn_need_more_deals() -> None:
    sizes = [minimum_sample_size(n, 0.2).deals for n in (5, 20, 80)]
    assert sizes == sorted(sizes)
    assert minimum_sample_size(20, 0.05).deals > minimum_sample_size(20, 0.3).deals


def test_intervals_narrow_with_deals_and_the_sample_size_for_a_width_is_minimal() -> None:
    widths = [expected_width(n, 30, 0.2) for n in (60, 200, 1_000, 10_000)]
    assert widths == sorted(widths, reverse=True)
    deals = deals_for_width(widths[1] / 2, 30, 0.2)
    assert expected_width(deals, 30, 0.2) <= widths[1] / 2 < expected_width(deals - 1, 30, 0.2)


def test_check_reports_available_and_needed_deals() -> None:
    sim = simulate_deals(250, seed=4, n_attributes=6)
    training_set = view_of(sim.deals, sim.spec).training_set()
    text = describe_sample(training_set, sim.spec, 0.2)
    assert f"of {parameters_of(training_set, sim.spec)} parameters" in text
    assert "Riley" in text
    assert "for half of that, about" in text


@pytest.mark.slow
def test_the_predicted_width_is_close_to_that_of_a_fitted_model() -> None:
    from fitmodel.learning.encoding import encode
    from fitmodel.learning.learner import learn

    law = {"n_attributes": 10, "company": 5, "base_rate": 0.25, "rep_effects": False}
    for n in (100, 190):
        foretold, made = [], []
        for seed in range(4):
            sim = simulate_deals(n, seed=seed, **law)
            learned = learn(sim.deals, sim.spec)
            scorecard = learned.scorecard
            codes = encode(scorecard.columns, learned.training_set.attributes)
            low, high = scorecard.interval(*scorecard.scores(codes))
            made.append((high - low).mean())
            parameters = parameters_of(learned.training_set, sim.spec)
            foretold.append(expected_width(0.88 * n, parameters, 0.25))
        assert sum(foretold) / sum(made) == pytest.approx(1.0, abs=0.35)


N = np.array([200, 400, 800])


def test_the_fitted_curve_recovers_its_parameters() -> None:
    assert fit_learning_curve(N, 0.4 + 12 / N) == pytest.approx((0.4, 12))


def test_a_loss_that_increases_with_deals_gives_slope_0() -> None:
    level, slope = fit_learning_curve(N, np.array([0.40, 0.41, 0.42]))

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
