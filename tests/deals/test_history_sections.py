"""The sections [history.*] and [events.*]: required keys, contradictions, defaults."""

from __future__ import annotations

import tomllib

import pytest

from fitmodel.deals.contract import DealSpec, EventTable, HistoryTable
from fitmodel.exceptions import SpecError

ROLES = {"id": "id", "closed_on": "closed", "churned_on": "left", "observed_until": "2026-01-01"}
CHANGES = {"table": "h.csv", "id": "deal", "field": "f", "value": "new", "changed_at": "at"}
EVENTS = {"table": "e.csv", "id": "deal", "at": "day"}


def _spec(**sections):
    return DealSpec(deals=ROLES, **sections)


def test_a_contract_with_tables_is_written_and_read_back_as_toml_and_json():
    spec = _spec(
        history={"fields": CHANGES | {"old_value": "old", "names": {"A": "a"}}},
        events={"calls": EVENTS | {"windows_days": [90, 7], "recorded_from": "2024-01-01"}},
        attributes={"known_before_days": 7},
    )

    assert DealSpec(**tomllib.loads(spec.to_toml())) == spec
    assert DealSpec(**spec.to_dict()) == spec
    assert spec.events["calls"].windows_days == (7, 90)
    assert spec.replace(label={"horizon_months": 3}).history == spec.history


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"history": {"f": CHANGES | {"valid_from": "v"}}}, "given are changed_at and valid_from"),
        (
            {"history": {"f": CHANGES | {"table": "postgresql://me:secret@crm/db/t"}}},
            r"\[history.f\] table holds a password.*PGPASSWORD",
        ),
        (
            {"events": {"e": EVENTS | {"table": "postgresql://crm/db/t?password=secret"}}},
            r"\[events.e\] table holds a password",
        ),
        ({"history": {"f": {"table": "h", "id": "i"}}}, "needs one column of times"),
        ({"history": {"f": {**CHANGES, "value": None}}}, "field and value need each other"),
        ({"history": {"f": {"table": "h", "id": "i", "changed_at": "t"}}}, "needs field and value"),
        (
            {"history": {"f": {"table": "h", "id": "i", "day": "t", "stages": ["a"]}}},
            r"\[history.f\] stages needs stage",
        ),
        (
            {"history": {"f": {"table": "h", "id": "i", "day": "t", "valid_to": "z"}}},
            "valid_to needs valid_from",
        ),
        ({"history": {"f": CHANGES | {"time_zone": "Mars"}}}, r"\[history.f\] time_zone is a name"),
        ({"history": {"f": CHANGES | {"idd": "x"}}}, r"no key 'idd'; did you mean 'id'"),
        ({"history": {"f": {"table": "h", "day": "t"}}}, r"\[history.f\] lacks id"),
        ({"history": {"a b": CHANGES}}, r"\[history.a b\] is not a name"),
        ({"history": {"table": "x"}}, r"write \[history.NAME\] above it"),
        ({"history": ["x"]}, r"\[history\] holds tables"),
        ({"events": {"e": EVENTS | {"windows_days": [0]}}}, "windows_days must be greater than 0"),
        ({"events": {"e": EVENTS | {"kinds": ["call"]}}}, "kinds needs kind"),
        ({"events": {"e": EVENTS | {"recorded_from": "soon"}}}, "recorded_from must be a date"),
        ({"history": {"x": CHANGES}, "events": {"x": EVENTS}}, "has the name of"),
        ({"attributes": {"known_before_days": -1}}, "known_before_days must be at least 0"),
    ],
)
def test_contradictory_settings_are_refused_with_the_name_of_the_section(sections, message):
    with pytest.raises(SpecError, match=message):
        _spec(**sections)


def test_tables_need_ids_and_closing_dates():
    with pytest.raises(SpecError, match=r"\[deals\] id is missing"):
        DealSpec(deals={k: v for k, v in ROLES.items() if k != "id"}, events={"e": EVENTS})
    with pytest.raises(SpecError, match=r"\[deals\] closed_on is missing"):
        DealSpec(deals={"tenure_months": "t", "churned": "c", "id": "i"}, events={"e": EVENTS})


def test_a_refused_password_is_not_repeated():
    with pytest.raises(SpecError) as error:
        _spec(history={"f": CHANGES | {"table": "postgresql://me:secret@crm/db/t"}})

    assert "secret" not in str(error.value)


def test_a_user_without_a_password_may_be_named():
    url = "postgresql://me@crm/db/sales.history"

    assert _spec(history={"f": CHANGES | {"table": url}}).history["f"].table == url


@pytest.mark.parametrize(
    ("keys", "key", "column", "long"),
    [
        ({"field": "f", "value": "v", "changed_at": "at"}, "changed_at", "at", True),
        ({"valid_from": "begin", "valid_to": "end"}, "valid_from", "begin", False),
        ({"day": "taken on"}, "day", "taken on", False),
    ],
)
def test_each_form_of_history_table_has_its_time_column(keys, key, column, long):
    table = HistoryTable(table="h.csv", id="nr", **keys)
    assert (table.time_key, table.time, table.is_long) == (key, column, long)


def test_events_have_a_time_column_and_sorted_windows():
    events = EventTable(table="e.csv", id="nr", at="when", windows_days=(90, 14, 90))
    assert events.time_key == "at"
    assert events.windows_days == (14, 90)
    assert EventTable(table="e.csv", id="nr", at="when").windows_days == (14, 90)


@pytest.mark.parametrize("day", ["2024-03-01", "2024-03-01T10:30:00", " 2024-03-01 "])
def test_recorded_from_must_be_a_date(day):
    events = EventTable(table="e.csv", id="nr", at="when", recorded_from=day)
    assert str(events.recorded_from) == "2024-03-01"
    assert EventTable(table="e.csv", id="nr", at="when").recorded_from is None
    with pytest.raises(SpecError, match="recorded_from must be a date such as 2023-01-31"):
        EventTable(table="e.csv", id="nr", at="when", recorded_from="March")
