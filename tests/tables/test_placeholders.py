"""Placeholders: a word or a far date in a date column means that it has not happened."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.tables._placeholders import find_placeholders
from fitmodel.tables.tidying import tidy_with_findings
from fitmodel.tables.vocabulary import NOT_YET, PLACEHOLDER_DAYS

WORDS = ["No", "Active", "PRESENT", "-1", "ongoing", "0000-00-00", "n/a", "bis heute", "ativo",
         "vigente", "en cours", "至今", "TBD", "\N{EM DASH}"]  # fmt: skip
DAYS = ["1900-01-01", "9999-12-31", "1970-01-01", "2099-12-31", "1899-12-30",
        "1970-01-01 08:00:00", "1970-01-01T01:00:00Z", "1969-12-31 19:00:00-05:00"]  # fmt: skip


@pytest.mark.parametrize("word", [*WORDS, *DAYS])
def test_a_placeholder_is_read_as_missing_and_reported(word: str) -> None:
    table = pd.DataFrame({"left": ["2024-01-05", word, "2024-02-05", word]})
    tidied = tidy_with_findings(table)
    assert tidied.table["left"].isna().tolist() == [False, True, False, True]
    if word != "n/a":  # which is missing in every column of dates
        (finding,) = tidied.findings
        assert (finding.code, finding.column, finding.count) == ("placeholder", "left", 2)
        assert tidied.empty == {"left": (word,)}


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d"])
@pytest.mark.parametrize("day", ["1900-01-01", "9999-12-31"])
def test_a_far_date_is_recognised_in_every_notation(form: str, day: str) -> None:
    year, month, number = day.split("-")
    far = form.replace("%Y", year).replace("%m", month).replace("%d", number)
    written = [pd.Timestamp(each).strftime(form) for each in ("2024-01-31", "2024-02-05")]
    left = tidy_with_findings(pd.DataFrame({"left": [*written, far]})).table["left"]
    assert left.isna().tolist() == [False, False, True]


def test_far_dates_of_a_typed_column_are_recognised() -> None:
    left = pd.to_datetime(pd.Series(["2024-01-05", "9999-12-31"])).to_frame("left")
    assert tidy_with_findings(left).table["left"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "cells",
    [["No", "Yes", "No"], ["active", "churned"], ["2024-01-05", "soon", "No"], ["5", "No", "9"],
     ["No", "No"], ["0001-01-01", "2024-01-05"]],
)  # fmt: skip
def test_in_other_columns_the_same_words_are_values(cells: list[str]) -> None:
    tidied = tidy_with_findings(pd.DataFrame({"x": cells}))
    assert tidied.table["x"].tolist() == cells
    assert tidied.findings == ()


@pytest.mark.parametrize("thing", [pd.DataFrame({"a": [1]}), pd.Series([1, 2]), [None, "No"], {}])
def test_a_column_with_containers_has_no_placeholders(thing: object) -> None:
    cells = pd.Series(["2024-01-05", "No", "No"], dtype=object)
    cells[0] = [thing]
    table = pd.DataFrame({"left": cells.map(lambda cell: cell[0] if cell == [thing] else cell)})
    assert find_placeholders(table["left"]) is None


@pytest.mark.parametrize("day", sorted(PLACEHOLDER_DAYS))
def test_each_far_date_means_missing_as_text_and_typed(day: str) -> None:
    dates = ["2024-01-05", "2024-02-05"]
    for written in (day, f"{day} 00:00:00", f"{day}T00:00:00"):
        result = find_placeholders(pd.Series([*dates, written]))
        assert result is not None
        assert result.rows.tolist() == [False, False, True]
        assert result.texts == (written,)
    if day != "1900-01-00":  # Excel's zero is not a calendar day
        typed = pd.Series(np.array([*dates, day], dtype="datetime64[s]"))
        result = find_placeholders(typed)
        assert result is not None
        assert result.rows.tolist() == [False, False, True]
        assert result.texts == (day,)


@pytest.mark.parametrize("word", sorted(NOT_YET))
def test_each_placeholder_word_means_missing_in_any_case(word: str) -> None:
    for written in (word, word.upper(), word.title()):
        if written.casefold() != word.casefold():
            continue  # letters that change with their case
        result = find_placeholders(pd.Series(["2024-01-05", written]))
        assert result is not None
        assert result.rows.tolist() == [False, True]


def test_the_year_1_means_missing_only_if_several_rows_have_it() -> None:
    once, twice = ["2024-01-05", "0001-01-01"], ["2024-01-05", "0001-01-01", "0001-01-01"]
    assert find_placeholders(pd.Series(once)) is None
    result = find_placeholders(pd.Series(twice))
    assert result is not None
    assert result.rows.tolist() == [False, True, True]
    typed = [pd.Series(np.array(each, dtype="datetime64[s]")) for each in (once, twice)]
    assert find_placeholders(typed[0]) is None
    result = find_placeholders(typed[1])
    assert result is not None
    assert result.rows.tolist() == [False, True, True]


def test_a_column_of_only_words_is_a_date_column_only_if_the_contract_says_so() -> None:
    words = pd.Series(["Active", "No", "Active"])
    assert find_placeholders(words) is None
    result = find_placeholders(words, surely_dates=True)
    assert result is not None
    assert result.rows.all()
    assert result.texts == ("Active", "No")
    assert find_placeholders(words, surely_dates=True, words=False) is None


def test_date_objects_among_words_are_dates() -> None:
    cells = pd.Series([pd.Timestamp("2024-01-05"), "Active", None, "No"], dtype=object)
    result = find_placeholders(cells)
    assert result is not None
    assert result.rows.tolist() == [False, True, False, True]
    assert find_placeholders(pd.Series([5, "Active"], dtype=object)) is None


def test_a_word_after_the_first_two_hundred_dates_is_found() -> None:
    days = pd.date_range("2023-01-01", periods=300).strftime("%Y-%m-%d").tolist()
    result = find_placeholders(pd.Series([*days, "Active"]))
    assert result is not None
    assert result.rows.sum() == 1
    assert find_placeholders(pd.Series([*days, "Active", "soon"])) is None


def test_the_finding_lists_at_most_five_different_values() -> None:
    cells = ["2024-01-05", "No", "Active", "-1", "open", "live", "never", "never"]
    result = find_placeholders(pd.Series(cells, name="left"))
    assert result is not None
    assert result.finding.count == 7
    assert result.finding.column == "left"
    assert result.texts == ("-1", "Active", "No", "live", "never", "open")
    assert result.finding.message.startswith("'-1', 'Active', 'No', 'live', 'never' in 7 row(s)")
