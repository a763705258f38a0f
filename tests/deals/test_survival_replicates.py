"""Survival curves of many replicates computed together equal those computed one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.deals import survival_estimates as module
from fitmodel.deals.survival import kaplan_meier
from fitmodel.deals.survival_estimates import survival_replicates
from fitmodel.exceptions import DealsError


def _one(months, left, entry, weights, at, until):
    try:
        curve = kaplan_meier(months, left, weights=weights, entry_months=entry)
    except DealsError:  # no deal has weight, or none was observed from its signing
        return np.nan, np.nan
    return curve.at(at), curve.restricted_mean(until)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 40),
    at=st.sampled_from([0.0, 3.0, 5.5, 20.0]),
    until=st.sampled_from([2.0, 6.0, 20.0]),
    entries=st.booleans(),
)
def test_each_replicate_is_the_kaplan_meier_curve_of_its_weights(seed, n, at, until, entries):
    random = np.random.default_rng(seed)
    months = random.integers(0, 12, n) / 2
    left = random.random(n) < 0.5
    entry = np.where(random.random(n) < 0.4, random.uniform(0, 1, n) * months, 0.0) * entries
    weights = random.multinomial(n, np.full(n, 1 / n), size=7) * random.choice([1.0, 0.7, 3e5], n)
    weights[0] = 0
    survival, mean = survival_replicates(
        months, left, weights, at=at, until=until, entry_months=entry if entries else None
    )
    expected = [_one(months, left, entry, row, at, until) for row in weights]
    np.testing.assert_allclose(survival, [each[0] for each in expected], atol=1e-9)
    np.testing.assert_allclose(mean, [each[1] for each in expected], atol=1e-9)


def test_computing_replicates_in_blocks_gives_the_same_result(monkeypatch):
    random = np.random.default_rng(0)
    months, left = random.exponential(6, 50), random.random(50) < 0.5
    weights = random.multinomial(50, np.full(50, 1 / 50), size=30)
    whole = survival_replicates(months, left, weights, at=3.0, until=4.0)
    monkeypatch.setattr(module, "CELLS", 120)
    parts = survival_replicates(months, left, weights, at=3.0, until=4.0)
    np.testing.assert_allclose(whole, parts, rtol=1e-12)


def test_without_deals_the_replicates_are_missing():
    nothing = np.zeros(0)
    result = survival_replicates(nothing, nothing > 0, np.zeros((3, 0)), at=1.0, until=2.0)
    assert np.isnan(result).all()
    assert [len(values) for values in result] == [3, 3]


@pytest.mark.parametrize("seed", range(3))
def test_the_spread_of_replicates_agrees_with_greenwoods_formula(seed):
    random = np.random.default_rng(seed)
    stays, seen = random.exponential(10, 600), random.uniform(0, 24, 600)
    months, left = np.minimum(stays, seen), stays <= seen
    weights = random.multinomial(600, np.full(600, 1 / 600), size=400)
    survival, _ = survival_replicates(months, left, weights, at=5.0, until=5.0)
    curve = kaplan_meier(months, left, at=[5.0])
    width = np.diff(np.quantile(survival, [0.025, 0.975]))[0]
    assert width == pytest.approx(curve.high[0] - curve.low[0], rel=0.2)
