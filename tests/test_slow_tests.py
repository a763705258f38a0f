"""The list of slow tests names existing tests, and as few as necessary."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from slow_tests import listed, names_to_mark, slowest

ROOT = Path(__file__).parents[1]


def test_every_test_in_the_list_exists() -> None:
    defined = {
        f"{file}::{function}"
        for file in {name.partition("::")[0] for name in listed()}
        for function in _functions(ROOT / file)
    }
    assert listed() - defined == set(), "run `make slow-tests`"


def _functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_slowest_are_left_out_until_the_others_are_quick() -> None:
    calls = Counter({"a.py::one": 5.0, "a.py::two[1]": 2.0, "a.py::two[2]": 2.0, "b.py::three": 1})
    uses = {name: set[str]() for name in calls}

    assert slowest(calls, Counter(), uses, left=5.0) == ["a.py::one"]
    assert slowest(calls, Counter(), uses, left=1.0) == ["a.py::one", "a.py::two"]
    assert slowest(calls, Counter(), uses, left=10.0) == []


def test_a_fixture_counts_for_each_test_that_uses_it() -> None:
    calls = Counter({"a.py::one": 0.1, "a.py::two": 0.1, "b.py::three": 1.0})
    uses = {"a.py::one": {"model"}, "a.py::two": {"model"}, "b.py::three": set[str]()}

    assert slowest(calls, Counter({"model": 6.0}), uses, left=1.0) == ["a.py::one", "a.py::two"]


def test_a_test_marked_as_slow_is_not_in_the_list() -> None:
    calls = Counter({"a.py::one": 50.0, "a.py::two": 0.1})

    assert slowest(calls, Counter(), {"a.py::two": set()}, left=1.0) == []


def test_a_run_that_measures_does_not_leave_out_what_was_slow_before() -> None:
    assert names_to_mark(measuring=True) == frozenset()
    assert names_to_mark(measuring=False) == listed() != frozenset()
