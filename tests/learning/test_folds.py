"""Folds train on earlier deals only, and test each deal at the end of its observation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import DealHistory
from fitmodel.learning._folds import (
    FIRST_CUT,
    MIN_FOLD_CHURNERS,
    cut_dates,
    make_folds,
    random_folds,
)


def folds_of(deals, spec, n=4):
    view = DealHistory(deals, spec).as_of(None)
    return make_folds(view, (), folds=n, seed=0), view


@pytest.fixture(scope="module")
def growing(make_company):
    return make_company(1_500, seed=1, growth=0.1)


def test_no_fold_trains_on_its_test_deals_or_on_later_deals(simulation, growing):
    for past in (simulation, growing):
        folds, _ = folds_of(past.deals, past.spec)
        assert len(folds) > 1
        for fold in folds:
            assert fold.train.closed_on.max() < fold.test.closed_on.min()
            assert not set(fold.train.index) & set(fold.test.index)


def test_a_fold_trains_on_follow_up_known_at_its_date_only(growing):
    folds, view = folds_of(growing.deals, growing.spec)
    churned = growing.deals["churned_on"]
    for fold in folds:
        start = fold.test.closed_on.min()
        known = churned.loc[fold.train.index]
        np.testing.assert_array_equal(fold.train.left, (known <= start).to_numpy())
        assert (fold.train.closed_on < start).all()
    last = folds[-1]
    assert last.train.left.sum() < view.history.as_of(None).left[: len(last.train)].sum() + len(
        view
    )


def test_later_events_do_not_change_earlier_folds(growing):
    folds, _ = folds_of(growing.deals, growing.spec)
    start = folds[0].test.closed_on.min()
    changed = growing.deals.copy()
    later = changed["churned_on"] > start
    changed.loc[later, "churned_on"] += pd.Timedelta(days=5)
    changed["churned_on"] = changed["churned_on"].where(changed["churned_on"] <= "2026-06-30")
    again, _ = folds_of(changed, growing.spec)
    pd.testing.assert_frame_equal(again[0].train.outcomes, folds[0].train.outcomes)


def test_every_deal_is_in_at_most_one_test_set(growing):
    folds, view = folds_of(growing.deals, growing.spec)
    tested = pd.concat([fold.test.closed_on for fold in folds])
    assert tested.index.is_unique
    end = pd.Timestamp(view.closed.max())
    assert tested.max() > end - pd.Timedelta(days=7)  # young deals are tested on too


def test_cut_dates_divide_the_observed_time_and_not_the_number_of_deals():
    """Old deals were observed for the whole horizon, the newest ones for almost no time."""
    closed = np.datetime64("2024-01-01") + np.arange(1_000)
    seen = np.clip((1_000 - np.arange(1_000)) / 30, 0, 5.0)
    dates = cut_dates(closed, seen, 4)
    assert len(dates) == 5
    positions = np.searchsorted(closed, dates)
    known = np.concatenate([[0], np.cumsum(seen)])
    shares = np.diff(known[positions]) / known[-1]
    np.testing.assert_allclose(shares, (1 - FIRST_CUT) / 4, atol=0.01)
    assert known[positions[0]] / known[-1] == pytest.approx(FIRST_CUT, abs=0.01)


def test_without_observed_time_there_are_no_cut_dates():
    closed = np.array(["2024-01-01", "2024-02-01"], dtype="datetime64[D]")
    assert cut_dates(closed, np.zeros(2), 4) == []
    assert cut_dates(closed[:0], np.zeros(0), 4) == []


def test_a_fold_without_enough_early_churners_is_left_out(growing):
    folds, _ = folds_of(growing.deals, growing.spec)
    for fold in folds:
        for side in (fold.train.early_churn, fold.test.early_churn):
            assert (side == 1).sum() >= MIN_FOLD_CHURNERS
            assert (side != 1).sum() >= MIN_FOLD_CHURNERS


def test_with_too_few_churners_the_folds_are_random_and_stratified(make_company):
    few = make_company(150, seed=2, rate=0.4)
    folds, view = folds_of(few.deals, few.spec)
    left = (view.early_churn == 1).sum()
    assert [(fold.test.early_churn == 1).sum() for fold in folds] == pytest.approx(
        [left / 4] * 4, abs=1
    )
    tested = np.concatenate([fold.test.index for fold in folds])
    assert sorted(tested) == sorted(few.deals.index)
    starts = [fold.test.closed_on.min() for fold in folds]
    assert max(starts) - min(starts) < pd.Timedelta(days=120)


def test_deals_without_dates_are_split_at_random():
    random = np.random.default_rng(0)
    deals = pd.DataFrame(
        {
            "tenure": random.integers(0, 30, 400),
            "gone": random.random(400) < 0.4,
            "seats": random.normal(size=400),
        }
    )
    spec = DealSpec(deals={"tenure_months": "tenure", "churned": "gone"})
    folds, _ = folds_of(deals, spec, 3)
    assert len(folds) == 3
    assert sum(len(fold.test) for fold in folds) == 400


def test_random_folds_depend_on_the_seed_and_have_both_outcomes():
    deals = simulate_deals(400, seed=1)
    training_set = DealHistory(deals.deals, deals.spec).as_of(None).training_set()
    first, again, other = (random_folds(training_set, seed=seed, n_folds=5) for seed in (1, 1, 2))
    assert [list(fold.test.index) for fold in first] == [list(fold.test.index) for fold in again]
    assert list(first[0].test.index) != list(other[0].test.index)
    assert all((fold.test.early_churn == 1).any() for fold in first)


def test_no_fold_begins_before_leavers_were_recorded(make_company):
    company = make_company(1_500, seed=3)
    start = pd.Timestamp("2025-06-30")
    deals = company.deals[~(company.deals["churned_on"] < start)]
    spec = company.spec.replace(deals={"observed_from": start.date()})
    folds, _ = folds_of(deals, spec)
    assert all(fold.test.closed_on.min() > start for fold in folds)
