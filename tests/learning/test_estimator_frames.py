"""A user's classifier gets numbers as floats and levels as pandas categories, with gaps."""

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
from fitmodel.learning._estimator_frames import as_frame, as_matrix, check_estimator, ready
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


def test_numbers_stay_and_levels_count_from_0_with_gaps_for_what_is_not_known() -> None:
    matrix = as_matrix(COLUMNS, DEALS)

    np.testing.assert_array_equal(matrix[:, 0], DEALS["seats"])
    np.testing.assert_array_equal(matrix[:, 1], [1.0, 0.0, np.nan, np.nan, 2.0, 2.0])


def test_a_frame_has_every_known_level_whoever_has_it() -> None:
    frame = as_frame(COLUMNS, as_matrix(COLUMNS, DEALS))
    one = as_frame(COLUMNS, as_matrix(COLUMNS, DEALS.iloc[[2]]))

    assert list(frame.columns) == ["seats", "plan"]
    assert frame["plan"].cat.categories.tolist() == ["basic", "pro", "2 rare levels"]
    assert frame["plan"].isna().tolist() == [False, False, True, True, False, False]
    assert frame["plan"].tolist()[4:] == ["2 rare levels"] * 2
    assert one["plan"].dtype == frame["plan"].dtype
    assert frame["seats"].dtype == float


def test_an_estimator_without_gaps_or_levels_gets_them_prepared() -> None:
    frame = as_frame(COLUMNS, as_matrix(COLUMNS, DEALS))
    outcome = np.array([0, 1, 0, 1, 0, 1])
    for estimator in (LogisticRegression(), RandomForestClassifier(3, random_state=0)):
        made = ready(estimator, COLUMNS)
        assert isinstance(made, Pipeline)
        assert made.steps[-1][1] is estimator
        chance = made.fit(frame, outcome).predict_proba(frame)[:, 1]
        assert np.isfinite(chance).all()
    prepared = made[0].transform(frame)
    assert prepared.shape == (6, 3 + 1 + 1), "three levels, one for none of them, and the number"
    assert prepared[:, -1].mean() == pytest.approx(0.0, abs=1e-12)
    assert prepared[1, -1] == pytest.approx(np.median(prepared[[0, 2, 3, 4, 5], -1])), "the median"


def test_of_many_levels_the_estimator_gets_no_sparse_matrix() -> None:
    many = CategoryColumn("page", {f"p{number}": number + 1 for number in range(40)})
    frame = as_frame((many,), np.arange(40.0)[:, None])
    made = ready(GaussianNB(), (many,)).fit(frame, np.arange(40) % 2)
    assert made.predict_proba(frame).shape == (40, 2)


def test_what_takes_gaps_and_levels_and_a_pipeline_are_left_alone() -> None:
    own = make_pipeline(OrdinalEncoder(), LogisticRegression())
    boosting = HistGradientBoostingClassifier()

    assert ready(own, COLUMNS) is own
    assert ready(boosting, COLUMNS) is boosting


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (KNeighborsClassifier(), "KNeighborsClassifier takes no sample_weight.*Remedy: use"),
        (make_pipeline(OrdinalEncoder(), KNeighborsClassifier()), "KNeighborsClassifier takes no"),
        (LinearSVC(), "LinearSVC is not a scikit-learn classifier with predict_proba"),
        (object(), "object is not a scikit-learn classifier"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_is_missing(estimator, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_estimator(estimator)


def test_what_can_be_used_is_not_refused() -> None:
    for estimator in (LogisticRegression(), make_pipeline(OrdinalEncoder(), LogisticRegression())):
        check_estimator(estimator)
