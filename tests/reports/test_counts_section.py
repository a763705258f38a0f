"""The section on edits asks and never charges; every edit is in a table."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.reports._counts_section import edits_section
from fitmodel.reports.html import render
from fitmodel.sales.edits import EDITS, EditsAfterFlags


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
def test_a_rep_who_is_asked_is_a_point_of_the_week_and_the_counts_are_shown(language):
    section = edits_section(edits_found(ask=True), language=language)
    assert len(shown(section, "points")) == 1
    assert shown(section, "points")[0].endswith(("?", "\uff1f"))
    assert shown(section, "rows")[0] == {"name": "Kim", "counts": ["8", "7", "6", "40", "2"]}
    assert set(section.tables) == {"edits_after_flags.csv", "edits_by_rep.csv"}
    page = render(section.template, values=vars(section)["values"])
    assert "<td>Lee</td>" in page


def test_where_nobody_is_asked_the_page_says_so():
    section = edits_section(edits_found(ask=False))
    assert shown(section, "points") == []
    assert shown(section, "questions") == [
        "No rep edits flagged prospects more often than others, beyond chance."
    ]
