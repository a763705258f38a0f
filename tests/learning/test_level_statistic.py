"""The level statistic of a category of many levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.learning._additive import Additive, with_level_errors
from fitmodel.learning._design import make_design
from fitmodel.learning._level_statistic import (
    PRIOR_DEALS,
    STATISTIC_BINS,
    LevelStatistic,
    _parent_rate,
    _prior_deals,
    level_statistic,
)
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns


def test_a_level_statistic_without_signal_is_independent_of_the_own_label() -> None:
    random = np.random.default_rng(0)
    code = random.integers(1, 301, 3000).astype(np.int32)
    label = (random.random(3000) < 0.3).astype(float)
    statistic = level_statistic(
        code, 300, np.zeros(3000, dtype=np.int32), label, np.ones(3000), seed=0
    )
    assert abs(np.corrcoef(statistic.cross_fitted, label)[0, 1]) < 0.05
    assert np.abs(statistic.by_code).max() < 0.3


def test_a_rare_level_is_shrunk_to_the_rate_of_its_parent() -> None:
    random = np.random.default_rng(1)
    code = random.integers(1, 201, 4000).astype(np.int32)
    parent = (code > 100).astype(np.int32)
    label = (random.random(4000) < np.where(parent, 0.6, 0.1)).astype(float)
    statistic = level_statistic(code, 200, parent, label, np.ones(4000), seed=0)
    assert statistic.by_code[101:201].min() > statistic.by_code[1:101].max()


def test_replicates_of_boosting_include_the_error_of_the_level_statistics() -> None:
    """Rare levels vary more than frequent ones; attributes without a statistic do not change."""
    random = np.random.default_rng(2)
    share = np.r_[np.full(20, 4.0), np.full(40, 1.0)]
    level = random.choice(60, 4_000, p=share / share.sum())
    label = (random.random(4_000) < np.where(level % 2, 0.5, 0.15)).astype(float)
    frame = pd.DataFrame({"page": [f"p{each:02}" for each in level], "seats": random.random(4_000)})
    columns = fit_columns(frame, EncodingOptions())
    codes = encode(columns, frame)
    design = make_design(columns, codes, label, np.ones(4_000), parents=[None, None], seed=0)
    page = [column.name for column in columns].index("page")
    singles = [np.zeros((column.size + 2, 200)) for column in columns]
    singles[page] += design.statistics[page].by_code[:, None]

    scattered = with_level_errors(Additive(np.zeros(200), tuple(singles)), design, seed=0)

    assert not scattered.singles[1 - page].any()
    deviation = scattered.singles[page].std(axis=1)
    np.testing.assert_allclose(deviation[1:-1], design.statistics[page].deviation[1:-1], rtol=0.3)
    deals = np.bincount(codes[:, page], minlength=len(deviation))
    often, rarely = deals > 80, (deals > 0) & (deals < 50)
    assert deviation[often].mean() < 0.75 * deviation[rarely].mean()


def test_the_weight_of_the_prior_is_that_of_a_beta_binomial_by_moments() -> None:
    """Computed by hand: the correlation is (k - np)^2 minus np(1 - p), over n(n - 1)p(1 - p)."""
    deals, expected = np.array([40.0, 60.0, 0.0, 100.0]), np.array([0.2, 0.25, 0.9, 0.2])
    churners = np.array([14.0, 9.0, 0.0, 26.0])
    n, k, p = deals[deals > 0], churners[deals > 0], expected[deals > 0]
    correlation = ((k - n * p) ** 2 - n * p * (1 - p)).sum() / (n * (n - 1) * p * (1 - p)).sum()
    assert PRIOR_DEALS < 1 / correlation - 1 < 1e3

    assert _prior_deals(deals, churners, expected) == pytest.approx(1 / correlation - 1)


def test_levels_without_excess_variance_are_fully_shrunk_and_others_by_ten_deals() -> None:
    deals, expected = np.full(20, 50.0), np.full(20, 0.2)
    assert _prior_deals(deals, deals * 0.2, expected) == 1e3
    assert _prior_deals(deals, np.tile([0.0, 20.0], 10), expected) == PRIOR_DEALS
    assert _prior_deals(np.ones(5), np.ones(5), np.full(5, 0.2)) == 1e3, (
        "no estimate with one deal per level"
    )


def test_the_rate_of_a_level_is_shrunk_towards_the_rates_of_its_parents() -> None:
    """The mean of the parents' rates over the level's deals; these rates have ten prior deals."""
    code = np.array([1, 1, 2, 2, 2, 2], dtype=np.int32)
    group = np.array([0, 1, 1, 1, 1, 1], dtype=np.int32)
    label, weight = np.array([1.0, 0, 1, 1, 0, 0]), np.array([1.0, 1, 2, 1, 1, 1])
    rates = [(1 + 10 * 0.5) / (1 + 10), (3 + 10 * 0.5) / (6 + 10)]
    result = _parent_rate(code, 4, group, label, weight, 0.5)

    assert result == pytest.approx([0.5, np.mean(rates), rates[1], 0.5])


def statistic(by_code: list[float], deviation: float = 0.3) -> LevelStatistic:
    values = np.array(by_code)
    return LevelStatistic(values, np.full(len(values), deviation), np.zeros(1), np.array([0.0, 1]))


def test_the_errors_of_a_table_are_scaled_by_its_bounded_slope_on_the_statistic() -> None:
    values = statistic([9.0, -1.0, 0.0, 1.0, 9.0])
    generator = np.random.default_rng(0)
    for slope, factor in ((0.5, 0.5), (3.0, 1.5), (-1.0, 0.0)):
        table = np.array([5.0, -slope + 2, 2.0, slope + 2, -5.0])
        scatter = values.draw_errors(table, 20_000, generator)
        assert scatter.shape == (5, 20_000)
        assert scatter.std(axis=1) == pytest.approx([0.3 * factor] * 5, rel=0.05)
    flat = statistic([0.0, 2.0, 2.0, 2.0, 0.0])
    assert not flat.draw_errors(np.arange(5.0), 3, generator).any(), "equal levels give no slope"


def test_values_are_binned_from_1_and_a_cut_belongs_to_the_bin_above() -> None:
    assert statistic([0.0]).bins(np.array([-0.1, 0.0, 0.9, 1.0, 7.0])).tolist() == [1, 2, 2, 3, 3]


def test_missing_values_have_statistic_0_and_bins_have_equal_counts() -> None:
    random = np.random.default_rng(0)
    code = random.integers(0, 201, 6_000).astype(np.int32)
    effect = random.normal(size=201)
    label = (random.random(6_000) < 1 / (1 + np.exp(1 - effect[code]))).astype(float)
    group = np.zeros(6_000, dtype=np.int32)
    result = level_statistic(code, 200, group, label, np.ones(6_000), seed=0)

    assert not result.cross_fitted[code == 0].any()
    assert result.cross_fitted[code > 0].std() > 0.3
    assert (np.diff(result.cuts) > 0).all()
    assert len(result.cuts) == STATISTIC_BINS - 1
    counts = np.bincount(result.bins(result.cross_fitted).astype(int))[1:]
    assert counts.min() > 0.7 * 6_000 / STATISTIC_BINS
    assert len(result.by_code) == 202
    assert result.by_code[201] == pytest.approx(0.0, abs=1e-9), "an unseen level has the average"
    assert result.deviation[201] > result.deviation[1:201].max()
