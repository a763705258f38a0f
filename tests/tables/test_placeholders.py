"""A word or a far day among dates says that it has not happened."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.tables.placeholders import find_placeholders
from fitmodel.tables.tidying import tidy_with_findings

WORDS = ["No", "Active", "PRESENT", "-1", "ongoing", "0000-00-00", "n/a", "bis heute", "ativo",
         "vigente", "en cours", "至今", "TBD", "\N{EM DASH}"]  # fmt: skip
DAYS = ["1900-01-01", "9999-12-31", "1970-01-01", "2099-12-31", "1899-12-30"]


@pytest.mark.parametrize("word", [*WORDS, *DAYS])
def test_it_is_empty_and_said(word: str) -> None:
    table = pd.DataFrame({"left": ["2024-01-05", word, "2024-02-05", word]})
    tidied = tidy_with_findings(table)
    assert tidied.table["left"].isna().tolist() == [False, True, False, True]
    if word != "n/a":  # which is missing in every column of dates
        (finding,) = tidied.findings
        assert (finding.code, finding.column, finding.count) == ("placeholder", "left", 2)
        assert tidied.empty == {"left": (word,)}


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d"])
@pytest.mark.parametrize("day", ["1900-01-01", "9999-12-31"])
def test_a_far_day_is_known_however_it_is_written(form: str, day: str) -> None:
    year, month, number = day.split("-")
    far = form.replace("%Y", year).replace("%m", month).replace("%d", number)
    written = [pd.Timestamp(each).strftime(form) for each in ("2024-01-31", "2024-02-05")]
    left = tidy_with_findings(pd.DataFrame({"left": [*written, far]})).table["left"]
    assert left.isna().tolist() == [False, False, True]


def test_days_of_a_typed_column_are_known_too() -> None:
    left = pd.to_datetime(pd.Series(["2024-01-05", "9999-12-31"])).to_frame("left")
    assert tidy_with_findings(left).table["left"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "cells",
    [["No", "Yes", "No"], ["active", "churned"], ["2024-01-05", "soon", "No"], ["5", "No", "9"],
     ["No", "No"], ["0001-01-01", "2024-01-05"]],
)  # fmt: skip
def test_elsewhere_such_words_are_what_they_are(cells: list[str]) -> None:
    tidied = tidy_with_findings(pd.DataFrame({"x": cells}))
    assert tidied.table["x"].tolist() == cells
    assert tidied.findings == ()


@pytest.mark.parametrize("thing", [pd.DataFrame({"a": [1]}), pd.Series([1, 2]), [None, "No"], {}])
def test_a_column_with_a_thing_that_is_no_value_has_no_placeholders(thing: object) -> None:
    cells = pd.Series(["2024-01-05", "No", "No"], dtype=object)
    cells[0] = [thing]
    table = pd.DataFrame({"left": cells.map(lambda cell: cell[0] if cell == [thing] else cell)})
    assert find_placeholders(table["left"]) is None
