"""Prospects get the same attributes from the tables as past deals."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.crm.columns import columns_of
from fitmodel.crm.prospects import add_history, open_history
from fitmodel.crm.reading import open_deals
from fitmodel.crm.requests import with_request_tables
from fitmodel.exceptions import ProspectError, SpecError

CLOSED = "2026-03-10"


class _Model:
    def __init__(self, spec):
        self.manifest = {"spec": spec.to_dict()}


@pytest.fixture
def learned(make_spec, deals_of, changes_of, events_of):
    """A contract as returned by training, and its tables."""
    history = changes_of(
        ("D0", "plan", "basic", "gold", "2026-01-01"),
        ("D0", "seats", "3", "5", "2026-01-02"),
        ("P1", "plan", "gold", "free", "2026-02-01"),
        ("P1", "plan", "free", "trial", "2026-06-01"),
    )
    events = events_of(
        ("D0", "2026-03-01", "call", "Ann", 5), ("P1", "2026-06-01", "mail", "Bob", 2)
    )
    spec = make_spec(
        {"old_value": "old", "stage": "plan"},
        {"kind": "kind", "who": "who", "amount": "minutes", "recorded_from": "2020-01-01"},
    )
    tables = {"fields": history, "calls": events}
    deals = deals_of([CLOSED, CLOSED], plan=["gold", "x"], seats=[5, 1])
    return open_deals(deals, spec, tables).spec, tables


def test_all_columns_named_by_the_contract_are_added(learned):
    spec, tables = learned
    prospects = pd.DataFrame({"deal_id": ["P1"], "plan": ["trial"], "seats": [2]})

    attached = add_history(prospects, _Model(spec), tables=tables)

    assert set(columns_of(spec)) <= set(attached.columns)
    assert [n for n in attached if n in columns_of(spec) and n not in prospects] == [
        name for name in columns_of(spec) if name not in prospects
    ]


def test_an_open_prospect_is_read_as_of_the_day_and_a_signed_deal_as_of_its_closing(learned):
    spec, tables = learned
    prospects = pd.DataFrame(
        {"deal_id": ["P1", "P1"], "plan": ["t", "t"], "seats": [1, 1], "closed_on": [None, CLOSED]}
    )

    def at(day):
        return add_history(prospects, _Model(spec), tables=tables, as_of=pd.Timestamp(day).date())

    assert at("2026-05-31")["plan"].tolist() == ["free", "free"]
    assert at("2026-06-01")["plan"].tolist() == ["trial", "free"]  # everything of that day is known
    assert at("2026-06-01")["calls_count_14d"].tolist() == [1, 0]


def test_a_prospect_without_history_keeps_the_values_of_its_row(learned):
    spec, tables = learned
    prospects = pd.DataFrame({"deal_id": ["new"], "plan": ["gold"], "seats": [9]})

    row = add_history(prospects, _Model(spec), tables=tables).iloc[0]

    assert (row["plan"], row["seats"]) == ("gold", 9)
    assert pd.isna(row["plan_changes"])
    assert row["calls_count_90d"] == 0


def test_a_request_can_contain_the_rows_of_its_prospect(learned):
    spec, tables = learned
    prospect = {"deal_id": "P1", "plan": "trial", "seats": 2}
    sent = {
        name: frame[frame["deal"] == "P1"].drop(columns="deal").to_dict("records")
        for name, frame in tables.items()
    }

    answer = with_request_tables({**prospect, "tables": sent}, spec)
    frame = add_history(pd.DataFrame([prospect]), _Model(spec), tables=tables)

    for name in columns_of(spec):
        expected = frame[name].iloc[0]
        assert answer[name] is None if pd.isna(expected) else answer[name] == expected


@pytest.mark.parametrize("own", [{}, {"deal_id": None}])
def test_a_prospect_without_an_id_gets_the_attributes_of_its_rows_and_no_id(learned, own):
    spec, _ = learned
    sent = {"calls": [{"at": "2026-01-01", "kind": "call", "who": "Ann", "minutes": 1}]}

    answer = with_request_tables({**own, "plan": "x", "seats": 2, "tables": sent}, spec)

    assert answer["calls_days_since_last"] <= 365
    assert answer.get("deal_id") is None


def test_a_table_missing_in_a_request_has_no_rows(learned):
    spec, _ = learned

    answer = with_request_tables({"plan": "x", "seats": 2, "tables": {}}, spec)

    assert answer["calls_count_90d"] == 0
    assert answer["plan"] == "x"
    assert with_request_tables({"plan": "x"}, spec) == {"plan": "x"}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"other": []}, "the model has no table 'other'; it has fields, calls"),
        ({"calls": "x"}, "calls must be a list of rows"),
        ([], "`tables` must be an object"),
        ({"calls": [{"at": "once"}]}, "not dates"),
    ],
)
def test_unreadable_rows_of_a_request_are_refused_with_a_message(learned, sent, message):
    spec, _ = learned

    with pytest.raises(ProspectError, match=message):
        with_request_tables({"plan": "x", "seats": 1, "tables": sent}, spec)


def test_tables_are_refused_for_a_model_without_history(make_spec):
    plain = _Model(make_spec())

    with pytest.raises(SpecError, match="it has none"):
        open_history(plain.manifest, {"fields": "x.csv"})
    with pytest.raises(ProspectError, match="names no tables"):
        with_request_tables({"tables": {}}, None)
    assert open_history(plain.manifest) is None


def test_prospects_that_have_their_attributes_keep_them(learned):
    spec, _ = learned

    assert open_history(_Model(spec).manifest, None, columns_of(spec)) is None


def test_prospects_without_ids_are_refused(learned):
    spec, tables = learned

    with pytest.raises(ProspectError, match="there is no column 'deal_id'"):
        add_history(pd.DataFrame({"plan": ["x"]}), _Model(spec), tables=tables)
