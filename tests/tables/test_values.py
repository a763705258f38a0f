"""Numbers, dates and yes/no values are read the same way alone and in a column."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.tables.forms import reads_as_numbers
from fitmodel.tables.values import (
    UNKNOWN,
    DateForm,
    NumberForm,
    UnclearNumberError,
    UnreadableValueError,
    read_dates,
    read_day,
    read_flag,
    read_flags,
    read_number,
    read_numbers,
)

COMMA = NumberForm(",", ".")
POINT = NumberForm(".", ",")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$29", 29),
        ("2,368", 2368),
        ("64 users", 64),
        ("1.2k", 1200),
        ("$1.2M", 1_200_000),
        ("1.5 mn", 1_500_000),
        ("3万", 30_000),
        ("US$ 1,234.50", 1234.5),
        ("1 234.5 EUR", 1234.5),
        ("1'234'567", 1_234_567),
        ("29 €/Monat", 29),
        ("($5)", -5),
        ("5-", -5),
        ("\N{MINUS SIGN}5", -5),
        ("1,23,456.7", 123_456.7),
        ("12 months", 12),
    ],
)
def test_a_number_with_sign_unit_or_marks_is_read(text: str, number: float) -> None:
    assert read_numbers(pd.Series([text, None])).series.tolist()[0] == number


@pytest.mark.parametrize(
    ("text", "number"), [("€1.234,50", 1234.5), ("1.234", 1234), ("12,5", 12.5), ("12.5", 12.5)]
)
def test_the_decimal_comma_is_read_in_the_form_of_the_column(text: str, number: float) -> None:
    assert read_number(text, NumberForm(",", ".", "EUR")) == number


def test_percentages_become_shares_and_cannot_be_mixed_with_numbers() -> None:
    shares = read_numbers(pd.Series(["12 %", "7%", "0.5 %"]))
    assert shares.series.tolist() == [0.12, 0.07, 0.005]
    mixed = read_numbers(pd.Series(["12", "7", "5 %"]))
    assert mixed.unreadable.tolist() == [False, False, True]
    with pytest.raises(UnreadableValueError, match="in %"):
        read_number("12", shares.form)


@pytest.mark.parametrize(
    "text",
    ["abc", "0x10", "1_000", "1.2.3", "--5", "1/2", "true", "2024-01-01", "<b>5</b>", "1,2,3,4",
     "51-200", "201+", "3A", "7B", "(5", "5)", "$5 €", "12 Main Street"],
)  # fmt: skip
def test_a_text_that_is_not_a_number_is_unreadable(text: str) -> None:
    assert read_numbers(pd.Series([text, "4"])).unreadable.tolist() == [True, False]
    with pytest.raises(UnreadableValueError):
        read_number(text, POINT)


def test_values_in_a_second_currency_are_unreadable() -> None:
    reading = read_numbers(pd.Series(["$10", "$20", "¥30", "40"]))
    assert reading.unreadable.tolist() == [False, False, True, False]
    assert dict(reading.units) == {"USD": 2, "¥": 1, "": 1}


def test_ambiguous_marks_are_refused_without_a_form() -> None:
    for text in ("1,234", "1.234,5", "1,234.5"):
        with pytest.raises(UnclearNumberError, match="its mark may be decimal"):
            read_number(text, UNKNOWN)
    assert read_number("1.234", UNKNOWN) == 1.234
    with pytest.raises(UnclearNumberError):
        read_number("1.234", NumberForm(","))  # the column has no thousands mark


numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 2))


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.lists(numbers, min_size=1, max_size=15), st.sampled_from([COMMA, POINT]))
def test_a_column_of_numbers_in_any_form_is_read_back(
    values: list[float], form: NumberForm
) -> None:
    marks = str.maketrans(",.", form.thousands + form.decimal)
    texts = [f"{value:,.2f}".translate(marks) for value in values]
    reading = read_numbers(pd.Series(texts))
    assert reading.series.tolist() == values
    assert [read_number(text, reading.form) for text in texts] == values


CELLS = st.one_of(
    st.none(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_infinity=True),
    st.booleans(),
    st.from_regex(r"[$€]?\d{1,3}([.,]\d{1,3}){0,3}( ?(k|%|users))?", fullmatch=True),
    st.sampled_from(["", "NA", "-", "yes", "12,5", "1 234", "x"]),
)


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.lists(CELLS, min_size=1, max_size=12))
def test_a_column_of_numbers_is_read_like_its_single_values(cells: list[object]) -> None:
    column = pd.Series(cells, dtype=object)
    reading = read_numbers(column)
    for cell, number, bad in zip(cells, reading.series, reading.unreadable, strict=True):
        if pd.isna(cell) or (isinstance(cell, str) and cell in {"", "NA", "-"}):
            assert math.isnan(number)
            assert not bad
            continue
        try:
            alone = read_number(cell, reading.form)
        except UnreadableValueError:
            assert bad
        else:
            assert not bad
            assert alone == number or (math.isnan(alone) and math.isnan(number))


FORMATS = {
    "%Y-%m-%d": "iso",
    "%Y/%m/%d": "year first",
    "%Y年%m月%d日": "year first",
    "%d-%m-%Y": "day first",
    "%d.%m.%Y": "day first",
    "%m/%d/%Y": "month first",
    "%m/%d/%y": "month first",
    "%d %B %Y": "month name",
    "%b %d, %Y": "month name",
    "%d-%b-%Y %H:%M": "month name",
    "%Y%m%d": "yyyymmdd",
}
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.lists(days, min_size=1, max_size=10), st.sampled_from(sorted(FORMATS)))
def test_a_column_of_dates_in_any_form_is_read_back(given_days: list[date], pattern: str) -> None:
    every = [*given_days, date(2024, 1, 31)]  # a day above 12, which cannot be a month
    texts = [day.strftime(pattern) for day in every]
    reading = read_dates(pd.Series(texts))
    assert [stamp.date() for stamp in reading.series] == every
    assert reading.form == DateForm(FORMATS[pattern])
    epoch = date(1970, 1, 1)
    for text, day in zip(texts, every, strict=True):
        assert epoch + timedelta(read_day(text, reading.form)) == day


@pytest.mark.parametrize("unit", [1, 1000])
def test_seconds_and_milliseconds_since_1970_are_read_as_days(unit: int) -> None:
    stamps = pd.to_datetime(["2024-01-05 23:59", "2022-12-31 00:00", "2025-06-01 12:00"])
    values = pd.Series(stamps.as_unit("s").asi8 * unit)
    read = read_dates(values).series
    assert read.tolist() == [*stamps.normalize()]
    assert read_dates(values.astype(str)).series.tolist() == read.tolist()


def test_all_rows_have_the_same_order_of_day_and_month_and_ambiguity_is_reported() -> None:
    decided = read_dates(pd.Series(["03/04/2024", "25/04/2024"]))
    assert decided.order == "day first"
    assert decided.series.dt.month.tolist() == [4, 4]
    assert read_dates(pd.Series(["03/04/2024", "05/06/2024"])).order == "either"
    assert read_dates(pd.Series(["03.04.2024", "05.06.2024"])).order == "day first"
    assert read_dates(pd.Series(["03/04/2024"]), "month first").series.dt.month.tolist() == [3]


def test_among_iso_dates_another_form_is_unreadable() -> None:
    column = pd.Series(["2024-01-05", "2024-02-06", "01.02.2024"])
    assert read_dates(column).unreadable.tolist() == [False, False, True]


def test_iso_dates_are_read_in_every_form() -> None:
    for order in ("day first", "month first", "month name", "excel", "milliseconds"):
        assert read_day("2024-02-29", DateForm(order)) == read_day("2024-02-29")


@pytest.mark.parametrize("yes", ["yes", "Ja", "OUI", "sí", "Sim", "是", "1.0", "on", True])
@pytest.mark.parametrize("no", ["no", "Nein", "non", "NÃO", "否", "0", "off", False])
def test_yes_and_no_are_read_the_same_alone_and_in_a_column(yes: object, no: object) -> None:
    assert (read_flag(yes), read_flag(no), read_flag("maybe")) == (True, False, None)
    reading = read_flags(pd.Series([yes, no, "maybe", None], dtype=object))
    assert reading.series.tolist() == [True, False, False, False]
    assert reading.unreadable.tolist() == [False, False, True, False]


def test_status_words_are_yes_or_no_only_for_an_outcome() -> None:
    status = pd.Series(["Churned", "active", "baja", "ativo", "流失", "在网"])
    assert read_flags(status).series.tolist() == [True, False] * 3
    assert read_flags(status, outcome=False).unreadable.all()


def test_numpy_and_pandas_numbers_are_read_like_python_numbers() -> None:
    for value in (np.int64(5), np.float32(5), 5, "5", True * 5):
        assert read_number(value) == 5


@pytest.mark.parametrize("value", [True, False, np.True_])
def test_true_and_false_are_no_numbers_in_a_cell_or_a_column(value: object) -> None:
    """A service that gets `true` for a number has a mistake in its call."""
    with pytest.raises(UnreadableValueError, match="is not a number"):
        read_number(value)
    for column in (
        pd.Series([value]),
        pd.Series([value], dtype="boolean"),
        pd.Series([value, 5.5]),
    ):
        reading = read_numbers(column)
        assert reading.unreadable.tolist() == [True, False][: len(column)]
        assert np.isnan(reading.series.iloc[0])


def test_typed_dates_of_any_kind_give_their_day() -> None:
    day = date(2024, 2, 29)
    stamp = pd.Timestamp("2024-02-29 23:30", tz="Asia/Tokyo")
    for values in (
        pd.Series([day], dtype=pd.ArrowDtype(pa.date32())),
        pd.Series([stamp]),
        pd.Series([stamp]).astype(pd.ArrowDtype(pa.timestamp("us", "Asia/Tokyo"))),
        pd.Series([day], dtype=object),
    ):
        assert read_dates(values).series.tolist() == [pd.Timestamp(day)]


@pytest.mark.parametrize(
    "dtype", ["int64", "float64", "Int64", "Float64", "int64[pyarrow]", "object", "str"]
)
def test_zeros_and_ones_are_flags_and_other_numbers_are_numeric_in_any_type(dtype) -> None:
    assert not reads_as_numbers(pd.Series([0, 1, 1, 0], dtype=dtype))
    assert reads_as_numbers(pd.Series([0, 1, 2, 0], dtype=dtype))


def test_an_empty_column_is_not_numeric_and_infinity_is_not_a_flag() -> None:
    assert not reads_as_numbers(pd.Series([np.nan, np.nan]))
    assert not reads_as_numbers(pd.Series([0.0, 1.0, np.nan]))
    assert reads_as_numbers(pd.Series([0.0, 1.0, np.inf]))
    assert not reads_as_numbers(pd.Series([True, False]))
