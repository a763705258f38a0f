"""A challenger with biased probabilities or a worse loss in a group of deals is rejected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitmodel.evaluation.comparison import (
    Comparison,
    _calibration_lost,
    _worse_groups,
    compare,
    find_objections,
)
from fitmodel.exceptions import BundleError


def compared(shift: float = 0.0, group_shift: float = 0.0, n: int = 4000) -> tuple[Any, Any]:
    """Deals of two segments, a perfect champion, and a challenger with shifted log-odds."""
    generator = np.random.default_rng(1)
    log_odds = generator.normal(-1, 1, n)
    group = generator.integers(2, size=n)
    truth = 1 / (1 + np.exp(-log_odds))
    off = 1 / (1 + np.exp(-(log_odds + shift + group_shift * np.where(group == 1, 1, -1))))
    table = pd.DataFrame(
        {
            "early_churn": (generator.uniform(size=n) < truth).astype(float),
            "probability": off,
            "champion": truth,
            "weight": 1.0,
            "base_rate": 0.3,
        }
    )
    return table, pd.DataFrame({"segment": np.where(group == 1, "smb", "enterprise")})


def test_only_deals_with_a_weight_are_counted() -> None:
    weights = [1.0, 1.0, 0.0, 0.0]

    assert compare([0, 1, 0, 1], [0.2] * 4, [0.3] * 4, weights, n_boot=10).deals == 2
    assert compare([0, 1, 0, 1], [0.2] * 4, [0.3] * 4, n_boot=10).deals == 4


def test_biased_probabilities_are_an_objection() -> None:
    table, _ = compared(shift=0.6)

    (objection,) = _calibration_lost(table)

    assert "off in the large by -0." in objection
    assert _calibration_lost(compared()[0]) == ()


def test_a_group_with_a_much_worse_loss_is_named_with_loss_and_count() -> None:
    table, attributes = compared(group_shift=0.8)

    objections = _worse_groups(table, attributes)

    assert sorted(text.split(":")[0] for text in objections) == [
        "it is worse for segment = enterprise",
        "it is worse for segment = smb",
    ]
    assert "log loss on" in objections[0]
    assert _worse_groups(*compared()) == ()


def test_a_word_such_as_none_that_reading_left_is_a_group_of_that_name() -> None:
    table, attributes = compared(group_shift=0.8)
    systems = attributes["segment"].map({"smb": "None", "enterprise": "SAP"})

    objections = _worse_groups(table, systems.to_frame("system"))

    assert sorted(text.split(":")[0] for text in objections) == [
        "it is worse for system = None",
        "it is worse for system = SAP",
    ]


def test_groups_of_numbers_and_of_missing_values_have_readable_names() -> None:
    table, attributes = compared(group_shift=0.8)
    numbers = attributes["segment"].map({"smb": 1.0, "enterprise": np.nan})

    objections = _worse_groups(table, numbers.to_frame("changes"))

    assert sorted(text.split(":")[0] for text in objections) == [
        "it is worse for changes = (not filled in)",
        "it is worse for changes = 1",
    ]


def test_a_comparison_is_written_and_read_back() -> None:
    comparison = Comparison(80, 0.1, 0.05, 0.2, 3, ("it is worse for a: +0.1",))

    assert Comparison.from_dict(comparison.to_dict()) == comparison


def test_a_bad_challenger_gets_both_objections_and_a_perfect_one_none() -> None:
    both = find_objections(*compared(shift=0.6, group_shift=0.8))

    assert "off in the large" in both[0]
    assert all(text.startswith("it is worse for") for text in both[1:])
    assert len(both) > 1
    assert find_objections(*compared()) == ()


def test_rows_of_one_deal_are_drawn_together() -> None:
    table, _ = compared(shift=0.3)
    deal = np.arange(len(table))
    arrays = (table["early_churn"], table["champion"], table["probability"])
    once = compare(*arrays)
    twice = [np.tile(array, 2) for array in arrays]

    by_deal = compare(*twice, deal=np.tile(deal, 2))
    by_row = compare(*twice)

    assert by_deal.deals == len(table)
    assert by_deal.gain == pytest.approx(once.gain)
    assert by_deal.high - by_deal.low == pytest.approx(once.high - once.low, rel=0.1)
    assert by_row.high - by_row.low == pytest.approx((once.high - once.low) / 2**0.5, rel=0.1)


def test_a_deal_counts_with_the_weight_of_its_rows() -> None:
    y, champion, challenger = np.array([1.0, 0.0, 0.0]), np.full(3, 0.5), np.full(3, 0.25)
    weight = np.array([2.0, 1.0, 1.0])
    result = compare(y, champion, challenger, weight, deal=["A", "B", "B"])

    expected = (2 * np.log(0.25 / 0.5) + 2 * np.log(0.75 / 0.5)) / 4
    assert result.gain == pytest.approx(expected)
    assert (result.low, result.high) == pytest.approx((np.log(0.5), np.log(1.5)))


def test_the_skill_on_the_compared_deals_is_written_only_if_measured() -> None:
    assert "skill_low" not in Comparison(80, 0.1, 0.05, 0.2, 3).to_dict()
    measured = Comparison(80, 0.1, 0.05, 0.2, 3, skill_low=-0.01)
    assert Comparison.from_dict(measured.to_dict()) == measured
    with pytest.raises(BundleError, match="not finite"):
        Comparison.from_dict({**measured.to_dict(), "skill_low": float("nan")})


def test_of_two_equally_good_models_hardly_any_is_called_better() -> None:
    """Both err as much, independently; a deal has a row for each period until it leaves."""
    random, better, companies = np.random.default_rng(5), 0, 200
    for seed in range(companies):
        log_odds = random.normal(-2, 0.6, 300)
        champion, challenger = (
            1 / (1 + np.exp(-(log_odds + random.normal(0, 0.3, 300)))) for _ in range(2)
        )
        left = random.uniform(size=(3, 300)) < 1 / (1 + np.exp(-log_odds))
        is_there = np.vstack([np.ones((1, 300), bool), ~np.logical_or.accumulate(left)[:-1]])
        deal = np.nonzero(is_there)[1]
        outcome = left[is_there].astype(float)
        result = compare(
            outcome, champion[deal], challenger[deal], deal=deal, n_boot=200, seed=seed
        )
        better += result.low > 0
    assert better <= 0.05 * companies  # 2.5% are expected
