"""A small model, and prospects to score with it."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.datasets.simulation import Simulation, simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return simulate_deals(700, seed=5)


@pytest.fixture(scope="session")
def model(simulation: Simulation, learned_on) -> FitModel:
    book = learned_on(700, seed=5).book
    policy = Policy("threshold", 0.3, None, "flags from 30 %")
    roles = simulation.spec.deals
    return FitModel(Scorer(book, policy, roles.amount, roles.closed_on, version="test"), {})


@pytest.fixture(scope="session")
def prospects(simulation: Simulation) -> pd.DataFrame:
    """The first 60 deals as if they were not signed yet."""
    return simulation.deals.head(60).drop(columns=["churned_on"])
