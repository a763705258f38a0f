"""A book learned once from simulated deals."""

from __future__ import annotations

import pytest

from fitmodel.datasets.simulation import Simulation, simulate_deals
from fitmodel.learning.learner import Learned


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return simulate_deals(1500, seed=7)


@pytest.fixture(scope="session")
def learned(learned_on) -> Learned:
    return learned_on(1500, seed=7)
