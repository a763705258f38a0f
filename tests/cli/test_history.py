"""`fitmodel attributes`, `snapshot` and `check` with a history: arguments and output."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "history"


@pytest.fixture
def home(tmp_path, monkeypatch):
    shutil.copytree(EXAMPLES, tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_attributes_are_written_with_their_source(home, suffix):
    done = run("attributes", "deals.csv", "-c", "salesforce.toml", "-o", f"known{suffix}")

    assert done.exit_code == 0, done.output
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    table, sources = read(home / f"known{suffix}"), read(home / f"known.provenance{suffix}")
    assert table["Seats__c"].tolist() == [40, 12, 20]
    assert set(sources["source"]) == {
        "last change before",
        "old value of a later change",
        "never changed",
    }
    assert "attributes of 3 deals" in done.output


def test_an_output_of_another_format_is_refused_before_anything_is_computed(home):
    (home / "salesforce_field_history.csv").unlink()  # it would be read next
    done = run("attributes", "deals.csv", "-c", "salesforce.toml", "-o", "known.txt")

    assert done.exit_code == 2
    assert "--output known.txt is neither .csv nor .parquet" in done.output


@pytest.mark.usefixtures("home")
def test_the_timeline_of_one_deal_is_shown():
    done = run("attributes", "deals.csv", "-c", "salesforce.toml", "--id", "0065g00000AAAA1AAA")

    assert done.exit_code == 0, done.output
    assert "Seats__c: 40, today 2; last changed 2026-02-20 10:01" in done.output
    assert "x 2026-03-10 14:00  [history.fields]  StageName: Closed Won" in done.output


def test_another_history_table_can_be_named(home):
    (home / "salesforce_field_history.csv").rename(home / "other.csv")
    missing = run("attributes", "deals.csv", "-c", "salesforce.toml")
    named = run("attributes", "deals.csv", "-c", "salesforce.toml", "--table", "fields=other.csv")
    wrong = run("attributes", "deals.csv", "-c", "salesforce.toml", "--table", "other.csv")

    assert missing.exit_code == 1
    assert "there is no file or folder salesforce_field_history.csv" in missing.output
    assert named.exit_code == 0, named.output
    assert wrong.exit_code == 2
    assert "--table takes NAME=PATH" in wrong.output


def test_the_error_for_a_contract_without_tables_says_what_to_add(home):
    text = (home / "salesforce.toml").read_text().split("[history.fields]")[0]
    (home / "plain.toml").write_text(text)

    done = run("attributes", "deals.csv", "-c", "plain.toml")

    assert done.exit_code == 2
    assert "names no table beside the deals" in done.output


@pytest.mark.usefixtures("home")
def test_a_snapshot_is_stored_once_a_day():
    first = run("snapshot", "deals.csv", "--id", "Id", "--day", "2026-03-01")
    again = run("snapshot", "deals.csv", "-c", "salesforce.toml", "--day", "2026-03-01")

    assert first.exit_code == again.exit_code == 0, first.output + again.output
    assert "3 rows, written; 1 day(s)" in first.output
    assert 'day = "snapshot_on"' in first.output
    assert "3 rows, was there already, and stays; 1 day(s)" in again.output
    pd.read_csv("deals.csv").head(1).to_csv("other.csv", index=False)
    other = run("snapshot", "other.csv", "--id", "Id", "--day", "2026-03-01")
    assert "3 rows, was there already, and stays (the 1 rows given were not saved" in other.output
    assert run("snapshot", "deals.csv", "--id", "Nr").exit_code == 1
    assert "say which column holds the ids" in run("snapshot", "deals.csv").output


@pytest.mark.slow
def test_check_reports_values_that_would_have_leaked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sim = simulate_deals(1200, seed=1, history=True)
    sim.deals.to_csv("deals.csv", index=False)
    sim.tables["fields"].to_parquet("field_history.parquet")
    sim.tables["activities"].to_parquet("activities.parquet")
    Path("fitmodel.toml").write_text(sim.spec.to_toml())

    done = run("check", "deals.csv")

    assert done.exit_code == 0, done.output
    assert "leakage avoided" in done.output
    assert "decision_maker_known: " in done.output
    assert "its name suggests that it is known only after closing" not in done.output
