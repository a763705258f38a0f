"""The mutation test changes what runs, and only that; its plan names what is there."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
PLAN = tomllib.loads((ROOT / "tests" / "supply" / "mutation.toml").read_text(encoding="utf-8"))
SOURCE = """\
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    A = 1 | 2


def f(x: int | None = 1 | 2, *, y: str | None = None) -> int | None:
    z: int | None = x | 4
    return z
"""


@pytest.fixture(scope="module")
def mutation():
    spec = importlib.util.spec_from_file_location(
        "mutation", ROOT / "tests" / "supply" / "mutation.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_place_of_the_plan_is_there() -> None:
    assert {"deals", "learning", "decision", "sales"} <= set(PLAN["rooms"])
    for room in PLAN["rooms"].values():
        for place in (*room["modules"], *room["tests"]):
            assert (ROOT / place).exists(), place
    assert PLAN["goal"] >= 0.85


def test_every_accepted_survivor_has_a_reason_and_its_line_is_of_a_module_that_is_there() -> None:
    for key, reason in PLAN["survivors"].items():
        assert (ROOT / key.split(": ")[0]).is_file(), key
        assert len(reason) > 20


def test_annotations_and_what_is_for_type_checkers_are_not_changed(mutation) -> None:
    places = mutation.silent_places(SOURCE)

    def is_silent(text: str, number: int) -> bool:
        start = -1
        for _ in range(number):
            start = SOURCE.index(text, start + 1)
        line = SOURCE.count("\n", 0, start) + 1
        column = start - (SOURCE.rfind("\n", 0, start) + 1)
        return any((a, b) <= (line, column) < (c, d) for a, b, c, d in places)

    assert is_silent("1 | 2", 1)  # below TYPE_CHECKING
    assert not is_silent("1 | 2", 2)  # a default runs
    assert is_silent("int | None", 1)
    assert is_silent("str | None", 1)
    assert is_silent("int | None", 2)  # what is returned
    assert is_silent("int | None", 3)  # of an assignment
    assert not is_silent("x | 4", 1)


def test_an_accepted_survivor_is_known_by_its_file_and_its_changed_line(mutation) -> None:
    changed = SimpleNamespace(module_path=Path("src/a.py"), start_pos=(3, 0), operator_name="op")
    item = SimpleNamespace(mutations=[changed])
    result = SimpleNamespace(diff="--- a\n+++ b\n@@ -3 +3 @@\n-    x = 1\n+    x = 2\n")

    told = mutation.survivor(item, result, {"src/a.py: x = 2": "a default of a plot"})
    assert told["reason"] == "a default of a plot"
    assert told["diff"] == "-    x = 1\n+    x = 2"
    assert mutation.survivor(item, result, {})["reason"] == ""
