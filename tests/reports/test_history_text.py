"""The history of a deal on the command line, in both languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.crm.timeline import SOURCES, Timeline
from fitmodel.language.catalogue import phrases
from fitmodel.leakage.audit import LaterValue
from fitmodel.reports.console import later_value_text, later_values_text, timeline_text

CHANGED = LaterValue("plan", 1200, 4500, 0.556, 0.104, 0.554, 0.871)


def field(**changes):
    return {
        "attribute": "plan", "value": "free", "today": "gold", "source": SOURCES[min(SOURCES)],
        "recorded_at": pd.NaT, "later_changes": 0,
    } | changes  # fmt: skip


def shown(fields=(), derived=(), records=()):
    frame = pd.DataFrame(fields, columns=list(field()))
    frame["recorded_at"] = pd.to_datetime(frame["recorded_at"])
    lines = pd.DataFrame(records, columns=["at", "table", "what", "known"])
    lines["at"] = pd.to_datetime(lines["at"])
    return Timeline(
        "D7",
        np.datetime64("2026-03-10T00:00:00", "us"),
        frame,
        pd.Series(dict(derived), dtype=object),
        lines,
    )


def lines_of(timeline, language="en"):
    return timeline_text(timeline, language).splitlines()


def test_the_first_line_names_deal_and_day_and_the_last_explains_x() -> None:
    first, *_, last = lines_of(shown())

    assert first.startswith("D7, as of 2026-03-10 ")
    assert last.startswith("x: on the day of closing or later")


def test_a_field_has_its_value_at_closing_the_current_value_and_the_source() -> None:
    row = field(recorded_at="2026-02-01T10:30", later_changes=2)
    (line,) = [line for line in lines_of(shown([row])) if "plan" in line]

    assert line.startswith("  plan: free, today gold; ")
    assert "2026-02-01 10:30" in line
    assert line.endswith("; 2 later change(s)")


def test_missing_values_are_shown_as_empty_without_a_time() -> None:
    (line,) = [line for line in lines_of(shown([field(value=None, today=None)])) if "plan" in line]

    assert line.startswith("  plan: (empty), today (empty); ")
    assert "later" not in line.split(";")[-1] or "old value" in line
    assert "NaT" not in line


@pytest.mark.parametrize("code", sorted(SOURCES))
def test_each_source_is_described_in_both_languages(code) -> None:
    for language in ("en", "zh"):
        text = timeline_text(shown([field(source=SOURCES[code])]), language)
        assert phrases(language, "history")(f"source_{code}") in text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3.0, "3"), (0.25, "0.25"), (1234.5, "1234.5"), (99999.4, "99999.4"),
        (123456.0, "123456"), (1234567.0, "1234567"), (-2500000.4, "-2500000"),
        (np.nan, "not known"),
    ],
)  # fmt: skip
def test_numbers_are_written_in_plain_digits(value, words) -> None:
    assert f"  amount: {words}" in lines_of(shown(derived=[("amount", value)]))


def test_records_are_in_order_of_time_and_late_records_are_marked() -> None:
    records = [
        ("2026-03-01T00:00", "[events.calls]", "call", True),
        ("2026-03-10T08:05", "[events.calls]", "mail", False),
    ]
    lines = lines_of(shown(records=records))

    assert lines[-3:-1] == [
        "    2026-03-01 00:00  [events.calls]  call",
        "  x 2026-03-10 08:05  [events.calls]  mail",
    ]


def test_a_column_changed_after_closing_is_reported_with_counts_and_both_aucs() -> None:
    text = later_value_text(CHANGED)

    assert text.startswith("plan: 1,200 of 4,500 deals have another value today")
    assert "(56% of early churners, 10% of the others)" in text
    assert "AUC of 0.55 as of closing" in text
    assert text.endswith("0.87")
    for figure in ("1,200", "4,500", "56%", "10%", "0.55", "0.87"):
        assert figure in later_value_text(CHANGED, "zh")


def test_changed_columns_are_listed_under_a_heading_or_reported_as_none() -> None:
    other = LaterValue("seats", 1, 2, 0.5, 0.5, 0.5, 0.5)
    head, *lines = later_values_text([CHANGED, other]).splitlines()

    assert head == phrases("en", "history")("later_head")
    assert lines == [f"  {later_value_text(item)}" for item in (CHANGED, other)]
    for language in ("en", "zh"):
        assert later_values_text([], language) == phrases(language, "history")("later_none")
