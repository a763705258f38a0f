"""Metrics of subgroups with enough deals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fitmodel.evaluation._groups import SUBGROUP_COLUMNS as COLUMNS
from fitmodel.evaluation._groups import compute_subgroups
from fitmodel.exceptions import DealsError


@pytest.fixture
def attributes(evaluated):
    random = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "segment": random.choice(
                ["smb", "mid", "large"], len(evaluated.y), p=[0.7, 0.29, 0.01]
            ),
            "seats": random.normal(size=len(evaluated.y)),
            "page": random.choice([f"page {i}" for i in range(40)], len(evaluated.y)),
            "partner": random.choice([True, False], len(evaluated.y)),
            "same": "x",
        }
    )


def test_attributes_with_2_to_12_levels_are_used_and_small_levels_left_out(evaluated, attributes):
    frame = compute_subgroups(attributes, evaluated.y, evaluated.p, evaluated.weight)
    assert tuple(frame.columns) == COLUMNS
    assert list(frame["attribute"].unique()) == ["segment", "partner"]
    assert list(frame.loc[frame["attribute"] == "segment", "level"]) == ["smb", "mid"]
    assert set(frame.loc[frame["attribute"] == "partner", "level"]) == {"True", "False"}


def test_the_metrics_of_a_level_are_computed_from_its_deals(evaluated, attributes):
    row = compute_subgroups(attributes, evaluated.y, evaluated.p, evaluated.weight).iloc[0]
    inside = (attributes["segment"] == "smb").to_numpy()
    y, p, weight = evaluated.y[inside], evaluated.p[inside], evaluated.weight[inside]
    assert row["count"] == inside.sum()
    assert row["observed"] == pytest.approx(np.average(y, weights=weight))
    assert row["mean_predicted"] == pytest.approx(np.average(p, weights=weight))
    assert row["observed_over_expected"] == pytest.approx((weight @ y) / (weight @ p))
    assert row["roc_auc"] == pytest.approx(roc_auc_score(y, p, sample_weight=weight))
    assert row["observed_low"] < row["observed"] < row["observed_high"]


def test_missing_values_are_a_separate_level(evaluated, attributes):
    attributes["segment"] = attributes["segment"].where(attributes["segment"] != "smb")
    frame = compute_subgroups(attributes, evaluated.y, evaluated.p)
    assert frame["level"].iloc[0] == "(empty)"


def test_the_auc_is_missing_with_few_early_churners():
    y = np.r_[np.ones(9), np.zeros(91)]
    frame = compute_subgroups(
        pd.DataFrame({"region": ["a"] * 50 + ["b"] * 50}), y, np.linspace(0.9, 0.1, 100)
    )
    assert frame["roc_auc"].isna().all()
    assert frame["observed"].tolist() == [0.18, 0.0]


def test_deals_of_weight_zero_are_in_no_level(evaluated, attributes):
    weight = np.where(attributes["partner"], 0.0, 1.0)
    frame = compute_subgroups(attributes, evaluated.y, evaluated.p, weight)
    assert "partner" not in set(frame["attribute"])


def test_without_attributes_the_frame_is_empty_and_has_all_columns(evaluated):
    frame = compute_subgroups(pd.DataFrame(index=range(len(evaluated.y))), evaluated.y, evaluated.p)
    assert tuple(frame.columns) == COLUMNS
    assert frame.empty


def test_impossible_values_are_refused(attributes):
    with pytest.raises(DealsError, match="values of probability are wrong"):
        compute_subgroups(attributes.head(2), [1, 0], [0.5, 1.5])


def test_a_group_for_which_0_is_predicted_has_no_ratio() -> None:
    """A user's own classifier may predict 0 for all deals of a level."""
    groups = compute_subgroups(
        pd.DataFrame({"plan": ["a"] * 40 + ["b"] * 40}), [0, 1] * 40, [0.0] * 40 + [0.5] * 40
    )

    assert groups.set_index("level")["observed_over_expected"].isna().to_dict() == {
        "a": True,
        "b": False,
    }
