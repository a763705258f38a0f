"""Flags are counted right and priced at what the deals turned out to be worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from fitmodel.decision.curve import compute_money
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.evaluation.flags import compute_flagged
from fitmodel.exceptions import DealsError


def test_precision_and_recall_are_those_of_scikit_learn(judged):
    flagged = judged.p > 0.3
    found = compute_flagged(judged.y, flagged, judged.weight)
    weight = {"sample_weight": judged.weight}
    assert found["precision"] == pytest.approx(precision_score(judged.y, flagged, **weight))
    assert found["recall"] == pytest.approx(recall_score(judged.y, flagged, **weight))
    assert found["share_flagged"] == pytest.approx(np.average(flagged, weights=judged.weight))
    assert list(found) == ["share_flagged", "precision", "recall"]


def test_money_is_what_leavers_would_have_lost_minus_what_stayers_would_have_brought():
    found = compute_flagged(
        [1, 0, 1, 0],
        [True, True, False, False],
        [1.0, 2.0, 1.0, 1.0],
        value_if_leaves=[-100, -100, -999, -999],
        value_if_stays=[30, 30, 999, 999],
    )
    assert (found["saved"], found["cost"], found["net"]) == (100, 60, 40)
    assert found["without_amount"] == 0


def test_flagging_nothing_neither_saves_nor_costs():
    found = compute_flagged([1, 0], [False, False], value_if_leaves=[-5, -5], value_if_stays=[5, 5])
    assert math.isnan(found["precision"])
    assert found["recall"] == 0
    assert (found["net"], found["net_low"], found["net_high"]) == (0, 0, 0)


def test_deals_without_an_amount_are_counted_and_left_out_of_the_money():
    money = {"value_if_leaves": [-5, np.nan], "value_if_stays": [5, np.nan]}
    found = compute_flagged([1, 1], [True, True], **money)
    assert found["saved"] == 5
    assert found["without_amount"] == 1
    assert found["precision"] == 1


def test_deals_of_weight_zero_are_left_out():
    found = compute_flagged(
        [1, np.nan], [True, True], [1, 0], value_if_leaves=[-5, -7], value_if_stays=[5, 7]
    )
    assert found["share_flagged"] == 1
    assert found["saved"] == 5


def test_the_money_is_that_of_the_decision_curve_and_so_is_its_interval(judged):
    """One sum of flags: `fitmodel.decision.curve.compute_money` gives the same numbers."""
    amount = np.linspace(1_000, 9_000, len(judged.y))
    policy = Policy("threshold", 0.3, Money(0.8, 30, 3, 400, 900, 60, 0.1))
    leaves, stays = (f(amount) for f in (policy.money.value_if_leaves, policy.money.value_if_stays))
    found = compute_flagged(
        judged.y, judged.p >= 0.3, judged.weight, value_if_leaves=leaves, value_if_stays=stays
    )
    made = compute_money(judged.y, judged.p, amount, policy, judged.weight)
    total = judged.weight.sum()
    assert found["net"] == pytest.approx(made.net)
    assert (found["net_low"], found["net_high"]) == pytest.approx(
        (made.low * total, made.high * total)
    )


@pytest.mark.slow
def test_the_interval_of_the_net_holds_the_truth_about_as_often_as_it_says():
    """Per deal, 0.3 x (0.4 x 100 - 0.6 x 50) = 3 is gained by flagging three in ten at random."""
    held = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        y, flagged = random.random(400) < 0.4, random.random(400) < 0.3
        money = {"value_if_leaves": np.full(400, -100.0), "value_if_stays": np.full(400, 50.0)}
        found = compute_flagged(y, flagged, **money)
        held += found["net_low"] <= 400 * 3 <= found["net_high"]
    assert 0.92 <= held / 300 <= 0.98


@pytest.mark.parametrize(
    "money",
    [
        {"value_if_leaves": [1.0, 2.0]},
        {"value_if_stays": [1.0, 2.0]},
        {"value_if_leaves": [1.0], "value_if_stays": [1.0, 2.0]},
    ],
)
def test_half_of_the_money_is_refused(money):
    with pytest.raises(DealsError, match="Money needs value_if_leaves and value_if_stays"):
        compute_flagged([1, 0], [True, False], **money)


def test_a_flag_too_few_is_refused():
    with pytest.raises(DealsError, match="give one number per deal"):
        compute_flagged([1, 0], [True])
