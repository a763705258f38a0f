"""A rep sees only own rows, own lost customers and totals."""

from __future__ import annotations

import pytest

from fitmodel.reports.html import Section
from fitmodel.reports.sales_numbers import rep_view


def rows(*names):
    return [{"name": name, "kind": "", "n": name * 2} for name in names] + [
        {"name": "All", "kind": "company", "n": "total"}
    ]


def seen(template, values, rep):
    result = rep_view([Section(template, values)], rep)
    return [vars(section)["values"] for section in result]


@pytest.mark.parametrize("template", ["_scoreboard.html.j2", "_counts.html.j2"])
@pytest.mark.parametrize("rep", ["Kim Lo", " kim  LO "])
def test_a_table_of_reps_keeps_the_own_row_and_the_total(template, rep) -> None:
    values = {
        "id": "x",
        "title": "t",
        "rows": rows("Kim Lo", "Kim", "Lee"),
        "points": ["Lee loses"],
    }
    values |= {"funnel": "drawn", "dispersion": "They differ"}
    (own,) = seen(template, values, rep)

    assert [row["name"] for row in own["rows"]] == ["Kim Lo", "All"]
    assert "points" not in own
    assert (own["id"], own["title"]) == ("x", "t")


@pytest.mark.parametrize("template", ["_scoreboard.html.j2", "_counts.html.j2"])
def test_a_rep_sees_no_section_of_teams_since_no_row_of_it_is_their_own(template) -> None:
    values = {"rows": rows("Kim", "Team A"), "funnel": "drawn", "dispersion": ""}
    both = [Section(template, values | {"id": name}) for name in ("reps", "teams")]
    (own,) = rep_view(both, "Kim")

    assert vars(own)["values"]["id"] == "reps"


def test_the_funnel_and_the_dispersion_of_reps_are_not_shown() -> None:
    values = {"rows": rows("Kim"), "points": [], "funnel": "drawn", "dispersion": "They differ"}
    (own,) = seen("_scoreboard.html.j2", values, "Kim")

    assert (own["funnel"], own["dispersion"]) == (None, "")
    assert values["funnel"] == "drawn"  # the whole report is not changed


def test_a_rep_named_like_the_total_sees_no_rows_of_others() -> None:
    (own,) = seen("_counts.html.j2", {"rows": rows("All", "Lee")}, "All")

    assert [row["kind"] for row in own["rows"]] == ["", "company"]
    (nobody,) = seen("_counts.html.j2", {"rows": rows("Kim", "Lee")}, "Zoe")
    assert [row["name"] for row in nobody["rows"]] == ["All"]


def test_only_own_review_sheets_are_kept_and_all_are_printed() -> None:
    values = {
        "sheets": [
            {"rep": "Kim", "deal": 1, "earlier": True},
            {"rep": "Lee", "deal": 2, "earlier": False},
            {"rep": "KIM", "deal": 3, "earlier": False},
        ],
        "on_paper": "Only six", "without": "Nobody lost early: Zoe.", "points": ["x"],
        "missed": {"rows": ["signal"]},
        "surprises": {"basis": "b", "rows": [{"rep": "Lee", "deal": 4}, {"rep": "kim", "deal": 5}]},
    }  # fmt: skip
    (own,) = seen("_reviews.html.j2", values, "Kim")

    assert [sheet["deal"] for sheet in own["sheets"]] == [1, 3]
    assert not any(sheet["earlier"] for sheet in own["sheets"])
    assert (own["on_paper"], own["without"]) == ("", "")
    assert own["surprises"] == {"basis": "b", "rows": [{"rep": "kim", "deal": 5}]}
    assert own["missed"] == {"rows": ["signal"]}  # about all reps together, without a name
    assert values["sheets"][0]["earlier"]


@pytest.mark.parametrize("template", ["_worth.html.j2", "_profile.html.j2"])
def test_sections_without_rep_names_are_complete_except_the_points_of_the_week(template) -> None:
    values = {"id": "w", "rows": [1, 2], "points": ["lost"]}

    assert seen(template, values, "Kim") == [{"id": "w", "rows": [1, 2]}]


@pytest.mark.parametrize(
    "template", ["_commission.html.j2", "_edits.html.j2", "_trend.html.j2", "_new.html.j2"]
)
def test_an_unlisted_section_is_not_shown(template) -> None:
    assert seen(template, {"rows": rows("Kim")}, "Kim") == []


def test_the_csv_tables_are_not_included() -> None:
    whole = Section("_worth.html.j2", {"id": "w"}, {"worth.csv": object()})
    (own,) = rep_view([whole], "Kim")

    assert own.tables == {}
    assert own.template == whole.template
