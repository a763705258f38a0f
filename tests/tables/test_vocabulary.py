"""The lists of words do not contradict each other, and each word is read correctly."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from fitmodel.tables import vocabulary
from fitmodel.tables.values import is_missing, read_flag, read_flags
from fitmodel.tables.vocabulary import (
    CURRENCY_CODES,
    CURRENCY_SIGNS,
    EMPTY_TEXT,
    LEFT_WORDS,
    MISSING_TEXT,
    NO,
    NOT_YET,
    PLACEHOLDER_DAYS,
    SCALES,
    STAYED_WORDS,
    TOTAL,
    UNCLEAR_WORDS,
    YES,
    slug,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [("Closed Won", "closed_won"), ("  a--b  ", "a_b"),
     ("Größe (m²)", "größe_m²"), ("已取消", "已取消"),
     ("__x__", "x"), ("", "other"), ("--", "other"), ("A1", "a1")],
)  # fmt: skip
def test_a_slug_is_a_valid_part_of_a_column_name(text: str, name: str) -> None:
    assert slug(text) == name
    assert slug(slug(text)) == slug(text)


def test_no_word_is_in_two_contradicting_lists() -> None:
    assert not YES & NO
    assert not LEFT_WORDS & STAYED_WORDS
    assert not (LEFT_WORDS | STAYED_WORDS) & (YES | NO)
    assert not EMPTY_TEXT & UNCLEAR_WORDS
    assert MISSING_TEXT == EMPTY_TEXT | UNCLEAR_WORDS


def test_words_compared_without_case_are_listed_in_lower_case() -> None:
    for words in (YES, NO, LEFT_WORDS, STAYED_WORDS, NOT_YET):
        assert {word.casefold().strip() for word in words} == set(words)


@pytest.mark.parametrize("word", sorted(YES | NO))
def test_every_spelling_of_yes_and_no_is_read(word: str) -> None:
    for written in (word, f" {word.upper()} ", word.title()):
        if written.strip().casefold() == word:
            assert read_flag(written) is (word in YES)


@pytest.mark.parametrize("word", sorted(LEFT_WORDS | STAYED_WORDS))
def test_every_status_word_is_read_as_left_or_stayed(word: str) -> None:
    reading = read_flags(pd.Series([word, word.upper()]))
    assert reading.series.tolist() == [word in LEFT_WORDS] * 2
    assert not reading.unreadable.any()


@pytest.mark.parametrize("text", sorted(MISSING_TEXT))
def test_every_empty_text_is_missing_also_with_blanks(text: str) -> None:
    assert is_missing(text)
    assert is_missing(f" {text}\t")


def test_placeholder_days_are_valid_dates_except_excels_zero() -> None:
    for day in PLACEHOLDER_DAYS - {"1900-01-00"}:
        assert date.fromisoformat(day).isoformat() == day
    assert not {day for day in PLACEHOLDER_DAYS if "1980" <= day[:4] <= "2090"}


@pytest.mark.parametrize(
    "word",
    ["total", "Totals", "Grand Total", "Subtotal", "Sum", "Summe", "Gesamt", "Gesamtsumme",
     "Insgesamt", "Zwischensumme", "Suma", "Total general", "Soma", "Total geral", "Somme",
     "Sous-total", "Total général", "合计", "总计", "小计", "总和"],
)  # fmt: skip
def test_the_word_for_total_is_recognised_in_six_languages(word: str) -> None:
    for written in (word, word.upper(), word.lower()):
        assert TOTAL.fullmatch(written)


@pytest.mark.parametrize("word", ["Total Wine", "summary", "assume", "totally", "", "gesamter"])
def test_a_name_that_only_begins_like_a_word_for_total_is_not_matched(word: str) -> None:
    assert not TOTAL.fullmatch(word)


def test_currency_codes_have_three_capitals_and_each_dollar_sign_has_its_code() -> None:
    assert all(len(code) == 3 and code.isupper() for code in CURRENCY_CODES)
    assert len(CURRENCY_CODES) == 44
    dollars = {sign: code for sign, code in CURRENCY_SIGNS.items() if "$" in sign}
    assert dollars.pop("$") == dollars.pop("US$") == "USD"
    assert set(dollars.values()) <= CURRENCY_CODES
    assert dollars == {
        "A$": "AUD", "C$": "CAD", "R$": "BRL", "HK$": "HKD", "S$": "SGD", "NZ$": "NZD",
        "NT$": "TWD", "MX$": "MXN",
    }  # fmt: skip


def test_scales_are_powers_of_ten_independent_of_case() -> None:
    by_word: dict[str, set[int]] = {}
    for word, power in SCALES.items():
        if word != "M":  # upper case means a million, as in $1.2M
            by_word.setdefault(word.casefold(), set()).add(power)
    assert all(len(powers) == 1 for powers in by_word.values())
    assert (SCALES["k"], SCALES["M"], SCALES["Mrd"], SCALES["万"], SCALES["亿"]) == (3, 6, 9, 4, 8)
    assert set(SCALES) >= vocabulary.MONEY_SCALES
