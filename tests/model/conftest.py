"""A small model that flags from 30%, and the deals on which it was trained."""

from __future__ import annotations

import pytest

from fitmodel.datasets.simulation import Simulation, simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.model.counterfactuals import summarise_seen_values
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return simulate_deals(1_500, seed=5)


@pytest.fixture(scope="session")
def model(simulation: Simulation, learned_on) -> FitModel:
    learned = learned_on(1_500, seed=5)
    roles = simulation.spec.deals
    policy = Policy("threshold", 0.3, None, "")
    manifest = {
        "spec": {"attributes": {"actionable": ["onboarding_package", "gone"]}},
        "seen_values": summarise_seen_values(
            learned.scorecard.columns, learned.training_set.attributes
        ),
    }
    return FitModel(Scorer(learned.scorecard, policy, roles.amount, roles.closed_on, "v"), manifest)
