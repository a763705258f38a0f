"""Samples are proportional and reproducible, and no fold trains on what was known later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import DealHistory, view_of
from fitmodel.learning import _sampling as sampling
from fitmodel.learning._components import bootstrap_counts
from fitmodel.learning._fitting import level_only_rate
from fitmodel.learning._other_classifiers import black_box_probabilities
from fitmodel.learning._sampling import (
    FIRST_CUT,
    MIN_FOLD_CHURNERS,
    Effects,
    cut_dates,
    draw_samples,
    make_folds,
    random_folds,
    sample_for_effects,
    sample_for_settings,
)
from fitmodel.learning.learner import cross_fitted, learn, note_on_sample
from fitmodel.learning.settings import LearnerOptions

FEW = {"components": ("logistic",), "penalties": (3.0, 30.0), "replicates": 3, "folds": 2}


@pytest.fixture(scope="module")
def simulation():
    return simulate_deals(6_000, seed=6, n_attributes=5)


@pytest.fixture(scope="module")
def training_set(simulation):
    return view_of(simulation.deals, simulation.spec).training_set()


def _spec(simulation, effect_deals):
    return simulation.spec.replace(learning={**FEW, "effect_deals": effect_deals})


@pytest.fixture(scope="module")
def learned(simulation):
    """A scorecard whose effects come from 5,000 of the 6,000 deals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "RIDGE_TIMES", 1)
        spec = _spec(simulation, 5_000)
        return learn(view_of(simulation.deals, spec), spec)


@pytest.fixture(scope="module")
def learned_from_all(simulation):
    spec = _spec(simulation, 20_000)
    return learn(view_of(simulation.deals, spec), spec)


@pytest.fixture
def small_sample(monkeypatch):
    monkeypatch.setattr(sampling, "MIN_EARLY_CHURNERS", 200)


def test_a_sample_is_proportional_in_outcome_and_closing_date(training_set):
    (chosen,) = draw_samples(training_set, size=1_000, seed=0)
    assert len(set(chosen)) == 1_000
    assert (np.diff(chosen) > 0).all()
    signed = training_set.closed_on.rank(method="first").to_numpy() * 4 // len(training_set)
    for outcome in (training_set.early_churn == 1, np.isnan(training_set.early_churn)):
        for quarter in range(4):
            stratum = outcome & (signed == quarter)
            # two of the eight strata of time may each differ by one deal
            assert abs(stratum[chosen].sum() - stratum.sum() / 6) <= 3


def test_the_same_deals_and_seed_give_the_same_sample_and_another_seed_another(training_set):
    first, again, other = (
        draw_samples(training_set, size=1_000, seed=seed)[0] for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_a_table_that_is_not_larger_is_not_sampled(training_set):
    options = replace(LearnerOptions(), effect_deals=len(training_set))
    assert sample_for_settings(training_set, options) is None
    effects = sample_for_effects(training_set, options)
    assert effects.positions is None
    assert effects.per_replicate is None
    assert effects.replicate_shrinkage(len(training_set), 12) == 1.0


def test_two_samples_are_disjoint_and_can_use_the_whole_table(training_set):
    first, second = draw_samples(training_set, size=4_000, seed=0, samples=2)
    assert sorted([*first, *second]) == list(range(len(training_set)))
    churned = training_set.early_churn == 1
    assert abs(int(churned[first].sum()) - int(churned[second].sum())) <= 16


@pytest.mark.usefixtures("small_sample")
def test_the_ridge_regression_learns_from_more_deals_than_one_replicate(training_set, monkeypatch):
    monkeypatch.setattr(sampling, "RIDGE_TIMES", 2)
    options = replace(LearnerOptions(), effect_deals=2_000)
    effects = sample_for_effects(training_set, options)
    assert effects.per_replicate == 2_000
    assert effects.positions is not None
    assert len(effects.positions) == 4_000


def test_the_mean_of_subsampled_replicates_varies_less_than_each_of_them():
    effects = Effects(None, 2_000)
    # 12 replicates of a tenth each: almost as precise as all deals, never more
    assert effects.replicate_shrinkage(20_000, 12) == pytest.approx(np.sqrt(0.1 + 0.9 / 12))
    assert effects.replicate_shrinkage(2_000, 12) == 1.0
    assert effects.replicate_shrinkage(20_000, 1) == 1.0


def test_each_replicate_resamples_a_different_subset():
    counts = bootstrap_counts(1_000, 4, seed=0, size=200)
    assert (np.maximum(counts, 0).sum(axis=0) == 200).all()
    assert ((counts != 0).sum(axis=0) == 200).all()
    outcomes = [set(np.flatnonzero(column)) for column in counts.T]
    assert len(outcomes[0] & outcomes[1]) < 90  # 40 by chance
    whole = bootstrap_counts(1_000, 4, seed=0)
    assert (whole != 0).all()
    assert (whole == bootstrap_counts(1_000, 4, seed=0, size=1_000)).all()


def test_with_a_low_rate_the_sample_has_more_deals(training_set, monkeypatch):
    monkeypatch.setattr(sampling, "MIN_EARLY_CHURNERS", 600)
    chosen = sample_for_settings(training_set, replace(LearnerOptions(), effect_deals=2_000))
    assert chosen is not None
    assert (training_set.early_churn[chosen] == 1).sum() == pytest.approx(600, abs=3)
    assert len(chosen) > 2_000


def test_no_sample_is_drawn_if_it_needs_nearly_all_deals(training_set):
    options = replace(LearnerOptions(), effect_deals=2_000)  # 1,000 early churners are needed
    churners = int((training_set.early_churn == 1).sum())
    size = sampling.sample_size(training_set, options)
    assert size == -(-len(training_set) * 1_000 // churners)


def test_the_level_is_estimated_from_all_deals(learned, simulation):
    view = view_of(simulation.deals, simulation.spec)
    rate = level_only_rate(view.training_set(), view.extract_end)
    predicted = learned.estimator.predict_proba(learned.training_set.attributes)[:, 1]
    assert learned.effect_deals == 5_000
    assert predicted.mean() == pytest.approx(rate, abs=1e-3)
    assert learned.scorecard.base_rate == pytest.approx(predicted.mean(), abs=1e-9)


def test_columns_and_evidence_come_from_all_deals(learned, learned_from_all):
    assert learned.scorecard.columns == learned_from_all.scorecard.columns
    pairs = zip(learned.scorecard.evidence, learned_from_all.scorecard.evidence, strict=True)
    for some, whole in pairs:
        assert (some.count == whole.count).all()
        assert np.nansum(some.rate * some.count) == pytest.approx(
            np.nansum(whole.rate * whole.count), rel=0.02
        )


def test_effects_from_the_sample_are_close_to_those_from_all_deals(learned, learned_from_all):
    attributes = learned.training_set.attributes
    some, whole = (
        each.estimator.decision_function(attributes) for each in (learned, learned_from_all)
    )
    assert np.corrcoef(some, whole)[0, 1] > 0.98
    assert (some != whole).any()


def test_the_size_of_the_sample_is_tracked_and_reported(learned, learned_from_all):
    assert learned.chosen["effect_deals"] == 5_000
    predicted = note_on_sample(learned)
    assert predicted is not None
    assert "of 6,000 deals, settings were chosen on a stratified sample of 5,000" in predicted
    assert learned_from_all.chosen["effect_deals"] == 6_000
    assert note_on_sample(learned_from_all) is None


@pytest.mark.usefixtures("small_sample")
def test_cross_fitted_predictions_of_a_large_table_are_close_to_in_sample_ones(simulation, learned):
    spec = _spec(simulation, 2_000)
    predicted = cross_fitted(learned.training_set, spec, learned.choice)
    assert predicted.notna().all()
    known = learned.training_set.is_known
    in_sample = learned.estimator.predict_proba(learned.training_set.attributes)[:, 1]
    assert np.corrcoef(predicted[known], in_sample[known])[0, 1] > 0.9
    assert predicted.mean() == pytest.approx(in_sample.mean(), abs=0.01)


@pytest.mark.slow
@pytest.mark.usefixtures("small_sample")
def test_the_black_box_reference_learns_from_the_same_sample(training_set):
    options = replace(LearnerOptions(), effect_deals=2_000)
    chosen = sample_for_settings(training_set, options)
    of_all = black_box_probabilities(training_set, training_set.attributes[:50], options)
    of_sample = black_box_probabilities(
        training_set.subset(chosen), training_set.attributes[:50], options
    )
    assert of_all == pytest.approx(of_sample)


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
