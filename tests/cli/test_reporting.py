"""`fitmodel report` writes a page and its tables, or says what is missing."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.sales.plans import read_plan


@pytest.fixture
def files(tmp_path, monkeypatch, quick_learner):
    simulation = simulate_deals(900, seed=6, n_attributes=6)
    simulation.deals.to_csv(tmp_path / "deals.csv", index=False)
    spec = simulation.spec.replace(learning=quick_learner)
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml())
    monkeypatch.chdir(tmp_path)
    return simulation


@pytest.mark.slow
def test_the_page_and_the_tables_are_written(files, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("an earlier one")
    done = CliRunner().invoke(app, ["report", "deals.csv", "--language", "zh"])

    assert done.exit_code == 0, done.output
    assert "wrote report/index.html and " in done.output
    reps = pd.read_csv(tmp_path / "report" / "reps.csv")
    assert reps["signed"].iloc[-1] == len(files.deals)
    assert 'lang="zh"' in (tmp_path / "report" / "index.html").read_text()


def test_a_contract_without_reps_says_what_is_missing(files, tmp_path):
    spec = files.spec.replace(deals={"rep": None, "team": None})
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml())
    done = CliRunner().invoke(app, ["report", "deals.csv"])

    assert done.exit_code == 1
    assert 'names no rep. Remedy: write rep = "COLUMN"' in done.output
    assert not (tmp_path / "report").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("files")
def test_two_plans_are_paid_over_the_history_and_compared(tmp_path):
    (tmp_path / "a.toml").write_text("commission_rate = 0.1\nearned_after_months = 0\n")
    (tmp_path / "b.toml").write_text('name = "plan B"\ncommission_rate = 0.1\n')
    done = CliRunner().invoke(
        app, ["report", "deals.csv", "--plan", "a.toml", "--compare", "b.toml"]
    )

    assert done.exit_code == 0, done.output
    assert "under plan B, " in done.output
    assert "that went to deals lost within 5 months would not have been paid" in done.output
    ledger = pd.read_csv(tmp_path / "report" / "commission_compared_ledger.csv")
    parts = ledger[["earned", "withheld", "pending"]].sum(axis=1)
    assert (parts - ledger["nominal"]).abs().max() < 0.005
    by_month = pd.read_csv(tmp_path / "report" / "commission_by_month.csv")
    assert by_month["earned"].iloc[:-1].sum() == pytest.approx(by_month["earned"].iloc[-1])
    assert "would not have been paid" in (tmp_path / "report" / "index.html").read_text()


@pytest.mark.usefixtures("files")
def test_two_plans_of_one_name_are_refused_before_anything_is_learned(tmp_path):
    (tmp_path / "a.toml").write_text("commission_rate = 0.1\n")
    done = CliRunner().invoke(
        app, ["report", "deals.csv", "--plan", "a.toml", "--compare", "a.toml"]
    )

    assert done.exit_code == 2, done.output
    assert "two plans are called" in done.output
    assert not (tmp_path / "report").exists()


def test_a_plan_to_start_from_is_printed_and_can_be_read(tmp_path):
    done = CliRunner().invoke(app, ["report", "--show-plan"])
    (tmp_path / "plan.toml").write_text(done.output)

    assert done.exit_code == 0
    assert read_plan(tmp_path / "plan.toml").bonus.top == 3


@pytest.mark.usefixtures("files")
def test_ids_are_not_hashed_without_a_salt():
    done = CliRunner().invoke(
        app, ["report", "deals.csv", "--hash-ids"], env={"FITMODEL_LOG_SALT": ""}
    )

    assert done.exit_code == 2
    assert "needs a salt" in done.output
