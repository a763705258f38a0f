"""`init`, `check` and `train` agree on the rows of a table and follow the same contract."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.deals.reading import read_deals_with_findings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    """Exit code, and everything that was printed."""
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output + (result.stderr if result.stderr_bytes else "")


def hard(shared_data: Path, name: str, folder: Path) -> None:
    shutil.copy(shared_data / "hard_tables" / f"{name}.csv", folder / "deals.csv")


def add_to_contract(folder: Path, line: str, section: str = "[rows]") -> None:
    path = folder / "fitmodel.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(f"{section}\n", f"{section}\n{line}\n", 1), encoding="utf-8")


def test_only_customers_of_a_pipeline_are_read(shared_data: Path, folder: Path) -> None:
    hard(shared_data, "lost_deals_400rows", folder)
    code, output = run("init", "deals.csv")

    assert code == 0
    assert 'keep = {"deal_stage" = ["Won"]}' in (folder / "fitmodel.toml").read_text()
    assert "customers (254 of 400)" in output
    _, output = run("check", "deals.csv")
    assert "left out 146 of 400 rows by [rows], deal_stage: Lost 146" in output


def test_without_keep_check_and_train_refuse_the_same(shared_data: Path, folder: Path) -> None:
    hard(shared_data, "lost_deals_400rows", folder)
    run("init", "deals.csv")
    contract = folder / "fitmodel.toml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace('keep = {"deal_stage" = ["Won"]}\n', ""), encoding="utf-8")
    for command in ("check", "train", "backtest"):
        code, output = run(command, "deals.csv")

        assert code == 1
        assert "146 of 400 rows look like opportunities that were not won (Lost 146)" in output
        assert '[rows] keep = {"deal_stage" = ["Won"]}' in output


def test_leavers_without_a_date_are_reported_until_the_contract_answers(
    shared_data: Path, folder: Path
) -> None:
    hard(shared_data, "inactive_without_date_is_active_60rows", folder)
    code, output = run("init", "deals.csv")

    assert code == 0
    assert "15 row(s) left according to is_active" in output
    for command in ("check", "train"):
        code, output = run(command, "deals.csv")
        assert code == 1
        assert "15 row(s) left according to is_active" in output
    add_to_contract(folder, 'left_without_date = "unknown"')
    _, output = run("check", "deals.csv")
    assert "15 of 60 customers left (is_active) without a date" in output
    assert "15 that left on an unknown day" in output
    read = read_deals_with_findings("deals.csv", DealSpec.from_toml("fitmodel.toml"))
    rate = 1 - view_of(read.table, read.spec).survival.at(5.0)
    assert f"early-churn rate {rate:.1%} " in output


def test_repeated_ids_are_reported_by_check_until_the_contract_answers(
    shared_data: Path, folder: Path
) -> None:
    hard(shared_data, "deal_id_repeated_80rows", folder)
    _, first = run("init", "deals.csv")
    _, again = run("check", "deals.csv")
    add_to_contract(folder, 'customer = "deal_id"')
    _, answered = run("check", "deals.csv")

    assert "deal_id: 43 different values in 80 rows" in first
    assert "deal_id: 43 different values in 80 rows" in again
    assert "[repeated-id]" not in answered
    assert "made 43 customers of 80 rows" in answered


def test_missing_leavers_are_reported_with_the_changed_rate(
    shared_data: Path, folder: Path
) -> None:
    hard(shared_data, "leavers_before_march_2024_purged_300rows", folder)
    run("init", "deals.csv")
    _, output = run("check", "deals.csv")

    assert "no customer is recorded to have left before 2024-03-01" in output
    assert 'observed_from = "2024-03-01"' in output
    assert "add older deals" not in output.split("too little")[0]


def test_a_text_in_a_number_column_is_reported_with_its_row_by_check_and_train(
    shared_data: Path, folder: Path
) -> None:
    hard(shared_data, "one_text_in_a_number_600rows", folder)
    run("init", "deals.csv")
    written = pd.read_csv(folder / "deals.csv", dtype=str)
    # rows are counted like in a spreadsheet
    row = int((written["seats"] == "unkown").to_numpy().argmax()) + 2

    messages = set()
    for command in ("check", "train"):
        code, output = run(command, "deals.csv")
        assert code == 1
        assert f"row {row}: 'unkown'" in output
        messages.add(next(line for line in output.splitlines() if "unkown" in line))
    assert len(messages) == 1


def test_several_currencies_are_refused(shared_data: Path, folder: Path) -> None:
    hard(shared_data, "currencies_mixed_60rows", folder)
    run("init", "deals.csv")
    code, output = run("check", "deals.csv")

    assert code == 1
    assert "in another currency than USD" in output


def test_check_of_deals_without_questions_does_not_mention_rows(folder: Path) -> None:
    simulate_deals(900, seed=2).deals.to_csv(folder / "deals.csv", index=False)
    run("init", "deals.csv")
    code, output = run("check", "deals.csv")

    assert code == 0
    assert "unsure" not in output
    assert "rows left out" not in output
    assert output.rstrip().endswith("enough to learn from")
