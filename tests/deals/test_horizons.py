"""Comparison of several horizons, and questions about the default one."""

from __future__ import annotations

import tomllib

import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals._horizons import (
    compare_horizons,
    horizons_text,
    questions_about_horizon,
)
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.enough import MIN_CHURNERS
from fitmodel.deals.outcomes import outcomes
from fitmodel.guessing.guess import guess_spec

SPEC = DealSpec(deals={"tenure_months": "months", "churned": "gone"})


def deals(months: list[float], gone: list[bool]) -> pd.DataFrame:
    return pd.DataFrame({"months": months, "gone": gone, "seats": range(len(months))})


def test_counts_and_shares_equal_those_counted_by_hand():
    result = compare_horizons(deals([2, 4, 8, 20, 4], [True, True, True, False, False]), SPEC)

    assert result.index.tolist() == [3, 5, 12]
    assert result["early_churners"].tolist() == [1, 2, 3]
    assert result["stayed"].tolist() == [4, 2, 1]
    assert result["too_young"].tolist() == [0, 1, 1]
    assert result["of_those_that_left"].tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    # Kaplan-Meier: 4/5, times 3/4 at 4 months (leaving before censoring), times 1/2 at 8
    assert result["left_by_then"].tolist() == pytest.approx([0.2, 0.4, 0.7])


def test_every_deal_is_counted_once_and_the_counts_agree_with_the_labels():
    sim = simulate_deals(400, seed=3)
    result = compare_horizons(sim.deals, sim.spec, (7,))
    label = outcomes(sim.deals, sim.spec)["early_churn"]

    assert result.index.tolist() == [5, 7]  # the horizon of the contract is added
    assert (result[["early_churners", "stayed", "too_young"]].sum(axis=1) == len(sim.deals)).all()
    assert result.loc[5, "early_churners"] == (label == 1).sum()


def test_a_horizon_longer_than_the_follow_up_shows_a_question_mark():
    text = horizons_text(compare_horizons(deals([2, 4, 4], [True, False, False]), SPEC))

    assert text.splitlines()[-1].split()[:2] == ["12", "?"]
    assert text.count(f"too few ({MIN_CHURNERS} needed)") == 3


def test_a_horizon_with_enough_deals_for_a_provisional_model_is_marked():
    result = compare_horizons(deals([2.0] * 20 + [20.0] * 80, [True] * 20 + [False] * 80), SPEC)

    assert horizons_text(result).count("provisional (50 for a full model)") == 3
    assert questions_about_horizon(result, 5) == []


def test_a_horizon_with_too_few_deals_is_questioned_and_another_one_is_suggested():
    months = [8.0] * MIN_CHURNERS + [20.0] * MIN_CHURNERS
    result = compare_horizons(deals(months, [True] * MIN_CHURNERS + [False] * MIN_CHURNERS), SPEC)

    assert questions_about_horizon(result, 12) == []
    (question,) = questions_about_horizon(result, 5)
    assert "within 5 months 0 customers are known to have left and 30 to have stayed" in question
    assert question.endswith("Remedy: choose 12 months")


def test_init_writes_the_comparison_of_horizons_next_to_the_default():
    toml = guess_spec(simulate_deals(600, seed=0).deals).toml

    assert tomllib.loads(toml)["label"] == {"horizon_months": 5}
    label = toml[toml.index("[label]") : toml.index("[attributes]")]
    assert [line.split()[1] for line in label.splitlines()[4:7]] == ["3", "5", "12"]
    assert "of all who left" in label
