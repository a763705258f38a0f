"""The statistic of a category of many levels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fitmodel.learning._additive import Additive
from fitmodel.learning._design import make_design
from fitmodel.learning._level_statistic import level_statistic
from fitmodel.learning.boosted import with_level_scatter
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns


def test_a_level_statistic_without_signal_does_not_see_its_own_label() -> None:
    random = np.random.default_rng(0)
    code = random.integers(1, 301, 3000).astype(np.int32)
    label = (random.random(3000) < 0.3).astype(float)
    statistic = level_statistic(
        code, 300, np.zeros(3000, dtype=np.int32), label, np.ones(3000), seed=0
    )
    assert abs(np.corrcoef(statistic.cross_fitted, label)[0, 1]) < 0.05
    assert np.abs(statistic.by_code).max() < 0.3


def test_a_parent_lends_its_rate_to_a_rare_level() -> None:
    random = np.random.default_rng(1)
    code = random.integers(1, 201, 4000).astype(np.int32)
    parent = (code > 100).astype(np.int32)
    label = (random.random(4000) < np.where(parent, 0.6, 0.1)).astype(float)
    statistic = level_statistic(code, 200, parent, label, np.ones(4000), seed=0)
    assert statistic.by_code[101:201].min() > statistic.by_code[1:101].max()


def test_replicates_of_boosting_scatter_by_what_is_not_known_of_the_levels() -> None:
    """Rare levels more than frequent ones; an attribute without a statistic not at all."""
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

    scattered = with_level_scatter(Additive(np.zeros(200), tuple(singles)), design, seed=0)

    assert not scattered.singles[1 - page].any()
    deviation = scattered.singles[page].std(axis=1)
    np.testing.assert_allclose(deviation[1:-1], design.statistics[page].deviation[1:-1], rtol=0.3)
    deals = np.bincount(codes[:, page], minlength=len(deviation))
    often, rarely = deals > 80, (deals > 0) & (deals < 50)
    assert deviation[often].mean() < 0.75 * deviation[rarely].mean()
