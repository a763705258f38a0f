"""History of prospects in a service: from the request, a database or files."""

from __future__ import annotations

import os
import sqlite3

import pandas as pd
import pytest

from fitmodel.crm.columns import columns_of
from fitmodel.crm.prospects import add_history
from fitmodel.crm.reading import open_deals
from fitmodel.crm.requests import RequestHistories, RequestHistory
from fitmodel.exceptions import DatabaseError, ProspectError
from fitmodel.tables.cells import level_text

CLOSED = "2026-03-10"


class _Model:
    def __init__(self, spec):
        self.manifest = {"spec": spec.to_dict()}
        self.attributes = columns_of(spec)


@pytest.fixture
def tables(changes_of, events_of):
    history = changes_of(
        ("D0", "plan", "basic", "gold", "2026-01-01"),
        ("D0", "seats", "3", "5", "2026-01-02"),
        ("P1", "seats", "3", "4", "2026-02-01"),
        ("P1", "plan", "gold", "free", "2026-02-01"),
        ("P2", "seats", "1", "8", "2026-02-02"),
    )
    events = events_of(
        ("D0", "2026-03-01", "call", "Ann", 5),
        ("P1", "2026-06-01", "call", "Bob", 2),
        ("P1", "2026-06-03", "call", "Bob", 2),
    )
    return {"fields": history, "calls": events}


@pytest.fixture
def stored(tables, tmp_path, monkeypatch):
    """The tables as files and in a database, in the current folder."""
    monkeypatch.chdir(tmp_path)
    tables["fields"].to_csv("history.csv", index=False)
    tables["calls"].to_csv("events.csv", index=False)
    with sqlite3.connect("crm.db") as connection:
        for name, table in tables.items():
            table.to_sql(name, connection, index=False)
    connection.close()
    return tmp_path


@pytest.fixture
def model_of(make_spec, deals_of, tables):
    def make(**tables_given):
        changes = {"old_value": "old", "table": tables_given.get("fields", "history.csv")}
        events = {"recorded_from": "2020-01-01", "table": tables_given.get("calls", "events.csv")}
        deals = deals_of([CLOSED, CLOSED], plan=["gold", "x"], seats=[5, 1])
        return _Model(open_deals(deals, make_spec(changes, events), tables).spec)

    return make


PROSPECTS = [
    {"deal_id": "P1", "plan": "trial", "seats": 2},
    {"deal_id": "P2", "plan": "gold", "seats": "8"},
    {"deal_id": "new", "plan": None, "seats": 7.5},
]
IN_DATABASE = {"fields": "sqlite:///crm.db/fields", "calls": "sqlite:///crm.db/calls"}


def _none(value):
    return None if pd.isna(value) else value


def _attached(model, prospects):
    return RequestHistory(model.manifest).attached(prospects, model.attributes)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("tables_given", [{}, IN_DATABASE, {"calls": IN_DATABASE["calls"]}])
def test_files_and_databases_give_the_same_attributes_as_frames(model_of, tables, tables_given):
    model = model_of(**tables_given)

    answers = _attached(model, PROSPECTS)

    for prospect, answer in zip(PROSPECTS, answers, strict=True):
        frame = add_history(pd.DataFrame([prospect]), model, tables=tables)
        assert answer.keys() == {*prospect, *model.attributes}
        for name in model.attributes:
            assert level_text(answer[name]) == level_text(_none(frame[name].iloc[0])), name


@pytest.mark.usefixtures("stored")
def test_several_prospects_get_the_same_attributes_as_each_alone(model_of):
    model = model_of()
    alone = [_attached(model, [each])[0] for each in PROSPECTS]

    for answer, single in zip(_attached(model, PROSPECTS), alone, strict=True):
        assert {name: level_text(value) for name, value in answer.items()} == {
            name: level_text(value) for name, value in single.items()
        }


@pytest.mark.usefixtures("stored")
def test_only_the_requested_ids_are_read_from_a_database(model_of, monkeypatch):
    from fitmodel.crm import _opening

    asked = []
    read = _opening.read_rows

    def noted(url, query, only):
        asked.append(only)
        return read(url, query, only)

    monkeypatch.setattr(_opening, "read_rows", noted)
    _attached(model_of(**IN_DATABASE), PROSPECTS[:2])

    assert asked == [("deal", ["P1", "P2"])] * 2


@pytest.mark.usefixtures("stored")
def test_a_file_is_read_again_when_it_changes(model_of, tables):
    model = model_of()
    history = RequestHistory(model.manifest)
    (before,) = history.attached(PROSPECTS[:1], model.attributes)

    tables["fields"].assign(new="77").to_csv("history.csv", index=False)
    os.utime("history.csv", (1, 1))
    (after,) = history.attached(PROSPECTS[:1], model.attributes)

    assert (float(before["seats"]), float(after["seats"])) == (4, 77)


@pytest.mark.usefixtures("stored")
def test_rows_of_the_request_are_used_and_other_tables_are_read(model_of):
    model = model_of(calls=IN_DATABASE["calls"])
    rows = [{"field": "seats", "old": "3", "new": "99", "at": "2026-02-01"}]

    (answer,) = _attached(model, [{**PROSPECTS[0], "tables": {"fields": rows}}])

    assert float(answer["seats"]) == 99
    assert answer["calls_days_since_last"] < 365  # from the database


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("prospect", "message"),
    [
        ({"plan": "x", "seats": 1}, "send deal_id, by which .* or the rows of the prospect"),
        ({"deal_id": ["P1"], "plan": "x", "seats": 1}, "send deal_id"),
        ({"deal_id": "P1", "tables": {"other": []}}, "the model has no table 'other'"),
    ],
)
def test_a_prospect_with_invalid_history_is_refused_and_the_others_are_answered(
    model_of, prospect, message
):
    model = model_of()

    refused, answer = _attached(model, [prospect, PROSPECTS[0]])

    assert isinstance(refused, ProspectError)
    with pytest.raises(ProspectError, match=message):
        raise refused
    assert answer["deal_id"] == "P1"


def test_the_error_for_a_missing_file_names_both_remedies(model_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    (refused,) = _attached(model_of(), PROSPECTS[:1])

    with pytest.raises(ProspectError, match="no file or folder history.csv.*rows as `tables`"):
        raise refused


def test_a_database_that_does_not_answer_is_not_reported_as_a_prospect_error(
    model_of, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DatabaseError, match=r"\[history.fields\]: there is no file crm.db"):
        _attached(model_of(**IN_DATABASE), PROSPECTS[:1])


def test_complete_prospects_and_invalid_items_are_returned_unchanged(model_of):
    model = model_of()
    ready = dict.fromkeys(model.attributes, 1)

    assert _attached(model, [ready, 7, None]) == [ready, 7, None]


def test_each_model_has_its_own_history_tables(model_of, make_spec):
    histories, model = RequestHistories(), model_of()

    assert histories.of(model) is histories.of(model)
    assert histories.of(_Model(make_spec())).spec is None
