"""The survival plot shows what the curve says, as far as there are customers to tell."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from fitmodel.deals.outcomes import kaplan_meier
from fitmodel.evaluation.survival_plots import plot_survival


@pytest.fixture
def curve():
    mpl.use("agg")
    generator = np.random.default_rng(0)
    months = generator.exponential(20, 200).clip(0.1, 30)
    return kaplan_meier(months, months < 30)


def test_a_curve_is_drawn_with_its_count_and_the_horizon(curve):
    ax = plot_survival({"all": curve}, horizon_months=5)

    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["all (200)"]
    drawn = ax.get_lines()[0].get_ydata()
    assert set(np.round(drawn, 12)) <= set(np.round(curve.survival, 12))
    assert ax.get_lines()[1].get_xdata()[0] == 5


def test_the_tail_where_few_are_left_is_not_drawn():
    months = np.arange(1.0, 41.0)
    ax = plot_survival({"few": kaplan_meier(months, np.ones(40, dtype=bool))})

    assert ax.get_lines()[0].get_xdata().max() == 31
