"""A table is tidied column by column, and the input frame is not changed."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.tables.tidying import nested, tidy, tidy_with_findings, unwritable
from fitmodel.tables.vocabulary import EMPTY_TEXT


def _tidied(cells: list[object], dtype: object = object) -> pd.Series:
    return tidy(pd.DataFrame({"x": pd.Series(cells, dtype=dtype)}))["x"]


@pytest.mark.parametrize("dtype", ["object", "str", "string[pyarrow]", "category"])
def test_text_is_stripped_and_empty_texts_are_missing_in_every_text_type(dtype: str) -> None:
    cells = [" smb ", "mid\t", "", "-", "#N/A", None, "smb"]
    assert _tidied(cells, dtype).tolist()[:2] == ["smb", "mid"]
    assert _tidied(cells, dtype).isna().tolist() == [False, False, True, True, True, True, False]


@settings(max_examples=40)
@given(st.lists(st.one_of(st.sampled_from([" a", "b ", "c", "", " - "]), st.none()), min_size=1))
def test_tidying_twice_gives_the_same_as_tidying_once(cells: list[object]) -> None:
    once = tidy(pd.DataFrame({"x": pd.Series(cells, dtype=object)}))
    pd.testing.assert_frame_equal(tidy(once), once)


@pytest.mark.parametrize("text", sorted(EMPTY_TEXT))
def test_each_empty_text_is_missing(text: str) -> None:
    assert _tidied(["smb", f" {text} "], "str").isna().tolist() == [False, True]


@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", "float64[pyarrow]"])
def test_an_infinite_number_is_missing_and_the_others_keep_their_type(dtype: str) -> None:
    tidied = _tidied([1.5, np.inf, -np.inf, -2.0], dtype)
    assert tidied.dtype == dtype
    assert tidied.isna().tolist() == [False, True, True, False]
    assert tidied.dropna().tolist() == [1.5, -2.0]


def test_objects_that_are_all_numbers_become_numbers() -> None:
    mixed = _tidied([1, 2.5, None, np.inf])
    assert mixed.dtype == np.float64
    np.testing.assert_array_equal(mixed, [1.0, 2.5, np.nan, np.nan])
    exact = _tidied([Decimal("1.5"), None, Decimal("0.1")])
    np.testing.assert_array_equal(exact, [1.5, np.nan, 0.1])
    assert _tidied([1, 2]).dtype == np.int64
    assert _tidied([True, False]).dtype == bool


def test_mixed_types_are_kept_and_words_for_missing_become_missing() -> None:
    tidied = _tidied([1, " a ", "NA", np.inf, "", (1, 2)])
    assert tidied.dtype == object
    assert tidied.tolist()[:2] == [1, "a"]
    assert tidied.isna().tolist() == [False, False, True, True, True, False]
    assert tidied.iloc[5] == (1, 2)


def test_numbers_mixed_only_with_words_for_missing_become_numeric() -> None:
    tidied = _tidied([1, "NA", 2.5, " - "])
    assert tidied.dtype == np.float64
    np.testing.assert_array_equal(tidied, [1.0, np.nan, 2.5, np.nan])


def test_a_tidy_column_keeps_its_type() -> None:
    table = pd.DataFrame(
        {
            "n": pd.Series([1, 2], dtype="Int16"),
            "day": pd.to_datetime(["2024-02-29", "2024-03-01"]),
            "level": pd.Series(["a", "b"], dtype="category"),
            "number": pd.Series([1, 2], dtype="category"),
            "flag": [True, False],
        }
    )
    pd.testing.assert_frame_equal(tidy(table), table)


def test_the_input_frame_is_not_changed() -> None:
    table = pd.DataFrame({"x": [" a", "-"], "n": [np.inf, 1.0], "left": ["Active", "2024-01-05"]})
    before = table.copy(deep=True)
    tidied = tidy(table)
    pd.testing.assert_frame_equal(table, before)
    assert tidied.isna().sum().tolist() == [1, 1, 1]


def test_index_names_and_order_of_columns_are_kept() -> None:
    table = pd.DataFrame({"b": [" x", "y"], "a": [1, 2]}, index=[7, 7])
    tidied = tidy(table)
    assert tidied.columns.tolist() == ["b", "a"]
    assert tidied.index.tolist() == [7, 7]
    assert tidied["b"].tolist() == ["x", "y"]


def test_the_order_of_rows_does_not_matter() -> None:
    table = pd.DataFrame(
        {"region": ["NA", "EU", "APAC", "NA"], "left": ["2024-01-05", "Active", "", "2024-02-05"]}
    )
    turned = tidy(table.iloc[::-1]).sort_index()
    pd.testing.assert_frame_equal(turned, tidy(table))


def test_in_the_closing_date_a_word_is_kept_and_a_far_date_is_missing() -> None:
    table = pd.DataFrame({"signed": ["2024-01-05", "Active", "9999-12-31"]})
    strict = tidy_with_findings(table, full="signed")
    assert strict.table["signed"].tolist() == table["signed"].tolist()  # not all values are dates
    table = pd.DataFrame({"signed": ["2024-01-05", "2024-01-06", "9999-12-31"]})
    far = tidy_with_findings(table, full="signed")
    assert far.table["signed"].isna().tolist() == [False, False, True]
    assert far.empty == {"signed": ("9999-12-31",)}


def test_each_finding_names_its_column_and_its_rows() -> None:
    table = pd.DataFrame({
        "region": ["NA", "EU", "APAC", "NA"],
        "left": ["2024-01-05", "Active", "Active", "9999-12-31"],
        "plain": ["a", "b", "c", "d"],
    })  # fmt: skip
    result = tidy_with_findings(table)
    assert [(each.code, each.column, each.count) for each in result.findings] == [
        ("level_word", "region", 2),
        ("placeholder", "left", 3),
    ]
    assert result.empty == {"left": ("9999-12-31", "Active")}


def test_a_lone_surrogate_and_a_signalling_nan_cannot_be_written() -> None:
    cells = ["a", "\ud800", "ü", "x\udfff", Decimal("sNaN"), Decimal("NaN"), None, 5]
    assert unwritable(pd.Series(cells, dtype=object)).tolist() == [
        False, True, False, True, True, False, False, False,
    ]  # fmt: skip
    assert unwritable(pd.Series([1.0, 2.0])).tolist() == [False, False]
    for end in "\ud7ff\ue000":
        assert not unwritable(pd.Series([end], dtype=object)).any()


def test_containers_are_recognised_as_nested() -> None:
    cells = [1, "a", [1], (1,), {1: 2}, {1}, b"x", np.array([1]), 1j, None]
    assert nested(pd.Series(cells, dtype=object)).tolist() == [
        False, False, True, True, True, True, True, True, True, False,
    ]  # fmt: skip
    assert nested(pd.Series([1j, 2j])).tolist() == [True, True]
    assert nested(pd.Series(["a", "b"], dtype=object)).tolist() == [False, False]
    assert nested(pd.Series([1.5])).tolist() == [False]
