"""Groups and deals where two models disagree, and changed flags with their money."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.evaluation._disagreement import (
    FLAG_ROWS,
    compute_flag_changes,
    compute_group_disagreement,
    find_disagreeing_deals,
)
from fitmodel.exceptions import DealsError


def two_models(shift: float, n: int = 3000) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Model A predicts the truth; B has shifted log-odds in the segment smb."""
    random = np.random.default_rng(4)
    log_odds = random.normal(-1, 1, n)
    smb = random.integers(2, size=n) == 1
    truth = 1 / (1 + np.exp(-log_odds))
    table = pd.DataFrame(
        {
            "early_churn": (random.uniform(size=n) < truth).astype(float),
            "weight": 1.0,
            "probability_a": truth,
            "probability_b": 1 / (1 + np.exp(-(log_odds + shift * smb))),
        }
    )
    table["poor_fit_a"] = table["probability_a"] >= 0.5
    table["poor_fit_b"] = table["probability_b"] >= 0.5
    attributes = pd.DataFrame(
        {"segment": np.where(smb, "smb", "enterprise"), "seats": random.uniform(0, 100, n)}
    )
    return table, attributes


def test_the_group_with_the_largest_difference_is_first_and_tested() -> None:
    groups = compute_group_disagreement(*two_models(shift=1.0))
    first = groups.iloc[0]

    assert (first["attribute"], first["level"]) == ("segment", "smb")
    assert first["difference"] > 0.1
    assert first["low"] > 0  # A, which knows the truth, is better there
    other = groups[groups["level"] == "enterprise"].iloc[0]
    assert (other["difference"], other["log_loss_difference"]) == (0, 0)


def test_a_number_is_split_at_its_quartiles_and_every_deal_is_in_one_group() -> None:
    table, attributes = two_models(shift=0.5)
    attributes.loc[:29, "seats"] = np.nan
    groups = compute_group_disagreement(table, attributes)
    seats = groups[groups["attribute"] == "seats"]

    assert len(seats) == 5
    assert set(seats["level"]) > {"(empty)"}
    assert seats["deals"].sum() == len(table)
    assert seats["early_churners"].sum() == table["early_churn"].sum()


def test_small_groups_are_left_out() -> None:
    table, attributes = two_models(shift=0.5)
    attributes["rare"] = np.where(np.arange(len(table)) < 19, "few", "many")
    groups = compute_group_disagreement(table, attributes)

    assert list(groups.loc[groups["attribute"] == "rare", "level"]) == ["many"]


def test_groups_that_differ_by_chance_are_rarely_significant() -> None:
    random = np.random.default_rng(1)
    called = 0
    for _ in range(40):
        table, attributes = two_models(shift=0.0, n=600)
        noise = random.normal(0, 0.3, len(table))
        odds = np.log(table["probability_a"] / (1 - table["probability_a"]))
        truth = 1 / (1 + np.exp(-(odds + noise / 2)))
        table["early_churn"] = (random.uniform(size=len(table)) < truth).astype(float)
        table["probability_b"] = 1 / (1 + np.exp(-(odds + noise)))  # as far from the truth as A
        groups = compute_group_disagreement(table, attributes)
        called += bool(((groups["low"] > 0) | (groups["high"] < 0)).any())

    assert called <= 6


def test_the_deals_with_the_largest_difference_are_first_with_their_other_columns() -> None:
    table, _ = two_models(shift=1.0)
    worst = find_disagreeing_deals(table.assign(id=table.index + 100), 7)

    assert len(worst) == 7
    gap = (table["probability_b"] - table["probability_a"]).abs()
    assert worst["difference"].abs().iloc[0] == gap.max()
    assert list(worst["id"]) == [label + 100 for label in worst.index]


def flags() -> pd.DataFrame:
    """Five deals: left and stayed, flagged by both, by A, by B, by B, by neither."""
    return pd.DataFrame(
        {
            "early_churn": [1.0, 0.0, 1.0, 0.0, 1.0],
            "weight": [1.0, 1.0, 2.0, 1.0, 1.0],
            "poor_fit_a": [True, True, False, False, False],
            "poor_fit_b": [True, False, True, True, False],
        }
    )


def test_changed_flags_are_counted_and_their_money_is_added() -> None:
    result = compute_flag_changes(
        flags(), value_if_leaves=[-100.0] * 5, value_if_stays=[30.0] * 5, n_boot=50
    )

    assert list(result.table.index) == list(FLAG_ROWS)
    assert list(result.table["deals"]) == [1, 1, 2, 1]
    assert list(result.table["early_churners"]) == [1, 0, 1, 1]
    assert list(result.table["stayed"]) == [0, 1, 1, 0]
    assert result.changed == 3
    assert result.net_a == 100 - 30
    assert result.net_b == 100 + 2 * 100 - 30
    assert result.difference.value == result.net_b - result.net_a
    assert list(result.table["net"]) == [100, -30, 170, 100]


def test_a_deal_without_an_amount_is_counted_as_a_flag_without_money() -> None:
    values = [np.nan, -100.0, -100.0, -100.0, -100.0]
    result = compute_flag_changes(flags(), value_if_leaves=values, value_if_stays=[30.0] * 5)

    assert result.without_amount == 1
    assert result.net_a == -30
    assert result.table.loc["flagged by both", "deals"] == 1


def test_the_interval_of_the_money_covers_the_difference_and_is_0_without_changes() -> None:
    table, _ = two_models(shift=1.0)
    money = {"value_if_leaves": np.full(3000, -100.0), "value_if_stays": np.full(3000, 60.0)}
    result = compute_flag_changes(table, **money, n_boot=200).difference
    same = compute_flag_changes(table.assign(poor_fit_b=table["poor_fit_a"]), **money).difference

    assert result.low < result.value < result.high
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_flags_are_counted_without_money() -> None:
    result = compute_flag_changes(flags())

    assert result.changed == 3
    assert np.isnan(result.net_a)
    assert "net" not in result.table


def test_only_one_of_the_two_values_is_refused() -> None:
    with pytest.raises(DealsError, match="value_if_leaves and value_if_stays"):
        compute_flag_changes(flags(), value_if_leaves=[1.0] * 5)
