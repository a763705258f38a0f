"""The mutation test changes only code that runs, and reports mutants that no test notices."""

from __future__ import annotations

import importlib
import json
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAN = tomllib.loads((ROOT / "tests" / "supply" / "mutation.toml").read_text(encoding="utf-8"))
SOURCE = """\
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    A = 1 | 2

Reading = int | str
TOLERANCE = 3
LIMIT = 5


@frozen(strict=True)
def f(x: int | None = 1 | 2, *, y: str | None = None) -> int | None:
    z: int | None = x | 4
    return zip(z, y, strict=True)
"""
MODULE = """\
def share(part, whole):
    if whole == 0:
        return 0.0
    return part / whole


def unused(x):
    return x + 1


def waits(n):
    while n > 0:
        n = n - 1
    return n
"""
TESTS = """\
import pytest
from small.parts import share, waits


@pytest.fixture(scope="module")
def half():
    return share(1, 2)


def test_nothing():
    assert True


def test_a_half(half):
    assert half == 0.5


def test_it_ends():
    assert waits(3) == 0
"""


@pytest.fixture(scope="module")
def supply():
    """The three modules of the mutation script."""
    sys.path.insert(0, str(ROOT / "tests" / "supply"))
    try:
        yield {
            name: importlib.import_module(name) for name in ("mutants", "mutation_runs", "mutation")
        }
    finally:
        sys.path.remove(str(ROOT / "tests" / "supply"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A package with one module and its tests, in the current folder."""
    package = tmp_path / "src" / "small"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "parts.py").write_text(MODULE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_parts.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\ntestpaths = ['tests']\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_path_of_the_plan_exists() -> None:
    assert {"deals", "learning", "decision", "sales"} <= set(PLAN["rooms"])
    for room in PLAN["rooms"].values():
        for position in (*room["modules"], *room["tests"]):
            assert (ROOT / position).exists(), position
    assert PLAN["goal"] >= 0.85


def test_every_accepted_survivor_has_a_reason_and_an_existing_module() -> None:
    for key, reason in PLAN["survivors"].items():
        assert (ROOT / key.split(": ")[0]).is_file(), key
        assert len(reason) > 20


def test_every_excluded_constant_is_in_one_of_the_modules(supply) -> None:
    rooms = PLAN["rooms"].values()
    text = "".join(
        (ROOT / path).read_text(encoding="utf-8")
        for room in rooms
        for path in supply["mutation"].modules_of(room)
    )
    for reason, names in PLAN["constants"].items():
        assert len(reason) > 20
        assert not [name for name in names if f"{name} = " not in text and f"{name}, " not in text]


def test_code_that_is_not_behaviour_is_not_changed(supply) -> None:
    silent = list(supply["mutants"].silent_places(SOURCE, {"TOLERANCE"}))

    def is_silent(text: str, number: int = 1) -> bool:
        start = -1
        for _ in range(number):
            start = SOURCE.index(text, start + 1)
        line = SOURCE.count("\n", 0, start) + 1
        column = start - (SOURCE.rfind("\n", 0, start) + 1)
        return any(first <= (line, column) < last for first, last in silent)

    assert is_silent("1 | 2", 1)  # below TYPE_CHECKING
    assert not is_silent("1 | 2", 2)  # a default runs
    assert is_silent("int | str")  # a type alias
    assert is_silent("3")
    assert not is_silent("5")
    assert is_silent("True", 1)  # of a decorator
    assert is_silent("True", 2)  # of zip
    assert is_silent("int | None", 1)
    assert is_silent("str | None", 1)
    assert is_silent("int | None", 2)  # what is returned
    assert is_silent("int | None", 3)  # of an assignment
    assert not is_silent("x | 4", 1)


def test_every_listed_change_of_an_except_clause_is_possible(supply) -> None:
    source = (
        "import os\ntry:\n    x = 1\nexcept (os.error, KeyError):\n    x = 2\n"
        "except os.error:\n    x = 3\nexcept ValueError:\n    x = 4\n"
    )
    kind = supply["mutants"].EXCEPTIONS
    mutants = supply["mutants"].mutants_of("src/small/a.py", source, [], set())
    changed = [each.source(source) for each in mutants if each.operator == kind]

    replaced = "CosmicRayTestingException"
    assert changed == [source.replace(name, replaced) for name in ("KeyError", "ValueError")]


def test_a_room_missing_in_the_plan_has_all_its_modules_and_tests(supply) -> None:
    mutation = supply["mutation"]
    assert "tables" not in PLAN["rooms"]
    room = mutation.other_room("tables")
    assert room == {"modules": ["src/fitmodel/tables"], "tests": ["tests/tables"]}
    assert "src/fitmodel/tables/values.py" in mutation.modules_of(room)
    assert "tests/tables/test_values.py" in mutation.test_files(room)
    with pytest.raises(SystemExit, match="there is no room 'nowhere': src/fitmodel/nowhere does"):
        mutation.other_room("nowhere")


def test_every_position_is_drawn_with_equal_probability(supply) -> None:
    mutants = supply["mutants"].mutants_of("src/small/parts.py", MODULE, [], set())
    positions = {each.place for each in mutants}
    drawn = supply["mutation"].drawn(mutants, len(positions), seed=1)

    assert len(mutants) > 2 * len(positions), "an operator has many alternatives"
    assert sorted(each.place for each in drawn) == sorted(positions)
    again = supply["mutation"].drawn(list(reversed(mutants)), 4, seed=2)
    assert {each.place for each in again} == {
        each.place for each in supply["mutation"].drawn(mutants, 4, seed=2)
    }
    assert supply["mutation"].drawn(mutants, None, seed=1) == mutants


def test_a_changed_line_is_shown_before_and_after(supply) -> None:
    difference = supply["mutants"].difference
    changed = MODULE.replace("part / whole", "part * whole")

    assert difference(MODULE, changed) == "-    return part / whole\n+    return part * whole"
    assert difference("a\nb\n", "a\nx\ny\n") == "-b\n+x\n+y"


def test_the_lines_of_a_block_statement_are_those_of_its_head(supply) -> None:
    lines = supply["mutants"].lines_of_statement

    assert list(lines(MODULE, 2)) == [2]
    assert list(lines("x = (\n  1,\n  2,\n)\n", 3)) == [1, 2, 3, 4]
    assert list(lines("def f(\n  a=1,\n):\n  return a\n", 2)) == [1, 2, 3]


@pytest.mark.slow
def test_a_mutant_is_killed_or_survives_by_the_tests_that_run_its_line(supply, project) -> None:
    runs, file = supply["mutation_runs"], "tests/test_parts.py"
    kept = project / "measured.json"
    runs.measure(project, {file: kept}, longest=5, seconds=100)
    measured = {file: runs.Measured.read(kept)}

    def outcome(old: str, new: str, seconds: float = 100) -> tuple[str, str]:
        line = MODULE[: MODULE.index(old)].count("\n") + 1
        tests, _ = runs.tests_for(measured, "src/small/parts.py", line, MODULE, budget=10)
        if not tests:
            return "no test", ""
        changed = MODULE.replace(old, new)
        return runs.noticed(project, "src/small/parts.py", changed, tests, seconds)

    assert outcome("part / whole", "part * whole") == (
        "killed",
        f"{file}::test_a_half",
    ), "a shared fixture runs the line for the test that uses it"
    assert outcome("return 0.0", "return 1.0") == ("no test", "")
    assert outcome("whole == 0", "whole == 9") == ("alive", "")
    assert outcome("x + 1", "x - 1") == ("no test", "")
    assert outcome("n - 1", "n - 0", seconds=1)[0] == "time"
    assert (project / "src" / "small" / "parts.py").read_text() == MODULE, "no file is touched"


@pytest.mark.slow
def test_tests_that_fail_already_are_an_error_and_kill_nothing(supply, project) -> None:
    broken = project / "tests" / "test_broken.py"
    broken.write_text("def test_it():\n    assert 1 == 2\n")

    with pytest.raises(RuntimeError, match="fail on code that was not changed"):
        supply["mutation_runs"].measure(
            project, {"tests/test_broken.py": project / "x.json"}, longest=5, seconds=100
        )


@pytest.mark.slow
def test_a_test_stopped_as_too_slow_is_left_out(supply, project) -> None:
    slow = """
from small.parts import share


def test_it():
    try:
        while True:
            pass
    except BaseException as stopped:
        raise ValueError("in C the exception is lost") from stopped


def test_quick():
    assert share(1, 2) == 0.5
"""
    (project / "tests" / "test_slow.py").write_text(slow)
    file, kept = "tests/test_slow.py", project / "x.json"
    supply["mutation_runs"].measure(project, {file: kept}, longest=1, seconds=100)

    assert set(supply["mutation_runs"].Measured.read(kept).seconds) == {f"{file}::test_quick"}


def test_a_result_is_valid_until_its_module_or_the_deciding_tests_change(
    supply, project, monkeypatch
) -> None:
    mutation = supply["mutation"]
    monkeypatch.setattr(mutation, "ROOT", project)
    monkeypatch.setattr(mutation, "BUILD", project)
    room = {"modules": ["src/small"], "tests": ["tests"]}
    plan = {"rooms": {"small": room}, "survivors": {}}
    killed, alive, *_ = mutation.drawn(
        supply["mutants"].mutants_of("src/small/parts.py", MODULE, [], set()), 3, seed=0
    )
    run = mutation.Run(plan, deadline=0)
    by = "tests/test_parts.py::test_a_half"
    run.keep(killed, MODULE, room, {"outcome": "killed", "by": by, "tests": 1})
    run.keep(alive, MODULE, room, {"outcome": "alive", "by": "", "tests": 1})
    assert mutation.Run(plan, deadline=0).outcome(alive) == "alive"

    (project / "tests" / "test_new.py").write_text("def test_more():\n    assert True\n")
    later = mutation.Run(plan, deadline=0)
    assert later.outcome(killed) == "killed"
    assert later.outcome(alive) is None, "a new test may notice it"
    (project / "tests" / "test_parts.py").write_text(TESTS + "\n")
    assert mutation.Run(plan, deadline=0).outcome(killed) is None


def test_survivors_are_reported_and_accepted_ones_are_not_counted(
    supply, project, monkeypatch, capsys
) -> None:
    mutation = supply["mutation"]
    monkeypatch.setattr(mutation, "ROOT", project)
    monkeypatch.setattr(mutation, "BUILD", project)
    result = supply["mutants"].mutants_of("src/small/parts.py", MODULE, [], set())
    divided = next(each for each in result if each.operator.endswith("Div_Mul"))
    added = next(each for each in result if each.operator.endswith("Add_Sub"))
    other = next(each for each in result if each.operator == "core/AddNot")
    plan = {"survivors": {"src/small/parts.py: return x - 1": "nobody calls it"}, "goal": 0.85}
    outcomes = {divided: "alive", added: "alive", other: "time"}

    assert mutation.report({}, outcomes, plan, write=True) == 1
    reported = json.loads((project / "results.json").read_text())
    assert (reported["mutants"], reported["killed"], reported["accepted"]) == (3, 1, 1)
    assert reported["share_killed"] == 0.5
    assert reported["by_room"] == {"parts.py": {"mutants": 3, "killed": 1}}
    text = capsys.readouterr().out
    assert "return part * whole" in text
    assert "return x - 1" not in text
    assert mutation.report({}, {other: "killed"}, plan, write=False) == 0
