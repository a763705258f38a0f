"""Values changed after closing are counted, and the apparent skill they would add is measured."""

from __future__ import annotations

import pytest

from fitmodel.crm.reading import open_deals
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.deals.reading import read_deals_with_findings
from fitmodel.leakage.audit import audit, later_values


@pytest.fixture(scope="module")
def read():
    sim = simulate_deals(1500, seed=1, history=True)
    opened = open_deals(sim.deals, sim.spec, sim.tables)
    deals = read_deals_with_findings(opened.file, opened.spec)
    return sim, opened, view_of(deals.table, deals.spec)


def test_only_the_planted_leaks_are_found(read):
    sim, opened, view = read

    results = later_values(opened.today, opened.result, view)

    assert {item.column for item in results} == {"seats", "decision_maker_known"}
    for item in results:
        table = opened.file.table
        other = table[item.column].astype(object) != sim.deals[item.column].astype(object)
        assert item.deals == int(other.sum())
        assert item.known == len(sim.deals)
        assert item.among_leavers > 1.5 * item.among_others
        assert item.auc_today > item.auc_then + 0.05


def test_unchanged_values_are_not_reported(read):
    _, opened, view = read
    same = opened.today.assign(**{name: opened.file.table[name] for name in ("seats",)})

    results = later_values(same, opened.result, view)

    assert [item.column for item in results] == ["decision_maker_known"]


def test_attributes_recorded_before_closing_are_not_suspected_by_name(read):
    _, opened, view = read

    warned = {
        item.attribute for item in audit(view, opened.spec).findings if item.verdict != "fine"
    }

    assert not [name for name in warned if name.startswith("activities_")]
    assert "seats" not in warned
