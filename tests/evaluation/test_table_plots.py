"""Plots of scorecard tables show the numbers of the table."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.evaluation._table_plots import compute_table, plot_table, save_table_plot
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
