"""Deals are read with their history once; the added values stay with the table."""

from __future__ import annotations

import pandas as pd
import pytest

import fitmodel
from fitmodel.crm.reading import ATTACHED, open_deals, read_with_history


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


def handed_over(*, row, shape="changes"):
    """Deals that are all Lee's today; until 40 days after closing every second was Kim's."""
    sim = fitmodel.simulate_deals(200, seed=1)
    deals = sim.deals.assign(rep="Lee")
    kims = deals.index[::2]
    changed = deals.loc[kims, "closed_on"] + pd.Timedelta(days=40)
    if shape == "changes":
        table = pd.DataFrame(
            {"id": deals.loc[kims, "deal_id"], "field": "rep", "old": row[0], "new": row[1],
             "at": changed}
        )  # fmt: skip
        section = {"field": "field", "value": "new", "old_value": "old", "changed_at": "at"}
    else:
        first = deals.loc[kims, "closed_on"] - pd.Timedelta(days=90)
        table = pd.concat(
            pd.DataFrame({"id": deals.loc[kims, "deal_id"], "rep": name, "since": since})
            for name, since in zip(row, (first, changed), strict=True)
        )
        section = {"valid_from": "since"}
    spec = sim.spec.replace(history={"fields": {"table": "h.csv", "id": "id", **section}})
    return deals, spec, {"fields": table}, kims


@pytest.mark.parametrize("shape", ["changes", "versions"])
def test_a_deal_that_changes_hands_after_closing_is_the_signers(shape):
    deals, spec, tables, kims = handed_over(row=("Kim", "Lee"), shape=shape)
    read = open_deals(deals, spec, tables)

    expected = pd.Series("Lee", deals.index).mask(deals.index.isin(kims), "Kim")
    assert read.file.table["rep"].tolist() == expected.tolist()
    (finding,) = [each for each in read.file.findings if each.column == "rep"]
    assert finding.count == len(kims)
    assert "changed hands after closing" in finding.message
    assert set(read.today["rep"]) == {"Lee"}


@pytest.mark.parametrize("hours", [0, 9, 23])
def test_a_deal_handed_over_on_the_day_of_closing_is_the_sellers_before_that_day(hours):
    deals, spec, tables, kims = handed_over(row=("Kim", "Lee"))
    closed = deals.loc[kims, "closed_on"]
    tables["fields"]["at"] = closed.to_numpy() + pd.Timedelta(hours=hours)
    tables["fields"].loc[tables["fields"].index[:3], "at"] += pd.Timedelta(days=2)
    read = open_deals(deals, spec, tables)

    expected = pd.Series("Lee", deals.index).mask(deals.index.isin(kims), "Kim")
    assert read.file.table["rep"].tolist() == expected.tolist()
    (finding,) = [each for each in read.file.findings if each.column == "rep"]
    assert f"{len(kims)} deal(s) changed hands after closing ({len(kims) - 3} on the day of" in (
        finding.message
    )


def test_a_deal_that_changes_hands_before_closing_is_the_last_sellers():
    deals, spec, tables, _ = handed_over(row=("Kim", "Lee"))
    tables["fields"]["at"] -= pd.Timedelta(days=60)

    assert set(open_deals(deals, spec, tables).file.table["rep"]) == {"Lee"}


def test_sellers_that_the_history_writes_in_another_way_are_not_used():
    deals, spec, tables, _ = handed_over(row=("0055g00000A", "0055g00000B"))

    assert set(open_deals(deals, spec, tables).file.table["rep"]) == {"Lee"}
