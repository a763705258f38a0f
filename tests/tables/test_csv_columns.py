"""A column of a CSV file is numeric only if every value is a number and no digit is lost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.tables._csv_columns import CHECKED_FIRST, CODES, TEXT, column_of, series_of
from fitmodel.tables.values import NumberForm

INT, FLOAT = pa.int64(), pa.float64()


def _column(*texts: str, comma: bool = False):
    return column_of([pa.array(texts, pa.string())], decimal_comma=comma)


def _values(*texts: str, comma: bool = False) -> list[object]:
    piece = pa.array(texts, pa.string())
    return series_of([piece], column_of([piece], decimal_comma=comma)).tolist()


@pytest.mark.parametrize(
    ("texts", "kind", "values"),
    [
        (["1", "+2", "-3", " 4 "], INT, [1, 2, -3, 4]),
        (["0", "-0", "10"], INT, [0, 0, 10]),
        (["9" * 18, "-" + "9" * 18], INT, [10**18 - 1, 1 - 10**18]),
        (["1", "2.5"], FLOAT, [1.0, 2.5]),
        (["1.", ".5", "1e3", "-2E-2"], FLOAT, [1.0, 0.5, 1000.0, -0.02]),
        (["0.5", "0"], FLOAT, [0.5, 0.0]),
        (["inf", "-Infinity"], FLOAT, [np.inf, -np.inf]),
        (["9" * 15, "NA"], FLOAT, [10.0**15 - 1, np.nan]),
        (["1", ""], FLOAT, [1.0, np.nan]),
        (["1", "null", "N/A", "-"], FLOAT, [1.0, np.nan, np.nan, np.nan]),
    ],
)
def test_a_numeric_column_has_integers_or_floats(texts, kind, values) -> None:
    assert _column(*texts).kind == kind
    np.testing.assert_array_equal(_values(*texts), values)


@pytest.mark.parametrize(
    "texts",
    [["007", "8"], ["00"], ["-01"], ["+01.5", "2"], ["9" * 19], ["9" * 16, ""], ["1" * 16, "NA"]],
)
def test_codes_and_integers_that_would_lose_digits_stay_text(texts: list[str]) -> None:
    assert _column(*texts) == CODES
    expected = [np.nan if text in {"", "NA"} else text for text in texts]
    assert pd.Series(_values(*texts)).equals(pd.Series(expected))


@pytest.mark.parametrize(
    "texts",
    [["a"], ["1", "2 000"], ["1", "12 %"], ["1,5"], ["1", "1_000"], ["0x10"], ["1e"], ["--1"],
     ["NA", ""], ["", "-"], ["Inf"], ["1", "two"]],
)  # fmt: skip
def test_any_other_value_makes_the_column_text(texts: list[str]) -> None:
    assert _column(*texts) == TEXT


def test_words_for_missing_are_kept_in_text_columns_and_missing_in_code_columns() -> None:
    assert _values("NA", "EU", "", " x ") == ["NA", "EU", pytest.approx(np.nan, nan_ok=True), "x"]
    assert pd.isna(_values("NA", "007")).tolist() == [True, False]


@pytest.mark.parametrize(
    ("texts", "form", "values"),
    [
        (["1,5", "2"], NumberForm(","), [1.5, 2.0]),
        (["1.234,5", "2,5"], NumberForm(",", "."), [1234.5, 2.5]),
        (["-1.234.567,25", "", "0,5"], NumberForm(",", "."), [-1234567.25, np.nan, 0.5]),
        (["0,125", "0,5"], NumberForm(","), [0.125, 0.5]),
    ],
)
def test_a_comma_is_the_decimal_mark_if_the_separator_is_another_character(
    texts, form, values
) -> None:
    column = _column(*texts, comma=True)
    assert (column.kind, column.form) == (FLOAT, form)
    np.testing.assert_array_equal(_values(*texts, comma=True), values)
    assert _column(*texts) == TEXT


@pytest.mark.parametrize(
    "texts", [["1,5", "01,5"], ["1,5", "a"], ["1,5", "1,5,5"], ["1,234", "5"], ["1.2,5", "1,5"]]
)
def test_with_decimal_commas_codes_and_ambiguous_numbers_stay_text(texts: list[str]) -> None:
    assert _column(*texts, comma=True) == TEXT


CELLS = st.sampled_from(["1", "2.5", "007", "", "NA", "x", "1,5", "1.234,5", "9" * 17, "-3", "1e2"])


@given(st.lists(CELLS, max_size=8), st.integers(0, 8), st.booleans())
def test_reading_the_file_in_parts_gives_the_same_column(cells, cut: int, comma: bool) -> None:
    whole = [pa.array(cells, pa.string())]
    parts = [pa.array(cells[:cut], pa.string()), pa.array(cells[cut:], pa.string())]
    column = column_of(whole, decimal_comma=comma)
    assert column_of(parts, decimal_comma=comma) == column
    pd.testing.assert_series_equal(series_of(parts, column), series_of(whole, column))


@given(st.lists(CELLS, max_size=8), st.booleans())
def test_the_order_of_the_rows_does_not_change_the_type(cells: list[str], comma: bool) -> None:
    ways = [pa.array(each, pa.string()) for each in (cells, cells[::-1], sorted(cells))]
    columns = [column_of([way], decimal_comma=comma) for way in ways]
    assert columns[0] == columns[1] == columns[2]


def test_a_text_after_the_first_thousand_values_makes_the_column_text() -> None:
    texts = ["1"] * CHECKED_FIRST
    assert _column(*texts).kind == INT
    assert _column(*texts, "x") == TEXT
    assert _column(*texts, "2.5").kind == FLOAT
    assert _column(*texts, "007") == CODES
