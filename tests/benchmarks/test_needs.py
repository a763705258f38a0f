"""A benchmark without what it needs is left out with the reason, and none needs an argument."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from _needs import has, need

SCRIPTS = sorted((Path(__file__).parents[2] / "benchmarks").glob("[a-z]*.py"))


def test_an_absent_package_is_named_with_what_is_left_out(capsys) -> None:
    assert has("json", "the table")
    assert capsys.readouterr().out == ""
    assert not has("no_such_package", "the table")
    assert capsys.readouterr().out.startswith(
        "the table is left out: the package no_such_package is not installed"
    )


def test_a_benchmark_without_what_it_needs_ends_without_an_error(capsys) -> None:
    need("json", program="env")
    with pytest.raises(SystemExit) as package:
        need("json", "no_such_package")
    with pytest.raises(SystemExit) as program:
        need(program="no-such-program")
    assert package.value.code == program.value.code == 0
    assert "there is no program no-such-program" in capsys.readouterr().out


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_benchmark_runs_without_arguments(script) -> None:
    """`make benchmarks` gives none."""
    calls = [node for node in ast.walk(ast.parse(script.read_text("utf-8"))) if _adds(node)]
    for call in calls:
        given = {keyword.arg for keyword in call.keywords}
        assert str(call.args[0].value).startswith("-") or "nargs" in given, ast.unparse(call)
        assert "required" not in given, ast.unparse(call)


def _adds(node: ast.AST) -> bool:
    """Whether a node is a call of `add_argument`."""
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument"
