"""Exits for another reason as a competing cause: the Aalen-Johansen estimate and its note."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals._censoring import cumulative_incidence
from fitmodel.deals._horizons import causes_of, note_on_exits
from fitmodel.deals.history import view_of
from fitmodel.deals.survival import kaplan_meier
from fitmodel.exceptions import DealsError


@pytest.fixture
def ends() -> tuple[np.ndarray, np.ndarray]:
    """Months with many ties, and causes."""
    rng = np.random.default_rng(3)
    leave, exits = rng.exponential(14, 400), rng.exponential(20, 400)
    watched = rng.uniform(0, 24, 400)
    months = np.ceil(np.minimum.reduce([leave, exits, watched]) * 2) / 2
    cause = np.argmin(np.stack([watched, leave, exits]), axis=0)
    return months, cause


def test_the_cumulative_incidence_equals_that_of_scikit_survival(ends):
    sksurv = pytest.importorskip("sksurv.nonparametric")
    months, cause = ends
    times, shares = sksurv.cumulative_incidence_competing_risks(cause, months)
    result = cumulative_incidence(months, cause)
    assert result.times == pytest.approx(times)
    assert result.left == pytest.approx(shares[1])
    assert result.exited == pytest.approx(shares[2])


def test_left_exited_and_surviving_shares_add_up_to_1(ends):
    months, cause = ends
    result = cumulative_incidence(months, cause)
    there = kaplan_meier(months, cause > 0, at=result.times).survival
    assert result.left + result.exited + there == pytest.approx(np.ones(len(there)))


def test_without_exits_the_share_left_is_one_minus_kaplan_meier_also_with_delayed_entry(ends):
    months, cause = ends
    entry = np.where(np.arange(400) % 5 == 0, 0.3 * months, 0.0)
    result = cumulative_incidence(months, cause == 1, entry_months=entry)
    curve = kaplan_meier(months, cause == 1, entry_months=entry, at=result.times)
    assert result.left == pytest.approx(1 - curve.survival)


def test_censoring_the_exits_overestimates_the_share_of_leavers(ends):
    months, cause = ends
    left, _ = cumulative_incidence(months, cause).at(12.0)
    assert left < 1 - kaplan_meier(months, cause == 1).at(12.0) - 0.03


def test_the_incidence_is_missing_after_the_last_follow_up(ends):
    assert np.isnan(cumulative_incidence(*ends).at(99.0)).all()
    assert cumulative_incidence(*ends).at(0.0) == (0.0, 0.0)


def test_unknown_causes_and_an_empty_table_are_refused():
    with pytest.raises(DealsError, match="no deal"):
        cumulative_incidence([], [])
    with pytest.raises(DealsError, match="must be 0"):
        cumulative_incidence([1.0], [3])


@pytest.fixture
def with_exits():
    """Simulated deals of which a fifth go bankrupt in the second month."""
    sim = simulate_deals(800, seed=2)
    bankrupt = np.arange(800) % 5 == 0
    day = sim.deals["closed_on"] + pd.Timedelta(days=40)
    end = pd.Timestamp(sim.spec.deals.observed_until)
    shown = bankrupt & (day <= end) & ~(sim.deals["churned_on"] <= day)
    deals = sim.deals.assign(exited_on=day.where(shown))
    spec = sim.spec.replace(deals=sim.spec.deals.model_copy(update={"exited_on": "exited_on"}))
    return view_of(deals, spec)


def test_an_exit_is_a_separate_cause(with_exits):
    cause = causes_of(with_exits)
    assert (cause[with_exits.left] == 1).all()
    assert (cause == 2).sum() > 100


def test_the_note_explains_the_difference_to_censoring(with_exits):
    text = note_on_exits(with_exits)
    assert "exit for another reason (exited_on) within 5 months" in text
    assert "if nobody exited" in text


def test_without_exits_there_is_no_note():
    sim = simulate_deals(300, seed=2)
    assert note_on_exits(view_of(sim.deals, sim.spec)) is None


def test_after_the_last_follow_up_the_incidence_is_known_if_all_deals_have_ended() -> None:
    ended = cumulative_incidence([1.0, 2.0, 3.0], np.array([2, 1, 1]))
    assert ended.at(99.0) == pytest.approx((2 / 3, 1 / 3))
    assert ended.at(0.5) == (0.0, 0.0)
    assert ended.at(2.0) == pytest.approx((1 / 3, 1 / 3))
    watched = cumulative_incidence([1.0, 2.0, 3.0], np.array([2, 1, 0]))
    assert np.isnan(watched.at(3.1)).all()
    assert watched.at(3.0) == pytest.approx((1 / 3, 1 / 3))
