"""A leak of each kind added to real and simulated deals, and thirty simulated companies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.datasets.telco import load_telco
from fitmodel.deals.reading import read_deals
from fitmodel.leakage.audit import audit


def _one_of(random, where, values):
    """Return the value for half of the rows that meet a condition, otherwise None."""
    return np.where(where & (random.random(len(where)) < 0.5), values, None)


PLANTED = {
    "alone nearly decides": ("stop", lambda m, gone, r: np.where(
        (gone & (m <= 5)) ^ (r.random(len(m)) < 0.002), "closed", "open")),
    "filled in where they left": ("stop", lambda m, gone, r: _one_of(
        r, gone, r.choice(list("abc"), len(m)))),
    "filled in where they stayed": ("stop", lambda m, _, r: np.where(
        (m > 5) & (r.random(len(m)) < 0.9), r.integers(1, 11, len(m)), np.nan)),
    "filled in for most who left and few others": ("stop", lambda m, gone, r: np.where(
        r.random(len(m)) < np.where(gone, 0.6, 0.05), r.choice(list("abc"), len(m)), None)),
    "empty for most who left early and few others": ("stop", lambda m, gone, r: np.where(
        r.random(len(m)) < np.where(gone & (m <= 5), 0.6, 0.05), np.nan, r.normal(size=len(m)))),
    "varies for half of those who left and few others": ("stop", lambda m, gone, r: np.where(
        r.random(len(m)) < np.where(gone, 0.5, 0.02), r.exponential(9, len(m)), 0.0)),
    "sum so far of a price that is not known": ("stop", lambda m, _, r: (
        m * np.exp(r.normal(0, 0.6, len(m))))),
    "sum so far of a price that varies much": ("stop", lambda m, _, r: (
        m * np.exp(r.normal(0, 0.9, len(m))))),
    "events so far": ("stop", lambda m, _, r: r.poisson(2 * m)),
    "varies only among churners": ("stop", lambda m, gone, r: np.where(
        gone & (r.random(len(m)) < 0.5), r.exponential(100, len(m)), 0.0)),
    "tenure in another unit": ("stop", lambda m, _, r: np.log1p(m) + r.normal(0, 0.1, len(m))),
    "tenure in bands": ("stop", lambda m, *_: np.digitize(m, [6, 12, 24, 48]).astype(str)),
    "the id again": ("warn", lambda m, *_: [f"C/{row:07d}" for row in range(len(m))]),
    "a running number": ("warn", lambda m, _, r: r.permutation(len(m))),
}  # fmt: skip


def _verdicts(report, name):
    return {result.verdict for result in report.findings if result.attribute == name}


@pytest.fixture(scope="module")
def telco():
    table, spec = load_telco()
    return table, spec, table["tenure"].to_numpy(), (table["churn"] == "Yes").to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLANTED)
def test_in_the_telco_data_a_leak_of_each_kind_is_caught_under_a_harmless_name(telco, kind):
    table, spec, months, gone = telco
    verdict, leak = PLANTED[kind]
    planted = table.assign(something=leak(months, gone, np.random.default_rng(0)))
    report = audit(read_deals(planted, spec), spec)
    assert verdict in _verdicts(report, "something")
    assert report.stopped == (("something",) if verdict == "stop" else ())


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLANTED)
def test_in_simulated_deals_a_leak_of_each_kind_is_caught(kind):
    sim = simulate_deals(3000, seed=4, drift=1.0)
    end = pd.Timestamp(sim.spec.deals.observed_until)
    gone = sim.deals["churned_on"].notna().to_numpy()
    days = (sim.deals["churned_on"].fillna(end) - sim.deals["closed_on"]).dt.days.to_numpy()
    verdict, leak = PLANTED[kind]
    planted = sim.deals.assign(something=leak(days / 30.44, gone, np.random.default_rng(0)))
    report = audit(planted, sim.spec)
    assert verdict in _verdicts(report, "something")
    assert report.stopped == (("something",) if verdict == "stop" else ())


THIRTY = [
    {
        "n": (300, 800, 2000, 4000)[k % 4],
        "seed": k,
        "company": k // 3,
        "n_attributes": (6, 16, 24, 40)[(k // 2) % 4],
        "drift": float(k % 3),
        "signal": (0.0, 1.0, 3.0)[(k // 4) % 3],
        "horizon_months": (3, 5, 12)[(k // 3) % 3],
        "base_rate": (0.05, 0.22, 0.6)[(k // 5) % 3],
    }
    for k in range(30)
]


@pytest.mark.slow
@pytest.mark.parametrize("options", THIRTY, ids=lambda options: f"seed {options['seed']}")
def test_in_thirty_companies_only_leaks_are_stopped_and_none_is_missed(options):
    """With few deals or churners a weak leak gives only a warning because of its name."""
    sim = simulate_deals(**options, leaks=True)
    report = audit(sim.deals, sim.spec)
    assert set(report.stopped) <= set(sim.leaks)
    assert "cancellation_reason" in report.stopped
    for leak in sim.leaks:
        assert _verdicts(report, leak) & {"stop", "warn"}, leak
