"""Escaping of texts from a user's table in Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.reports._markdown import Markdown, code, escape, percent, sentence, table, table_of


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_texts_do_not_break_a_table(texts):
    lines = table(["column"] * len(texts), [texts, texts]).split("\n")
    assert len(lines) == 4
    bars = [line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines]
    assert bars == [len(texts) + 1] * 4


@given(st.text())
def test_html_tags_are_escaped(text):
    for written in (escape(text), sentence(text)):
        assert "<" not in written
        assert ">" not in written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a|b", "a\\|b"),
        ("two\nlines\r\nof\ttext", "two lines of text"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("![x](http://y)", "\\!\\[x\\](http://y)"),
        ("# no heading", "\\# no heading"),
        ("back\\|slash", "back\\\\\\|slash"),
        ("annual_value", "annual_value"),
        ("\u202egnp.exe\u2028", "gnp.exe"),
        ("x" * 500, "x" * 119 + "…"),
        (None, "–"),  # noqa: RUF001  an en dash
        (np.nan, "–"),  # noqa: RUF001  an en dash
        (pd.NaT, "–"),  # noqa: RUF001  an en dash
        (0.123456, "0.1235"),
        (np.float64(1234567.8), "1,234,568"),
        (12345, "12,345"),
        (np.int64(7), "7"),
        (9999.4, "9,999"),
        (9999.5, "10,000"),
        (-9999.96, "-10,000"),
        (1234.56, "1,235"),
        (True, "yes"),
        (np.bool_(False), "no"),  # noqa: FBT003  the value under test
        (pd.Timestamp("2026-01-31 12:00"), "2026-01-31"),
        (date(2026, 1, 31), "2026-01-31"),
        (("a", 1), "a, 1"),
        (Markdown("**kept**"), "**kept**"),
    ],
)
def test_values_are_formatted_and_escaped(value, written):
    assert escape(value) == written


def test_sentences_are_not_shortened():
    assert len(sentence("word " * 100)) == 499


def test_a_name_in_code_is_escaped():
    assert code("a`b|c\nd") == "`a'b/c d`"


def test_shares_are_written_as_percentages():
    assert (percent(0.1234), percent(None)) == ("12.3%", "–")  # noqa: RUF001  an en dash


@dataclass(frozen=True)
class Row:
    first_name: str
    count: int


@pytest.mark.parametrize(
    "records",
    [
        [Row("a", 1)],
        [{"first_name": "a", "count": 1}],
        pd.DataFrame({"first_name": ["a"], "count": [1]}),
        pd.DataFrame({"count": [1]}, index=pd.Index(["a"], name="first_name")),
    ],
)
def test_records_of_any_kind_make_the_same_table(records):
    assert table_of(records) == "| first name | count |\n| --- | --- |\n| a | 1 |"


def test_a_mapping_makes_a_table_of_names_and_values():
    assert table_of({"deals": 3}).endswith("| deals | 3 |")


@pytest.mark.parametrize("records", [None, [], pd.DataFrame()])
def test_no_records_make_no_table(records):
    assert table_of(records) == ""
