"""Every finding of the package has a code, and every code has a remedy."""

from __future__ import annotations

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

import fitmodel
from fitmodel.checks.registry import FAMILIES, Silence, all_codes, code_of
from fitmodel.guessing import questions

HOUSE = Path(fitmodel.__file__).parent
each_code = pytest.mark.parametrize("code", all_codes().values(), ids=lambda code: code.code)


def _first_arguments(function: str, folder: Path) -> set[str]:
    """First argument of every call of a function in a folder, if it is a text."""
    return {
        node.args[0].value
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) == function
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


@each_code
def test_a_code_has_a_family_a_unique_name_and_texts(code) -> None:
    assert code.code[:3] in FAMILIES
    assert code.family == FAMILIES[code.code[:3]]
    assert code.ignore in get_args(Silence)
    assert [each.code for each in all_codes().values() if each.name == code.name] == [code.code]
    for text in (code.seen, code.why, code.do):
        assert len(text) > 20
        assert text.endswith((".", '".'))


def test_no_finding_has_two_codes() -> None:
    sources = [source for code in all_codes().values() for source in code.sources]

    assert len(sources) == len(set(sources))


def test_every_question_about_the_rows_has_a_code() -> None:
    codes = _first_arguments("Question", HOUSE / "guessing")

    assert len(codes) >= 10
    for code in codes:
        assert code_of(f"question:{code}").code.startswith("FM3")


def test_only_a_question_that_must_be_answered_cannot_be_silenced() -> None:
    room = Path(questions.__file__).parent
    calls = [
        node
        for path in sorted(room.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Question"
    ]

    for call in calls:
        must = any(word.arg == "must_answer" for word in call.keywords)
        assert (code_of(f"question:{call.args[0].value}").ignore == "no") == must


def test_every_finding_of_reading_has_a_code() -> None:
    rooms = ("tables", "deals", "crm")
    codes = {code for room in rooms for code in _first_arguments("Finding", HOUSE / room)}

    assert len(codes) >= 5
    for code in codes:
        code_of(f"reading:{code}")


def test_every_kind_of_leak_has_a_code_and_can_be_allowed_for_a_column() -> None:
    kinds = _first_arguments("finding", HOUSE / "leakage")

    assert {"name", "protected", "identifier"} <= kinds
    for kind in kinds:
        assert code_of(f"leakage:{kind}").ignore in {"column", "yes"}


def test_a_finding_without_a_code_is_an_error() -> None:
    with pytest.raises(KeyError):
        code_of("question:unheard-of")


@cache
def _texts(room: str) -> set[str]:
    """Every text in the source of a room."""
    return {
        node.value
        for path in (HOUSE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


WRITTEN_IN = {
    "question": ("guessing",),
    "leakage": ("leakage", "."),
    "reading": ("tables", "deals", "crm"),
    "warning": ("deals",),
    "error": ("deals", "."),
    "evaluation": (".",),
    "time": (".",),
}


@each_code
def test_every_code_can_be_reported_by_the_source(code) -> None:
    """A page on a check that is never reported would mislead; kinds are texts of their room."""
    for source in code.sources:
        part, _, kind = source.partition(":")
        texts = set().union(*(_texts(room) for room in WRITTEN_IN[part] if room != "."))
        if "." in WRITTEN_IN[part]:
            texts |= CHECKING
        assert {source, kind} & texts, f"{code.code} stands for {source}, which nobody reports"


CHECKING = {
    node.value
    for node in ast.walk(ast.parse((HOUSE / "checking.py").read_text(encoding="utf-8")))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
}


def test_every_result_of_checking_has_a_code() -> None:
    sources = {text for text in CHECKING if re.fullmatch(r"(evaluation|error|time):[a-z ]+", text)}

    assert len(sources) > 10
    for source in sources:
        code_of(source)


def test_every_error_of_the_deals_has_a_code() -> None:
    """An ambiguous attribute is reported under its own code and not as a general error."""
    kinds = {"currencies": "FM318", "date_order": "FM319", "unreadable": "FM320"}

    for kind, code in (kinds | {"too-few": "FM405", "deals": "FM330"}).items():
        assert code_of(f"error:{kind}").code == code
        assert code_of(f"error:{kind}").ignore == "no"


@cache
def _page() -> Any:
    path = HOUSE.parents[1] / "docs" / "checks.py"
    spec = importlib.util.spec_from_file_location("checks_page", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_code_has_a_section_of_four_parts_in_order() -> None:
    sections = [text for text in _page().sections() if text.startswith("### ")]

    assert [text.split()[1] for text in sections] == sorted(all_codes())
    for text, code in zip(sections, all_codes().values(), strict=True):
        assert f"{{#{code.code.lower()}}}" in text
        parts = ["**What was seen.**", "**Why it matters.**", "**What to do.**"]
        positions = [text.index(part) for part in [*parts, "**To silence it.**"]]
        assert positions == sorted(positions)
        assert ("[checks] ignore" in text) == (code.ignore != "no")
        assert (f'"{code.code}:column"' in text) == (code.ignore != "no")
        for source in code.sources:
            part, _, kind = source.partition(":")
            assert (f'[rows] acknowledged = ["{kind}"]' in text) == (part == "question")


def test_codes_named_in_texts_exist() -> None:
    root = HOUSE.parents[1]
    files = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *HOUSE.rglob("*.toml")]
    named = {code for path in files for code in re.findall(r"\bFM\d{3}\b", path.read_text("utf-8"))}

    assert "FM204" in named
    assert named <= set(all_codes())
