"""The sections on edits and on counts of the sales report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.language.catalogue import phrases
from fitmodel.reports._rep_sections import count_cells, counts_section, edits_section
from fitmodel.reports.html import render
from fitmodel.sales._edits import EDITS
from fitmodel.sales.rep_performance import Counts, EditsAfterFlags


def edits_found(*, ask):
    reps = pd.DataFrame(
        {
            "flagged": [8, 9], "edited": [7, 1], "turned": [6, 0], "unflagged": [40, 30],
            "unflagged_edited": [2, 1], "p_value": [0.001, 1.0], "ask": [ask, False],
        },
        index=pd.Index(["Kim", "Lee"], name="rep"),
    )  # fmt: skip
    return EditsAfterFlags(pd.DataFrame(columns=list(EDITS)), reps)


def shown(section, key):
    return vars(section)["values"][key]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_reported_rep_gives_a_question_among_the_points_and_counts_are_shown(language):
    section = edits_section(edits_found(ask=True), language=language)
    assert len(shown(section, "points")) == 1
    assert shown(section, "points")[0].endswith(("?", "\uff1f"))
    assert shown(section, "rows")[0] == {"name": "Kim", "counts": ["8", "7", "6", "40", "2"]}
    assert set(section.tables) == {"edits_after_flags.csv", "edits_by_rep.csv"}
    page = render(section.template, values=vars(section)["values"])
    assert "<td>Lee</td>" in page


def test_the_section_says_if_no_rep_is_reported():
    section = edits_section(edits_found(ask=False))
    assert shown(section, "points") == []
    assert shown(section, "questions") == [
        "No rep edits flagged prospects more often than others, beyond chance."
    ]


def test_the_value_lost_is_written_as_the_contract_writes_money():
    row = pd.Series(KNOWN, dtype=object)
    say = phrases("en", "sales_page")
    assert count_cells(row, say, "¥{:,.0f}")["lost_value"] == "¥78,901"
    assert count_cells(row, say)["lost_value"] == "78,901"


KNOWN = {
    "signed": 1234.0, "lost": 56.0, "lost_value": 78901.4, "rate": 0.1234, "rate_low": 0.1,
    "rate_high": 0.15, "company_rate": 0.2, "latest_lost": "D7",
    "latest_lost_on": pd.Timestamp("2026-05-31"), "latest_lost_months": 7.0,
}  # fmt: skip


def cells(language="en", **changes):
    return count_cells(pd.Series(KNOWN | changes, dtype=object), phrases(language, "sales_page"))


def test_counts_are_written_with_the_interval_of_the_rate():
    shown = cells()

    assert (shown["signed"], shown["lost"], shown["lost_value"]) == ("1,234", "56", "78,901")
    assert shown["rate"] == "12.3% (10.0% – 15.0%)"  # noqa: RUF001
    assert "D7" in shown["latest"]
    assert "2026-05-31" in shown["latest"]


@pytest.mark.parametrize("limit", ["rate_low", "rate_high"])
def test_a_rate_without_limits_is_written_alone_and_a_missing_rate_is_empty(limit):
    assert cells(**{limit: np.nan})["rate"] == "12.3%"
    assert cells(rate=np.nan)["rate"] == ""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_missing_values_are_empty_in_both_languages(language):
    shown = cells(language, lost_value=np.nan, latest_lost_on=pd.NaT, latest_lost=None, lost=0.0)

    assert (shown["lost_value"], shown["latest"], shown["lost"]) == ("", "", "0")
    assert cells(language, lost_value=0.0)["lost_value"] == "0"


def counts_of(*names):
    table = pd.DataFrame([KNOWN] * (len(names) + 1), index=[*names, "Company"])
    return Counts(table, 5)


@pytest.mark.parametrize("by", ["rep", "team"])
@pytest.mark.parametrize("why", ["", "Only 12 deals."])
def test_the_counts_section_has_a_row_per_rep_the_company_last_and_a_reason(by, why):
    section = counts_section(counts_of("Kim", "<i>Lee</i>"), by=by, why=why)

    assert shown(section, "id") == f"{by}s"
    assert [(row["name"], row["kind"]) for row in shown(section, "rows")] == [
        ("Kim", ""), ("<i>Lee</i>", ""), ("Company", "company")
    ]  # fmt: skip
    assert shown(section, "points") == ([why] if why else [])
    assert section.tables[f"{by}s.csv"].index.name == by
    page = render(section.template, values=vars(section)["values"])
    assert "<i>" not in page
    assert ("Only 12 deals." in page) == bool(why)
