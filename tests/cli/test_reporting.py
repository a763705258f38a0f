"""`fitmodel report` writes a page and its tables, or reports what is missing."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel import DealSpec
from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.language.catalogue import phrases
from fitmodel.sales.plans import read_plan


@pytest.fixture
def files(tmp_path, monkeypatch, quick_learner):
    simulation = simulate_deals(900, seed=6, n_attributes=6)
    simulation.deals.to_csv(tmp_path / "deals.csv", index=False)
    spec = simulation.spec.replace(learning=quick_learner)
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml())
    monkeypatch.chdir(tmp_path)
    return simulation


def test_the_error_for_a_contract_without_reps_says_what_is_missing(files, tmp_path):
    spec = files.spec.replace(deals={"rep": None, "team": None})
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml())
    done = CliRunner().invoke(app, ["report", "deals.csv"])

    assert done.exit_code == 1
    assert 'names no rep. Remedy: write rep = "COLUMN"' in done.output
    assert not (tmp_path / "report").exists()


def few_deals(rows):
    """Deals without early leavers; the only leaver left after 30 months."""
    closed = pd.date_range("2024-01-05", periods=rows, freq="30D")
    left = pd.Series(pd.NaT, range(rows), dtype="M8[us]")
    if rows > 1:
        left[0] = pd.Timestamp("2026-08-02")
    return pd.DataFrame(
        {
            "deal": [f"D{number}" for number in range(rows)],
            "closed_on": closed,
            "churned_on": left,
            "rep": ["R01", "r01 ", " R02"] * (rows // 3) + ["R01"] * (rows % 3),
            "value": 1000.0 + closed.month,
            "kind": ["a", "b"] * (rows // 2) + ["a"] * (rows % 2),
        }
    )


@pytest.mark.parametrize("rows", [1, 9])
def test_deals_are_counted_also_without_early_leavers(tmp_path, monkeypatch, rows):
    # the command used to refuse such tables as unusable for training
    roles = {name: name for name in ("closed_on", "churned_on", "rep")}
    spec = DealSpec(
        deals={**roles, "id": "deal", "amount": "value", "observed_until": "2026-09-30"},
        attributes={"include": ["kind"]},
    )
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml())
    few_deals(rows).to_csv(tmp_path / "deals.csv", index=False)
    monkeypatch.chdir(tmp_path)

    language = {1: "zh", 9: "en"}[rows]
    done = CliRunner().invoke(app, ["report", "deals.csv", "--language", language])

    assert done.exit_code == 0, done.output
    reps = pd.read_csv(tmp_path / "report" / "reps.csv").set_index("rep")
    assert reps["signed"].to_dict() == ({"R01": 1} if rows == 1 else {"R01": 6, "R02": 3}) | {
        phrases(language, "scoreboard")("company"): rows
    }
    page = (tmp_path / "report" / "index.html").read_text()
    assert f'lang="{language}"' in page
    if rows > 1:
        assert "D0, left 2026-08-02 after 30.9 months" in page
        assert "Nobody lost early: R01, R02." in page  # spellings are one person here too
    for wrong in ("nan", "e+0"):
        assert wrong not in re.sub("<(style|script|svg).*?</\\1>", "", page, flags=re.DOTALL)


def test_errors_are_reported_also_with_too_few_deals(tmp_path, monkeypatch):
    deals = few_deals(9)
    deals["churned_on"] = (
        deals["churned_on"].dt.strftime("%Y-%m-%d").fillna("").replace("", "some day")
    )
    spec = DealSpec(
        deals={
            **{name: name for name in ("closed_on", "churned_on", "rep")},
            "observed_until": "2026-09-30",
        },
        attributes={"include": ["kind"]},
    )
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml())
    deals.to_csv(tmp_path / "deals.csv", index=False)
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(app, ["report", "deals.csv"])

    assert done.exit_code == 1
    assert "churned_on" in done.output


@pytest.mark.slow
def test_page_and_tables_are_written_and_two_plans_compared(files, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("an earlier one")
    (tmp_path / "a.toml").write_text("commission_rate = 0.1\nearned_after_months = 0\n")
    (tmp_path / "b.toml").write_text('name = "plan B"\ncommission_rate = 0.1\n')
    done = CliRunner().invoke(
        app, ["report", "deals.csv", "--plan", "a.toml", "--compare", "b.toml"]
    )

    assert done.exit_code == 0, done.output
    assert "wrote report/index.html and " in done.output
    reps = pd.read_csv(tmp_path / "report" / "reps.csv")
    assert reps["signed"].iloc[-1] == len(files.deals)
    assert "under “plan B”, " in done.output
    assert "that went to deals lost within 5 months would not have been paid" in done.output
    ledger = pd.read_csv(tmp_path / "report" / "commission_compared_ledger.csv")
    parts = ledger[["earned", "withheld", "pending"]].sum(axis=1)
    assert (parts - ledger["nominal"]).abs().max() < 0.005
    by_month = pd.read_csv(tmp_path / "report" / "commission_by_month.csv")
    assert by_month["earned"].iloc[:-1].sum() == pytest.approx(by_month["earned"].iloc[-1])
    assert "would not have been paid" in (tmp_path / "report" / "index.html").read_text()


@pytest.mark.usefixtures("files")
def test_two_plans_with_the_same_name_are_refused_before_training(tmp_path):
    (tmp_path / "a.toml").write_text("commission_rate = 0.1\n")
    done = CliRunner().invoke(
        app, ["report", "deals.csv", "--plan", "a.toml", "--compare", "a.toml"]
    )

    assert done.exit_code == 2, done.output
    assert "two plans are called" in done.output
    assert not (tmp_path / "report").exists()


def test_the_example_plan_is_printed_and_can_be_read(tmp_path):
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


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_of_deals_with_an_open_question_says_so(tmp_path, monkeypatch, language) -> None:
    """Amounts per month and per year in one column: the money on the page would be wrong."""
    table = simulate_deals(300, seed=4).deals.drop(columns="annual_value", errors="ignore")
    table["price"] = [100 if row % 2 else 1200 for row in range(len(table))]
    table["Interval"] = ["month" if row % 2 else "year" for row in range(len(table))]
    table.to_csv(tmp_path / "deals.csv", index=False)
    monkeypatch.chdir(tmp_path)
    spec = simulate_deals(300, seed=4).spec.replace(
        deals={"amount": "price", "amount_per": None}, decision={"policy": "risk"}
    )
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml(), encoding="utf-8")
    result = CliRunner().invoke(app, ["report", "deals.csv", "-o", "out", "--language", language])
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")

    assert result.exit_code == 0, result.output
    assert (
        "unsure: Interval: the amounts in 'price' are paid for different periods" in result.output
    )
    told = {"en": "A question about these deals is not answered yet", "zh": "一个问题尚未回答"}
    assert told[language] in page
    assert "several-periods" in page
    assert "英文原文" not in page
