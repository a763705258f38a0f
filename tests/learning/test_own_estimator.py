"""A user's own classifier: soft labels, calibration and level."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from fitmodel.deals.history import DealHistory
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.learning import own_estimator
from fitmodel.learning._fitting import follow_up_of
from fitmodel.learning._other_classifiers import as_frame, as_matrix
from fitmodel.learning.calibration import CalibrationMap, expit, logit
from fitmodel.learning.own_estimator import (
    BACKGROUND,
    OwnClassifier,
    cross_fitted_own,
    learn_own,
    learn_own_from_set,
)


@pytest.fixture(scope="module")
def company(make_company):
    return make_company(2_000, seed=4, rate=0.3)


@pytest.fixture(scope="module")
def own(company):
    return learn_own(company.deals, company.spec, LogisticRegression())


class HalvedLogOdds(LogisticRegression):
    """Predicts half of the log-odds that it learned."""

    def predict_proba(self, X):
        """Probabilities that are too close together."""
        log_odds = 0.5 * self.decision_function(X)
        return np.column_stack([expit(-log_odds), expit(log_odds)])


class RecordsItsData(DummyClassifier):
    """Keeps the data that it was fitted to."""

    seen: list[tuple[pd.DataFrame, np.ndarray, np.ndarray]] = []  # noqa: RUF012 - of a test

    def fit(self, X, y, sample_weight=None):
        """Fit as the parent class does."""
        RecordsItsData.seen.append((X, np.asarray(y), np.asarray(sample_weight)))
        return super().fit(X, y, sample_weight)


def test_the_mean_held_out_probability_is_the_rate_of_the_company(company, own) -> None:
    rate = follow_up_of(own.training_set).rate
    left_out = cross_fitted_own(own.training_set, company.spec, own)

    assert own.estimator.level_.factor == 1.0
    assert own.scorecard.base_rate == pytest.approx(rate)
    assert left_out.index.equals(own.training_set.index)
    assert left_out.mean() == pytest.approx(rate, rel=0.08)
    assert left_out.between(0, 1).all()


def test_calibration_corrects_the_scale_of_the_classifier(company, own) -> None:
    halved = learn_own(company.deals, company.spec, HalvedLogOdds())
    result = [each.estimator.predict_proba(company.attributes)[:, 1] for each in (own, halved)]

    for probability in result:
        assert np.corrcoef(logit(probability), logit(company.truth))[0, 1] > 0.9
        assert np.std(logit(probability)) == pytest.approx(np.std(logit(company.truth)), rel=0.25)
    assert halved.choice.table["estimator"].tolist() == ["HalvedLogOdds"]
    assert halved.choice.table["log_loss"][0] < np.log(2)
    assert halved.choice.table["chosen"].all()


def test_with_too_few_events_the_calibration_map_is_linear(own) -> None:
    line = vars(own.scorecard.calibration)

    assert line["method"] == "slope"
    slopes = np.diff(line["values"]) / np.diff(line["knots"])
    assert slopes == pytest.approx(np.full(len(slopes), slopes[0]))


def test_an_isotonic_map_that_predicts_later_folds_better_is_used(company, monkeypatch) -> None:
    isotonic = CalibrationMap((-2.0, -1.0, 0.0), (-2.0, -0.5, 0.0), "isotonic")
    monkeypatch.setattr(own_estimator, "fit_isotonic", lambda *_: isotonic)
    learned = learn_own(company.deals, company.spec, LogisticRegression())
    result = vars(learned.scorecard.calibration)

    assert result["method"] == "isotonic"
    assert np.diff(result["values"]) == pytest.approx([1.5, 0.5])
    assert result["values"][0] != -2.0, "shifted to the rate"


def test_a_young_deal_becomes_two_rows_weighted_by_its_soft_label(company) -> None:
    RecordsItsData.seen.clear()
    learned = learn_own(company.deals, company.spec, RecordsItsData(strategy="prior"))
    frame, outcome, weight = RecordsItsData.seen[-1]
    young = ~follow_up_of(learned.training_set).known

    assert young.sum() > 20
    assert len(frame) == len(young) + young.sum()
    assert weight.sum() == pytest.approx(len(young), rel=0.01)
    assert ((weight > 0) & (weight <= 1 + 1e-9)).all()
    rate = np.average(outcome, weights=weight)
    assert rate == pytest.approx(follow_up_of(learned.training_set).rate, rel=0.03)


def test_the_background_contains_no_real_deal(own) -> None:
    matrix = as_matrix(own.scorecard.columns, own.training_set.attributes)
    background = own.estimator.background

    assert background.shape == (BACKGROUND, matrix.shape[1])
    for position in range(matrix.shape[1]):
        assert set(background[:, position]) <= set(matrix[:, position])
    rows = {tuple(row) for row in matrix}
    assert np.mean([tuple(row) in rows for row in background]) < 0.5


def test_log_odds_are_uncalibrated_and_probabilities_are_calibrated(company, own) -> None:
    classifier = own.estimator
    matrix = as_matrix(own.scorecard.columns, company.attributes)
    raw = classifier.model.predict_proba(as_frame(own.scorecard.columns, matrix))[:, 1]
    both = classifier.predict_proba(company.attributes)

    np.testing.assert_allclose(classifier.log_odds(company.attributes), logit(raw))
    np.testing.assert_allclose(both.sum(axis=1), 1.0)
    np.testing.assert_allclose(both[:, 1], own.scorecard.calibration.probability(logit(raw)))
    assert OwnClassifier(None, own.scorecard, classifier.background).level_.factor == 1.0


def test_a_scorecard_without_tables_has_the_evidence_of_every_attribute(own) -> None:
    card = own.scorecard
    assert not card.tables.any()
    assert not card.intercept.any()
    assert {column.name for column in card.columns} == {"channel", "seats"}
    for evidence in card.evidence:
        assert evidence.count.sum() == len(own.training_set)
    assert card.spread == 1.0


def test_a_training_set_alone_is_calibrated_on_random_folds(company) -> None:
    deals = DealHistory(company.deals, company.spec).as_of(None).training_set()
    result = learn_own_from_set(deals, company.spec, GaussianNB())
    probability = result.estimator.predict_proba(company.attributes)[:, 1]

    assert result.estimator.level_.factor == 1.0
    assert probability.mean() == pytest.approx(follow_up_of(deals).rate, rel=0.1)
    with pytest.raises(SpecError, match="is not a scikit-learn classifier"):
        learn_own_from_set(deals, company.spec, object())
    few = deals.subset(np.arange(len(deals)) < 40)
    with pytest.raises(DealsError, match="too little to learn from"):
        learn_own_from_set(few, company.spec, GaussianNB())
