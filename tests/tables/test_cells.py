"""One cell of a table: missing or not, its text as a level, and how a message shows it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.tables.cells import (
    PLAIN_MONEY,
    as_cell_text,
    distinct,
    formats_money,
    is_empty,
    is_missing,
    is_missing_level,
    is_sized,
    is_text,
    level_text,
    plain,
    read_share,
    row_name,
    shortened,
    shown,
)
from fitmodel.tables.vocabulary import MISSING_TEXT, UNCLEAR_WORDS


class Size(Enum):
    SMALL = " small "
    NONE = "NA"
    TWO = 2.0
    NOTHING = None


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), np.nan, np.float32("nan"), pd.NaT, pd.NA, np.datetime64("NaT"),
     np.timedelta64("NaT"), Decimal("NaN"), Decimal("sNaN"), "", "  ", " NA ", "#N/A", "\\N",
     "null", Size.NONE, Size.NOTHING],
)  # fmt: skip
def test_every_form_of_a_missing_value_is_missing(value: object) -> None:
    assert is_missing(value) is True


def test_a_word_left_in_a_table_that_was_read_is_a_level() -> None:
    assert not any(is_missing_level(word) for word in UNCLEAR_WORDS)
    assert all(is_missing_level(value) for value in [None, np.nan, pd.NA, "", " ", "#N/A"])


@pytest.mark.parametrize(
    "value",
    [0, 0.0, False, np.False_, "0", "no", "none", "nA", "NA.", date(2024, 2, 29),
     pd.Timestamp("2024-02-29"), np.datetime64("2024-02-29"), Decimal(0), float("inf"), [], [None],
     {}, (), Size.SMALL, Size.TWO, b"NA"],
)  # fmt: skip
def test_a_value_is_not_missing(value: object) -> None:
    assert is_missing(value) is False


def test_a_deeply_nested_list_is_not_missing_and_does_not_crash() -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    assert is_missing(deep) is False


COLUMNS = [
    pd.Series(["a", " NA ", None, "", "null", "x"], dtype=object),
    pd.Series(["a", " NA ", None, "", "null", "x"], dtype="str"),
    pd.Series(["a", " NA ", None, "", "null", "x"], dtype="category"),
    pd.Series(["a", " NA ", None, "", "null", "x"], dtype="string[pyarrow]"),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.dtype))
def test_cells_of_a_text_column_are_empty_if_they_are_missing(column: pd.Series) -> None:
    assert is_empty(column).tolist() == [False, True, True, True, True, False]


def test_cells_of_a_number_or_date_column_are_empty_if_they_are_missing() -> None:
    assert is_empty(pd.Series([0.0, np.nan, 1.0])).tolist() == [False, True, False]
    assert is_empty(pd.Series([0, None], dtype="Int64")).tolist() == [False, True]
    assert is_empty(pd.Series([pd.Timestamp(0), pd.NaT])).tolist() == [False, True]
    assert is_empty(pd.Series([1.0, None], dtype="category")).tolist() == [False, True]
    assert is_empty(pd.Series([], dtype="str")).tolist() == []


@given(
    st.lists(st.one_of(st.none(), st.floats(), st.sampled_from(sorted(MISSING_TEXT)), st.text()))
)
def test_is_empty_of_a_column_agrees_with_is_missing_of_each_cell(cells: list[object]) -> None:
    column = pd.Series(cells, dtype=object)
    assert is_empty(column).tolist() == [is_missing(cell) for cell in cells]


def test_text_columns_are_distinguished_from_other_columns() -> None:
    assert is_text(pd.Series(["a"], dtype="str"))
    assert is_text(pd.Series([1, "a"], dtype=object))
    assert is_text(pd.Index(["a"]))
    for other in (pd.Series([1]), pd.Series([True]), pd.Series([pd.Timestamp(0)])):
        assert not is_text(other)


@pytest.mark.parametrize(
    ("value", "many"),
    [([1], True), ({}, True), (b"x", True), (np.array([1]), True), ("x", False), (1, False),
     (None, False)],
)  # fmt: skip
def test_a_container_has_many_values_and_a_text_has_one(value: object, many: bool) -> None:
    assert is_sized(value) is many


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12, "12"), (12.0, "12"), (np.float32(12), "12"), (np.int64(12), "12"), (" 12 ", "12"),
        (12.5, "12.5"), (-0.0, "0"), (1e15, "1000000000000000"), (True, "yes"), (np.False_, "no"),
        (Size.SMALL, "small"), (Size.TWO, "2"), (Decimal("1.50"), "1.50"), (float("inf"), "inf"),
        ("True", "True"), (date(2024, 2, 29), "2024-02-29"),
    ],
)  # fmt: skip
def test_a_level_has_one_text_for_every_type_of_its_code(value: object, text: str) -> None:
    assert level_text(value) == text


def test_cells_that_are_equal_in_python_are_distinct_levels() -> None:
    column = pd.Series([1, 1.0, True, "1", 1, [1], [1]], dtype=object)
    positions, firsts = distinct(column)
    assert positions.tolist() == [0, 1, 2, 3, 0, 4, 4]
    assert [type(each) for each in firsts] == [int, float, bool, str, list]


@pytest.mark.parametrize("dtype", ["str", "object", "category", "string[pyarrow]"])
def test_distinct_texts_are_in_the_order_of_their_first_rows(dtype: str) -> None:
    positions, levels = distinct(pd.Series(["b", "a", None, "b"], dtype=dtype))
    assert positions.tolist() == [0, 1, -1, 0]
    assert list(levels) == ["b", "a"]


def test_distinct_cells_of_arrow_may_be_lists_or_decimals() -> None:
    lists = pd.Series([[1], [2], [1]], dtype=pd.ArrowDtype(pa.list_(pa.int64())))
    assert distinct(lists)[0].tolist() == [0, 1, 0]
    exact = pd.Series([Decimal("1.0"), Decimal("2.0")], dtype=pd.ArrowDtype(pa.decimal128(5, 1)))
    assert distinct(exact)[1] == [Decimal("1.0"), Decimal("2.0")]


@given(st.lists(st.one_of(st.none(), st.integers(0, 3), st.booleans(), st.sampled_from("ab"))))
def test_distinct_values_and_positions_reproduce_the_column(cells: list[object]) -> None:
    positions, levels = distinct(pd.Series(cells, dtype=object))
    again = [None if position < 0 else levels[position] for position in positions]
    assert [(type(each), each) for each in again] == [(type(each), each) for each in cells]


def test_a_value_longer_than_the_width_is_cut_to_the_width() -> None:
    assert shortened("a" * 58) == repr("a" * 58)  # 60 characters with its quotes
    cut = shortened("a" * 59)
    assert cut == "'" + "a" * 58 + "…"
    assert len(cut) == 60
    assert shortened("abcdef", width=5) == "'abc…"
    assert shortened(np.int64(5)) == "5"
    assert shortened(None) == "None"


def test_nested_or_long_values_are_shown_shortened() -> None:
    deep: list[object] = []
    for _ in range(1_000):
        deep = [deep]
    assert shown(deep) == "[[[[...]]]]"
    assert shown("a" * 98) == repr("a" * 98)
    assert len(shown("a" * 500)) == 100
    assert shown(np.float64(1.5)) == "1.5"


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
        (np.bool_(1), True),
        (np.str_("x"), "x"),
        (pd.Timestamp("2024-02-29"), "2024-02-29"),
        (datetime(2024, 2, 29), "2024-02-29"),  # noqa: DTZ001 - as a table has it
        (pd.Timestamp("2024-02-29 08:30"), "2024-02-29 08:30:00"),
        ("x", "x"),
        (None, None),
    ],
)
def test_a_numpy_or_pandas_value_becomes_a_python_value(value: object, result: object) -> None:
    assert plain(value) == result
    assert type(plain(value)) is type(result)


def test_missing_values_and_arrays_are_not_converted() -> None:
    array = np.array([5])
    assert plain(array) is array
    assert plain(pd.NaT) is pd.NaT


def test_a_row_is_named_by_its_plain_index() -> None:
    assert row_name(np.int64(5)) == "row 5"
    assert row_name("D5") == "row 'D5'"
    assert row_name(pd.Timestamp("2024-02-29")) == "row '2024-02-29'"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), (float("nan"), None), (pd.NaT, None), (5, "5"), (5.0, "5"), (5.5, "5.5"),
     (True, "True"), ("x", "x"), (" x ", " x "), (np.int64(5), "5"),
     (pd.Timestamp("2024-02-29"), "2024-02-29")],
)  # fmt: skip
def test_the_text_of_a_cell_of_a_mixed_column(value: object, text: str | None) -> None:
    assert as_cell_text(value) == text


@pytest.mark.parametrize(
    "text", ["{:,.0f}", "€ {:,.0f}", "{:.2f} USD", "{:_}", "{:}", "{:,.1g}", PLAIN_MONEY]
)
def test_a_money_format_has_one_placeholder_for_the_number(text: str) -> None:
    assert formats_money(text)
    assert text.format(1234.5).replace(",", "").replace("_", "")  # Python can use it


@pytest.mark.parametrize(
    "text", ["", "€", "{}", "{:,.0f} {:,.0f}", "{0:,.0f}", "{:.123f}", "{:d}", "{:,.0f", "{x:,.0f}",
             "{{:,.0f}}", "{:,.0f}}"]
)  # fmt: skip
def test_any_other_text_is_not_a_money_format(text: str) -> None:
    assert not formats_money(text)


@pytest.mark.parametrize(
    ("text", "share"),
    [("8 %", 0.08), ("8%", 0.08), (" 12.5 % ", 0.125), ("12,25%", 0.1225), ("0%", 0.0),
     ("1000 %", 10.0), ("8 \N{FULLWIDTH PERCENT SIGN}", 0.08)],
)  # fmt: skip
def test_a_percentage_is_read_with_either_decimal_mark(text: str, share: float) -> None:
    assert read_share(text) == pytest.approx(share, abs=1e-15)


@pytest.mark.parametrize("text", ["8", "%", "8 % 9", "-8 %", "1.234 %", "10000 %", "8. %", "x 8 %"])
def test_a_text_that_is_not_a_percentage_gives_none(text: str) -> None:
    assert read_share(text) is None
