"""`fitmodel export sql`: arguments and output."""

from __future__ import annotations

from datetime import date

import pytest
from typer.testing import CliRunner

import fitmodel
from fitmodel.bundle.store import write_bundle
from fitmodel.cli.main import app
from fitmodel.cli.scoring import SqlDialect
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.model._sql import SQL_DIALECTS
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer


@pytest.fixture(scope="module")
def home(tmp_path_factory, learned_on):
    """A folder with a model."""
    folder = tmp_path_factory.mktemp("home")
    policy = Policy("threshold", 0.3, None, "")
    scorer = Scorer(learned_on(700, seed=5).scorecard, policy, "annual_value", "closed_on", "")
    write_bundle(folder, "fit", files={SCORER_FILE: scorer.to_json()}, manifest={})
    return folder


def export(home, monkeypatch, *arguments):
    monkeypatch.chdir(home)
    return CliRunner().invoke(app, ["export", "sql", "--model", "fit", *arguments])


def test_every_dialect_can_be_selected():
    assert tuple(SqlDialect) == SQL_DIALECTS


def test_the_sql_file_scores_a_table_like_predict(home, monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    result = export(home, monkeypatch, "--dialect", "duckdb", "--table", "crm.deals",
                    "--reasons", "1", "-o", "out/score.sql")  # fmt: skip
    deals = simulate_deals(40, seed=8).deals

    with duckdb.connect() as connection:
        connection.register("given", deals)
        connection.execute("create schema crm; create table crm.deals as from given")
        query = (home / "out" / "score.sql").read_text("utf-8")
        scored = connection.sql(query).df().set_index("deal_id").loc[deals["deal_id"]]

    expected = fitmodel.load(home / "fit").predict(deals, reasons=1)
    probability = expected["early_churn_probability"].to_numpy()
    assert scored["early_churn_probability"].to_numpy() == pytest.approx(probability, abs=1e-9)
    assert scored["reason_1"].tolist() == [row[0].attribute for row in expected["reasons"]]
    assert result.exit_code == 0
    assert "kB of SQL for duckdb" in result.output


def test_without_a_file_the_statement_is_printed(home, monkeypatch):
    result = export(home, monkeypatch, "--dialect", "bigquery", "--as-of", "2026-01-31")

    assert result.exit_code == 0
    assert result.stdout == fitmodel.load(home / "fit").to_sql("bigquery", as_of=date(2026, 1, 31))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dialect", "duckdb", "--as-of", "31.1.2026"], "give it as YYYY-MM-DD"),
        (["--dialect", "duckdb", "--table", "a b"], "is not a table"),
        (["--dialect", "duckdb", "--absent", "seats"], "needs ['seats']"),
        (["--dialect", "oracle"], "oracle"),
    ],
)
def test_invalid_arguments_are_wrong_usage_and_write_nothing(home, monkeypatch, arguments, message):
    result = export(home, monkeypatch, *arguments, "-o", "never.sql")

    assert result.exit_code == 2
    assert message in result.output
    assert not (home / "never.sql").exists()
