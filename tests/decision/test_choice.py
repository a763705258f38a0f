"""Choice of a decision policy: promised shares, descriptions, agreement with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import make_scorer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.survival import kaplan_meier
from fitmodel.decision.choice import (
    choose_capacity,
    choose_policy,
    choose_precision,
    known_money,
    right_flags_lower_limit,
    risk_threshold,
)
from fitmodel.evaluation.sample import Sample
from fitmodel.exceptions import SpecError

MONEY = {
    "gross_margin": 0.8,
    "expected_lifetime_months": 30,
    "acquisition_cost": 400,
    "onboarding_cost": 900,
    "support_cost_per_month": 60,
    "commission_rate": 0.1,
}


def contract(amount="annual_value", **decision):
    return DealSpec(
        deals={"tenure_months": "tenure", "churned": "churn", "amount": amount}, decision=decision
    )


@pytest.fixture(scope="module")
def curve():
    random = np.random.default_rng(0)
    stay, until = random.exponential(20.0, 2000), random.uniform(0.0, 24.0, 2000)
    return kaplan_meier(np.minimum(stay, until), stay <= until)


@pytest.fixture(scope="module")
def evaluated():
    random = np.random.default_rng(1)
    p = random.beta(1.0, 3.0, 1000)
    return p, (random.random(1000) < p).astype(float), random.lognormal(8.0, 0.7, 1000)


class GivenProbabilities(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose only column is the probability."""

    def __init__(self):
        self.classes_ = np.array([0, 1])

    def fit(self, _X, _y):
        return self

    def predict_proba(self, X):
        return np.column_stack([1.0 - X[:, 0], X[:, 0]])

    def predict(self, X):
        return (X[:, 0] >= 0.5).astype(int)


def tuned(p, y, score, thresholds):
    """Return the threshold that scikit-learn finds best on the same numbers."""
    search = TunedThresholdClassifierCV(
        FrozenEstimator(GivenProbabilities()),
        scoring=score,
        thresholds=thresholds,
        cv="prefit",
        refit=False,
    )
    return search.fit(p[:, None], y.astype(int)).best_threshold_


# -- risk, value and the default --------------------------------------------------------------


@pytest.mark.parametrize("money", [{}, MONEY], ids=["without money", "with money"])
def test_the_default_policy_flags_from_twice_the_companys_odds_for_any_amount(
    evaluated, curve, money
):
    p, y, amount = evaluated
    policy = choose_policy(contract(**money), p, y, None, amount, curve=curve)
    level = y.mean()
    assert policy.kind == "risk"
    assert policy.level == pytest.approx(level)
    odds = policy.threshold / (1 - policy.threshold)
    assert odds == pytest.approx(2 * level / (1 - level))
    assert (policy.poor_fit(p, amount) == (p >= policy.threshold)).all()
    assert (policy.poor_fit(p, amount * 1e6) == (p >= policy.threshold)).all()
    assert (policy.money is not None) == bool(money)
    share = policy.poor_fit(p, amount).mean()
    assert policy.description.startswith(
        "Flags by risk alone, from 2 times the company's odds of early churn on."
    )
    assert f"The company's level is {100 * level:.3g}%." in policy.description
    assert policy.description.endswith(
        f"Of the 1,000 mature past deals it flags {100 * share:.3g}%."
    )


@pytest.mark.parametrize(("level", "threshold"), [(0.11, 0.20), (0.40, 0.57), (1.0, 1.0)])
def test_the_risk_threshold_is_twice_the_odds_of_the_level(level, threshold):
    assert risk_threshold(level, 2.0) == pytest.approx(threshold, abs=0.005)


@given(st.floats(0.001, 0.999), st.floats(1.0, 50.0))
def test_the_risk_threshold_is_between_the_level_and_1(level, ratio):
    threshold = risk_threshold(level, ratio)
    assert level - 1e-12 <= threshold <= 1.0
    assert threshold * (1 - level) == pytest.approx(ratio * level * (1 - threshold))


def test_a_given_current_level_is_used(evaluated):
    p, y, _ = evaluated
    spec = contract(policy="risk", odds_ratio=3.0)
    policy = choose_policy(spec, p, y, level=0.1)
    assert policy.level == 0.1
    assert policy.threshold == pytest.approx(0.25)
    assert "from 3 times the company's odds" in policy.description


def test_without_early_churners_nothing_is_flagged():
    policy = choose_policy(contract(), np.full(50, 0.3), np.zeros(50))
    assert policy.threshold is None
    assert policy.description.startswith("Flags nothing: no customer left early")


def test_a_capacity_without_a_policy_selects_the_capacity_policy(evaluated):
    p, y, _ = evaluated
    policy = choose_policy(contract(capacity=0.2), p, y)
    assert policy.kind == "capacity"
    assert policy.poor_fit(p).sum() == 200


@pytest.mark.parametrize("policy", ["risk", "capacity", "precision", "threshold", None])
def test_a_threshold_is_used_only_by_the_threshold_policy(evaluated, policy):
    p, y, _ = evaluated
    given = {} if policy is None else {"policy": policy}
    made = choose_policy(contract(threshold=0.35, **given), p, y)
    assert made.kind == (policy or "risk")
    assert (made.threshold == 0.35) == (policy == "threshold")


def test_value_flags_what_loses_money_or_is_too_risky(evaluated, curve):
    p, y, amount = evaluated
    policy = choose_policy(contract(policy="value", **MONEY), p, y, None, amount, curve=curve)
    assert policy.kind == "value"
    assert policy.threshold == policy.money.break_even(float(np.median(amount)))
    assert policy.risk_threshold == pytest.approx(risk_threshold(y.mean(), 2.0))
    loses = policy.expected_value(p, amount) < 0
    assert (policy.poor_fit(p, amount) == (loses | (p >= policy.risk_threshold))).all()
    assert policy.assess(0.97, 200_000.0)[0]
    assert "Whatever its amount, a deal is flagged from" in policy.description
    assert "money makes no risky deal good" in policy.description
    assert "30 months (as given), an early churner 2." in policy.description
    share = policy.poor_fit(p, amount).mean()
    assert f"it flags {100 * share:.3g}%" in policy.description


@pytest.mark.parametrize(
    ("amount", "with_curve", "reason"),
    [
        (None, True, "the deals have no amount"),
        (np.full(1000, np.nan), True, "the deals have no amount"),
        (np.full(1000, 3000.0), False, "no customer was seen to leave within the horizon"),
    ],
)
def test_money_that_cannot_be_computed_is_left_out_with_the_reason(
    evaluated, curve, amount, with_curve, reason
):
    p, y, _ = evaluated
    policy = choose_policy(
        contract(**MONEY), p, y, None, amount, curve=curve if with_curve else None
    )
    assert policy.kind == "risk"
    assert policy.money is None
    assert f"No money is shown beside it: {reason}." in policy.description


def test_the_error_asks_for_a_lifetime_that_cannot_be_estimated(evaluated):
    p, y, amount = evaluated
    short = kaplan_meier(np.full(100, 5.0), np.arange(100) < 30)
    spec = contract(gross_margin=0.8)
    policy = choose_policy(spec, p, y, None, amount, curve=short)
    assert "give expected_lifetime_months" in policy.description
    with pytest.raises(SpecError, match='"value" cannot be followed: too few customers'):
        choose_policy(contract(gross_margin=0.8, policy="value"), p, y, None, amount, curve=short)


# -- big deals --------------------------------------------------------------------------------


def test_a_big_deal_is_one_of_the_top_tenth_of_all_customers(evaluated):
    p, y, amount = evaluated
    everybody = np.r_[amount, np.arange(1, 101) * 1e6]
    policy = choose_policy(contract(), p, y, None, amount, customer_amounts=everybody)
    assert 0.09 < (everybody >= policy.big_deal).mean() <= 0.1
    own = choose_policy(contract(), p, y, None, amount)
    assert 0.09 < (amount >= own.big_deal).mean() <= 0.101


def test_the_contract_can_define_a_big_deal(evaluated):
    p, y, amount = evaluated
    policy = choose_policy(contract(big_deal=50_000), p, y, None, amount)
    assert policy.big_deal == 50_000.0


@pytest.mark.parametrize(
    "amount",
    [
        None,
        np.full(1000, np.nan),
        np.full(1000, 3000.0),
        np.r_[np.full(800, -900.0), np.full(200, -0.5)],
        np.r_[np.full(800, -900.0), np.zeros(200)],
    ],
)
def test_with_equal_missing_or_nonpositive_amounts_no_deal_is_big(evaluated, amount):
    p, y, _ = evaluated
    assert choose_policy(contract(), p, y, None, amount).big_deal is None


def test_a_missing_lifetime_is_estimated(evaluated, curve):
    p, y, amount = evaluated
    spec = contract(policy="value", gross_margin=0.8, onboarding_cost=900)
    policy = choose_policy(spec, p, y, None, amount, curve=curve)
    assert "estimated from the deals, on the careful side" in policy.description
    assert 15.0 < policy.money.expected_lifetime_months < 25.5


def test_the_value_policy_without_money_is_refused(evaluated):
    p, y, _ = evaluated
    with pytest.raises(SpecError, match='"value" cannot be followed: the deals have no amount'):
        choose_policy(contract(policy="value", **MONEY), p, y)


def test_contradictory_money_settings_are_refused(curve):
    spec = contract(gross_margin=0.8, expected_lifetime_months=1)
    with pytest.raises(SpecError, match="expected_lifetime_months is 1"):
        known_money(spec, [3000.0], curve)


@pytest.mark.parametrize(
    ("amount", "money", "words"),
    [
        (100.0, MONEY, "even a customer that stays loses money"),
        (
            3000.0,
            {"gross_margin": 0.8, "expected_lifetime_months": 30},
            "never flagged for its money",
        ),
        (3000.0, MONEY, "from an early-churn probability of 8"),
    ],
)
def test_the_description_names_the_break_even_of_the_median_deal(
    evaluated, curve, amount, money, words
):
    p, y, _ = evaluated
    spec = contract(policy="value", **money)
    policy = choose_policy(spec, p, y, None, np.full(1000, amount), curve=curve)
    assert words in policy.description


def test_deals_flagged_only_for_their_amount_are_counted_separately(evaluated, curve):
    p, y, _ = evaluated
    spec = contract(policy="value", **MONEY)
    amount = np.where(np.arange(1000) < 70, 600.0, 3000.0)
    policy = choose_policy(spec, p, y, None, amount, curve=curve)
    assert "Below 650 a year even a customer that stays loses money" in policy.description
    assert "such deals, 7% of these, are flagged at any probability" in policy.description
    larger = choose_policy(spec, p, y, None, np.full(1000, 3000.0), curve=curve)
    assert "at any probability" not in larger.description


def test_other_policies_keep_the_money_to_show_a_value(evaluated, curve):
    p, y, amount = evaluated
    for kind in ({"policy": "capacity"}, {"policy": "threshold", "threshold": 0.4}):
        policy = choose_policy(contract(**MONEY, **kind), p, y, None, amount, curve=curve)
        assert policy.kind == kind["policy"]
        assert policy.money is not None


# -- capacity ---------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), min_size=1, max_size=60),
    st.floats(0.01, 1.0),
)
def test_capacity_flags_as_many_deals_as_allowed_and_not_more(p, capacity):
    p = np.array(p)
    threshold = choose_capacity(Sample.of(np.zeros(len(p)), p), capacity)
    flagged = 0.0 if threshold is None else (p >= threshold).mean()
    assert flagged <= capacity + 1e-9
    lower = p[p < (np.inf if threshold is None else threshold)]
    assert lower.size == 0 or (p >= lower.max()).mean() > capacity


def test_capacity_counts_deals_by_their_weight():
    p = np.array([0.9, 0.8, 0.7, 0.6])
    sample = Sample.of(np.zeros(4), p, np.array([3.0, 1.0, 1.0, 1.0]))
    assert choose_capacity(sample, 0.5) == 0.9


def test_capacity_flags_nothing_if_all_probabilities_are_equal():
    spec = contract(policy="capacity")
    policy = choose_policy(spec, np.full(50, 0.3), np.arange(50) < 15)
    assert policy.threshold is None
    assert "nothing is flagged" in policy.description


@pytest.mark.parametrize("capacity", [0.05, 0.1, 0.3])
def test_capacity_equals_the_threshold_tuned_by_scikit_learn(evaluated, capacity):
    p, y, _ = evaluated

    def as_many_as_allowed(_y, flagged):
        share = flagged.mean()
        return share if share <= capacity else -share

    best = tuned(p, y, make_scorer(as_many_as_allowed), np.unique(p))
    assert choose_capacity(Sample.of(y, p), capacity) == best


# -- threshold and value compared with scikit-learn -------------------------------------------


def test_threshold_flags_the_same_as_scikit_learns_fixed_threshold(evaluated):
    p, y, _ = evaluated
    policy = choose_policy(contract(policy="threshold", threshold=0.4), p, y)
    fixed = FixedThresholdClassifier(
        FrozenEstimator(GivenProbabilities()), threshold=0.4, response_method="predict_proba"
    )
    flags = fixed.fit(p[:, None], y.astype(int)).predict(p[:, None])
    assert policy.poor_fit(p).tolist() == (flags == 1).tolist()


def test_the_break_even_of_value_is_the_threshold_with_most_money_in_scikit_learn(curve):
    """At each probability exactly that share of 200 deals leaves; all have the same amount."""
    grid = np.arange(1, 20) / 20.0
    p = np.repeat(grid, 200)
    y = np.concatenate([np.arange(200) < round(200 * each) for each in grid]).astype(float)
    spec = contract(policy="value", **MONEY)
    policy = choose_policy(spec, p, y, None, np.full(len(p), 1500.0), curve=curve)

    def earned(y_true, flagged):
        money = policy.money
        worth = np.where(y_true, money.value_if_leaves(1500.0), money.value_if_stays(1500.0))
        return worth[flagged == 0].sum()

    best = tuned(p, y, make_scorer(earned), grid)
    assert best - 0.05 < policy.threshold <= best


# -- precision --------------------------------------------------------------------------------


def test_precision_uses_the_lowest_threshold_whose_lower_limit_reaches_the_bound(evaluated):
    p, y, _ = evaluated
    sample = Sample.of(y, p)
    threshold = choose_precision(sample, 0.4)
    limits, distinct = right_flags_lower_limit(sample), sample.probability[sample.tie_starts]
    assert limits[distinct == threshold][0] >= 0.4
    assert (limits[distinct < threshold] < 0.4).all()


def test_without_weights_the_lower_limit_is_clopper_pearsons():
    y, p = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.9, 0.8, 0.8, 0.1])
    limits = right_flags_lower_limit(Sample.of(y, p))
    exact = beta.ppf(0.05, [1, 2, 3], [1, 2, 2])
    assert limits == pytest.approx(exact)


def test_the_lower_limit_without_right_flags_is_0():
    assert right_flags_lower_limit(Sample.of([0.0, 0.0], [0.9, 0.8])).tolist() == [0.0, 0.0]


def test_the_scale_of_the_weights_does_not_matter_but_their_variation_does(evaluated):
    p, y, _ = evaluated
    even = right_flags_lower_limit(Sample.of(y, p, np.full(1000, 7.0)))
    assert even == pytest.approx(right_flags_lower_limit(Sample.of(y, p)))
    twice, uneven = np.r_[y, y], np.r_[np.full(1000, 1.0), np.full(1000, 9.0)]
    limits = right_flags_lower_limit(Sample.of(twice, np.r_[p, p], uneven))
    assert (limits <= right_flags_lower_limit(Sample.of(twice, np.r_[p, p]))).all()


def test_unattainable_precision_flags_nothing_and_reports_the_attainable_one(evaluated):
    p, _, _ = evaluated
    y = np.zeros(1000)
    y[::10] = 1.0
    policy = choose_policy(contract(policy="precision", precision=0.9), p, y)
    assert policy.threshold is None
    assert not policy.poor_fit(p).any()
    assert policy.description.startswith("Flags nothing: no threshold keeps 90% of the flags")


def test_attained_precision_is_described(evaluated):
    p, y, _ = evaluated
    policy = choose_policy(contract(policy="precision", precision=0.4), p, y)
    assert "at least 40% of the flags are right (with 95% confidence)" in policy.description


def test_the_share_of_right_flags_is_rarely_below_the_bound():
    """500 deals, bound 0.5: among 400 choices at most a tenth may be wrong by chance."""
    random = np.random.default_rng(2)
    population = np.sort(random.beta(1.0, 3.0, 200_000))[::-1]
    precision_above = np.cumsum(population) / np.arange(1, 200_001)
    short = 0
    for _ in range(400):
        p = random.beta(1.0, 3.0, 500)
        threshold = choose_precision(Sample.of(random.random(500) < p, p), 0.5)
        if threshold is not None:
            short += precision_above[np.searchsorted(-population, -threshold)] < 0.5
    assert short <= 40


# -- weights ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["capacity", "precision"])
def test_deals_of_weight_0_are_ignored(evaluated, kind):
    p, y, _ = evaluated
    weight = np.r_[np.ones(1000), np.zeros(500)]
    unknown = np.full(500, np.nan)
    spec = contract(policy=kind, precision=0.4)
    padded = choose_policy(spec, np.r_[p, np.full(500, 0.99)], np.r_[y, unknown], weight)
    assert padded == choose_policy(spec, p, y)
