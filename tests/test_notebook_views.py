"""HTML views of results in a notebook: short, escaped, in the colours of the notebook."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.leakage.audit import Finding, LeakageReport
from fitmodel.reports.sales_report import SalesReport
from fitmodel.sales.rep_performance import RepPerformance, compute_rep_performance
from fitmodel.training import TrainingRun

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def board() -> RepPerformance:
    simulation = simulate_deals(300, seed=1)
    deals = simulation.deals.assign(rep=simulation.deals["rep"].replace("Rep 01", EVIL))
    return compute_rep_performance(deals, simulation.spec, simulation.true_probability)


@pytest.fixture
def run() -> TrainingRun:
    report = SimpleNamespace(verdict="evidence of skill", _repr_html_=lambda: "<table></table>")
    model = SimpleNamespace(version="v1")
    return TrainingRun(model, report, None, Path("models/v1"), warnings=(EVIL,), in_use="v1")  # type: ignore[arg-type]


def test_rep_performance_shows_a_row_per_rep_and_one_for_the_company(board: RepPerformance) -> None:
    html = board._repr_html_()

    assert html.count("<tr") == 1 + len(board.table)
    assert "verdict" in html
    assert "the company" in html


def test_a_run_shows_its_bundle_path_and_warnings(run: TrainingRun) -> None:
    html = run._repr_html_()

    assert str(run.bundle_path) in html
    assert "not tracked" in html
    assert repr(run) == "<TrainingRun v1: evidence of skill>"
    assert "in use" in dataclasses.replace(run, in_use=None)._repr_html_()


def test_names_are_escaped_and_no_colour_of_the_background_is_set(
    board: RepPerformance, run: TrainingRun
) -> None:
    for html in (board._repr_html_(), run._repr_html_()):
        assert EVIL not in html
        assert "&lt;script&gt;" in html
        assert "background:#" not in html
        assert "color:#" not in html


def test_a_sales_report_lists_its_tables_instead_of_its_page() -> None:
    report = SalesReport("<html>" + "x" * 10_000, {"reps.csv": pd.DataFrame({"a": [1, 2]})}, ())

    assert repr(report) == "<SalesReport: reps.csv>"
    assert "reps.csv</td>" in report._repr_html_()
    assert "2 rows" in report._repr_html_()
    assert len(report._repr_html_()) < 2_000


def test_a_leakage_report_shows_suspicious_findings_in_full() -> None:
    evidence = "whether it is filled in tells " + "x" * 80 + EVIL
    report = LeakageReport(
        (
            Finding("csat", "filled in later", "stop", evidence, "exclude it"),
            Finding("seats", "none", "fine", "nothing found", ""),
        )
    )

    assert repr(report) == "<LeakageReport: 1 stopped, 0 warned of>"
    assert "x" * 80 in report._repr_html_()
    assert EVIL not in report._repr_html_()
    assert "seats" not in report._repr_html_()
