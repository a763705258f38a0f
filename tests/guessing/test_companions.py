"""Tables of changes and activities next to the deals are proposed, but not used unless asked."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DealsError
from fitmodel.guessing import companions
from fitmodel.guessing.companions import with_companions
from fitmodel.guessing.guess import guess_spec
from fitmodel.tables.files import read_file

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "history"


def _proposed(folder, *files, named=()):
    """The contract and the notes for deals stored next to copies of some files."""
    for name in ("deals.csv", *files):
        shutil.copy(EXAMPLES / name, folder)
    path = folder / "deals.csv"
    file = read_file(path)
    guess, notes = with_companions(guess_spec(file), file, path, named)
    return DealSpec(**tomllib.loads(guess.toml)), notes, guess.toml


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        (
            "salesforce_field_history.csv",
            {
                "id": "OpportunityId",
                "field": "Field",
                "value": "NewValue",
                "old_value": "OldValue",
                "changed_at": "CreatedDate",
                "stage": "StageName",
            },
        ),
        (
            "hubspot_history.csv",
            {
                "id": "deal_id",
                "field": "property",
                "value": "value",
                "changed_at": "timestamp",
                "stage": "StageName",
            },
        ),
        (
            "scd2.csv",
            {
                "id": "opportunity_id",
                "valid_from": "dbt_valid_from",
                "valid_to": "dbt_valid_to",
                "stage": "StageName",
            },
        ),
        (
            "fivetran_history.csv",
            {
                "id": "opportunity_id",
                "valid_from": "_fivetran_start",
                "valid_to": "_fivetran_end",
                "stage": "StageName",
            },
        ),
    ],
)
def test_history_tables_of_vendors_are_recognised_by_their_columns(tmp_path, file, keys):
    spec, notes, _ = _proposed(tmp_path, file)

    (section,) = spec.history.values()
    assert section.model_dump(exclude_defaults=True) == {
        "table": (tmp_path / file).as_posix(),
        **keys,
    }
    assert "3 of 3 deals are in it" in notes[0]


def test_activity_tables_are_recognised(tmp_path):
    spec, notes, toml = _proposed(tmp_path, "salesforce_tasks.csv")

    assert spec.events["activities"].model_dump(exclude_defaults=True) == {
        "table": (tmp_path / "salesforce_tasks.csv").as_posix(),
        "id": "WhatId",
        "at": "ActivityDate",
        "kind": "TaskSubtype",
        "who": "WhoId",
        "event_id": "Id",
    }
    assert "7 rows of 2 kinds (Call, Email); 2 of 3 deals are in it" in notes[0]
    assert "2 of 3 deals are in it" in toml


def test_a_table_with_other_ids_is_reported_and_not_used(tmp_path):
    table = pd.read_csv(EXAMPLES / "salesforce_field_history.csv")
    table["OpportunityId"] = table["OpportunityId"].str[:15]  # Salesforce's short ids
    table.to_csv(tmp_path / "history.csv", index=False)

    spec, notes, toml = _proposed(tmp_path)

    assert not spec.history
    assert (
        "0 of 3 deals are in it; NOT used: the deals have ids such as '0065g00000AAAA1AAA'"
        in (notes[0])
    )
    assert "'OpportunityId' has ids such as '0065g00000AAAA1'" in notes[0]
    assert '# [history.fields]\n# table = "' in toml
    assert "# value = " in toml


def test_an_unreadable_table_is_reported_and_not_used(tmp_path):
    table = pd.read_csv(EXAMPLES / "salesforce_tasks.csv")
    table.assign(ActivityDate="soon").to_csv(tmp_path / "tasks.csv", index=False)

    spec, notes, _ = _proposed(tmp_path)

    assert not spec.events
    assert "NOT used: [events.activities] ActivityDate: 7 of 7 values are not dates" in notes[0]


def test_unrelated_tables_are_ignored_and_large_tables_are_reported(tmp_path, monkeypatch):
    pd.DataFrame({"price": [1, 2], "plan": ["a", "b"]}).to_csv(tmp_path / "prices.csv", index=False)
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "link.csv").symlink_to(tmp_path / "gone.csv")
    spec, notes, toml = _proposed(tmp_path, "hubspot_deals.json")
    monkeypatch.setattr(companions, "MAX_BYTES", 10)
    _, large, _ = _proposed(tmp_path)

    assert not spec.history
    assert not spec.events
    assert len(notes) == 1
    assert "convert it into a table with docs/examples/history/hubspot_flatten.py" in notes[0]
    assert "# [history.fields]             # a row per change" in toml
    assert any("prices.csv is large and was not read" in text for text in large)


def test_a_named_table_that_is_not_recognised_is_refused(tmp_path):
    (tmp_path / "other").mkdir()
    path = tmp_path / "other" / "prices.csv"
    pd.DataFrame({"price": [1, 2], "plan": ["a", "b"]}).to_csv(path, index=False)

    with pytest.raises(DealsError, match="is not recognised .* by its columns: price, plan"):
        _proposed(tmp_path, named=(path,))


def test_the_init_command_writes_the_recognised_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crm").mkdir()
    shutil.copy(EXAMPLES / "deals.csv", tmp_path)
    shutil.copy(EXAMPLES / "salesforce_tasks.csv", tmp_path / "crm" / "tasks.csv")

    done = CliRunner().invoke(app, ["init", "deals.csv", "--table", "crm/tasks.csv"])
    attributes = CliRunner().invoke(app, ["attributes", "deals.csv"])

    assert done.exit_code == 0, done.output
    assert "table: crm/tasks.csv as [events.activities]: 7 rows of 2 kinds" in done.output
    assert attributes.exit_code == 0, attributes.output
    assert "activities_call_count_14d" in attributes.output


@pytest.mark.parametrize(
    ("ids", "known"),
    [
        (["a", "b", "c", "d", "e", "f", "f"], True),  # the last row is exported twice
        (["a", "a", "a", "b", "b", "b", "b"], False),  # of something that has many events
        (["a", "b", "c", "d", "e", "f", None], False),
    ],
)
def test_the_id_of_an_event_is_recognised_by_its_name_and_values(tmp_path, ids, known):
    tasks = pd.read_csv(EXAMPLES / "salesforce_tasks.csv").assign(Id=ids)
    tasks.to_csv(tmp_path / "tasks.csv", index=False)

    spec, _, _ = _proposed(tmp_path)

    assert spec.events["activities"].event_id == ("Id" if known else None)


def test_the_tables_of_a_simulated_company_are_recognised(tmp_path):
    sim = simulate_deals(150, seed=1, history=True)
    sim.deals.to_csv(tmp_path / "deals.csv", index=False)
    for name, table in sim.tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    file = read_file(tmp_path / "deals.csv")
    guess, notes = with_companions(guess_spec(file), file, tmp_path / "deals.csv")
    spec = DealSpec(**tomllib.loads(guess.toml))

    assert (set(spec.history), set(spec.events)) == ({"fields"}, {"activities"})
    assert spec.events["activities"].at == "happened_at"
    assert all("150 of 150 deals are in it" in text for text in notes)
