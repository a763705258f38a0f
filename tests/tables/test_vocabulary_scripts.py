"""Digits and letters of other scripts are written in one way before they are compared."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.tables.vocabulary import (
    _SIMPLIFIED,
    _TRADITIONAL,
    plain_digits,
    plain_letters,
    traditional,
)


@pytest.mark.parametrize("zero", ["０", "٠", "۰", "०", "০", "๐"])
def test_the_ten_digits_of_a_script_are_written_as_ascii(zero: str) -> None:
    digits = "".join(chr(ord(zero) + digit) for digit in range(10))
    assert plain_digits(digits) == "0123456789"


def test_full_width_signs_and_arabic_marks_are_written_as_ascii() -> None:
    assert plain_digits("（１，２３４．５０）") == "(1,234.50)"
    assert plain_digits("١٬٢٣٤٫٥") == "1,234.5"


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_ascii_text_is_unchanged(text: str) -> None:
    assert plain_digits(text) == text == plain_letters(text)


@given(st.text())
def test_both_are_stable_and_keep_the_length(text: str) -> None:
    for function in (plain_digits, plain_letters):
        assert function(function(text)) == function(text)
        assert len(function(text)) == len(text)


def test_each_traditional_sign_has_one_simplified_sign() -> None:
    assert len(_TRADITIONAL) == len(_SIMPLIFIED) == len(set(_TRADITIONAL))
    assert not set(_TRADITIONAL) & set(_SIMPLIFIED)
    assert all(unicodedata.name(sign).startswith("CJK") for sign in _TRADITIONAL + _SIMPLIFIED)


@pytest.mark.parametrize(
    ("one", "other"), [("簽約日期", "签约日期"), ("İPTAL", "iPTAL"), ("Ушёл", "Ушел")]
)
def test_spellings_of_one_word_are_equal(one: str, other: str) -> None:
    assert plain_letters(one) == plain_letters(other)


def test_a_text_in_traditional_signs_is_read_back() -> None:
    for text in (_SIMPLIFIED, "输单", "未成交", "Lost"):
        assert plain_letters(traditional(text)) == text
