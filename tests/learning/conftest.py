"""Simulated deals with known probabilities, and a scorecard that is learned once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import Simulation, simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.learning._proportional_odds import FollowUp
from fitmodel.learning.calibration import expit, logit
from fitmodel.learning.learner import Learned

END = pd.Timestamp("2026-06-30")
DAYS_PER_MONTH = 30.436875
CHANNELS = {"web": -0.7, "reseller": 0.0, "cold call": 0.8}


@dataclass(frozen=True, eq=False)
class Company:
    """Deals whose true early-churn probability is known."""

    attributes: pd.DataFrame
    follow_up: FollowUp
    log_odds: np.ndarray
    """True log-odds of leaving within the horizon, less the baseline's."""

    truth: np.ndarray
    deals: pd.DataFrame
    spec: DealSpec


def _company(n, *, seed=0, growth=0.0, months=30, rate=0.25, horizon=5, shape=2.0):
    """Customers who leave with proportional odds; the number of new deals grows each month."""
    random = np.random.default_rng(seed)
    share = random.random(n)
    signed = share * months if not growth else np.log1p(share * np.expm1(growth * months)) / growth
    channel = random.choice(list(CHANNELS), n, p=(0.4, 0.3, 0.3))
    seats = random.normal(size=n)
    log_odds = pd.Series(channel).map(CHANNELS).to_numpy() - 0.5 * seats
    base = np.log(rate / (1 - rate))
    probability = np.clip(random.random(n), 1e-9, 1 - 1e-9)
    stays = horizon * np.exp((logit(probability) - base - log_odds) / shape)
    age = months - signed
    followed, left = np.minimum(stays, age), stays <= age
    closed_on = END - pd.to_timedelta((age * DAYS_PER_MONTH).round(), unit="D")
    churned_on = closed_on + pd.to_timedelta(
        np.ceil(np.minimum(stays, 999) * DAYS_PER_MONTH), unit="D"
    )
    attributes = pd.DataFrame({"channel": channel, "seats": seats})
    roles = {"closed_on": "closed_on", "churned_on": "churned_on", "observed_until": END.date()}
    return Company(
        attributes,
        FollowUp.of(followed, left, float(horizon)),
        log_odds,
        expit(base + log_odds),
        attributes.assign(closed_on=closed_on, churned_on=churned_on.where(churned_on <= END)),
        DealSpec(deals=roles, label={"horizon_months": horizon}),
    )


@pytest.fixture(scope="session")
def make_company():
    """Make a company: ``make_company(n, seed=..., growth=...)``, see `_company`."""
    return _company


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return simulate_deals(1500, seed=7)


@pytest.fixture(scope="session")
def learned(learned_on) -> Learned:
    return learned_on(1500, seed=7)
