"""Native libraries get as many threads as the contract allows, and theirs back afterwards."""

from __future__ import annotations

import pytest
from fitmodel.learning.challenger import unrestricted_probabilities
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_info, threadpool_limits

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.outcomes import label_deals
from fitmodel.learning.settings import LearnerOptions
from fitmodel.learning.threads import native_threads


def most_threads() -> int:
    return max(pool["num_threads"] for pool in threadpool_info())


def test_the_limit_holds_inside_and_ends_outside():
    with threadpool_limits(limits=2):
        with native_threads(1):
            assert most_threads() == 1
        assert most_threads() == 2


@pytest.mark.parametrize("allowed", [1, 2])
def test_the_unrestricted_learner_fits_with_as_many_as_the_contract_says(monkeypatch, allowed):
    seen = []
    fit = HistGradientBoostingClassifier.fit

    def remember(self, X, y, sample_weight=None):
        seen.append(most_threads())
        return fit(self, X, y, sample_weight)

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", remember)
    simulation = simulate_deals(300, seed=0)
    labelled = label_deals(simulation.deals, simulation.spec)
    spec = simulation.spec.replace(learning={"threads": allowed})
    options = LearnerOptions.from_spec(spec, labelled.dates)
    unrestricted_probabilities(labelled, labelled.attributes, options)

    assert seen == [allowed]
