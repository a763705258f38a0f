"""The estimator passes scikit-learn's checks; each exception is listed with its reason."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from fitmodel.learning.classifier import ProspectFitClassifier

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "a weight says how much a deal's outcome "
    "counts, not how many deals there were: where bins are cut, and which levels are too rare to "
    "have a row, goes by the number of deals",
}
SMALL = ProspectFitClassifier(replicates=2)


@pytest.mark.slow
@parametrize_with_checks([SMALL], expected_failed_checks=lambda _: EXPECTED)
def test_the_estimator_passes_the_checks_of_scikit_learn(estimator, check) -> None:
    check(estimator)
