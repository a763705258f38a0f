"""Mutation test of the tests: change the code in small ways, and see whether a test notices.

    python tests/supply/mutation.py [--room sales ...] [--sample 30] [--seed 0]

The tree is copied to build/mutation, and cosmic-ray changes the copy: nothing here is touched. Each
mutant first meets the tests that import its module, then all quick tests of its room. What was
done is kept, so the command goes on where it was stopped; `make clean` forgets it. The results are
in build/mutation/results.json, with the date and every survivor.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import random
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "mutation"
PRISTINE, TREE = BUILD / "pristine", BUILD / "tree"
PLAN = Path(__file__).with_name("mutation.toml")
COPIED = ("src", "tests", "docs", "notebooks", "benchmarks", "pyproject.toml", "README.md")
NO_TESTS = 5  # pytest's exit code where nothing was collected


def main() -> int:
    """Run the rooms that are named, or all; 1 where fewer mutants were killed than the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--room", action="append", help="a room of mutation.toml")
    parser.add_argument("--sample", type=int, help="mutants in all, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--notice", help=argparse.SUPPRESS)  # what cosmic-ray calls
    options = parser.parse_args()
    plan = tomllib.loads(PLAN.read_text(encoding="utf-8"))
    if options.notice:
        return notice(plan["rooms"][options.notice])
    rooms = options.room or list(plan["rooms"])
    copy_tree()
    part = "" if options.sample is None else f"-{options.sample}-{options.seed}"
    sessions = {room: prepared(room, plan, part) for room in rooms}
    skip(sessions, plan, options.sample, options.seed)
    for room, session in sessions.items():
        if pytest(plan["rooms"][room]["tests"]) != 0:  # else every mutant would seem to be killed
            sys.exit(f"the tests of {room} fail on code that was not changed: mend them first")
        cosmic_ray("exec", BUILD / f"{room}.toml", session)
    return report(sessions, plan)


def copy_tree() -> None:
    """Copy what the tests need, once; a mutant that was left half-way is put right."""
    for place in (PRISTINE, TREE):
        if place.exists():
            continue
        place.mkdir(parents=True)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
                shutil.copytree(source, place / name, ignore=ignored)
            else:
                shutil.copy(source, place / name)
    shutil.copytree(PRISTINE / "src", TREE / "src", dirs_exist_ok=True)


def prepared(room: str, plan: dict[str, Any], part: str) -> Path:
    """Write cosmic-ray's configuration and list all mutants of a room, once for each sample."""
    session, config = BUILD / f"{room}{part}.sqlite", BUILD / f"{room}.toml"
    command = shlex.join([sys.executable, str(Path(__file__).resolve()), "--notice", room])
    modules = json.dumps(plan["rooms"][room]["modules"])
    config.write_text(
        f"[cosmic-ray]\nmodule-path = {modules}\ntimeout = {plan['timeout']}\n"
        f"excluded-modules = []\ntest-command = {json.dumps(command)}\n\n"
        '[cosmic-ray.distributor]\nname = "local"\n',
        encoding="utf-8",
    )
    if not session.exists():
        cosmic_ray("init", config, session)
    return session


def cosmic_ray(command: str, config: Path, session: Path) -> None:
    """Run cosmic-ray in the copy, which comes first on Python's path."""
    environment = os.environ | {"PYTHONPATH": str(TREE / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    program = [sys.executable, "-m", "cosmic_ray.cli", command, str(config), str(session)]
    subprocess.run(program, cwd=TREE, env=environment, check=True)  # noqa: S603 - our own


def skip(sessions: dict[str, Path], plan: dict[str, Any], sample: int | None, seed: int) -> None:
    """Mark the mutants that cannot be noticed, and those that were not drawn, as skipped."""
    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import WorkerOutcome, WorkResult

    skipped = WorkResult(worker_outcome=WorkerOutcome.SKIPPED)
    waiting: list[tuple[str, str]] = []
    for room, session in sessions.items():
        with use_db(session, WorkDB.Mode.open) as database:
            for item in database.pending_work_items:
                if noticeable(item.mutations[0], plan["skip"]["operators"]):
                    waiting.append((room, item.job_id))
                else:
                    database.set_result(item.job_id, skipped)
    if sample is None:
        return
    drawn = set(random.Random(seed).sample(sorted(waiting), min(sample, len(waiting))))  # noqa: S311
    for room, session in sessions.items():
        with use_db(session, WorkDB.Mode.open) as database:
            for job in (job for each, job in waiting if each == room and (each, job) not in drawn):
                database.set_result(job, skipped)


def noticeable(mutation: Any, operators: list[str]) -> bool:
    """Tell whether running the program can show a mutation: not in annotations or docstrings."""
    if any(mutation.operator_name.startswith(name) for name in operators):
        return False
    source = (PRISTINE / mutation.module_path).read_text(encoding="utf-8")
    line, column = mutation.start_pos
    return not any(
        (first, begin) <= (line, column) < (last, end)
        for first, begin, last, end in silent_places(source)
    )


def silent_places(source: str) -> list[tuple[int, int, int, int]]:
    """Places of a file that do nothing when it runs: annotations and what is for type checkers."""
    places: list[ast.AST] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            every += [each for each in (arguments.vararg, arguments.kwarg) if each]
            places += [each.annotation for each in every if each.annotation]
            places += [node.returns] if node.returns else []
        elif isinstance(node, ast.AnnAssign):
            places.append(node.annotation)
        elif isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            places.append(node)
    return [
        (place.lineno, place.col_offset, place.end_lineno or 0, place.end_col_offset or 0)
        for place in places
    ]


def notice(room: dict[str, Any]) -> int:
    """Run the tests of a mutant: those that import its module first, then the room's."""
    changed = [
        path
        for path in sorted((TREE / "src").rglob("*.py"))
        if path.read_bytes() != (PRISTINE / path.relative_to(TREE)).read_bytes()
    ]
    near = sorted({str(t) for path in changed for t in tests_that_import(path, room["tests"])})
    if near and (code := pytest(near)) not in {0, NO_TESTS}:
        return code
    return pytest(room["tests"])


def tests_that_import(path: Path, folders: list[str]) -> list[Path]:
    """Test files of some folders in which a module is named."""
    module = ".".join(path.relative_to(TREE / "src").with_suffix("").parts)
    named = re.compile(rf"{re.escape(module)}\b")
    return [
        test.relative_to(TREE)
        for folder in folders
        for test in (TREE / folder).rglob("test_*.py")
        if named.search(test.read_text(encoding="utf-8"))
    ]


def pytest(places: list[str]) -> int:
    """Exit code of the quick tests, stopped at the first that fails."""
    environment = os.environ | {"PYTHONPATH": str(TREE / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    program = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", *places]
    program += ["-p", "no:cacheprovider"]
    return subprocess.run(program, cwd=TREE, env=environment, check=False).returncode  # noqa: S603 - our own


def report(sessions: dict[str, Path], plan: dict[str, Any]) -> int:
    """Write the results, and say which mutants nobody noticed."""
    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import WorkerOutcome

    rooms, survivors = {}, []
    for room, session in sessions.items():
        with use_db(session, WorkDB.Mode.open) as database:
            done = [
                (item, result)
                for item, result in database.completed_work_items
                if result.worker_outcome == WorkerOutcome.NORMAL
            ]
        alive = [(item, result) for item, result in done if not result.is_killed]
        rooms[room] = {"mutants": len(done), "killed": len(done) - len(alive)}
        survivors += [survivor(item, result, plan["survivors"]) for item, result in alive]
    open_survivors = [each for each in survivors if not each["reason"]]
    mutants = sum(each["mutants"] for each in rooms.values())
    killed = sum(each["killed"] for each in rooms.values())
    accepted = len(survivors) - len(open_survivors)
    share = killed / max(mutants - accepted, 1)
    results = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "share_killed": share,
        "rooms": rooms,
        "survivors": survivors,
    }
    (BUILD / "results.json").write_text(json.dumps(results, indent=2), encoding="utf-8")
    for each in open_survivors:
        sys.stdout.write(f"\nalive: {each['place']} ({each['operator']})\n{each['diff']}\n")
    sys.stdout.write(f"killed {killed} of {mutants} mutants ({share:.0%}); {accepted} accepted\n")
    return 0 if share >= plan["goal"] else 1


def survivor(item: Any, result: Any, reasons: dict[str, str]) -> dict[str, str]:
    """What a mutant that lives changed, and why that is accepted, if it is."""
    mutation = item.mutations[0]
    lines = (result.diff or "").splitlines()
    changed = [line for line in lines if re.match(r"[+-](?![+-])", line)]
    new = next((line[1:].strip() for line in changed if line.startswith("+")), "")
    place = f"{mutation.module_path}:{mutation.start_pos[0]}"
    return {
        "place": place,
        "operator": mutation.operator_name,
        "diff": "\n".join(changed),
        "reason": reasons.get(f"{mutation.module_path}: {new}", ""),
    }


if __name__ == "__main__":
    sys.exit(main())
