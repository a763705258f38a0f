"""The list of slow tests names tests that are there, and as few as it needs to."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from slow_tests import listed, slowest

ROOT = Path(__file__).parents[1]


def test_every_test_in_the_list_is_there() -> None:
    missing = set()
    for name in listed():
        file, _, function = name.partition("::")
        path = ROOT / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if function not in defined:
            missing.add(name)
    assert missing == set(), "run `make slow-tests`"


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


def test_a_test_that_says_itself_that_it_is_slow_is_not_in_the_list() -> None:
    calls = Counter({"a.py::one": 50.0, "a.py::two": 0.1})

    assert slowest(calls, Counter(), {"a.py::two": set()}, left=1.0) == []
