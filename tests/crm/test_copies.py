"""Copies of events: with an id they are one event, without one they count and are reported."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fitmodel.checking import finding_results
from fitmodel.crm import _opening
from fitmodel.crm._events import read_events
from fitmodel.crm.reading import open_deals
from fitmodel.deals.contract import EventTable

CLOSED = ["2026-03-10"]
ROWS = (
    ("D0", "2026-03-01T10:15:00", "call", "Ann", 10),
    ("D0", "2026-03-01T10:15:00", "call", "Ann", 10),
    ("D0", "2026-03-01T10:15:00", "call", "Bob", 10),  # a second person in the same call
    ("D0", "2026-03-02", "email", "Ann", 0),
    ("D0", "2026-03-02", "email", "Ann", 0),  # two e-mails of a day
)
KEYS = {"who": "who", "amount": "minutes", "recorded_from": "2020-01-01"}


@pytest.fixture
def opened(make_spec, deals_of, events_of):
    """Deals with the attributes of these events."""

    def open_with(rows, **columns):
        keys = {name: columns.pop(name) for name in ("event_id", "copies") if name in columns}
        events = events_of(*rows).assign(**columns)
        spec = make_spec(None, {"kind": "kind"} | KEYS | keys)
        return open_deals(deals_of(CLOSED), spec, {"calls": events})

    return open_with


def counted(result):
    row = result.file.table.iloc[0]
    return int(row["calls_count_14d"]), int(row["calls_minutes_14d"])


def copy_findings(result):
    return [each for each in result.file.findings if "another row" in str(each)]


def test_equal_rows_with_a_time_of_day_count_and_are_reported_with_the_answers(opened):
    result = opened(ROWS)

    assert counted(result) == (5, 30)
    [finding] = copy_findings(result)
    assert (finding.code, finding.count) == ("copied_events", 1)
    assert "1 of 5 row(s) equal another row in every column that is read" in str(finding)
    for part in ("row 1: '2026-03-01T10:15:00'", 'event_id = "Id"', 'copies = "drop"', '"keep"'):
        assert part in str(finding)


def test_rows_with_the_same_event_id_are_one_event(opened):
    result = opened(ROWS, event_id="nr", nr=["a", "a", "b", "c", "d"])

    assert counted(result) == (4, 20)
    [finding] = copy_findings(result)
    assert "1 of 5 row(s) have the id of another row of their deal" in str(finding)
    # without an id, a row is an event of its own
    assert counted(opened(ROWS, event_id="nr", nr=[None, None, "b", "c", "c"])) == (4, 30)


def test_of_several_rows_of_an_event_the_earliest_counts_in_any_order(opened):
    rows = [("D0", "2026-03-20", "call", "Ann", 5), ("D0", "2026-03-01", "call", "Ann", 10)]
    for order in (rows, rows[::-1]):
        assert counted(opened(order, event_id="nr", nr=["a", "a"])) == (1, 10)


def test_the_contract_says_whether_equal_rows_are_dropped_or_kept(opened):
    dropped, kept = opened(ROWS, copies="drop"), opened(ROWS, copies="keep")

    assert counted(dropped) == (3, 20)
    assert "2 of 5 row(s) are copies of another row" in str(copy_findings(dropped)[0])
    assert counted(kept) == (5, 30)
    assert copy_findings(kept) == []


def test_equal_days_are_reported_only_if_most_rows_have_a_copy(opened):
    days = [("D0", f"2026-03-0{day}", "call", "Ann", 5) for day in range(1, 6)]

    assert copy_findings(opened([*days, *days[:2]])) == []
    [finding] = copy_findings(opened([*days, *days]))
    assert finding.count == 5


def test_a_check_of_copied_events_has_a_code(opened):
    result = opened(ROWS)
    read = SimpleNamespace(spec=result.spec, findings=result.file.findings)
    levels = {each.code: each.level for each in finding_results(read)}
    assert levels["FM364"] == "warning"


@pytest.mark.parametrize("answer", [{}, {"copies": "drop"}, {"event_id": "nr"}])
def test_a_large_table_read_in_parts_has_the_same_events_and_findings(
    answer, tmp_path, monkeypatch
):
    random = np.random.default_rng(7)
    table = pd.DataFrame(
        {
            "deal_id": random.integers(0, 20, 400).astype(str),
            "at": np.datetime64("2026-01-01T08:00") + random.integers(0, 40, 400) * 3_600,
            "kind": random.choice(["call", "email"], 400),
            "nr": random.integers(0, 250, 400).astype(str),
        }
    )
    table.to_parquet(tmp_path / "events.parquet")
    section = EventTable(
        table=str(tmp_path / "events.parquet"), id="deal_id", at="at", kind="kind", **answer
    )
    whole = read_events("calls", section)
    monkeypatch.setattr(_opening, "MAX_ROWS_IN_ONE_PART", 50)
    monkeypatch.setattr(_opening, "PART_ROWS", 60)
    monkeypatch.setattr(_opening, "PIECE_ROWS", 40)
    parts = read_events("calls", section)

    assert [str(each) for each in parts.findings] == [str(each) for each in whole.findings]
    assert len(whole.findings) == 1
    assert len(parts) == len(whole) <= 400
    by_deal = [dict(zip(log.ids, log.all_events.stops - log.all_events.starts, strict=True))
               for log in (whole, parts)]  # fmt: skip
    assert by_deal[0] == by_deal[1]
