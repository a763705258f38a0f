"""The survival plot shows the curve as long as enough customers are at risk."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from fitmodel.deals.outcomes import kaplan_meier
from fitmodel.evaluation._time_plots import plot_survival


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
    assert set(np.round(drawn, 12)) <= {1.0, *np.round(curve.survival, 12)}
    assert ax.get_lines()[1].get_xdata()[0] == 5


def test_the_tail_with_few_customers_at_risk_is_not_drawn():
    months = np.arange(1.0, 41.0)
    ax = plot_survival({"few": kaplan_meier(months, np.ones(40, dtype=bool))})

    assert ax.get_lines()[0].get_xdata().max() == 31


def test_a_curve_begins_at_1_at_signing():
    """With few customers the first event or censoring is months after signing."""
    months = np.linspace(6.0, 20.0, 30)
    line = plot_survival({"few": kaplan_meier(months, np.ones(30, dtype=bool))}).get_lines()[0]

    assert (line.get_xdata()[0], line.get_ydata()[0]) == (0.0, 1.0)
    assert (line.get_xdata()[1], line.get_ydata()[1]) == (6.0, pytest.approx(29 / 30))


@pytest.mark.parametrize(
    ("language", "label"), [("en", "months since signing"), ("zh", "签约后的月数")]
)
def test_the_plot_has_labels_in_both_languages_and_percentages(curve, language, label):
    ax = plot_survival({"A": curve}, language=language)
    ax.figure.canvas.draw()

    assert ax.get_xlabel() == label
    assert ax.yaxis.get_major_formatter()(0.5) == "50%"
