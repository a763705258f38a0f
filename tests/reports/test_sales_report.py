"""The sales page: escaped names, no external resources, counts of every rep."""

from __future__ import annotations

import csv
import io

import matplotlib as mpl
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.reports._rep_sections import scoreboard_section
from fitmodel.reports.html import safe_csv
from fitmodel.reports.sales_numbers import MAX_GROUPS
from fitmodel.reports.sales_report import make_sales_report, sales_page
from fitmodel.sales._edits import EDITS
from fitmodel.sales.plots import plot_funnel
from fitmodel.sales.rep_performance import EditsAfterFlags, compute_rep_performance


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


EDITED = EditsAfterFlags(
    pd.DataFrame(columns=list(EDITS)),
    pd.DataFrame(
        {
            "flagged": [8], "edited": [7], "turned": [6], "unflagged": [40],
            "unflagged_edited": [2], "p_value": [0.001], "ask": [True],
        },
        index=pd.Index(["Kim"], name="rep"),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def few():
    """Too few deals to compare reps with a model."""
    return simulate_deals(150, seed=6)


def test_edits_and_a_segment_that_were_asked_for_are_shown_without_a_model_too(few):
    plain = make_sales_report(few.deals, few.spec)
    asked = make_sales_report(few.deals, few.spec, edits=EDITED, segment="industry")
    both = [{vars(part)["values"]["id"] for part in each.sections} for each in (plain, asked)]
    assert both[1] - both[0] == {"edits", "worth"}
    assert asked.tables["edits_by_rep.csv"].index.tolist() == ["Kim"]
    assert "worth.csv" in asked.tables
    assert any("Kim" in point for point in asked.summary.points)


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        ("segmnt", "no column 'segmnt' to group deals by; did you mean 'segment'"),
        ("nothing like it", "known are 'deal_id', 'closed_on'"),
        ("deal_id", f"deal_id: 150 different values.*a column with at most {MAX_GROUPS}"),
    ],
)
def test_a_column_that_deals_cannot_be_grouped_by_is_refused_before_anything_is_fitted(
    few, segment, message
):
    def never():
        raise AssertionError("computed in vain")

    with pytest.raises(DealsError, match=message):
        make_sales_report(few.deals, few.spec, segment=segment, numbers=never)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_attributes_are_called_on_the_page_as_everywhere_else(few, language):
    labels = {"labels": {"seats": "Licences"}, "money": "¥{:,.0f}"}
    report = make_sales_report(
        few.deals, few.spec.replace(words=labels), segment="industry", language=language
    )
    assert phrases(language, "worth")("segment_row", column="Industry", value="") in report.page
    assert "lead_source" not in report.page
    assert "¥" in report.page
