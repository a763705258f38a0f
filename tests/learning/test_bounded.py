"""A direction that the user knows holds in every table, and costs nothing where it is true."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fitmodel.learning.bounded import bounded_logistic
from sklearn.linear_model import LogisticRegression

from fitmodel.learning.calibration import expit
from fitmodel.learning.classifier import ProspectFitClassifier
from fitmodel.learning.settings import LearnerOptions

FREE = (None, None)


@pytest.fixture(scope="module")
def known() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(800, 4))
    line = matrix @ [1.0, -0.5, 0.2, 0.0] - 1
    label = (random.random(800) < expit(line)).astype(float)
    return matrix, label, random.uniform(0.5, 2, 800)


def test_without_bounds_it_is_scikit_learns_ridge(known) -> None:
    matrix, label, weight = known
    intercept, slopes = bounded_logistic(matrix, label, weight, (FREE,) * 4, penalty=3.0)
    peer = LogisticRegression(C=1 / 3.0, tol=1e-8).fit(matrix, label, sample_weight=weight)
    np.testing.assert_allclose(slopes, peer.coef_[0], atol=1e-4)
    np.testing.assert_allclose(intercept, peer.intercept_[0], atol=1e-4)


def test_a_bound_that_does_not_bind_changes_nothing_and_one_that_does_gives_zero(known) -> None:
    matrix, label, weight = known
    _, free = bounded_logistic(matrix, label, weight, (FREE,) * 4, penalty=3.0)
    _, same = bounded_logistic(matrix, label, weight, ((0.0, None), *(FREE,) * 3), penalty=3.0)
    np.testing.assert_allclose(same, free, atol=1e-5)
    _, bound = bounded_logistic(matrix, label, weight, ((None, 0.0), *(FREE,) * 3), penalty=3.0)
    assert bound[0] == 0.0


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", ["increasing", "decreasing"])
def test_the_risk_follows_the_direction_in_every_blend(name: str, share: float) -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"seats": random.normal(size=1500), "noise": random.normal(size=1500)})
    # a wave: neither learner would leave it monotone on its own
    line = np.sin(3 * frame["seats"]) - 1
    label = (random.random(1500) < expit(line.to_numpy())).astype(float)
    options = LearnerOptions(**{name: ("seats",)})
    model = ProspectFitClassifier(boosting_share=share, pairs=0, bags=2, options=options)
    book = model.fit(frame, label).book_
    steps = np.diff([row["log_odds"] for row in book.table("seats") if row["value"] != "missing"])
    worst = steps.min() if name == "increasing" else -steps.max()
    assert worst >= -1e-9
    free = ProspectFitClassifier(boosting_share=share, pairs=0, bags=2).fit(frame, label).book_
    if share > 0:
        steps = np.diff([row["log_odds"] for row in free.table("seats")][1:])
        assert steps.min() < 0 < steps.max()
