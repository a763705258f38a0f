"""A table of the contract may be in a database."""

from __future__ import annotations

import sqlite3

import pytest

from fitmodel.crm.reading import open_deals
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import DealsError
from fitmodel.scoring.crm_tables import database_tables


@pytest.fixture
def stored(tmp_path):
    """A simulation whose activities are in a database, named in the contract."""
    sim = simulate_deals(60, seed=1, history=True)
    place = tmp_path / "crm.db"
    with sqlite3.connect(place) as connection:
        for name, table in sim.tables.items():
            table.astype(str).to_sql(name, connection, index=False)
    connection.close()
    sections = {name: each.model_dump() for name, each in sim.spec.events.items()}
    sections["activities"]["table"] = f"sqlite:///{place}/activities"
    return sim, sim.spec.replace(events=sections), place


def test_a_table_in_a_database_gives_what_a_frame_gives(stored):
    sim, spec, _ = stored
    expected = open_deals(sim.deals, sim.spec, sim.tables).file.table

    tables = database_tables(spec, {"fields": sim.tables["fields"]})

    assert set(tables) == {"fields", "activities"}
    assert open_deals(sim.deals, spec, tables).file.table.equals(expected)


def test_a_query_chooses_its_rows(stored):
    sim, spec, place = stored
    sections = {name: each.model_dump() for name, each in spec.events.items()}
    sections["activities"] |= {
        "table": f"sqlite:///{place}",
        "query": "select * from activities where kind = 'call'",
    }

    tables = database_tables(spec.replace(events=sections))

    assert set(tables["activities"]["kind"]) == {"call"}
    assert len(tables["activities"]) == (sim.tables["activities"]["kind"] == "call").sum()


def test_what_is_given_is_not_read_and_without_a_database_nothing_is(stored):
    sim, spec, _ = stored

    assert database_tables(spec, sim.tables) is sim.tables
    assert database_tables(sim.spec) is None


def test_a_url_that_nobody_read_is_refused_with_the_remedy(stored):
    sim, spec, _ = stored

    with pytest.raises(DealsError, match="database's URL, which is not read here.*database_tables"):
        open_deals(sim.deals, spec, {"fields": sim.tables["fields"]})
