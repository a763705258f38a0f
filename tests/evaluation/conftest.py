"""Evaluated deals and tables of deals, shared by the tests of evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec


@dataclass(frozen=True)
class EvaluatedDeals:
    """Outcomes, probabilities and weights; `p` is the true probability of the outcomes."""

    y: np.ndarray
    p: np.ndarray
    weight: np.ndarray


def _draw(n, *, seed=0, middle=-1.5, spread=1.0, digits=None):
    random = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-random.normal(middle, spread, n)))
    y = (random.random(n) < p).astype(float)
    return EvaluatedDeals(y, p if digits is None else p.round(digits), random.uniform(1, 3, n))


@pytest.fixture(scope="session")
def draw():
    """Simulate evaluated deals from one law, for a number and a seed."""
    return _draw


@pytest.fixture(scope="session")
def evaluated():
    return _draw(1500)


@pytest.fixture(scope="session")
def tied():
    """Probabilities rounded to two digits, so that many deals are tied."""
    return _draw(1500, seed=1, digits=1)


@pytest.fixture(scope="session")
def spec():
    return DealSpec(
        deals={
            "closed_on": "closed_on",
            "churned_on": "churned_on",
            "observed_until": "2026-06-30",
            "amount": "amount",
        },
        label={"horizon_months": 5},
    )


@pytest.fixture(scope="session")
def make_deals():
    """Deals whose early churn follows `seats`; with `drift` its effect is reversed over time."""

    def make(n=3000, *, seed=0, drift=0.0, effect=1.2, shuffled=False):
        random = np.random.default_rng(seed)
        age = np.sort(random.random(n))
        closed_on = pd.Timestamp("2023-01-01") + pd.to_timedelta((age * 1200).astype(int), "D")
        seats, noise = random.normal(size=n), random.normal(size=n)
        left = random.random(n) < 1 / (1 + np.exp(1.2 - effect * (1 - 2 * drift * age) * seats))
        days = np.where(left, random.integers(5, 150, n), random.integers(200, 2000, n))
        churned_on = pd.Series(closed_on + pd.to_timedelta(days, "D"))
        if shuffled:
            seats = random.permutation(seats)
        return pd.DataFrame(
            {
                "closed_on": closed_on,
                "churned_on": churned_on.where(churned_on <= pd.Timestamp("2026-06-30")),
                "seats": seats,
                "noise": noise,
                "amount": random.lognormal(8, 0.5, n),
            }
        )

    return make


@pytest.fixture(scope="session")
def logistic():
    """A small learner: ridge logistic regression of the two plain numbers."""

    def fit_predict(train, attributes, _split):
        from sklearn.linear_model import LogisticRegression

        columns = ["seats", "noise"]
        model = LogisticRegression().fit(
            train.attributes[columns], train.early_churn, sample_weight=train.weight
        )
        return model.predict_proba(attributes[columns])[:, 1]

    return fit_predict
