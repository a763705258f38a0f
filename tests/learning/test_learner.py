"""Learning finds what is there, and refuses what cannot be learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.attributes import read_attributes
from fitmodel.deals.outcomes import label_deals
from fitmodel.exceptions import DealsError
from fitmodel.learning.calibration import CalibrationMap, expit, fit_sigmoid
from fitmodel.learning.classifier import ProspectFitClassifier
from fitmodel.learning.design import level_statistic
from fitmodel.learning.fitting import age_weights, bag_counts
from fitmodel.learning.folds import make_folds
from fitmodel.learning.learner import Learned, cross_fitted, learn
from fitmodel.learning.settings import BOOSTING_CHURNERS, LearnerOptions


@pytest.mark.slow
def test_the_auc_on_new_deals_comes_near_that_of_the_truth() -> None:
    past = simulate_deals(5000, seed=1, rep_effects=False)
    new = simulate_deals(8000, seed=2, rep_effects=False)
    labelled = label_deals(new.deals, new.spec)
    truth = new.true_probability.loc[labelled.index].to_numpy()
    learned = learn(past.deals, past.spec)
    probability = learned.estimator.predict_proba(labelled.attributes)[:, 1]
    gap = roc_auc_score(labelled.early_churn, truth) - roc_auc_score(
        labelled.early_churn, probability
    )
    assert gap < 0.03
    assert abs(probability.mean() - truth.mean()) < 0.02
    codes = learned.book
    low, high = codes.interval(*codes.scores(_codes(learned, labelled.attributes)))
    assert 0.70 < np.mean((low <= truth) & (truth <= high)) < 0.92


LAWS = ({}, {"n_attributes": 8, "company": 3, "base_rate": 0.3})  # the spread's own, and another


def _coverage(n: int, seeds: range, law: dict[str, float]) -> tuple[np.ndarray, float]:
    """Share of prospects whose interval covers the truth, per training, and the mean width."""
    new = simulate_deals(4000, seed=99, rep_effects=False, **law)
    labelled = label_deals(new.deals, new.spec)
    truth = new.true_probability.loc[labelled.index].to_numpy()
    covered, width = [], []
    for seed in seeds:
        past = simulate_deals(n, seed=seed, rep_effects=False, **law)
        learned = learn(past.deals, past.spec)
        book = learned.book
        low, high = book.interval(*book.scores(_codes(learned, labelled.attributes)))
        covered.append(np.mean((low <= truth) & (truth <= high)))
        width.append(np.mean(high - low))
    return np.array(covered), float(np.mean(width))


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_the_interval_covers_the_truth_with_few_deals_and_many_and_narrows(law) -> None:
    widths = []
    for n, seeds in ((1_000, range(20, 26)), (10_000, range(20, 23))):
        covered, width = _coverage(n, seeds, law)
        assert 0.75 < covered.mean() < 0.90
        assert covered.min() > 0.55  # one training, all prospects at once
        widths.append(width)
    assert widths[1] < 0.75 * widths[0]


def _codes(learned: Learned, attributes):
    from fitmodel.learning.encoding import encode

    return encode(learned.book.columns, attributes)


def test_too_few_early_churners_are_refused_with_what_is_missing() -> None:
    few = simulate_deals(120, seed=0)
    with pytest.raises(DealsError, match=r"early churner\(s\); 50 needed"):
        learn(few.deals, few.spec)


def test_a_refusal_says_how_many_months_more_at_the_rate_so_far() -> None:
    few = simulate_deals(150, seed=0)
    labelled = label_deals(few.deals, few.spec)
    churners = int(labelled.early_churn.sum())
    months = (labelled.closed_on.max() - labelled.closed_on.min()).days / 30.436875
    more = int(np.ceil((50 - churners) / (churners / months)))
    with pytest.raises(DealsError, match=rf"at your rate that is about {more} more month"):
        learn(few.deals, few.spec)


@pytest.mark.slow
def test_below_the_stated_number_of_churners_only_the_logistic_part_is_tried() -> None:
    few = simulate_deals(500, seed=0)
    learned = learn(few.deals, few.spec)
    assert learned.labelled.early_churn.sum() < BOOSTING_CHURNERS
    assert (learned.choice.table["boosting_share"] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(("drift", "aged"), [(0.0, False), (4.0, True)])
def test_old_deals_count_less_only_where_later_folds_say_so(drift: float, *, aged: bool) -> None:
    past = simulate_deals(2_500, seed=0, drift=drift, n_attributes=5)
    chosen = learn(past.deals, past.spec, bags=2).choice
    assert (chosen.half_life_months is not None) == aged
    assert chosen.table["half_life_months"].notna().any()


def test_a_bent_calibration_keeps_the_direction_that_was_asked_for() -> None:
    random = np.random.default_rng(2)
    frame = pd.DataFrame({"seats": random.normal(size=800), "noise": random.normal(size=800)})
    label = (random.random(800) < expit(np.sin(3 * frame["seats"]).to_numpy() - 1)).astype(float)
    model = ProspectFitClassifier(
        bags=2,
        calibration=CalibrationMap((-2.0, -1.0, 0.0), (-1.8, -1.3, 0.4), "isotonic"),
        options=LearnerOptions(decreasing=("seats",)),
    ).fit(frame, label)
    asked = pd.DataFrame({"seats": np.linspace(-4, 4, 200), "noise": 0.3})
    assert np.diff(model.predict_proba(asked)[:, 1]).max() <= 1e-12


def test_no_fold_trains_on_what_it_judges_or_on_later_deals(simulation) -> None:
    folds = make_folds(simulation.deals, simulation.spec)
    assert len(folds) > 1
    for fold in folds:
        assert fold.train.closed_on.max() < fold.test.closed_on.min()
        assert not set(fold.train.index) & set(fold.test.index)


@pytest.mark.slow
def test_what_is_new_and_means_nothing_does_not_look_risky() -> None:
    newcomers = simulate_deals(2000, seed=99, rep_effects=False)
    truth, said = newcomers.true_probability.mean(), []
    for seed in range(3):
        past = simulate_deals(3000, seed=seed, rep_effects=False)
        drawn = np.random.default_rng(seed).random(3000) < 0.5
        is_new = (past.deals["closed_on"] >= "2025-11-15") & drawn
        offer = np.where(is_new, "starter 2", "classic")
        learned = learn(past.deals.assign(offer=offer), past.spec, bags=2)
        asked = read_attributes(
            newcomers.deals.assign(offer="starter 2"), past.spec, dates=learned.taught.dates
        )
        said.append(learned.estimator.predict_proba(asked.frame)[:, 1].mean())
    assert np.mean(said) == pytest.approx(truth, rel=0.15)


def test_the_choice_is_in_the_table_and_within_one_error_of_the_best(learned: Learned) -> None:
    table = learned.choice.table
    (row,) = table[table["chosen"]].to_dict("records")
    assert row["behind_best"] <= row["standard_error"]


def test_older_deals_count_less_and_weights_sum_to_the_effective_size() -> None:
    weight = age_weights(np.ones(3), np.array([0.0, 12.0, 24.0]), 12.0)
    np.testing.assert_allclose(weight / weight[0], [1, 0.5, 0.25])
    np.testing.assert_allclose(weight.sum(), 1.75**2 / (1 + 0.25 + 0.0625))
    np.testing.assert_allclose(age_weights(np.ones(5), np.zeros(5), None), 1)


def test_bags_draw_as_many_deals_as_there_are() -> None:
    counts = bag_counts(50, 4, seed=0)
    assert (np.maximum(counts, 0).sum(axis=0) == 50).all()
    assert (counts != 0).all()


def test_a_level_statistic_without_signal_does_not_see_its_own_label() -> None:
    random = np.random.default_rng(0)
    code = random.integers(1, 301, 3000).astype(np.int32)
    label = (random.random(3000) < 0.3).astype(float)
    statistic = level_statistic(
        code, 300, np.zeros(3000, dtype=np.int32), label, np.ones(3000), seed=0
    )
    assert abs(np.corrcoef(statistic.cross_fitted, label)[0, 1]) < 0.05
    assert np.abs(statistic.by_code).max() < 0.3


def test_a_parent_lends_its_rate_to_a_rare_level() -> None:
    random = np.random.default_rng(1)
    code = random.integers(1, 201, 4000).astype(np.int32)
    parent = (code > 100).astype(np.int32)
    label = (random.random(4000) < np.where(parent, 0.6, 0.1)).astype(float)
    statistic = level_statistic(code, 200, parent, label, np.ones(4000), seed=0)
    assert statistic.by_code[101:201].min() > statistic.by_code[1:101].max()


def test_calibration_recovers_a_known_distortion() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(-1, 1, 20_000)
    label = (random.random(20_000) < expit(truth)).astype(float)
    fitted = fit_sigmoid((truth + 0.5) / 0.6, label, np.ones(20_000))
    np.testing.assert_allclose(fitted.probability((truth + 0.5) / 0.6), expit(truth), atol=0.03)


def test_cross_fitting_leaves_out_what_it_is_told_to(simulation, learned: Learned) -> None:
    labelled = learned.labelled
    everything = cross_fitted(labelled, simulation.spec, learned.choice, n_folds=2)
    fewer = cross_fitted(
        labelled, simulation.spec, learned.choice, drop=("segment", "lead_source"), n_folds=2
    )
    assert ((everything > 0) & (everything < 1)).all()
    assert np.abs(everything - fewer).max() > 0.01
