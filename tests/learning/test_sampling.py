"""Large tables: effects are learned from a stratified sample, the level from all deals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.learning import _sampling as sampling
from fitmodel.learning._black_box import black_box_probabilities
from fitmodel.learning._components import bootstrap_counts
from fitmodel.learning._fitting import level_only_rate
from fitmodel.learning._sampling import (
    Effects,
    draw_samples,
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
