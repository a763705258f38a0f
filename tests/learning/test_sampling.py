"""Of very many deals effects are learned from a stratified sample, and the level from all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.learning import sampling
from fitmodel.learning.black_box import black_box_probabilities
from fitmodel.learning.fitting import level_only_rate
from fitmodel.learning.learner import cross_fitted, learn, note_on_sample
from fitmodel.learning.sampling import draw_samples, sample_for_effects
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
    spec = _spec(simulation, 5_000)
    return learn(view_of(simulation.deals, spec), spec)


@pytest.fixture(scope="module")
def learned_from_all(simulation):
    spec = _spec(simulation, 20_000)
    return learn(view_of(simulation.deals, spec), spec)


@pytest.fixture
def small_sample(monkeypatch):
    monkeypatch.setattr(sampling, "MIN_EARLY_CHURNERS", 200)


def test_every_outcome_and_time_of_signing_has_its_share_of_the_sample(training_set):
    (chosen,) = draw_samples(training_set, size=1_000, seed=0)
    assert len(set(chosen)) == 1_000
    assert (np.diff(chosen) > 0).all()
    signed = training_set.closed_on.rank(method="first").to_numpy() * 4 // len(training_set)
    for outcome in (training_set.early_churn == 1, np.isnan(training_set.early_churn)):
        for quarter in range(4):
            stratum = outcome & (signed == quarter)
            # a share of each of two eighths of the time: each may be off by one deal
            assert abs(stratum[chosen].sum() - stratum.sum() / 6) <= 3


def test_the_same_deals_and_seed_give_the_same_sample_and_another_seed_another(training_set):
    first, again, other = (
        draw_samples(training_set, size=1_000, seed=seed)[0] for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_there_is_no_sample_where_there_are_no_more_deals(training_set):
    options = replace(LearnerOptions(), effect_deals=len(training_set))
    assert sample_for_effects(training_set, options) is None


def test_where_few_leave_the_sample_holds_more_deals(training_set, monkeypatch):
    monkeypatch.setattr(sampling, "MIN_EARLY_CHURNERS", 600)
    chosen = sample_for_effects(training_set, replace(LearnerOptions(), effect_deals=2_000))
    assert chosen is not None
    assert (training_set.early_churn[chosen] == 1).sum() == pytest.approx(600, abs=3)
    assert len(chosen) > 2_000


def test_a_sample_that_would_have_to_hold_nearly_all_deals_is_not_drawn(training_set):
    options = replace(LearnerOptions(), effect_deals=2_000)  # 1,000 early churners are asked for
    churners = int((training_set.early_churn == 1).sum())
    size = sampling.sample_size(training_set, options)
    assert size == -(-len(training_set) * 1_000 // churners)


@pytest.mark.usefixtures("small_sample")
def test_the_level_is_that_of_all_deals_whatever_the_sample(learned, simulation):
    view = view_of(simulation.deals, simulation.spec)
    rate = level_only_rate(view.training_set(), view.extract_end)
    said = learned.estimator.predict_proba(learned.training_set.attributes)[:, 1]
    assert learned.effect_deals == 5_000
    assert said.mean() == pytest.approx(rate, abs=1e-3)
    assert learned.scorecard.base_rate == pytest.approx(said.mean(), abs=1e-9)


def test_columns_and_the_evidence_of_reasons_are_of_all_deals(learned, learned_from_all):
    assert learned.scorecard.columns == learned_from_all.scorecard.columns
    pairs = zip(learned.scorecard.evidence, learned_from_all.scorecard.evidence, strict=True)
    for some, whole in pairs:
        assert (some.count == whole.count).all()
        assert np.nansum(some.rate * some.count) == pytest.approx(
            np.nansum(whole.rate * whole.count), rel=0.02
        )


def test_effects_of_the_sample_are_near_those_of_all_deals(learned, learned_from_all):
    attributes = learned.training_set.attributes
    some, whole = (
        each.estimator.decision_function(attributes) for each in (learned, learned_from_all)
    )
    assert np.corrcoef(some, whole)[0, 1] > 0.98
    assert (some != whole).any()


def test_the_number_of_deals_is_tracked_and_said(learned, learned_from_all):
    assert learned.chosen["effect_deals"] == 5_000
    said = note_on_sample(learned)
    assert said is not None
    assert "5,000 of 6,000 deals" in said
    assert learned_from_all.chosen["effect_deals"] == 6_000
    assert note_on_sample(learned_from_all) is None


@pytest.mark.usefixtures("small_sample")
def test_no_deal_is_predicted_by_a_fit_that_saw_it_and_two_folds_are_enough(simulation, learned):
    spec = _spec(simulation, 2_000)
    said = cross_fitted(learned.training_set, spec, learned.choice)
    assert said.notna().all()
    known = learned.training_set.is_known
    in_sample = learned.estimator.predict_proba(learned.training_set.attributes)[:, 1]
    assert np.corrcoef(said[known], in_sample[known])[0, 1] > 0.9
    assert said.mean() == pytest.approx(in_sample.mean(), abs=0.01)


@pytest.mark.slow
@pytest.mark.usefixtures("small_sample")
def test_the_black_box_reference_learns_from_the_same_sample(training_set):
    options = replace(LearnerOptions(), effect_deals=2_000)
    chosen = sample_for_effects(training_set, options)
    of_all = black_box_probabilities(training_set, training_set.attributes[:50], options)
    of_sample = black_box_probabilities(
        training_set.subset(chosen), training_set.attributes[:50], options
    )
    assert of_all == pytest.approx(of_sample)
