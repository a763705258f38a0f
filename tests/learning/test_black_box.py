"""The black-box reference: near the rate on noise, and close to a nonlinear effect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_info

from fitmodel.deals.training_set import TrainingSet
from fitmodel.learning import _other_classifiers as black_box
from fitmodel.learning._other_classifiers import black_box_probabilities
from fitmodel.learning.calibration import expit
from fitmodel.learning.settings import LearnerOptions

pytestmark = pytest.mark.full_training  # with all fits of the reference
OPTIONS = LearnerOptions()


@pytest.fixture
def few_rounds(monkeypatch):
    """Two small fits instead of six, for tests that are not about accuracy."""
    monkeypatch.setattr(black_box, "N_REPLICATES", 2)
    monkeypatch.setattr(black_box, "SETTINGS", black_box.SETTINGS | {"max_iter": 40})


def deals(n, *, seed=0, bend=0.0, young=0.0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{position}": random.normal(size=n) for position in range(6)})
    frame["plan"] = random.choice(list("abc"), n)
    line = -1.0 + bend * np.where(np.abs(frame["x0"]) < 0.7, 1.0, -1.0)
    left = random.random(n) < expit(line)
    months = np.where(left, random.uniform(0, 5, n), 8.0)
    age = np.where(random.random(n) < young, random.uniform(0, 5, n), 8.0)
    return TrainingSet(
        attributes=frame,
        followup_months=np.minimum(months, age),
        left=left & (months <= age),
        entry_months=np.zeros(n),
        observable_months=age,
        weight=np.ones(n),
        closed_on=None,
        horizon_months=5,
    ), expit(line)


def divergence(truth, p):
    return float(np.mean(truth * np.log(truth / p) + (1 - truth) * np.log((1 - truth) / (1 - p))))


@pytest.mark.slow
def test_on_noise_it_predicts_closer_to_the_rate_than_default_settings():
    excess = {"tuned": [], "defaults": []}
    for seed in range(2):
        train, _ = deals(600, seed=seed)
        test, truth = deals(1_000, seed=50 + seed)
        tuned = black_box_probabilities(train, test.attributes, OPTIONS)
        numbers = [f"x{position}" for position in range(6)]
        reference = HistGradientBoostingClassifier(random_state=0)
        reference.fit(train.attributes[numbers], train.early_churn)
        excess["tuned"].append(divergence(truth, tuned))
        defaults = reference.predict_proba(test.attributes[numbers])[:, 1]
        excess["defaults"].append(divergence(truth, np.clip(defaults, 1e-6, 1 - 1e-6)))
    assert np.mean(excess["tuned"]) < 0.25 * np.mean(excess["defaults"])
    assert np.mean(excess["tuned"]) < 0.02


@pytest.mark.slow
def test_an_effect_that_is_not_monotone_is_detected():
    train, _ = deals(1_500, bend=1.5)
    test, truth = deals(1_000, seed=9, bend=1.5)
    result = black_box_probabilities(train, test.attributes, OPTIONS)
    rate = np.full(1_000, train.early_churn.mean())
    assert divergence(truth, result) < 0.15 * divergence(truth, rate)


@pytest.mark.usefixtures("few_rounds")
def test_young_deals_are_counted_neither_as_stayed_nor_as_left():
    train, _ = deals(1_500, young=0.6)
    test, truth = deals(500, seed=9)
    result = black_box_probabilities(train, test.attributes, OPTIONS)
    assert result.mean() == pytest.approx(truth.mean(), rel=0.12)


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.slow
def test_leavers_before_a_delayed_entry_are_allowed_for():
    """Of the deals that entered late only those that had not left are in the table."""
    whole, _ = deals(4_000)
    entry = np.where(np.arange(4_000) % 2, np.random.default_rng(1).uniform(0, 9, 4_000), 0.0)
    late = replace(whole, entry_months=entry)
    train = late.subset(entry <= whole.followup_months)
    rate = 1 - train.survival.at(5.0)

    p = black_box_probabilities(train, whole.attributes, OPTIONS)

    assert (train.early_churn == 1).mean() < rate - 0.05
    assert abs(p.mean() - rate) < 0.01


def test_the_same_deals_and_seed_give_the_same_probabilities():
    train, _ = deals(300)
    first, again, other = (
        black_box_probabilities(train, train.attributes, replace(OPTIONS, seed=seed))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("allowed", [1, 2])
def test_the_reference_uses_the_number_of_threads_of_the_contract(monkeypatch, allowed):
    seen = []
    fit = HistGradientBoostingClassifier.fit

    def remember(self, X, y, sample_weight=None):
        seen.append(max(pool["num_threads"] for pool in threadpool_info()))
        return fit(self, X, y, sample_weight)

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", remember)
    monkeypatch.setattr(black_box, "SETTINGS", {"max_iter": 2})
    train, _ = deals(100)
    black_box_probabilities(train, train.attributes, LearnerOptions(threads=allowed))
    assert seen == [allowed] * black_box.N_REPLICATES


@pytest.mark.usefixtures("few_rounds")
def test_each_fit_has_its_own_validation_set_and_the_mean_is_returned(monkeypatch):
    states, means = [], []

    class Watched(HistGradientBoostingClassifier):
        def fit(self, *given, **more):
            states.append(self.random_state)
            return super().fit(*given, **more)

        def predict_proba(self, X):
            result = super().predict_proba(X)
            means.append(result[:, 1])
            return result

    monkeypatch.setattr("sklearn.ensemble.HistGradientBoostingClassifier", Watched)
    monkeypatch.setattr(black_box, "N_REPLICATES", 3)
    train, _ = deals(200)
    probability = black_box_probabilities(train, train.attributes, replace(OPTIONS, seed=5))

    assert states == [5, 6, 7]
    np.testing.assert_allclose(probability, np.mean(means, axis=0))
