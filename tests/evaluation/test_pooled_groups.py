"""Small groups are shrunk towards the others; significantly miscalibrated groups are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.evaluation._groups import (
    COHORT,
    compute_pooled_groups,
    differing_groups,
    plot_pooled_groups,
    pool_ratios,
)
from fitmodel.exceptions import DealsError


def deals(off: float = 1.0, n: int = 4000, seed: int = 0):
    """Four groups of deals predicted correctly, but group d has `off` times the risk."""
    random = np.random.default_rng(seed)
    group = random.choice(list("abcd"), n, p=[0.4, 0.35, 0.2, 0.05])
    p = random.uniform(0.05, 0.4, n)
    truth = np.where(group == "d", np.minimum(off * p, 0.95), p)
    return pd.DataFrame({"group": group}), (random.uniform(size=n) < truth).astype(float), p


def test_only_the_miscalibrated_group_is_found() -> None:
    result = compute_pooled_groups(*deals(off=2.0)).set_index("level")

    assert result.loc["d", "low"] > 1
    assert result.loc["d", "pooled"] == pytest.approx(result.loc["d", "ratio"], rel=0.15)
    assert (result.loc[["a", "b", "c"], "low"] < 1.02).all()
    assert result["deals"].sum() == 4000
    assert result["early_churners"].sum() == deals(off=2.0)[1].sum()


def test_calibrated_groups_are_rarely_reported() -> None:
    called = total = 0
    for seed in range(40):
        result = compute_pooled_groups(*deals(seed=seed, n=800))
        called += int(((result["low"] > 1) | (result["high"] < 1)).sum())
        total += len(result)

    assert called / total < 0.06


def test_a_small_group_is_shrunk_more_than_a_large_one() -> None:
    observed = np.array([60.0, 200.0, 3.0, 105.0])
    expected = np.array([50.0, 200.0, 1.0, 100.0])
    pooled, low, high = pool_ratios(observed, expected, expected)
    ratio = observed / expected

    assert 1 < pooled[2] < 1.6 < ratio[2]
    assert high[2] - low[2] > high[1] - low[1]
    overall = observed.sum() / expected.sum()
    assert abs(pooled[1] - overall) < abs(pooled[2] - overall)


def test_with_large_probabilities_the_interval_is_narrower_than_a_poisson_interval() -> None:
    large, small = np.array([50.0, 50.0]), np.array([50.0, 50.0])
    _, low, high = pool_ratios(large, large, 0.5 * large)
    _, low_poisson, high_poisson = pool_ratios(small, small, small)

    assert (high - low < high_poisson - low_poisson).all()


def test_quarters_of_closing_are_groups() -> None:
    attributes, y, p = deals(n=400)
    days = pd.date_range("2025-01-01", periods=400, freq="D")
    result = compute_pooled_groups(attributes, y, p, closed_on=days)
    quarters = result[result["attribute"] == COHORT]

    assert list(quarters["level"]) == ["2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1"]
    assert quarters["deals"].sum() == 400


def test_deals_of_weight_0_are_left_out_and_empty_values_are_a_group() -> None:
    attributes, y, p = deals(n=400)
    attributes.loc[:9, "group"] = None
    result = compute_pooled_groups(attributes, y, p, np.r_[np.zeros(5), np.ones(395)])

    assert result.set_index("level").loc["(empty)", "deals"] == 5
    assert result["deals"].sum() == 395


def test_an_attribute_of_many_levels_or_one_is_left_out() -> None:
    _, y, p = deals(n=400)
    attributes = pd.DataFrame({"id": np.arange(400).astype(str), "same": "x"})

    assert compute_pooled_groups(attributes, y, p).empty
    with pytest.raises(DealsError):
        compute_pooled_groups(attributes, y, p[:-1])


def test_the_plot_shows_the_computed_values() -> None:
    frame = compute_pooled_groups(*deals(off=2.0))
    ax = plot_pooled_groups(frame)
    lines = {line.get_label(): line for line in ax.lines}

    assert list(lines["pooled, 95% interval"].get_xdata()) == list(frame["pooled"])
    assert list(lines["as seen"].get_xdata()) == list(frame["ratio"])
    assert len(ax.get_yticklabels()) == 4
    ax.figure.canvas.draw()
    legend = ax.get_legend().get_window_extent()
    tops = ax.transData.transform([(1.0, len(frame) - 1)])[0]
    assert legend.y0 > tops[1], "the legend lies above the first group's interval"
    assert plot_pooled_groups(frame, ax) is ax


def test_probabilities_of_0_or_1_for_a_whole_group_are_accepted() -> None:
    attributes = pd.DataFrame({"group": ["a"] * 30 + ["b"] * 30 + ["c"] * 30})
    y = np.r_[np.zeros(30), np.ones(30), np.tile([0.0, 1.0, 0.0], 10)]
    p = np.r_[np.zeros(30), np.ones(30), np.full(30, 0.3)]
    result = compute_pooled_groups(attributes, y, p).set_index("level")

    assert np.isfinite(result[["ratio", "pooled", "low", "high"]].to_numpy()).all()
    assert result.loc["c", "ratio"] == pytest.approx(10 / 9)


def test_only_a_miscalibrated_group_is_named_and_not_a_wrong_overall_level() -> None:
    alone = differing_groups(compute_pooled_groups(*deals(off=2.5, seed=1)))
    attributes, y, p = deals(seed=1)
    level = differing_groups(compute_pooled_groups(attributes, y, p / 1.5))

    assert list(alone["level"]) == ["d"]
    assert level.empty
    assert differing_groups(pd.DataFrame()).empty


@pytest.mark.slow
def test_among_many_calibrated_groups_one_is_rarely_named() -> None:
    random = np.random.default_rng(3)
    named = 0
    for seed in range(20):
        _, y, p = deals(seed=seed, n=600)
        attributes = pd.DataFrame(
            {f"a{number}": random.choice(list("xyz"), 600) for number in range(10)}
        )
        named += len(differing_groups(compute_pooled_groups(attributes, y, p))) > 0

    assert named <= 3
