"""Deals are read with their history once; the added values stay with the table."""

from __future__ import annotations

import pandas as pd
import pytest

import fitmodel
from fitmodel.crm.reading import ATTACHED, read_with_history


@pytest.fixture(scope="module")
def sim():
    return fitmodel.simulate_deals(400, seed=1, history=True)


def test_history_is_not_added_a_second_time(sim):
    read = read_with_history(sim.deals, sim.spec, tables=sim.tables)

    again = read_with_history(read.table, sim.spec)  # its history tables are not in this folder

    assert read.table.attrs[ATTACHED] == again.table.attrs[ATTACHED]
    pd.testing.assert_frame_equal(again.table, read.table)
    assert again.spec.events["activities"].kinds == ("email", "call", "meeting")


def test_the_contract_lists_the_fields_that_were_added(sim):
    read = read_with_history(sim.deals, sim.spec, tables=sim.tables)

    assert sim.spec.history["fields"].fields is None
    assert "seats" in read.spec.history["fields"].fields
    assert "created" not in read.spec.history["fields"].fields  # never has a value
    assert read.spec.events["activities"].recorded_from is not None


def test_without_tables_deals_are_read_as_they_are(sim):
    plain = sim.spec.replace(history={}, events={})

    table = fitmodel.read_deals(sim.deals, plain)

    assert ATTACHED not in table.attrs
    assert table["seats"].tolist() == sim.deals["seats"].tolist()


def test_a_frame_keeps_the_forms_of_its_file(tmp_path):
    path = tmp_path / "deals.csv"
    path.write_text(
        "signed;left;seats\n31-01-2025;01-03-2025;1.234,5\n01-05-2025;;40,25\n", encoding="utf-8"
    )
    roles = {"closed_on": "signed", "churned_on": "left", "observed_until": "2026-06-30"}

    table = fitmodel.read_deals(path, fitmodel.DealSpec(deals=roles), to_learn=False)

    assert table.attrs["fitmodel.reading"]["numbers"] == {"seats": "1.234,5"}
    assert table.attrs["fitmodel.reading"]["dates"] == {"signed": "day first"}
