"""The source of each value is listed, for all deals or for one."""

from __future__ import annotations

import pytest

from fitmodel.crm.reading import open_deals
from fitmodel.crm.timeline import provenance, timeline
from fitmodel.exceptions import DealsError
from fitmodel.reports.console import timeline_text

CLOSED = "2026-03-10"


@pytest.fixture
def opened(make_spec, deals_of, changes_of, events_of):
    history = changes_of(
        ("D0", "plan", "free", "gold", "2026-02-01T10:00"),
        ("D0", "seats", "4", "1", "2026-06-01"),
        ("D1", "plan", "free", "gold", "2026-06-01"),
    )
    events = events_of(("D0", "2026-03-01", "call", "Ann", 5), ("D0", CLOSED, "mail", "Bob", 5))
    spec = make_spec({"old_value": "old"}, {"kind": "kind"})
    deals = deals_of([CLOSED] * 2, plan=["gold", "gold"], seats=[1, 7], size=["s", "m"])
    return open_deals(deals, spec, {"fields": history, "calls": events})


def test_every_value_has_its_source(opened):
    table = provenance(opened.today, opened.spec, opened.result).set_index(["id", "attribute"])

    assert table.loc[("D0", "plan"), "source"] == "last change before"
    assert str(table.loc[("D0", "plan"), "recorded_at"]) == "2026-02-01 10:00:00"
    assert table.loc[("D0", "seats"), ["value", "today", "source"]].tolist() == [
        "4",
        "1",
        "old value of a later change",
    ]
    assert table.loc[("D1", "plan"), "source"] == "not known"
    assert table["later_changes"].tolist() == [0, 0, 1, 0]


def test_the_timeline_of_a_deal_marks_changes_after_closing(opened):
    shown = timeline(opened.today, opened.spec, opened.tables, opened.result, "D0")
    text = timeline_text(shown)

    assert shown.records["known"].tolist() == [True, True, False, False]
    assert "seats: 4, today 1; old value of a later change; 1 later change(s)" in text
    assert "    2026-03-01 00:00  [events.calls]  call" in text
    assert "  x 2026-03-10 00:00  [events.calls]  mail" in text
    with pytest.raises(DealsError, match="0 of 2 deals have the id 'D9'"):
        timeline(opened.today, opened.spec, opened.tables, opened.result, "D9")
