"""Each problem of a table is reported with column, number of rows, example and remedy."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import pytest

from fitmodel.deals._table_errors import find_errors
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.validation import Problem, explain

ROLES = {
    "id": "id",
    "closed_on": "closed",
    "churned_on": "churned",
    "observed_until": "2024-12-31",
}
DATED = DealSpec(deals=ROLES)
TENURED = DealSpec(deals={"tenure_months": "months", "churned": "left"})
DEALS = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "closed": ["2024-01-05", "2024-02-05", "2024-03-05", "2024-04-05"],
        "churned": ["2024-02-01", None, None, "2024-10-30"],
        "segment": ["smb", "none", "mid", "smb"],
    }
)
STAYS = pd.DataFrame({"months": [2.0, 9.0, 12.0], "left": ["yes", "no", "No"], "seats": [1, 2, 3]})


def _only(frame: pd.DataFrame, spec: DealSpec) -> Problem:
    (problem,) = find_errors(frame, spec)
    return problem


def test_valid_tables_have_no_errors_and_are_not_changed() -> None:
    for frame, spec in ((DEALS, DATED), (STAYS, TENURED)):
        before = frame.copy(deep=True)
        assert find_errors(frame, spec) == []
        pd.testing.assert_frame_equal(frame, before)


def test_a_problem_is_immutable_and_its_text_has_all_parts() -> None:
    problem = _only(DEALS.assign(id=["a", "a", "c", "a"]), DATED)
    assert (problem.column, problem.count) == ("id", 2)
    assert problem.example == "row 1: 'a'; row 3: 'a'"
    for part in (problem.column, problem.message, problem.example, problem.remedy):
        assert part in str(problem)
    with pytest.raises(dataclasses.FrozenInstanceError, match="count"):
        problem.count = 0  # type: ignore[misc]  # what is tested


@pytest.mark.parametrize(
    ("change", "column", "count", "message"),
    [
        ({"id": ["a", None, " ", "d"]}, "id", 2, "have no id"),
        ({"closed": ["2024-01-05", "soon", "later", "2024-04-05"]}, "closed", 2, "are not dates"),
        ({"closed": ["2024-01-05", None, "2024-03-05", "2024-04-05"]}, "closed", 1, "are empty"),
        ({"churned": ["2024-02-01", "gone", None, None]}, "churned", 1, "are not dates"),
        ({"churned": ["2024-01-04", "2024-01-04", None, None]}, "churned", 2, "before closing"),
        (
            {"closed": ["2024-01-05", "2025-02-05", "2024-03-05", "2024-04-05"]},
            "closed",
            1,
            "are after",
        ),
        ({"segment": "smb"}, "segment", 4, "every value is 'smb'"),
        ({"segment": [None, "", "NA", " - "]}, "segment", 4, "every value is empty"),
        ({"churned": [None, None, None, "2024-10-30"]}, "churned", 4, "no early churner"),
    ],
)
def test_each_error_is_reported_without_others(
    change: dict[str, Any], column: str, count: int, message: str
) -> None:
    problem = _only(DEALS.assign(**change), DATED)
    assert (problem.column, problem.count) == (column, count)
    assert message in problem.message
    assert problem.remedy


def test_churn_on_the_closing_day_and_closing_on_the_last_day_are_valid() -> None:
    closed = ["2024-01-05", "2024-02-05", "2024-03-05", "2024-12-31"]
    same_days = DEALS.assign(closed=closed, churned=["2024-01-05", None, None, None])
    assert find_errors(same_days, DATED) == []


def test_a_churn_date_after_the_extract_is_valid() -> None:
    announced = DEALS.assign(churned=["2024-02-01", None, None, "2025-01-31"])
    assert find_errors(announced, DATED) == []


def test_the_error_for_no_mature_deals_names_the_horizon() -> None:
    young = DEALS.assign(closed="2024-12-01", churned=[None, None, None, "2024-12-20"])
    assert "no deal is mature: none closed 5 months" in explain(find_errors(young, DATED))


@pytest.mark.parametrize(
    ("change", "column", "count", "message"),
    [
        ({"months": [2.0, -9.0, -1.0]}, "months", 2, "are negative"),
        ({"months": ["2", "nine", "12"]}, "months", 1, "are not numbers (tenure)"),
        ({"months": [2.0, None, 12.0]}, "months", 1, "are empty"),
        ({"left": ["yes", "maybe", "perhaps"]}, "left", 2, "neither yes nor no"),
        ({"left": ["yes", None, "no"]}, "left", 1, "are empty instead of yes or no"),
        ({"left": "no"}, "left", 3, "no early churner"),
        ({"months": [9.0, 9.0, 9.0]}, "left", 3, "no early churner"),
        ({"months": [2.0, 3.0, 4.0], "left": "yes"}, "left", 3, "nobody is known to have stayed"),
    ],
)
def test_errors_in_tenure_and_flag_are_reported(
    change: dict[str, Any], column: str, count: int, message: str
) -> None:
    problem = _only(STAYS.assign(**change), TENURED)
    assert (problem.column, problem.count) == (column, count)
    assert message in problem.message


@pytest.mark.parametrize(
    "key",
    ["include", "exclude", "actionable", "increasing", "decreasing", "categorical", "numeric"],
)
def test_an_unknown_column_name_is_an_error_in_every_list_of_attributes(key: str) -> None:
    sections = {"include": ["segment", "segmnt"]} if key == "include" else {key: ["segmnt"]}
    problem = _only(DEALS, DealSpec(deals=ROLES, attributes=sections))
    assert problem.column == "segmnt"
    assert problem.message.endswith(f"named in [attributes] {key}")
    assert "did you mean 'segment'?" in problem.remedy


def test_an_attribute_and_its_parent_must_both_be_there() -> None:
    spec = DealSpec(deals=ROLES, attributes={"parents": {"industry": "sector"}})
    problems = find_errors(DEALS, spec)
    assert [problem.column for problem in problems] == ["industry", "sector"]
    assert all("parents" in problem.message for problem in problems)


def test_if_no_name_is_similar_the_remedy_lists_the_columns() -> None:
    spec = DealSpec(deals=ROLES, attributes={"exclude": ["zzzzzz"]})
    assert "the table has id, closed, churned, segment" in _only(DEALS, spec).remedy


def test_a_missing_role_hides_no_other_error() -> None:
    bad = DEALS.drop(columns="closed").assign(id=["a", "a", "c", "d"], segment="smb")
    assert [problem.column for problem in find_errors(bad, DATED)] == ["closed", "id", "segment"]


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_are_the_only_reported_error(rows: int) -> None:
    problem = _only(DEALS.head(rows), DATED)
    assert (problem.column, problem.count) == ("(table)", rows)
    assert f"the table has {rows} row(s)" in problem.message


def test_a_table_without_attributes_is_an_error() -> None:
    problem = _only(DEALS.drop(columns="segment"), DATED)
    assert "no attribute is left to learn from" in problem.message


def test_two_columns_with_the_same_name_are_an_error() -> None:
    twice = pd.concat([DEALS, DEALS[["segment"]]], axis=1)
    assert "more than one column named ['segment']" in _only(twice, DATED).message


def test_the_example_names_rows_by_the_index_of_the_frame() -> None:
    named = DEALS.assign(id=["a", "a", "c", "d"]).set_axis(["w", "x", "y", "z"])
    assert _only(named, DATED).example == "row 'x': 'a'"


def test_the_explanation_has_a_line_for_each_error() -> None:
    problems = find_errors(DEALS.assign(id=["a", "a", "c", "d"], segment="smb"), DATED)
    first, *lines = explain(problems).splitlines()
    assert first == "2 problem(s) in the deals:"
    assert [line.strip() for line in lines] == [str(problem) for problem in problems]


def test_an_excluded_field_of_a_history_table_need_not_be_a_column() -> None:
    history = {"table": "h.csv", "id": "id", "field": "f", "value": "new", "changed_at": "at"}
    sections = {"attributes": {"exclude": ["stage"]}, "deals": ROLES}
    spec = DealSpec(**sections, history={"changes": {**history, "fields": ["stage"]}})
    assert not list(find_errors(DEALS, spec))
    for other in ({**history, "fields": ["owner"]}, history):
        problem = _only(DEALS, DealSpec(**sections, history={"changes": other}))
        assert problem.column == "stage"


def test_columns_without_a_text_name_or_with_duplicate_names_are_refused() -> None:
    unnamed = _only(DEALS.rename(columns={"segment": " "}), DATED)
    assert (unnamed.column, unnamed.count) == ("(columns)", 1)
    assert "1 column name(s) are not texts" in unnamed.message
    numbered = _only(DEALS.rename(columns={"segment": 7}), DATED)
    assert "for example" in numbered.message
    twice = _only(DEALS.assign(other=1).rename(columns={"other": "segment"}), DATED)
    assert "more than one column named ['segment']" in twice.message


def test_amounts_in_several_currencies_are_counted_by_currency() -> None:
    spec = DealSpec(deals={**ROLES, "amount": "fee", "currency": "code"})
    priced = DEALS.assign(fee=[10.0, 20.0, 30.0, 40.0], code=["EUR", " eur", "USD", "EUR"])
    problem = _only(priced, spec)
    assert (problem.column, problem.count) == ("fee", 4)
    assert "amounts are in 2 currencies by code (EUR 3, USD 1)" in problem.message
    assert '[rows] keep = {"code" = ["EUR"]}' in problem.remedy
    assert not list(find_errors(priced.assign(code=["EUR", "eur ", "EUR", "EUR"]), spec))


@pytest.mark.parametrize(
    ("role", "cells", "message", "remedy"),
    [
        (
            "closed",
            {2: "soon"},
            "1 row(s) are not dates",
            "correct them, or write all dates as YYYY-MM-DD",
        ),
        ("closed", {2: None}, "1 row(s) are empty", "leave out rows of deals that were not signed"),
        (
            "churned",
            {0: "soon", 3: "later"},
            "2 row(s) are not dates",
            "correct them, or write all dates as YYYY-MM-DD",
        ),
    ],
)
def test_a_day_that_cannot_be_read_is_named_with_its_row(
    role: str, cells: dict[int, str | None], message: str, remedy: str
) -> None:
    table = DEALS.assign(**{role: DEALS[role].astype(object)})
    for row, cell in cells.items():
        table.loc[row, role] = cell
    problem = next(each for each in find_errors(table, DATED) if each.column == role)

    assert problem.message == message
    assert problem.count == len(cells)
    assert remedy in problem.remedy
    assert f"row {min(cells)}" in problem.example


def test_ambiguous_days_are_an_error_that_asks_for_the_order() -> None:
    table = DEALS.assign(closed=["1/1/2024", "2/1/2024", "3/1/2024", "4/2/2024"])
    problem = next(each for each in find_errors(table, DATED) if each.column == "closed")

    assert problem.message == "every date can be read as day first and as month first"
    assert problem.count == len(DEALS)
    assert problem.example == "row 0: '1/1/2024'"
    assert '[reading] dates = {"closed" = "day first"}' in problem.remedy


def test_observed_until_may_be_a_column() -> None:
    spec = DealSpec(deals=ROLES | {"observed_until": "until"})
    right = DEALS.assign(until="2024-12-31")
    assert [each.column for each in find_errors(right, spec)] == []
    early = right.assign(until=right["until"].where(right.index != 3, "2024-01-01"))
    problem = next(each for each in find_errors(early, spec) if each.column == "closed")
    assert problem.message == "1 row(s) are after observed_until (until)"
    empty = right.assign(until=right["until"].where(right.index != 3))
    assert "1 row(s) are empty" in [each.message for each in find_errors(empty, spec)]
