"""`fitmodel quiz` asks in the terminal, shows outcomes after the answers, and stores scores."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from fitmodel.cli.main import app
from fitmodel.monitoring.log import DecisionLog


@pytest.fixture(scope="module")
def company(tmp_path_factory, simulate_quickly):
    folder = tmp_path_factory.mktemp("quiz")
    simulation = simulate_quickly(600, seed=6, months=14, n_attributes=3)
    simulation.deals.to_csv(folder / "deals.csv", index=False)
    (folder / "fitmodel.toml").write_text(simulation.spec.to_toml())
    return folder


@pytest.fixture
def ask(company, monkeypatch):
    monkeypatch.chdir(company)

    def run(*words, answers=""):
        return CliRunner().invoke(app, ["quiz", "deals.csv", *map(str, words)], input=answers)

    return run


def test_a_team_answers_then_sees_the_outcome_and_scores_are_stored(ask, tmp_path):
    answers = "10\n20%\n" + "x\n" + "15\n25\n" * 3
    log = tmp_path / "log.db"
    done = ask(
        *("-p", "Kim", "-p", "Lee", "--questions", 4, "--seed", 1, "--log", log), answers=answers
    )

    assert done.exit_code == 0, done.output
    assert "4 past deals as they stood at signing" in done.output
    assert done.output.count("Give a number from 0 to 100.") == 1
    first = done.output.index("Deal 1 of 4")
    assert done.output.index("Kim, how likely") > first
    answers = done.output.index("the model of that time predicted")
    assert answers > done.output.index("Lee, how likely")
    kept = DecisionLog(log).guesses()
    assert kept["person"].tolist() == ["Kim"] * 4 + ["Lee"] * 4
    assert kept["guess"].tolist() == [0.1, 0.15, 0.15, 0.15, 0.2, 0.25, 0.25, 0.25]
    shown = ask("--scores", "--log", log)
    assert shown.exit_code == 0
    assert "Kim: 4 questions, Brier score" in shown.output
    assert "nan" not in shown.output
    chinese = ask("--scores", "--log", log, "--language", "zh")
    assert "历次成绩" in chinese.output


def test_an_aborted_quiz_stores_nothing(ask, tmp_path):
    log = tmp_path / "log.db"
    done = ask("-p", "Kim", "--questions", 4, "--log", log, answers="10\n")
    assert done.exit_code != 0
    assert DecisionLog(log).guesses().empty


def test_a_quiz_without_names_is_refused(ask, tmp_path):
    done = ask("--log", tmp_path / "log.db")
    assert done.exit_code == 1
    assert "Remedy: --person Kim" in done.output


def test_showing_the_scores_makes_no_log(ask, tmp_path):
    done = ask("--scores", "--log", tmp_path / "log.db")
    assert done.exit_code == 0
    assert "Nobody has answered a quiz yet." in done.output
    assert not (tmp_path / "log.db").exists()
