"""Net benefit and money, compared with sums by hand and with their laws."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from fitmodel.decision.curve import compute_money, compute_net_benefit, plot_decision_curve
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.exceptions import DealsError, SpecError

MONEY = Money(0.8, 30, 3, 400, 900, 60, 0.1)


@pytest.fixture(scope="module")
def evaluated():
    random = np.random.default_rng(0)
    p = random.beta(1.0, 3.0, 2000)
    return p, (random.random(2000) < p).astype(float), random.lognormal(7.0, 0.7, 2000)


# -- net benefit ------------------------------------------------------------------------------


def test_net_benefit_is_right_flags_minus_weighted_wrong_flags():
    frame = compute_net_benefit([1, 0, 1, 0], [0.9, 0.6, 0.2, 0.1], thresholds=[0.5, 0.2])
    assert frame["model"].tolist() == pytest.approx([1 / 4 - 1 / 4, 2 / 4 - 1 / 4 * 0.25])
    assert frame["flag_all"].tolist() == pytest.approx([0.0, 0.5 - 0.5 * 0.25])
    assert (frame["flag_none"] == 0.0).all()


def test_a_threshold_of_0_flags_all(evaluated):
    p, y, _ = evaluated
    row = compute_net_benefit(y, p, thresholds=[0.0]).iloc[0]
    assert row["model"] == pytest.approx(row["flag_all"])
    assert row["model"] == pytest.approx(y.mean())


def test_flagging_all_has_net_benefit_0_at_the_base_rate(evaluated):
    p, y, _ = evaluated
    frame = compute_net_benefit(y, p, thresholds=[y.mean()])
    assert frame["flag_all"].iloc[0] == pytest.approx(0.0)


def test_a_calibrated_model_is_never_worse_than_flagging_all_or_none(evaluated):
    p, y, _ = evaluated
    frame = compute_net_benefit(y, p)
    assert len(frame) == 99
    noise = 0.01 / (1.0 - frame["threshold"])
    assert (frame["model"] >= frame[["flag_all", "flag_none"]].max(axis=1) - noise).all()
    middle = frame[frame["threshold"].between(0.2, 0.6)]
    assert (middle["model"] > middle[["flag_all", "flag_none"]].max(axis=1) + 0.01).all()


def test_a_shuffled_model_is_worse_than_signing_everything(evaluated):
    p, y, _ = evaluated
    frame = compute_net_benefit(np.random.default_rng(1).permutation(y), p, thresholds=[0.5])
    assert frame["model"].iloc[0] < 0.0


def test_weights_are_equivalent_to_repeated_deals(evaluated):
    p, y, _ = evaluated
    weight = np.random.default_rng(2).integers(0, 4, len(p))
    weighted = compute_net_benefit(y, p, weight)
    repeated = compute_net_benefit(np.repeat(y, weight), np.repeat(p, weight))
    np.testing.assert_allclose(weighted, repeated, atol=1e-12)


@pytest.mark.parametrize("threshold", [-0.1, 1.0, np.nan])
def test_a_threshold_outside_its_range_is_refused(threshold):
    with pytest.raises(SpecError, match="outside 0 to 1"):
        compute_net_benefit([1, 0], [0.9, 0.1], thresholds=[threshold])


def test_the_plot_makes_its_own_figure_with_three_lines(evaluated):
    p, y, _ = evaluated
    frame = compute_net_benefit(y, p)
    ax = plot_decision_curve(frame)
    assert [line.get_label() for line in ax.lines] == ["model", "flag all", "flag none"]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), frame["model"])


def test_the_plot_is_drawn_on_given_axes(evaluated):
    p, y, _ = evaluated
    ax = Figure().subplots()
    assert plot_decision_curve(compute_net_benefit(y, p), ax) is ax


# -- money ------------------------------------------------------------------------------------


def test_money_equals_a_hand_calculation():
    y, p = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.1, 0.9, 0.1])
    amount, weight = np.array([3000.0, 1000.0, 1200.0, 5000.0]), np.array([2.0, 1.0, 1.0, 1.0])
    made = compute_money(y, p, amount, Policy("threshold", 0.5, MONEY), weight)
    assert made.saved == pytest.approx(-2 * MONEY.value_if_leaves(3000.0))
    assert made.forgone == pytest.approx(MONEY.value_if_stays(1200.0))
    assert made.net == pytest.approx(made.saved - made.forgone)
    assert made.net_per_deal == pytest.approx(made.net / 5.0)
    counts = (
        made.n_deals,
        made.n_flagged,
        made.n_early_churners_flagged,
        made.n_good_deals_flagged,
    )
    assert counts == (4, 2, 1, 1)


def test_without_resampling_there_are_no_limits(evaluated):
    p, y, amount = evaluated
    made = compute_money(y, p, amount, Policy("threshold", 0.3, MONEY), n_boot=0)
    assert np.isnan([made.low, made.high]).all()
    assert np.isfinite(made.net)


def test_flagging_nothing_has_money_0_and_perfect_flags_have_the_most(evaluated):
    p, y, amount = evaluated
    nothing = compute_money(y, p, amount, Policy("threshold", None, MONEY))
    assert (nothing.net, nothing.low, nothing.high) == (0.0, 0.0, 0.0)
    for threshold in (0.0, 0.3, 0.6, 0.9):
        made = compute_money(y, p, amount, Policy("threshold", threshold, MONEY), n_boot=10)
        assert made.net_per_deal <= made.net_per_deal_perfect
    everything = compute_money(y, p, amount, Policy("threshold", 0.0, MONEY), n_boot=10)
    assert everything.net_per_deal == pytest.approx(everything.net_per_deal_flag_all)


def test_on_calibrated_deals_the_value_policy_is_better_than_any_threshold(evaluated):
    p, y, amount = evaluated
    by_value = compute_money(y, p, amount, Policy("value", 0.5, MONEY), n_boot=10)
    for threshold in np.arange(0.05, 1.0, 0.05):
        fixed = compute_money(y, p, amount, Policy("threshold", threshold, MONEY), n_boot=10)
        assert by_value.net >= fixed.net


def test_the_interval_contains_the_value_and_depends_only_on_the_seed(evaluated):
    p, y, amount = evaluated
    policy = Policy("value", 0.5, MONEY)
    made = compute_money(y, p, amount, policy)
    assert made.low < made.net_per_deal < made.high
    assert made == compute_money(y, p, amount, policy)
    assert made != compute_money(y, p, amount, policy, seed=1)


def test_deals_without_an_amount_are_left_out_and_counted():
    y, p = np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.1, 0.9])
    made = compute_money(y, p, np.array([3000.0, 3000.0, np.nan]), Policy("threshold", 0.5, MONEY))
    assert (made.n_deals, made.n_without_amount, made.n_flagged) == (2, 1, 1)


def test_deals_of_weight_0_are_ignored():
    policy = Policy("threshold", 0.5, MONEY)
    y, p, amount = np.array([1.0, 0.0]), np.array([0.9, 0.1]), np.array([3000.0, 2000.0])
    padded = compute_money(
        np.r_[y, np.nan], np.r_[p, 0.9], np.r_[amount, 1.0], policy, np.array([1.0, 1.0, 0.0])
    )
    assert padded == compute_money(y, p, amount, policy)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0], [0.9], [1.0], Policy("threshold", 0.5)), SpecError, "has no money"),
        (([1.0], [0.9], [np.nan], Policy("threshold", 0.5, MONEY)), DealsError, "has an amount"),
        (([1.0], [0.9], [1.0, 2.0], Policy("threshold", 0.5, MONEY)), DealsError, "amount has sh"),
        (([1.0] * 2, [0.9], [1.0] * 2, Policy("threshold", 0.5, MONEY)), DealsError, "p has sh"),
        (([np.nan], [0.9], [1.0], Policy("threshold", 0.5, MONEY)), DealsError, "of 1 deals is ne"),
    ],
)
def test_missing_money_or_amounts_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        compute_money(*arguments)


def test_money_can_be_written_as_json():
    made = compute_money([1.0], [0.9], [3000.0], Policy("threshold", 0.5, MONEY))
    assert made.to_dict()["net"] == made.net
