"""Stored benchmark results: resuming, dates, machine, and tables of the documentation."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import _tables
import pytest
from _results import Results, machine

DOCS = Path(__file__).parents[2] / "docs"


def test_finished_work_is_not_repeated(tmp_path) -> None:
    file = tmp_path / "results" / "x.json"
    done: list[int] = []

    def work() -> list[dict[str, float]]:
        done.append(1)
        return [{"loss": 0.5}, {"loss": 0.6}]

    first = Results(file).do(work, table="a", seed=1)
    again = Results(file).do(work, table="a", seed=1)  # like after an interruption
    Results(file).do(work, table="a", seed=2)

    assert first == again
    assert len(done) == 2
    assert len(Results(file).of(table="a")) == 4
    assert set(first[0]) == {"table", "seed", "loss", "date"}


def test_failed_work_does_not_change_the_file(tmp_path) -> None:
    file = tmp_path / "x.json"
    results = Results(file)
    results.do(lambda: [{"loss": 0.5}], table="a")
    before = file.read_bytes()

    with pytest.raises(ZeroDivisionError):
        results.do(lambda: [{"loss": 1 / 0}], table="b")
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_the_machine_is_described_without_its_name() -> None:
    import socket

    description = machine()

    assert description["cores"] >= 1
    assert "numpy" in description["packages"]
    assert socket.gethostname() not in json.dumps(description)


def test_the_table_in_the_documentation_agrees_with_the_results() -> None:
    rows = [
        {"table": "t", "way": "fitmodel", "log_loss": 0.4, "base": 0.5, "date": "2026-11-28"},
        {"table": "t", "way": "logistic", "log_loss": 0.45, "base": 0.5, "date": "2026-11-28"},
        {"table": "u", "way": "logistic", "log_loss": 0.3, "base": 0.6, "date": "2026-11-28"},
    ]
    rows_of_page = _tables.quality(rows).splitlines()

    assert rows_of_page[0] == "| table | measured | base rate | fitmodel | logistic |"
    assert rows_of_page[1].count("|") == rows_of_page[0].count("|")
    assert rows_of_page[2] == "| t | 2026-11-28 | 0.5000 | **0.4000** | 0.4500 |"
    assert rows_of_page[3] == "| u | 2026-11-28 | 0.6000 |  | **0.3000** |"


def test_a_repeated_method_keeps_its_position_and_shows_its_date() -> None:
    common = {"base": 0.5, "at_level": 0.4, "over_rate": 1.0, "auc": 0.7}
    rows = [
        common | {"table": table, "way": way, "log_loss": loss, "date": f"2026-11-{day}"}
        for table, way, loss, day in (
            ("t", "logistic", 0.45, 27), ("u", "logistic", 0.3, 27),
            ("t", "fitmodel", 0.4, 29), ("u", "fitmodel", 0.35, 29),
        )
    ]  # fmt: skip
    lines = _tables.quality(rows).splitlines()

    assert lines[0] == "| table | measured | base rate | fitmodel | logistic |"
    assert lines[2] == "| t | 2026-11-27 to 2026-11-29 | 0.5000 | **0.4000** | 0.4500 |"
    assert [line.split(" | ")[:2] for line in lines[-4:]] == [
        ["| t", "fitmodel"], ["| t", "logistic"], ["| u", "fitmodel"], ["| u", "logistic"],
    ]  # fmt: skip


def test_the_difference_is_the_one_to_fitmodel_for_any_row_order() -> None:
    common = {"table": "t", "base": 0.5, "at_level": 0.4, "over_rate": 1.0, "auc": 0.7}
    common |= {"calibration_error": 0.02, "date": "2026-11-28"}
    rows = [
        common | {"way": "logistic", "log_loss": 0.45, "noise": 0.01},
        common | {"way": "fitmodel", "log_loss": 0.40, "noise": 0.0},
    ]
    own, other = _tables.quality(rows).splitlines()[-2:]

    assert own.startswith("| t | fitmodel |  | 0.4000 |")
    assert other.startswith("| t | logistic | +0.0500 (0.0100) | 0.4000 |")


def test_a_difference_of_two_figures_has_the_standard_error_of_its_mean() -> None:
    rows = [
        {"law": "a", "growth": 0.0, "n": 400, "seed": seed, "way": way, "loss": loss}
        for seed, losses in ((1, (0.02, 0.01)), (2, (0.03, 0.01)))
        for way, loss in zip(("lines", "bends"), losses, strict=True)
    ]
    assert _tables.turning(rows).splitlines()[-1] == (
        "| a | 400 | 2 | 0.0250 | 0.0100 | -0.0150 (0.0050) |"
    )


def test_the_gain_from_the_level_is_shown_separately_from_discrimination() -> None:
    row = {"table": "t", "way": "fitmodel", "log_loss": 0.4, "base": 0.5, "date": "2026-11-28"}
    row |= {"at_level": 0.39, "over_rate": 1.25, "auc": 0.6789, "calibration_error": 0.02}
    lines = _tables.quality([row]).splitlines()
    assert lines[-1] == "| t | fitmodel |  | 0.3900 | 1.25 | 0.679 | 0.020 |  |"
    assert lines[-3].count("|") == lines[-2].count("|") == lines[-1].count("|")


def test_the_pages_have_the_tables_that_the_results_give() -> None:
    with_tables = runpy.run_path(str(DOCS / "benchmark_tables.py"))["with_tables"]
    pages = {path: path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
    stale = [path.name for path, text in pages.items() if with_tables(text) != text]
    assert not stale, "run python docs/benchmark_tables.py"
    text = "".join(pages.values())
    assert all(f"<!-- table: {name} -->" in text for name in _tables.TABLES)


def test_a_page_gets_the_table_between_its_marks_and_keeps_the_rest() -> None:
    with_tables = runpy.run_path(str(DOCS / "benchmark_tables.py"))["with_tables"]
    page = "before\n\n<!-- table: drifting -->\nold\n<!-- end of table -->\n\nafter\n"
    written = with_tables(page)
    assert written.startswith("before\n\n<!-- table: drifting -->\n\n| hazard of leaving |")
    assert written.endswith("\n\n<!-- end of table -->\n\nafter\n")
    assert "old" not in written
    assert with_tables(written) == written


def test_the_table_of_horizons_shows_each_difference_and_marks_the_best() -> None:
    common = {"table": "t", "date": "2026-11-28", "fit_seconds": 2.0, "predict_ms_per_1000": 7.4}
    common |= {"calibration_3": 0.01, "calibration_12": 0.02}
    none = {"difference": 0.0, "difference_se": 0.0}
    peer = {"learner": "peer", "version": "2.1", "difference_alike": -0.02,
            "difference_se_alike": 0.003}  # fmt: skip
    rows = [
        common | none | {"learner": "fitmodel", "version": "1", "integrated_brier": 0.1},
        common | none | {"learner": "fitmodel", "version": "1", "integrated_brier": 0.11},
        common | {"learner": "fitmodel, for each alone", "version": "1"},
        common | peer | {"integrated_brier": 0.09, "difference": -0.01, "difference_se": 0.003},
        common | peer | {"integrated_brier": 0.10, "difference": -0.02, "difference_se": 0.004},
        common | none | {"learner": "other", "version": "3", "integrated_brier": 0.01},
    ]
    lines = _tables.horizons(rows).splitlines()

    assert {line.count("|") for line in lines[:6]} == {10}
    assert lines[2] == "| t | fitmodel | 2 | 0.1050 |  |  | 0.010 0.020 | 2.0 | 7 |"
    assert lines[3] == "|  | fitmodel, for each alone | 1 |  |  |  | 0.010 0.020 | 2.0 | 7 |"
    # errors of independent draws: the root of .003^2 + .004^2, over two
    assert lines[4].startswith(
        "|  | peer 2.1 | 2 | **0.0950** | -0.0150 (0.0025) | -0.0200 (0.0021) |"
    )
    # measured on other deals: not marked as the best
    assert lines[5].startswith("|  | other 3 | 1 | 0.0100 |")


def test_repeated_rows_replace_the_old_ones(tmp_path) -> None:
    results = Results(tmp_path / "x.json")
    for way in ("fitmodel", "logistic"):
        results.keep([{"loss": 1.0}], table="telco", way=way)
    results.keep([{"loss": 3.0}], table="other", way="fitmodel")
    results.keep([{"loss": 2.0}], table="telco", way="fitmodel")

    again = Results(tmp_path / "x.json").rows
    assert [(row["table"], row["way"], row["loss"]) for row in again] == [
        ("telco", "fitmodel", 2.0),
        ("telco", "logistic", 1.0),
        ("other", "fitmodel", 3.0),
    ]
    assert all(row["date"] for row in again)


def test_false_claims_are_counted_with_the_exact_interval() -> None:
    def row(kind: str, deals: int, *, false: float, **more: float) -> dict[str, object]:
        return {"kind": kind, "deals": deals, "false": false, "date": "2026-11-28"} | more

    rows = [
        row("flags", 400, false=0.0, made=made, ratio=ratio)
        for made, ratio in ((0.09, 0.9), (0.11, 1.0))
    ]
    rows += [row("skill", 1_000, false=float(seed == 0)) for seed in range(20)]
    rows += [row("skill", 400, false=0.0) for _ in range(20)]
    lines = _tables.false_claims(rows).splitlines()

    assert lines[2].endswith("| 400 | 20 | 0 | 0.0% to 16.8% |  |  | 2026-11-28 |")
    assert lines[3].endswith("| 1,000 | 20 | 1 | 0.1% to 24.9% |  |  | 2026-11-28 |")
    assert lines[4].endswith(
        "| 400 | 2 | 0 | 0.0% to 84.2% | 10.0% ± 1.4% | 0.95 ± 0.07 | 2026-11-28 |"
    )
