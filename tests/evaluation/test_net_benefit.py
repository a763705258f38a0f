"""The money curve: value of declining deals at each threshold."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.evaluation._net_benefit import (
    compute_money_curve,
    compute_net_benefit,
    plot_money_curve,
)
from fitmodel.exceptions import DealsError, SpecError

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
