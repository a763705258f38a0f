"""Simulation in which reps know more than the table: the truth given the table is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from _informed_reps import simulate_company


@pytest.fixture(scope="module")
def company():
    return simulate_company(2_000, rounds=4, seed=3)


def test_the_truth_given_the_table_is_the_mean_of_the_reps_knowledge(company) -> None:
    tenth = pd.qcut(company.true_probability, 10, labels=False)
    known = company.known_probability.groupby(tenth).agg(["mean", "std", "size"])
    mean_truth = company.true_probability.groupby(tenth).mean()
    assert (np.abs(known["mean"] - mean_truth) < 4 * known["std"] / np.sqrt(known["size"])).all()


def test_customers_leave_at_the_true_rate(company) -> None:
    closed = company.prospects["closed_on"]
    early = company.true_churned_on <= closed + pd.DateOffset(months=3)
    p = company.true_probability
    assert early.sum() == pytest.approx(p.sum(), abs=4 * np.sqrt((p * (1 - p)).sum()))


def test_reps_without_insight_know_only_the_table() -> None:
    company = simulate_company(100, rounds=1, insight=0)
    np.testing.assert_allclose(company.known_probability, company.true_probability)


def test_rounds_are_quarters_until_the_end(company) -> None:
    days = company.rounds
    assert len(days) == 5
    assert all(b == a + pd.DateOffset(months=3) for a, b in pairwise(days))
    closed = company.prospects["closed_on"]
    assert closed.max() < days[-1]
    assert (closed < days[0]).mean() == pytest.approx(2 / 6, abs=0.03)


def test_the_same_seed_gives_the_same_company() -> None:
    one, other = (simulate_company(100, rounds=2, seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(one.prospects, other.prospects)
    pd.testing.assert_series_equal(one.true_churned_on, other.true_churned_on)
