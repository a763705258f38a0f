"""Parsing the text of a number: digits, power of ten, unit, and the form of a column."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.tables._number_text import (
    EXAMPLES,
    MAX_LENGTH,
    UNKNOWN,
    UNKNOWN_WITH_COMMA,
    NumberForm,
    NumberText,
    UnclearNumberError,
    UnreadableValueError,
    currency_of,
    detect_number_form,
    is_other_unit,
    parse_number_text,
    value_of,
)

POINT, COMMA = NumberForm(), NumberForm(",")
POINT_GROUPS, COMMA_GROUPS = NumberForm(".", ","), NumberForm(",", ".")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("5", ("5", 0, "")),
        ("$ 1,234.50", ("1,234.50", 0, "USD")),
        ("US$1,234", ("1,234", 0, "USD")),
        ("HK$ 5", ("5", 0, "HKD")),
        ("EUR 5", ("5", 0, "EUR")),
        ("5 EUR", ("5", 0, "EUR")),
        ("5€", ("5", 0, "EUR")),
        ("¥5", ("5", 0, "¥")),
        ("12 %", ("12", -2, "%")),
        ("12%", ("12", -2, "%")),
        ("1.2k", ("1.2", 3, "")),
        ("1.2 K", ("1.2", 3, "")),
        ("3万", ("3", 4, "")),
        ("2亿", ("2", 8, "")),
        ("1,5 Mio", ("1,5", 6, "")),
        ("1,5 Mrd EUR", ("1,5", 9, "EUR")),
        ("$7B", ("7", 9, "USD")),
        ("12 TEUR", ("12", 3, "EUR")),
        ("12T€", ("12", 3, "EUR")),
        ("1,2 Mio. €", ("1,2", 6, "EUR")),
        ("800 Tsd. EUR", ("800", 3, "EUR")),
        ("12 thousand", ("12", 3, "")),
        ("3 lakh", ("3", 5, "")),
        ("12 тыс", ("12", 3, "")),
        ("CHF 12’000.-", ("12000.0", 0, "CHF")),  # noqa: RUF001 - as the Swiss write it
        ("1'200.--", ("1200.0", 0, "")),
        ("12.000,- €", ("12.000,0", 0, "EUR")),
        ("Fr. 950.—", ("950.0", 0, "CHF")),
        ("1234-", ("-1234", 0, "")),
        ("7B €", ("7", 9, "EUR")),
        ("$2 bn", ("2", 9, "USD")),
        ("64 users", ("64", 0, "user")),
        ("64users", ("64", 0, "user")),
        ("64 USERS", ("64", 0, "user")),
        ("12 months", ("12", 0, "month")),
        ("12mo", ("12", 0, "mo")),
        ("5人", ("5", 0, "人")),
        ("9 widgets", ("9", 0, "widget")),
        ("9 is", ("9", 0, "is")),
        ("29 €/Monat", ("29", 0, "EUR/monat")),
        ("$29/month", ("29", 0, "USD/month")),
        ("$29 per months", ("29", 0, "USD/month")),
        ("$1.2k/year", ("1.2", 3, "USD/year")),
        ("-5", ("-5", 0, "")),
        ("+5", ("5", 0, "")),
        ("5-", ("-5", 0, "")),
        ("(5)", ("-5", 0, "")),
        ("($5)", ("-5", 0, "USD")),
        ("-$5", ("-5", 0, "USD")),
        ("$-5", ("-5", 0, "USD")),
        ("\N{MINUS SIGN}5", ("-5", 0, "")),
        ("1 234 567", ("1234567", 0, "")),
        ("1'234.5", ("1234.5", 0, "")),
        ("1\N{RIGHT SINGLE QUOTATION MARK}234", ("1234", 0, "")),
        ("1\N{NO-BREAK SPACE}234,5", ("1234,5", 0, "")),
        (".5", (".5", 0, "")),
        (",5", (",5", 0, "")),
        ("1e3", ("1e3", 0, "")),
        ("1.5E-3", ("1.5E-3", 0, "")),
        ("  5  ", ("5", 0, "")),
    ],
)
def test_a_number_is_split_into_digits_power_and_unit(
    text: str, parts: tuple[str, int, str]
) -> None:
    assert parse_number_text(text) == NumberText(*parts)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "$", "EUR", "x5", "5x5", "--5", "-5-", "(-5)", "(5", "5)", "+-5", "5 x", "7B",
     "3A", "$5 €", "€ 5 %x", "12 Main Street", "5 a", "1 23", "12 34 567", "EURO5",
     "5 5 users", "51-200", "1/2", "0x10", "inf", "nan",
     "12 mil", "R$ 12 mil", "1.2 Cr", "12 T", "$12T", "1.2m", "5.-5"],
)  # fmt: skip
def test_a_text_that_is_not_a_number_gives_none(text: str) -> None:
    assert parse_number_text(text) is None


def test_a_text_longer_than_80_characters_is_not_a_number() -> None:
    assert parse_number_text("1" * MAX_LENGTH) == NumberText("1" * MAX_LENGTH, 0, "")
    assert parse_number_text("1" * (MAX_LENGTH + 1)) is None
    assert parse_number_text(" " + "1" * MAX_LENGTH + " ") is not None  # blanks do not count


@pytest.mark.parametrize(
    ("digits", "form", "number"),
    [
        ("1234", POINT, "1234"),
        ("1,234", POINT_GROUPS, "1234"),
        ("1,234", POINT, "1234"),
        ("1,234.5", POINT, "1234.5"),
        ("1,234,567.25", POINT, "1234567.25"),
        ("12,34,567", POINT_GROUPS, "1234567"),
        ("1.234", COMMA_GROUPS, "1234"),
        ("1.234,5", COMMA, "1234.5"),
        ("12.5", COMMA_GROUPS, "12.5"),
        ("0,125", COMMA, "0.125"),
        (",5", COMMA, "0.5"),
        ("-1.234.567,5", COMMA_GROUPS, "-1234567.5"),
        ("0.125", UNKNOWN, "0.125"),
        ("12,5", UNKNOWN_WITH_COMMA, "12.5"),
        ("0,125", UNKNOWN_WITH_COMMA, "0.125"),
        ("1234,567", UNKNOWN_WITH_COMMA, "1234.567"),
        ("1234.567", UNKNOWN, "1234.567"),
        ("1.234", UNKNOWN, "1.234"),
    ],
)
def test_digits_are_read_according_to_the_form(digits: str, form: NumberForm, number: str) -> None:
    for power in (-2, 0, 3):
        expected = float(Decimal(number).scaleb(power))
        assert value_of(NumberText(digits, power, ""), form) == expected


@pytest.mark.parametrize(
    ("digits", "form"),
    [
        ("1,234", UNKNOWN),
        ("12,345,678", UNKNOWN),
        ("1,234.5", UNKNOWN),
        ("1.234,5", UNKNOWN_WITH_COMMA),
        ("1.234", UNKNOWN_WITH_COMMA),
        ("1,234", UNKNOWN_WITH_COMMA),
        ("1.234", COMMA),
        ("1,234", NumberForm(contested=True)),
        ("1.234", NumberForm(",", ".", contested=True)),
    ],
)
def test_digits_that_can_mean_two_numbers_are_unclear(digits: str, form: NumberForm) -> None:
    with pytest.raises(UnclearNumberError):
        value_of(NumberText(digits, 0, ""), form)


@pytest.mark.parametrize(
    ("digits", "form", "number"),
    [
        ("1,234.5", NumberForm(contested=True), 1234.5),
        ("1.234,5", NumberForm(",", ".", contested=True), 1234.5),
        ("1234", NumberForm(contested=True), 1234.0),
    ],
)
def test_digits_with_both_marks_are_clear_in_a_contested_form(
    digits: str, form: NumberForm, number: float
) -> None:
    assert value_of(NumberText(digits, 0, ""), form) == number


@pytest.mark.parametrize(
    ("digits", "form"),
    [("1,23", POINT), ("1.2.3", POINT), ("1,2,3", COMMA), ("0,123", POINT), ("1,2345", POINT)],
)
def test_digits_that_are_invalid_in_a_form_are_an_error_but_not_unclear(
    digits: str, form: NumberForm
) -> None:
    with pytest.raises(ValueError, match="could not convert") as caught:
        value_of(NumberText(digits, 0, ""), form)
    assert not isinstance(caught.value, UnreadableValueError)


def _settled(*texts: str, rows: list[int] | None = None) -> NumberForm:
    return detect_number_form([parse_number_text(text) for text in texts], rows or [1] * len(texts))


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["5", "6"], ".5"),
        (["1,234", "5"], ",.5"),
        (["1,234.5"], ",.5"),
        (["12,5"], ",5"),
        (["0,125"], ",5"),
        (["1234,567"], ",5"),
        (["1,2345"], ",5"),
        (["1.234,5"], ".,5"),
        (["1.234.567"], ".,5"),
        (["1.234"], ".5"),
        (["12.5", "1,234"], ",.5"),
        (["12.5", "12,5"], ".5"),
        ([",5"], ",5"),
    ],
)
def test_the_form_of_a_column_is_decided_by_its_marks(texts: list[str], form: str) -> None:
    assert str(_settled(*texts)).replace("1", "", 1).replace("234", "") == form


def test_the_decimal_mark_is_the_one_of_most_rows() -> None:
    assert _settled("12.5", "12,5", rows=[2, 3]).decimal == ","
    assert _settled("12.5", "12,5", rows=[3, 2]).decimal == "."


def test_the_unit_is_the_one_of_most_rows() -> None:
    assert _settled("$5", "€6", "7", rows=[2, 3, 9]).unit == "EUR"
    assert _settled("5", "6").unit == ""
    assert detect_number_form([None, None], [4, 4]) == NumberForm()


def test_percent_is_the_unit_only_if_at_least_half_of_the_rows_have_it() -> None:
    assert _settled("5 %", "6", rows=[3, 3]).unit == "%"
    assert _settled("5 %", "6", rows=[3, 4]).unit == ""


@pytest.mark.parametrize(
    ("unit", "column", "other"),
    [
        ("", "", False),
        ("USD", "USD", False),
        ("", "USD", False),
        ("USD", "", False),
        ("EUR", "USD", True),
        ("USD/month", "USD", True),
        ("%", "%", False),
        ("", "%", True),
        ("%", "", True),
        ("%", "USD", True),
    ],
)
def test_a_number_without_a_unit_has_the_unit_of_the_column_except_percent(
    unit: str, column: str, other: bool
) -> None:
    assert is_other_unit(unit, NumberForm(unit=column)) is other


@pytest.mark.parametrize(
    ("unit", "currency"),
    [("USD", "USD"), ("USD/month", "USD"), ("kr", "kr"), ("¥/year", "¥"), ("user", ""), ("", ""),
     ("%", "")],
)  # fmt: skip
def test_the_currency_of_a_unit_is_the_part_before_the_slash(unit: str, currency: str) -> None:
    assert currency_of(unit) == currency


def test_the_example_of_each_form_is_the_same_number() -> None:
    assert set(EXAMPLES) == {"1234.5", "1,234.5", "1234,5", "1.234,5"}
    for example, form in EXAMPLES.items():
        assert str(form) == example
        parts = parse_number_text(example)
        assert parts is not None
        assert value_of(parts, form) == 1234.5


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from([POINT_GROUPS, COMMA_GROUPS]))
def test_a_number_written_with_marks_currency_and_sign_is_read_back(
    number: Decimal, form: NumberForm
) -> None:
    written = f"{number:,.2f}".translate(str.maketrans(",.", form.thousands + form.decimal))
    for text in (written, f"€ {written}", f"{written} EUR"):
        parts = parse_number_text(text)
        assert parts is not None
        assert value_of(parts, form) == float(number)
