"""Shares are written in one form, "57%", wherever people read them, in English and in Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import fitmodel
from fitmodel.language.catalogue import LANGUAGES, message_in, read_texts
from fitmodel.monitoring.report import monitor
from fitmodel.reports.brief import make_brief
from fitmodel.reports.brief_pages import brief_page
from fitmodel.reports.card import card_in
from fitmodel.reports.model_page import card_page
from fitmodel.reports.monitoring_page import monitoring_page
from fitmodel.reports.sales_numbers import compute_numbers
from fitmodel.reports.sales_report import make_sales_report

HOME = Path(fitmodel.__file__).parent
OTHER_FORM = re.compile(r"(?:[0-9}]|^)[ \u00a0]%(?![A-Za-z(])")
READS_TEXT = {"tables/_number_text.py", "tables/cells.py"}  # their docstrings quote cells of tables


@pytest.fixture(scope="module")
def pages(
    simulate_quickly: Any, tmp_path_factory: pytest.TempPathFactory, store_in: Any
) -> dict[str, str]:
    """Every page that is written as a file, by language and name."""
    folder = tmp_path_factory.mktemp("shares")
    drawn = simulate_quickly(500, seed=6)
    spec = drawn.spec.replace(tracking={"uri": store_in(folder)})
    run = fitmodel.train(drawn.deals, spec, models=folder / "models")
    prospect = drawn.deals.drop(columns="churned_on").iloc[-1].to_dict()
    card = (run.bundle_path / "card.md").read_text(encoding="utf-8")
    watched = monitor(drawn.deals, run.model, spec)
    numbers = compute_numbers(drawn.deals, spec)
    result: dict[str, str] = {}
    for language in LANGUAGES:
        brief = make_brief(run.model, prospect, deals=drawn.deals, spec=spec, language=language)
        report = make_sales_report(drawn.deals, spec, numbers=lambda: numbers, language=language)
        result |= {
            f"{language} card": card_page(card_in(card, language), language),
            f"{language} brief": brief_page(brief),
            f"{language} sales": report.page,
            f"{language} monitoring": monitoring_page(watched, language),
        }
    return result


@pytest.mark.slow
def test_no_page_has_a_blank_before_the_sign(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        text = unescape(re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL))
        assert OTHER_FORM.findall(text) == [], name
        assert re.search(r"\d%", text), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_the_catalogue_has_a_blank_before_the_sign(language: str) -> None:
    topics = [path.stem for path in (HOME / "language" / language).glob("*.toml")]
    texts = {
        (topic, key): text for topic in topics for key, text in read_texts(language, topic).items()
    }
    assert [name for name, text in texts.items() if OTHER_FORM.search(text)] == []


def test_no_message_in_the_source_has_a_blank_before_the_sign() -> None:
    found = [
        (name, text)
        for path in sorted(HOME.rglob("*.py"))
        if (name := str(path.relative_to(HOME))) not in READS_TEXT
        for text in _texts(ast.parse(path.read_text(encoding="utf-8")))
        if OTHER_FORM.search(text)
    ]
    assert found == []


def _texts(tree: ast.Module) -> Iterator[str]:
    """Yield each literal text; an f-string as one text, with braces for its values."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_a_message_of_an_older_model_is_translated_in_its_form_too() -> None:
    new = "Evaluated by cross-validation on 900 deals. Intervals are 95%."
    old = new.replace("95%", "95 %")
    assert message_in(old, "zh", "card") == message_in(new, "zh", "card")
    assert "95" in message_in(new, "zh", "card")
    assert "Intervals" not in message_in(new, "zh", "card")
