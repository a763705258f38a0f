"""The sales page: escaped names, no external resources, counts of every rep."""

from __future__ import annotations

import csv
import io

import matplotlib as mpl
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.reports._rep_sections import scoreboard_section
from fitmodel.reports.html import safe_csv
from fitmodel.reports.sales_report import sales_page
from fitmodel.sales.plots import plot_funnel
from fitmodel.sales.rep_performance import compute_rep_performance


@pytest.fixture(scope="module")
def simulation():
    mpl.use("agg")
    result = simulate_deals(1500, seed=6)
    result.deals["rep"] = result.deals["rep"].replace("Rep 01", "<script>alert(1)</script> $a_{$")
    return result


@pytest.fixture(scope="module")
def board(simulation):
    return compute_rep_performance(simulation.deals, simulation.spec, simulation.true_probability)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_names_are_escaped_and_nothing_is_loaded_from_other_hosts(simulation, language):
    board = compute_rep_performance(
        simulation.deals, simulation.spec, simulation.true_probability, language=language
    )
    section = scoreboard_section(board, language=language)
    page = sales_page(board, [section], language=language)

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $a_{$" in page
    assert "http" not in page
    assert f'<html lang="{language}">' in page
    assert page.count("<tr") == len(board.table) + 1


def test_every_rep_has_its_counts_on_the_page(board):
    page = sales_page(board, [scoreboard_section(board)])

    for _, row in board.table.iterrows():
        # under its name, which a phone shows in front of it
        assert f'<td data-label="Signed" class="number">{row["signed"]:,.0f}</td>' in page


def test_no_text_in_a_csv_table_starts_a_formula():
    says = ["=1+1", "+2", "-3", "@x", "plain"]
    table = pd.DataFrame({"says": says, "n": [-1, 2, 3, 4, 5], "=kind": pd.Categorical(says)})
    rows = list(csv.DictReader(io.StringIO(safe_csv(table))))

    assert [row["says"] for row in rows] == ["'=1+1", "'+2", "'-3", "'@x", "plain"]
    assert [row["'=kind"] for row in rows] == [row["says"] for row in rows]
    assert rows[0]["n"] == "-1"


def test_the_funnel_has_a_point_per_rep_and_names_the_outliers(board):
    ax = plot_funnel(board)
    points = [line for line in ax.get_lines() if line.get_marker() == "o"]
    named = {text.get_text() for text in ax.texts}

    assert len(points) == len(board.reps)
    assert named == set(board.reps.index[board.reps["verdict"].isin(["more", "fewer"])])
