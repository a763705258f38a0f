"""Pages: contrast of the colour tokens, escaping of formulas, content security policy."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import re
from decimal import Decimal
from importlib.resources import files

import pandas as pd
import pytest

from fitmodel.reports._drawing import TOKENS
from fitmodel.reports.html import STYLES, read_style, render, safe_csv

THEMES = ("light", "dark")
TEXT = 4.5  # WCAG 2.2, 1.4.3 AA
SHAPE = 3.0  # WCAG 2.2, 1.4.11: edges of controls, marks of plots
BANDS = ("poor", "watch", "good")
PAIRS = [
    *((text, back, TEXT) for text in ("ink", "soft", "accent") for back in ("card", "tint")),
    *((text, "page", TEXT) for text in ("ink", "soft", "accent")),
    *((band, back, TEXT) for band in BANDS for back in ("card", "tint", f"{band}-tint")),
    ("on-accent", "accent", TEXT),
    *((mark, "card", SHAPE) for mark in ("edge", "plot-blue", "plot-orange")),
    *((mark, "page", SHAPE) for mark in ("edge", "plot-blue", "plot-orange")),
]  # fmt: skip


def tokens(theme: str) -> dict[str, str]:
    pattern = r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);"
    position = THEMES.index(theme)
    result = re.findall(pattern, read_style("tokens.css"))
    return {name: colours[position] for name, *colours in result}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_contrast_agrees_with_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "back", "least"), PAIRS)
def test_texts_and_marks_have_enough_contrast(theme, text, back, least) -> None:
    colours = tokens(theme)
    assert contrast(colours[text], colours[back]) >= least


def test_every_colour_of_a_plot_is_a_token() -> None:
    assert set(TOKENS.values()) <= set(tokens("light"))


SHEETS = [read_style(name) for name in STYLES if name != "tokens.css"]
SHEETS.append(files("fitmodel.service").joinpath("desk", "desk.css").read_text(encoding="utf-8"))


@pytest.mark.parametrize("sheet", SHEETS)
def test_style_sheets_use_only_colour_tokens(sheet) -> None:
    assert re.findall(r"(?:color|background|fill|stroke): #", sheet) == []
    used = set(re.findall(r"var\(--([\w-]+)\)", sheet))
    known = set(re.findall(r"--([\w-]+):", read_style("tokens.css")))
    assert used <= known


def rows_of(table) -> list[list[str]]:
    return list(csv.reader(io.StringIO(safe_csv(table), newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_no_text_name_or_index_can_start_a_formula(start) -> None:
    table = pd.DataFrame({f"{start}name": [f"{start}1", "a"]}, index=[f"{start}i", "b"])
    head, first, second = rows_of(table)

    assert head == ["index", f"'{start}name"]
    assert first == [f"'{start}i", f"'{start}1"]
    assert second == ["b", "a"]


def test_other_texts_are_not_changed_and_numbers_keep_their_sign() -> None:
    table = pd.DataFrame(
        {
            "text": ["a=1", " -x", "", "'="], "number": [-1.5, 2.0, 0.0, -3.0],
            "amount": [Decimal("-1.10"), Decimal(0), Decimal("2.00"), None],
            "day": pd.to_datetime(["2026-01-31"] * 4), "flag": [True, False, True, False],
        }
    )  # fmt: skip
    rows = rows_of(table)

    assert [row[1] for row in rows[1:]] == ["a=1", " -x", "", "'="]
    assert [row[2] for row in rows[1:]] == ["-1.5", "2.0", "0.0", "-3.0"]
    assert [row[3] for row in rows[1:]] == ["-1.10", "0", "2.00", ""]
    assert [row[4] for row in rows[1:]] == ["2026-01-31"] * 4
    assert [row[5] for row in rows[1:]] == ["True", "False", "True", "False"]


def test_a_text_with_line_breaks_commas_and_quotes_is_one_cell() -> None:
    texts = ["two\nlines", "a\rb", 'say "x", y', "c\r\nd"]
    rows = rows_of(pd.DataFrame({"text": texts}))

    assert [row[1] for row in rows[1:]] == texts
    assert safe_csv(pd.DataFrame({"x": [1]})) == "index,x\r\n0,1\r\n"


def test_the_security_policy_of_a_page_has_the_digest_of_its_styles() -> None:
    page = render("card.html.j2", language="en", title="<t>", card="<p>x</p>")
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"sha256-{digest}" in html.unescape(page)
    assert "default-src 'none'" in html.unescape(page)
    assert "&lt;t&gt;" in page
