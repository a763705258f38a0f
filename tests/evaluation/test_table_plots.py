"""Plots of an attribute's table, of the level and of survival show the numbers of their tables."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from fitmodel.deals.outcomes import kaplan_meier
from fitmodel.evaluation._table_plots import (
    compute_table,
    plot_survival,
    plot_table,
    save_table_plot,
)
from fitmodel.exceptions import EditError
from fitmodel.learning.editing import SetEffect, apply_edits


@pytest.fixture(scope="module")
def scorecard(learned_on):
    return learned_on(1500, seed=7).scorecard


def test_the_bins_of_a_number_are_adjacent_and_drawn_as_steps(scorecard):
    frame = compute_table(scorecard, "seats").iloc[1:]
    ax = plot_table(scorecard, "seats")
    drawn = next(line for line in ax.get_lines() if line.get_label() == "effect")

    np.testing.assert_array_equal(frame["high"].to_numpy()[:-1], frame["low"].to_numpy()[1:])
    np.testing.assert_array_equal(drawn.get_ydata()[:-1], frame["log_odds"])


def test_each_level_is_a_bar_with_its_deals(scorecard):
    ax = plot_table(scorecard, "industry")
    frame = compute_table(scorecard, "industry").sort_values("log_odds", kind="stable")
    lengths = sorted(bar.get_width() for bar in ax.patches)

    np.testing.assert_allclose(lengths, frame["log_odds"])
    names = " ".join(label.get_text() for label in ax.get_yticklabels())
    assert f"{frame['deals'].max():,} deals" in names


def test_the_table_before_an_edit_is_drawn_next_to_it(scorecard):
    edited = apply_edits(scorecard, [SetEffect("seats", (10.0, 20.0), 0.3)])
    labels = [
        line.get_label() for line in plot_table(edited, "seats", before=scorecard).get_lines()
    ]

    assert "before the edit" in labels


def test_a_plot_is_saved_in_the_format_of_the_file_name(scorecard, tmp_path):
    save_table_plot(scorecard, "industry", tmp_path / "table.png")

    assert (tmp_path / "table.png").read_bytes()[1:4] == b"PNG"
    with pytest.raises(EditError, match=r"cannot draw 'table.doc': name it with one of \."):
        save_table_plot(scorecard, "industry", tmp_path / "table.doc")
    with pytest.raises(EditError, match="no attribute 'x'; it has"):
        plot_table(scorecard, "x")


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
