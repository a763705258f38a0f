"""Spellings of a name are one person, and the index of deals must be unique."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DealsError
from fitmodel.sales.people import (
    check_index,
    names_of,
    people_in,
    people_of,
    same_person,
    spelled_as,
)


def test_the_most_frequent_spelling_is_the_name() -> None:
    names = pd.Series(["kim lo", "Kim Lo", " KIM  LO ", "Kim Lo", "Ann"])

    assert people_of(names).tolist() == ["Kim Lo"] * 4 + ["Ann"]


def test_with_equally_frequent_spellings_the_first_by_code_point_is_the_name() -> None:
    assert people_of(pd.Series(["kim", "KIM", "Kim"])).tolist() == ["KIM"] * 3
    assert people_of(pd.Series(["Kim", "KIM", "kim"])).tolist() == ["KIM"] * 3


def test_a_blank_name_is_missing() -> None:
    people = people_of(pd.Series(["Kim", "   ", None, np.nan], name="rep"))

    assert people.isna().tolist() == [False, True, True, True]
    assert people.name == "rep"


def test_the_index_is_kept_and_the_order_of_deals_does_not_matter() -> None:
    names = pd.Series(["b ", "a", "B", "A", "a"], index=[9, 7, 5, 3, 1])
    people = people_of(names)

    assert people.to_dict() == {9: "B", 7: "a", 5: "B", 3: "a", 1: "a"}
    assert people_of(names.sort_index()).sort_index().to_dict() == people.sort_index().to_dict()


def test_names_equal_after_case_folding_are_one_person() -> None:
    assert len(set(people_of(pd.Series(["STRASSE", "Straße"])))) == 1
    assert same_person("STRASSE", "straße")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Kim", " kim ", True),
        ("Kim  Lo", "kim lo", True),
        ("KimLo", "Kim Lo", False),
        (7, "7", True),
    ],
)
def test_names_that_differ_only_in_case_and_spaces_are_one_person(one, other, same) -> None:
    assert same_person(one, other) is same
    assert same_person(other, one) is same


def test_integers_read_as_floats_lose_their_decimal_point() -> None:
    assert names_of(pd.Series([7.0, np.nan, 8.0])).tolist()[::2] == ["7", "8"]
    assert names_of(pd.Series([7.5, 8.0])).tolist() == ["7.5", "8.0"]
    assert names_of(pd.Series([7, 8])).tolist() == ["7", "8"]
    assert names_of(pd.Series(["07", "8.0"])).tolist() == ["07", "8.0"]


def test_a_second_rep_gets_the_spelling_of_the_first_column() -> None:
    known = pd.Series(["Kim Lo", "Ann", None])
    others = pd.Series(["KIM LO", "Bea", None])

    spelled = spelled_as(others, known)
    assert spelled.tolist()[:2] == ["Kim Lo", "Bea"]
    assert pd.isna(spelled.iloc[2])


def test_team_or_rep_is_read_from_the_column_in_the_contract() -> None:
    deals = pd.DataFrame({"seller": ["kim", "Kim", "Kim"], "squad": ["A", None, "a"]})
    outcome = {"tenure_months": "months", "churned": "left"}
    spec = DealSpec(deals=outcome | {"rep": "seller", "team": "squad"})

    assert people_in(deals, spec, "rep").tolist() == ["Kim"] * 3
    assert people_in(deals, spec, "team").isna().tolist() == [False, True, False]
    for by in ("rep", "team"):
        with pytest.raises(DealsError, match=rf'names no {by}\. Remedy: write {by} = "COLUMN"'):
            people_in(deals, DealSpec(deals=outcome), by)


def test_rows_with_a_duplicate_index_are_refused_with_count_and_example() -> None:
    check_index(pd.DataFrame({"x": [1, 2]}))
    with pytest.raises(DealsError, match=r"4 rows share .*e\.g\. 5\. Remedy: deals\.reset_index"):
        check_index(pd.DataFrame({"x": range(5)}, index=[5, 5, 7, 8, 7]))
