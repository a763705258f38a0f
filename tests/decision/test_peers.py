"""The money of deals compared with the package empulse: the same flags and the same savings.

empulse writes the costs of the four cells of a cost matrix, each deal its own. To flag is to
decline, which costs nothing and brings nothing; to sign costs what the deal is worth, negated.
empulse is imported by the tests: it loads sympy, which takes seconds in every process that collects
tests.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from fitmodel.decision.choice import choose_capacity
from fitmodel.decision.curve import compute_money
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.evaluation.sample import Sample

MONEY = Money(0.8, 30, 3, 400, 900, 60, 0.1)


class GivenProbabilities(ClassifierMixin, BaseEstimator):
    """A classifier whose only column is the probability."""

    def fit(self, _X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.column_stack([1.0 - X[:, 0], X[:, 0]])


def cost_matrix(amount: np.ndarray) -> dict[str, np.ndarray]:
    """Return what signing costs; what declining costs is nothing."""
    return {"fn_cost": -MONEY.value_if_leaves(amount), "tn_cost": -MONEY.value_if_stays(amount)}


@pytest.fixture(scope="module", params=[0, 1, 2])
def evaluated(request):
    random = np.random.default_rng(request.param)
    p = random.beta(1.0, 3.0, 1500)
    return p, (random.random(1500) < p).astype(int), random.lognormal(7.0, 0.8, 1500)


@pytest.mark.filterwarnings("ignore:The optimal threshold computed from the cost matrix fell out")
def test_value_flags_the_deals_that_empulse_flags_by_its_cost_matrix(evaluated):
    from empulse.models import CSThresholdClassifier

    p, y, amount = evaluated
    ours = Policy("value", 0.5, MONEY).poor_fit(p, amount)
    theirs = CSThresholdClassifier(GivenProbabilities(), calibrator=None).fit(p[:, None], y)
    flags = theirs.predict(p[:, None], tp_cost=0.0, fp_cost=0.0, **cost_matrix(amount)) == 1
    assert 0 < ours.sum() < len(p)
    # if the matrix is reversed (leaving costs less than staying) Elkan's threshold means the
    # opposite; we compare values there, and both are losses
    sound = MONEY.value_if_stays(amount) >= MONEY.value_if_leaves(amount)
    np.testing.assert_array_equal(ours[sound], flags[sound])
    assert ours[~sound].all()
    assert (sound & (MONEY.value_if_stays(amount) < 0.0)).any()  # flagged by both for any p


@pytest.mark.parametrize("policy", [Policy("value", 0.5, MONEY), Policy("threshold", 0.3, MONEY)])
def test_the_money_of_flags_is_their_reduction_of_empulses_cost(evaluated, policy):
    from empulse.metrics import cost_loss

    p, y, amount = evaluated
    made = compute_money(y, p, amount, policy, n_boot=1)
    flags, costs = policy.poor_fit(p, amount).astype(int), cost_matrix(amount)
    signed_all = cost_loss(y, np.zeros_like(flags), **costs)
    assert made.net == pytest.approx(signed_all - cost_loss(y, flags, **costs))
    everything = signed_all - cost_loss(y, np.ones_like(flags), **costs)
    assert made.net_per_deal_flag_all * len(y) == pytest.approx(everything)


def test_the_saved_share_of_the_loss_equals_empulses_savings(evaluated):
    """Tested where signing everything loses money, since savings are a share of a cost."""
    from empulse.metrics import cost_loss, savings_score

    p, y, amount = evaluated
    small = (amount < 900.0) & (MONEY.value_if_stays(amount) > 0.0)
    p, y, amount = p[small], y[small], amount[small]
    policy = Policy("value", 0.5, MONEY)
    signed_all = cost_loss(y, np.zeros_like(y), **cost_matrix(amount))
    assert signed_all > 0.0
    made = compute_money(y, p, amount, policy, n_boot=1)
    flags = policy.poor_fit(p, amount).astype(int)
    saved = savings_score(y, flags, baseline="zero", **cost_matrix(amount))
    assert made.net / signed_all == pytest.approx(saved)


def test_capacity_flags_as_many_deals_as_empulse_at_the_same_rate(evaluated):
    from empulse.models import CSRateClassifier

    p, y, _ = evaluated
    threshold = choose_capacity(Sample.of(y, p), 0.2)
    theirs = CSRateClassifier(GivenProbabilities(), fp_cost=1.0, fn_cost=1.0).fit(p[:, None], y)
    theirs.decision_ = 0.2  # the rate itself instead of a searched one
    np.testing.assert_array_equal(theirs.predict(p[:, None]) == 1, p >= threshold)
