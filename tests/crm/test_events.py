"""Events before a deal's closing are counted; no events is a known count of 0."""

from __future__ import annotations

from datetime import date

import numpy as np

from fitmodel.crm.reading import open_deals

CLOSED = "2026-03-10"
LONG_AGO = {"recorded_from": "2020-01-01"}


def _opened(deals, spec, events):
    return open_deals(deals, spec, {"calls": events})


def _table(deals, spec, events):
    return _opened(deals, spec, events).file.table


def test_only_events_before_the_closing_day_are_counted(make_spec, deals_of, events_of):
    events = events_of(
        ("D0", "2026-03-09T23:59:59", "call", "Ann", 10),
        ("D0", "2026-03-10", "call", "Bob", 10),  # on the day of closing
        ("D0", "2026-03-10T00:00:00", "call", "Bob", 10),
        ("D0", "2026-04-01", "call", "Bob", 10),
        ("D0", "2026-02-24", "call", "Cid", 10),  # 14 days before
        ("D0", "2026-02-23", "call", "Dan", 10),  # 15 days before
    )
    spec = make_spec(None, {"who": "who", "amount": "minutes", **LONG_AGO})

    row = _table(deals_of([CLOSED]), spec, events).iloc[0]

    assert row["calls_count_14d"] == 2
    assert row["calls_count_90d"] == 3
    assert row["calls_people_14d"] == 2
    assert row["calls_minutes_90d"] == 30
    assert row["calls_days_since_last"] == 1


def test_a_deal_without_events_has_counts_of_0(make_spec, deals_of, events_of):
    events = events_of(("D0", "2026-03-01", "call", "Ann", 5))
    spec = make_spec(None, {"who": "who", **LONG_AGO})

    row = _table(deals_of([CLOSED] * 2), spec, events).iloc[1]

    assert row["calls_count_14d"] == row["calls_count_90d"] == row["calls_people_90d"] == 0
    assert row["calls_days_since_last"] == 365
    assert row["calls_trend"] == 0


def test_counts_are_missing_before_events_were_recorded(make_spec, deals_of, events_of):
    events = events_of(
        ("D0", "2026-03-01", "call", "Ann", 5), ("D1", "2026-06-20", "call", "Ann", 5)
    )
    opened = _opened(deals_of(["2026-03-10", "2026-07-01"]), make_spec(None, {}), events)
    table = opened.file.table

    assert str(opened.spec.events["calls"].recorded_from) == "2026-03-01"
    assert table["calls_count_14d"].isna().tolist() == [True, False]
    assert table["calls_count_90d"].tolist()[1] == 1
    assert table["calls_days_since_last"].tolist() == [9, 11]  # a recorded event is known


def test_a_kind_of_event_gets_its_own_attributes_if_enough_deals_have_it(
    make_spec, deals_of, events_of
):
    events = events_of(
        *((f"D{n}", "2026-03-01", "E-Mail", "Ann", 5) for n in range(30)),
        ("D0", "2026-03-02", "e mail", "Ann", 5),
        ("D0", "2026-03-02", "rare", "Ann", 5),
    )
    opened = _opened(deals_of([CLOSED] * 30), make_spec(None, {"kind": "kind", **LONG_AGO}), events)

    assert opened.spec.events["calls"].kinds == ("e_mail",)
    assert opened.file.table["calls_e_mail_count_14d"].iloc[:2].tolist() == [2, 1]
    assert opened.file.table["calls_count_14d"].iloc[0] == 3
    findings = "\n".join(map(str, opened.file.findings))
    assert "1 kind(s) are not used" in findings
    assert "rare (1 deals)" in findings


def test_a_rare_kind_of_event_can_be_named_in_the_contract(make_spec, deals_of, events_of):
    events = events_of(("D0", "2026-03-02", "rare", "Ann", 5), ("D1", "2026-03-02", None, None, 5))
    spec = make_spec(None, {"kind": "kind", "kinds": ["rare", "never"], **LONG_AGO})

    table = _table(deals_of([CLOSED] * 2), spec, events)

    assert table["calls_rare_count_14d"].tolist() == [1, 0]
    assert table["calls_never_count_14d"].tolist() == [0, 0]


def test_the_trend_is_the_change_in_events_per_week(make_spec, deals_of, events_of):
    recent = [("D0", f"2026-03-0{day}", "call", "Ann", 1) for day in range(3, 10)]
    before = [("D0", "2026-02-15", "call", "Ann", 1), ("D0", "2026-02-20", "call", "Ann", 1)]
    spec = make_spec(None, {"windows_days": [7, 28], **LONG_AGO})

    trend = _table(deals_of([CLOSED]), spec, events_of(*recent, *before))["calls_trend"][0]

    assert np.isclose(trend, 7 - 2 / 3)


def test_bad_rows_are_counted_and_the_others_used(make_spec, deals_of, events_of):
    events = events_of(
        ("D0", "2026-03-02", "call", "Ann", "5"),
        (None, "2026-03-02", "call", "Ann", "5"),
        ("D0", None, "call", "Ann", "5"),
        ("D0", "2026-03-03", "call", None, "some"),
        ("other", "2026-03-03", "call", None, "5"),
    )
    spec = make_spec(None, {"who": "who", "amount": "minutes", **LONG_AGO})

    opened = _opened(deals_of([CLOSED]), spec, events)
    findings = "\n".join(map(str, opened.file.findings))

    assert "[events.calls] deal: 1 of 5 row(s) have no deal id" in findings
    assert "[events.calls] at: 1 of 5 row(s) have no readable date" in findings
    assert "1 of 5 row(s) have an amount that is not a number, and count as 0" in findings
    assert "1 of 2 id(s) are not among the deals" in findings
    row = opened.file.table.iloc[0]
    assert row[["calls_count_14d", "calls_people_14d", "calls_minutes_14d"]].tolist() == [2, 1, 5]


def test_events_in_the_future_are_not_counted(make_spec, deals_of, events_of):
    events = events_of(("D0", "2099-01-01", "call", "Ann", 5), ("D0", "2026-03-01", "x", "y", 1))
    prospects = deals_of([None])

    opened = open_deals(
        prospects, make_spec(None, LONG_AGO), {"calls": events}, as_of=date(2026, 3, 5)
    )

    assert opened.file.table["calls_count_90d"].tolist() == [1]
