"""A contract of deals with a history and events, and small tables of each."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec

ROLES = {
    "id": "deal_id",
    "closed_on": "closed_on",
    "churned_on": "churned_on",
    "observed_until": "2026-09-01",
}
CHANGES = {
    "table": "history.csv",
    "id": "deal",
    "field": "field",
    "value": "new",
    "changed_at": "at",
}
EVENTS = {"table": "events.csv", "id": "deal", "at": "at"}


@pytest.fixture
def make_spec():
    """A contract from keys of the table of changes and of the table of events, if given."""

    def make(changes=None, events=None, **sections):
        tables = {}
        if changes is not None:
            tables["history"] = {"fields": CHANGES | changes}
        if events is not None:
            tables["events"] = {"calls": EVENTS | events}
        return DealSpec(deals=ROLES, **tables, **sections)

    return make


@pytest.fixture
def deals_of():
    """A table of past deals: a row per closing date, with current values."""

    def make(closed, **columns):
        ids = [f"D{number}" for number in range(len(closed))]
        return pd.DataFrame(
            {"deal_id": ids, "closed_on": closed, "churned_on": [None] * len(closed), **columns}
        )

    return make


@pytest.fixture
def changes_of():
    """A table of changes: rows of deal, field, old value, new value and time."""

    def make(*rows):
        return pd.DataFrame(rows, columns=["deal", "field", "old", "new", "at"])

    return make


@pytest.fixture
def events_of():
    """A table of events: rows of deal, time, kind, who and minutes."""

    def make(*rows):
        return pd.DataFrame(rows, columns=["deal", "at", "kind", "who", "minutes"])

    return make
