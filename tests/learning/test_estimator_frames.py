"""The input of a user's classifier: floats and pandas categories, NaN where missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.svm import LinearSVC

from fitmodel.exceptions import SpecError
from fitmodel.learning._other_classifiers import (
    as_frame,
    as_matrix,
    check_estimator,
    with_preprocessing,
)
from fitmodel.learning.columns import CategoryColumn, NumberColumn

COLUMNS = (
    NumberColumn("seats", (10.0,), 1.0, 90.0),
    CategoryColumn("plan", {"basic": 1, "pro": 2, "old": 3, "older": 3}),
)
DEALS = pd.DataFrame(
    {
        "plan": ["pro", "basic", None, "new", "older", "old"],
        "seats": [4.0, np.nan, 250.0, 7.5, 1.0, 2.0],
    }
)


def test_numbers_are_unchanged_levels_count_from_0_and_unknown_values_are_nan() -> None:
    matrix = as_matrix(COLUMNS, DEALS)

    np.testing.assert_array_equal(matrix[:, 0], DEALS["seats"])
    np.testing.assert_array_equal(matrix[:, 1], [1.0, 0.0, np.nan, np.nan, 2.0, 2.0])


def test_a_frame_has_all_known_levels_as_categories() -> None:
    frame = as_frame(COLUMNS, as_matrix(COLUMNS, DEALS))
    one = as_frame(COLUMNS, as_matrix(COLUMNS, DEALS.iloc[[2]]))

    assert list(frame.columns) == ["seats", "plan"]
    assert frame["plan"].cat.categories.tolist() == ["basic", "pro", "2 rare levels"]
    assert frame["plan"].isna().tolist() == [False, False, True, True, False, False]
    assert frame["plan"].tolist()[4:] == ["2 rare levels"] * 2
    assert one["plan"].dtype == frame["plan"].dtype
    assert frame["seats"].dtype == float


def test_an_estimator_that_rejects_nan_or_categories_gets_preprocessing() -> None:
    frame = as_frame(COLUMNS, as_matrix(COLUMNS, DEALS))
    outcome = np.array([0, 1, 0, 1, 0, 1])
    for estimator in (LogisticRegression(), RandomForestClassifier(3, random_state=0)):
        pipeline = with_preprocessing(estimator, COLUMNS)
        assert isinstance(pipeline, Pipeline)
        assert pipeline.steps[-1][1] is estimator
        probability = pipeline.fit(frame, outcome).predict_proba(frame)[:, 1]
        assert np.isfinite(probability).all()
    prepared = pipeline[0].transform(frame)
    assert prepared.shape == (6, 3 + 1 + 1), (
        "three levels, one indicator for missing values, and the number"
    )
    assert prepared[:, -1].mean() == pytest.approx(0.0, abs=1e-12)
    assert prepared[1, -1] == pytest.approx(np.median(prepared[[0, 2, 3, 4, 5], -1])), "the median"


def test_many_levels_are_encoded_as_a_dense_matrix() -> None:
    many = CategoryColumn("page", {f"p{number}": number + 1 for number in range(40)})
    frame = as_frame((many,), np.arange(40.0)[:, None])
    pipeline = with_preprocessing(GaussianNB(), (many,)).fit(frame, np.arange(40) % 2)
    assert pipeline.predict_proba(frame).shape == (40, 2)


def test_a_pipeline_or_an_estimator_that_accepts_nan_and_categories_is_unchanged() -> None:
    own = make_pipeline(OrdinalEncoder(), LogisticRegression())
    boosting = HistGradientBoostingClassifier()

    assert with_preprocessing(own, COLUMNS) is own
    assert with_preprocessing(boosting, COLUMNS) is boosting


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (KNeighborsClassifier(), "KNeighborsClassifier takes no sample_weight.*Remedy: use"),
        (make_pipeline(OrdinalEncoder(), KNeighborsClassifier()), "KNeighborsClassifier takes no"),
        (LinearSVC(), "LinearSVC is not a scikit-learn classifier with predict_proba"),
        (object(), "object is not a scikit-learn classifier"),
    ],
)
def test_an_unusable_estimator_is_refused_and_the_missing_method_named(
    estimator, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        check_estimator(estimator)


def test_a_usable_estimator_is_accepted() -> None:
    for estimator in (LogisticRegression(), make_pipeline(OrdinalEncoder(), LogisticRegression())):
        check_estimator(estimator)
