"""A promised share of flags holds for the shipped model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.attributes import attribute_frame
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.deals.reading import read_deals
from fitmodel.decision.shipped import adjust_to_level, decide, predict_training_deals, share_flagged
from fitmodel.learning.learner import Learned, fit_estimator, learn
from fitmodel.learning.settings import Choice, LearnerOptions, Settings

CAPACITY = {"policy": "capacity", "capacity": 0.1}


def _steps(n: int, *, seed: int) -> tuple[pd.DataFrame, DealSpec]:
    """Deals with step effects, a law not used to choose any setting."""
    random = np.random.default_rng(seed)
    end = pd.Timestamp("2026-06-30")
    deals = pd.DataFrame(
        {
            "plan": random.choice(["trial", "sales", "partner"], n),
            "seats": random.gamma(2, 10, n).round(1),
            "use": random.beta(2, 3, n).round(3),
            "country": random.choice(list("abcdef"), n),
        }
    )
    chance = 0.12 + 0.2 * (deals["seats"] < 12) + 0.25 * (deals["use"] < 0.2)
    chance = chance * deals["plan"].map({"trial": 1.4, "sales": 0.9, "partner": 0.6})
    early = random.random(n) < chance
    stays = np.where(early, 150 * random.random(n) + 1, 200 + random.exponential(900, n))
    closed_on = end - pd.to_timedelta(random.integers(0, 900, n), unit="D")
    churned_on = closed_on + pd.to_timedelta(stays.round(), unit="D")
    roles = {"closed_on": "closed_on", "churned_on": "churned_on", "observed_until": end.date()}
    dated = {"closed_on": closed_on, "churned_on": churned_on.where(churned_on <= end)}
    return deals.assign(**dated), DealSpec(deals=roles, decision=CAPACITY)


def _shipped(past: pd.DataFrame, spec: DealSpec) -> Learned:
    """A model with given settings, so that twenty of them take seconds."""
    view = view_of(past, spec)
    deals = view.training_set()
    options = LearnerOptions.from_spec(spec, deals.dates)
    choice = Choice(Settings(penalty=10.0), pd.DataFrame())
    fitted = fit_estimator(deals, choice, options, replicates=2, end=view.extract_end)
    return Learned(fitted, choice, deals)


@pytest.mark.slow
@pytest.mark.parametrize("n", [400, 600])
def test_a_capacity_of_a_tenth_flags_a_tenth_of_fresh_prospects(n: int) -> None:
    shares = []
    for seed in range(20):
        past, spec = _steps(n, seed=seed)
        fresh, _ = _steps(3_000, seed=100 + seed)
        learned = _shipped(past, spec)
        alike = predict_training_deals(learned, pd.Series(dtype=float))
        drawn_together = 0.2 + 0.1 * (alike - 0.2)  # like fits that leave out deals
        policy = decide(past, spec, learned, predicted=drawn_together)
        assert share_flagged(policy, alike, past, spec) == pytest.approx(0.1, abs=0.02)
        predictions = learned.estimator.predict_proba(fresh[["plan", "seats", "use", "country"]])[
            :, 1
        ]
        shares.append(policy.poor_fit(predictions, None).mean())
    away = np.abs(np.array(shares) - 0.1)
    assert np.mean(shares) == pytest.approx(0.1, abs=0.01)
    assert np.mean(away <= 0.03) >= 0.9


@pytest.mark.slow
def test_the_capacity_holds_on_the_hard_table(shared_data: Path) -> None:
    folder = shared_data / "hard_tables"
    spec = simulate_deals(400, seed=0).spec.replace(decision=CAPACITY)
    past = read_deals(folder / "capacity_policy_simulated_600rows.csv", spec)
    fresh = pd.read_csv(folder / "capacity_policy_prospects_1000rows.csv")
    dates = ["closed_on", "first_contact_on"]
    fresh[dates] = fresh[dates].apply(pd.to_datetime)
    learned = learn(past, spec)
    policy = decide(past, spec, learned)
    names, read_as = learned.scorecard.attributes, learned.training_set.dates
    asked = attribute_frame(fresh, names, closed_on=fresh["closed_on"], dates=read_as)
    probability = learned.estimator.predict_proba(asked)[:, 1]
    amount = fresh[spec.deals.amount].to_numpy(dtype=float)
    assert policy.poor_fit(probability, amount).mean() == pytest.approx(0.1, abs=0.03)
    assert probability.mean() == pytest.approx(0.22, abs=0.06)


def test_past_outcomes_are_weighted_to_the_current_level() -> None:
    early, weight = np.array([1.0] * 10 + [0.0] * 90), np.ones(100)
    again = adjust_to_level(early, weight, np.full(100, 2.0))
    assert np.average(early, weights=again) == pytest.approx(1 - 0.9**2)
    np.testing.assert_array_equal(again[early == 0], 1.0)
    np.testing.assert_array_equal(adjust_to_level(early, weight, np.ones(100)), weight)
