"""The lists of words contradict each other nowhere, and each is read as what it means."""

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
    LEFT,
    MISSING_TEXT,
    NO,
    NOT_YET,
    PLACEHOLDER_DAYS,
    SCALES,
    STAYED,
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
def test_a_text_becomes_a_part_of_a_columns_name(text: str, name: str) -> None:
    assert slug(text) == name
    assert slug(slug(text)) == slug(text)


def test_no_word_is_yes_and_no_or_left_and_stayed() -> None:
    assert not YES & NO
    assert not LEFT & STAYED
    assert not (LEFT | STAYED) & (YES | NO)
    assert not EMPTY_TEXT & UNCLEAR_WORDS
    assert MISSING_TEXT == EMPTY_TEXT | UNCLEAR_WORDS


def test_words_that_are_compared_without_case_are_listed_without_case() -> None:
    for words in (YES, NO, LEFT, STAYED, NOT_YET):
        assert {word.casefold().strip() for word in words} == set(words)


@pytest.mark.parametrize("word", sorted(YES | NO))
def test_every_spelling_of_yes_and_no_is_read(word: str) -> None:
    for written in (word, f" {word.upper()} ", word.title()):
        if written.strip().casefold() == word:
            assert read_flag(written) is (word in YES)


@pytest.mark.parametrize("word", sorted(LEFT | STAYED))
def test_every_status_says_whether_the_customer_left(word: str) -> None:
    reading = read_flags(pd.Series([word, word.upper()]))
    assert reading.series.tolist() == [word in LEFT] * 2
    assert not reading.unreadable.any()


@pytest.mark.parametrize("text", sorted(MISSING_TEXT))
def test_every_empty_text_is_missing_with_blanks_too(text: str) -> None:
    assert is_missing(text)
    assert is_missing(f" {text}\t")


def test_placeholder_days_are_days_but_for_excels_zero() -> None:
    for day in PLACEHOLDER_DAYS - {"1900-01-00"}:
        assert date.fromisoformat(day).isoformat() == day
    assert not {day for day in PLACEHOLDER_DAYS if "1980" <= day[:4] <= "2090"}


@pytest.mark.parametrize(
    "word",
    ["total", "Totals", "Grand Total", "Subtotal", "Sum", "Summe", "Gesamt", "Gesamtsumme",
     "Insgesamt", "Zwischensumme", "Suma", "Total general", "Soma", "Total geral", "Somme",
     "Sous-total", "Total général", "合计", "总计", "小计", "总和"],
)  # fmt: skip
def test_the_word_for_a_sum_is_known_in_six_languages(word: str) -> None:
    for written in (word, word.upper(), word.lower()):
        assert TOTAL.fullmatch(written)


@pytest.mark.parametrize("word", ["Total Wine", "summary", "assume", "totally", "", "gesamter"])
def test_a_name_that_only_begins_like_a_sum_is_none(word: str) -> None:
    assert not TOTAL.fullmatch(word)


def test_a_currency_code_has_three_capitals_and_every_dollar_its_country() -> None:
    assert all(len(code) == 3 and code.isupper() for code in CURRENCY_CODES)
    assert len(CURRENCY_CODES) == 44
    dollars = {sign: code for sign, code in CURRENCY_SIGNS.items() if "$" in sign}
    assert dollars.pop("$") == dollars.pop("US$") == "USD"
    assert set(dollars.values()) <= CURRENCY_CODES
    assert dollars == {
        "A$": "AUD", "C$": "CAD", "R$": "BRL", "HK$": "HKD", "S$": "SGD", "NZ$": "NZD",
    }  # fmt: skip


def test_scales_are_powers_of_ten_that_agree_whatever_their_case() -> None:
    by_word: dict[str, set[int]] = {}
    for word, power in SCALES.items():
        if word != "M":  # in capitals a million, as in $1.2M
            by_word.setdefault(word.casefold(), set()).add(power)
    assert all(len(powers) == 1 for powers in by_word.values())
    assert (SCALES["k"], SCALES["M"], SCALES["Mrd"], SCALES["万"], SCALES["亿"]) == (3, 6, 9, 4, 8)
    assert set(SCALES) >= vocabulary.MONEY_SCALES
