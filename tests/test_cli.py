"""The command line: exit codes, messages, and the whole way on files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.cli import app
from fitmodel.datasets.simulation import simulate_deals, simulate_prospects

RUNNER = CliRunner()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def test_a_newcomer_gets_from_a_csv_to_scored_prospects(folder: Path) -> None:
    simulate_deals(1500, seed=2).deals.to_csv("deals.csv", index=False)
    simulate_prospects(50, seed=3).prospects.to_csv("prospects.csv", index=False)
    said = RUNNER.invoke(app, ["init", "deals.csv"])
    assert said.exit_code == 0, said.output
    said = RUNNER.invoke(app, ["check", "deals.csv"])
    assert said.exit_code == 0, said.output
    assert "enough to learn from" in said.output
    said = RUNNER.invoke(app, ["train", "deals.csv"])
    assert said.exit_code == 0, said.output
    assert "ROC AUC" in said.output
    said = RUNNER.invoke(
        app, ["score", "prospects.csv", "--model", "models/prospect-fit", "-o", "scored.csv"]
    )
    assert said.exit_code == 0, said.output
    scored = pd.read_csv(folder / "scored.csv")
    assert len(scored) == 50
    assert scored["early_churn_probability"].between(0, 1).all()
    assert "prospect-fit" in RUNNER.invoke(app, ["models"]).output
    shown = RUNNER.invoke(
        app, ["models", "show", "--model", "models/prospect-fit", "--table", "segment"]
    )
    assert "enterprise" in shown.output


@pytest.mark.usefixtures("folder")
def test_no_contract_is_wrong_usage() -> None:
    Path("deals.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    said = RUNNER.invoke(app, ["train", "deals.csv"])
    assert said.exit_code == 2
    assert "fitmodel init" in said.output


@pytest.mark.usefixtures("folder")
def test_deals_that_cannot_be_learned_from_exit_with_1() -> None:
    few = simulate_deals(100, seed=2)
    few.deals.to_csv("deals.csv", index=False)
    RUNNER.invoke(app, ["init", "deals.csv"])
    said = RUNNER.invoke(app, ["train", "deals.csv"])
    assert said.exit_code == 1
    assert "Error: " in said.output
    assert "Traceback" not in said.output
    assert not Path("models").exists()


@pytest.mark.usefixtures("folder")
def test_an_existing_contract_is_not_overwritten() -> None:
    simulate_deals(300, seed=2).deals.to_csv("deals.csv", index=False)
    Path("fitmodel.toml").write_text("mine", encoding="utf-8")
    assert RUNNER.invoke(app, ["init", "deals.csv"]).exit_code == 2
    assert Path("fitmodel.toml").read_text(encoding="utf-8") == "mine"


def test_a_file_that_is_not_there_is_wrong_usage() -> None:
    assert RUNNER.invoke(app, ["train", "nowhere.csv"]).exit_code == 2


def test_an_unknown_demo_is_wrong_usage() -> None:
    assert RUNNER.invoke(app, ["demo", "--data", "moon"]).exit_code == 2
