"""Flags are counted, their money is summed up, and decision curves have the known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from fitmodel.decision.curve import compute_money
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.evaluation._flags import (
    compute_flagged,
    compute_money_curve,
    compute_net_benefit,
    plot_money_curve,
)
from fitmodel.exceptions import DealsError, SpecError


def test_precision_and_recall_equal_those_of_scikit_learn(evaluated):
    flagged = evaluated.p > 0.3
    result = compute_flagged(evaluated.y, flagged, evaluated.weight)
    weight = {"sample_weight": evaluated.weight}
    assert result["precision"] == pytest.approx(precision_score(evaluated.y, flagged, **weight))
    assert result["recall"] == pytest.approx(recall_score(evaluated.y, flagged, **weight))
    assert result["share_flagged"] == pytest.approx(np.average(flagged, weights=evaluated.weight))
    assert list(result) == ["share_flagged", "precision", "recall"]


def test_money_is_the_loss_avoided_by_leavers_minus_the_value_of_stayers():
    result = compute_flagged(
        [1, 0, 1, 0],
        [True, True, False, False],
        [1.0, 2.0, 1.0, 1.0],
        value_if_leaves=[-100, -100, -999, -999],
        value_if_stays=[30, 30, 999, 999],
    )
    assert (result["saved"], result["cost"], result["net"]) == (100, 60, 40)
    assert result["without_amount"] == 0


def test_flagging_nothing_has_money_0():
    result = compute_flagged(
        [1, 0], [False, False], value_if_leaves=[-5, -5], value_if_stays=[5, 5]
    )
    assert math.isnan(result["precision"])
    assert result["recall"] == 0
    assert (result["net"], result["net_low"], result["net_high"]) == (0, 0, 0)


def test_deals_without_an_amount_are_counted_and_left_out_of_the_money():
    money = {"value_if_leaves": [-5, np.nan], "value_if_stays": [5, np.nan]}
    result = compute_flagged([1, 1], [True, True], **money)
    assert result["saved"] == 5
    assert result["without_amount"] == 1
    assert result["precision"] == 1


def test_deals_of_weight_zero_are_left_out():
    result = compute_flagged(
        [1, np.nan], [True, True], [1, 0], value_if_leaves=[-5, -7], value_if_stays=[5, 7]
    )
    assert result["share_flagged"] == 1
    assert result["saved"] == 5


def test_money_and_interval_equal_those_of_the_decision_curve(evaluated):
    """One sum of flags: `fitmodel.decision.curve.compute_money` gives the same numbers."""
    amount = np.linspace(1_000, 9_000, len(evaluated.y))
    policy = Policy("threshold", 0.3, Money(0.8, 30, 3, 400, 900, 60, 0.1))
    leaves, stays = (f(amount) for f in (policy.money.value_if_leaves, policy.money.value_if_stays))
    result = compute_flagged(
        evaluated.y,
        evaluated.p >= 0.3,
        evaluated.weight,
        value_if_leaves=leaves,
        value_if_stays=stays,
    )
    made = compute_money(evaluated.y, evaluated.p, amount, policy, evaluated.weight)
    total = evaluated.weight.sum()
    assert result["net"] == pytest.approx(made.net)
    assert (result["net_low"], result["net_high"]) == pytest.approx(
        (made.low * total, made.high * total)
    )


@pytest.mark.slow
def test_the_interval_of_the_net_money_covers_the_truth_at_the_nominal_rate():
    """Per deal, 0.3 x (0.4 x 100 - 0.6 x 50) = 3 is gained by flagging three in ten at random."""
    covered = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        y, flagged = random.random(400) < 0.4, random.random(400) < 0.3
        money = {"value_if_leaves": np.full(400, -100.0), "value_if_stays": np.full(400, 50.0)}
        result = compute_flagged(y, flagged, **money)
        covered += result["net_low"] <= 400 * 3 <= result["net_high"]
    assert 0.92 <= covered / 300 <= 0.98


@pytest.mark.parametrize(
    "money",
    [
        {"value_if_leaves": [1.0, 2.0]},
        {"value_if_stays": [1.0, 2.0]},
        {"value_if_leaves": [1.0], "value_if_stays": [1.0, 2.0]},
    ],
)
def test_only_one_of_the_two_values_is_refused(money):
    with pytest.raises(DealsError, match="Money needs value_if_leaves and value_if_stays"):
        compute_flagged([1, 0], [True, False], **money)


def test_a_missing_flag_is_refused():
    with pytest.raises(DealsError, match="give one number per deal"):
        compute_flagged([1, 0], [True])


Y = np.array([1.0, 0.0, 1.0, 0.0])
P = np.array([0.8, 0.6, 0.4, 0.2])
LEAVES, STAYS = np.full(4, -100.0), np.full(4, 60.0)


def test_each_threshold_declines_the_deals_at_or_above_it() -> None:
    result = compute_money_curve(Y, P, LEAVES, STAYS, thresholds=[0.0, 0.3, 0.6, 0.7, 0.9])

    assert list(result["model"] * 4) == pytest.approx([80, 140, 40, 100, 0])
    assert set(result["flag_all"] * 4) == {80}
    assert set(result["perfect"] * 4) == {200}
    assert set(result["flag_none"]) == {0}


def test_a_deal_without_an_amount_or_weight_is_left_out() -> None:
    leaves = np.array([np.nan, -100, -100, -100])
    result = compute_money_curve(Y, P, leaves, STAYS, [1, 1, 1, 0], thresholds=[0.0])

    assert result["model"].iloc[0] == pytest.approx((100 - 60) / 2)


def test_without_any_amount_the_money_curve_is_empty() -> None:
    assert compute_money_curve(Y, P, np.full(4, np.nan), STAYS).empty


def test_with_equal_amounts_the_money_has_the_sign_of_the_net_benefit_at_break_even() -> None:
    """At the break-even probability of signing both curves agree in sign."""
    random = np.random.default_rng(0)
    p = random.uniform(0, 1, 500)
    y = (random.uniform(size=500) < p).astype(float)
    even = 60 / 160
    money = compute_money_curve(y, p, np.full(500, -100.0), np.full(500, 60.0), thresholds=[even])
    benefit = compute_net_benefit(y, p, thresholds=[even])

    assert money["model"].iloc[0] == pytest.approx(100 * benefit["model"].iloc[0])
    assert money["flag_all"].iloc[0] == pytest.approx(100 * benefit["flag_all"].iloc[0])


def test_values_of_another_length_or_range_are_refused() -> None:
    with pytest.raises(DealsError, match="one number per deal"):
        compute_money_curve(Y, P, [1.0], STAYS)
    with pytest.raises(SpecError, match="outside 0 to 1"):
        compute_money_curve(Y, P, LEAVES, STAYS, thresholds=[1.0])


def test_the_plot_shows_the_computed_values() -> None:
    frame = compute_money_curve(Y, P, LEAVES, STAYS)
    ax = plot_money_curve(frame)

    assert list(ax.lines[0].get_ydata()) == list(frame["model"])
    assert "money made per deal" in ax.get_ylabel()
    assert ax.xaxis.get_major_formatter()(0.2) == "20%"
    assert "%" not in ax.yaxis.get_major_formatter().format_data(20), "money is not a share"
    names = {text.get_text() for text in ax.get_legend().get_texts()}
    assert names == {"model", "flag all", "flag none", "with foresight"}
    assert plot_money_curve(frame, ax) is ax
