"""Mutation test of the tests: make small changes to the code, and check whether a test fails.

    python tests/supply/mutation.py --sample 150 [--seed 1] [--room sales ...] [--minutes 3]
    python tests/supply/mutation.py --survivors      # those of the last run, after tests were added

modules of mutation.toml -> changes by cosmic-ray -> without parts that are not behaviour -> random
positions, one change of each -> the tests that run the changed statement -> killed or survived

For each mutant the tests of its room that run its statement are run, those of the mirrored file
first, until one fails. Outcomes are stored in build/mutation, so the command continues where it was
stopped: a killed mutant is not run again until its module or the test that killed it changes, and a
survivor not until a test of its room changes. The results are in build/mutation/results.json, with
the date and every survivor.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import random
import sys
import time
import tomllib
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mutants import Mutant, difference, mutants_of
from mutation_runs import ALIVE, Measured, measure, noticed, prepare, tests_for

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "mutation"
TOGETHER = 4
"""Test files that are measured in one process."""
PLAN = Path(__file__).with_name("mutation.toml")


def main() -> int:
    """Run the command; return 1 if fewer mutants were killed than the goal, 3 if not finished."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--room", action="append", help="a room of fitmodel; else all of mutation.toml"
    )
    parser.add_argument("--sample", type=int, help="places, drawn at random; else all mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--survivors", action="store_true", help="only those of the last run")
    parser.add_argument(
        "--minutes", type=float, default=1e9, help="stop then; run it again to go on"
    )
    options = parser.parse_args()
    plan = tomllib.loads(PLAN.read_text(encoding="utf-8"))
    BUILD.mkdir(parents=True, exist_ok=True)
    rooms = options.room or list(plan["rooms"])
    plan["rooms"] |= {room: other_room(room) for room in rooms if room not in plan["rooms"]}
    run = Run(plan, deadline=time.monotonic() + 60 * options.minutes)
    chosen = drawn(all_mutants(plan, rooms), options.sample, options.seed)
    if options.survivors:
        last = json.loads((BUILD / "results.json").read_text(encoding="utf-8"))
        keys = {each["key"] for each in last["survivors"]}
        chosen = [mutant for mutant in all_mutants(plan, rooms) if mutant.key in keys]
    prepare()
    outcomes = {mutant: run.outcome(mutant) for mutant in sorted(chosen, key=lambda m: m.path)}
    waiting = sum(outcome is None for outcome in outcomes.values())
    if waiting:
        sys.stdout.write(f"\n{waiting} of {len(outcomes)} mutants are left: run it again\n")
        return 3
    how = {"sample": options.sample, "seed": options.seed, "rooms": rooms}
    return report(how, outcomes, plan, write=not options.survivors)


def all_mutants(plan: dict[str, Any], rooms: list[str]) -> list[Mutant]:
    """Return every change of the rooms' modules; computed once for each state of a file."""
    result: list[Mutant] = []
    constants = {name for names in plan["constants"].values() for name in names}
    rules = repr((plan["skip"]["operators"], sorted(constants)))
    for path in (path for room in rooms for path in modules_of(plan["rooms"][room])):
        source = (ROOT / path).read_text(encoding="utf-8")
        kept = BUILD / f"mutants-{digest(path, source, rules, _text('mutants.py'))}.json"
        if kept.exists():
            rows = json.loads(kept.read_text(encoding="utf-8"))
            result += [Mutant(**row | {"start": tuple(row["start"]), "end": tuple(row["end"])})
                      for row in rows]  # fmt: skip
            continue
        own = mutants_of(path, source, plan["skip"]["operators"], constants)
        kept.write_text(json.dumps([asdict(each) for each in own]), encoding="utf-8")
        result += own
    return result


def other_room(name: str) -> dict[str, list[str]]:
    """Return all modules and tests of a room that is not listed in mutation.toml."""
    modules, tests = f"src/fitmodel/{name}", f"tests/{name}"
    for folder in (modules, tests):
        if not (ROOT / folder).is_dir():
            sys.exit(f"there is no room {name!r}: {folder} does not exist")
    return {"modules": [modules], "tests": [tests]}


def modules_of(room: dict[str, Any]) -> list[str]:
    """Paths of a room's modules below the root."""
    paths = [ROOT / each for each in room["modules"]]
    files = [file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])]
    return sorted(str(file.relative_to(ROOT)) for file in files)


def drawn(mutants: list[Mutant], sample: int | None, seed: int) -> list[Mutant]:
    """Draw positions of the source with equal probability, and one change of each.

    One operator has up to eleven alternatives, which would dominate a sample of changes.
    """
    if sample is None:
        return mutants
    by_place: dict[Any, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_place[mutant.place].append(mutant)
    chance = random.Random(seed)  # noqa: S311 - no secret
    chosen = chance.sample(sorted(by_place), min(sample, len(by_place)))
    return [chance.choice(by_place[position]) for position in chosen]


class Run:
    """Outcomes of mutants, stored in build/mutation/done.json.

    Parameters
    ----------
    plan
        The content of mutation.toml.
    deadline : float
        Time of `time.monotonic` after which no new mutant is started.
    """

    def __init__(self, plan: dict[str, Any], deadline: float) -> None:
        self.plan, self.deadline = plan, deadline
        self.file = BUILD / "done.json"
        self.done: dict[str, Any] = {}
        if self.file.exists():
            self.done = json.loads(self.file.read_text(encoding="utf-8"))
        self.measured: dict[str, dict[str, Measured]] = {}
        shared = [*ROOT.glob("tests/**/conftest.py"), *(ROOT / "src").rglob("*.py")]
        self.shared = digest(*(_file(path) for path in sorted(shared)))  # lines are the code's

    def outcome(self, mutant: Mutant) -> str | None:
        """Return killed, alive, or stopped after too long; None if there was no time left."""
        source = (ROOT / mutant.path).read_text(encoding="utf-8")
        room = next(r for r in self.plan["rooms"].values() if mutant.path in modules_of(r))
        old = self.done.get(mutant.key)
        if old and self.is_valid(old, source, room):
            return str(old["outcome"])
        if time.monotonic() > self.deadline or not self.measure(room):
            return None
        measured = self.measured[room["tests"][0]]
        tests, seconds = tests_for(
            measured, mutant.path, mutant.start[0], source, budget=self.plan["budget"]
        )
        outcome, by, changed = ALIVE, "", mutant.source(source)
        if tests:
            limit = self.plan["patience"] + 10 * seconds
            outcome, by = noticed(ROOT, mutant.path, changed, tests, limit)
        self.keep(mutant, source, room, {"outcome": outcome, "by": by, "tests": len(tests)})
        sys.stdout.write("." if outcome != ALIVE else "A")
        sys.stdout.flush()
        return outcome

    def is_valid(self, old: dict[str, Any], source: str, room: dict[str, Any]) -> bool:
        """Return whether the module and the deciding tests are unchanged since then."""
        if old["source"] != digest(source):
            return False
        if old["outcome"] == ALIVE:
            return bool(old["decided"] == self.tests_of(room))
        file = old["by"].partition("::")[0]
        return not file or bool(old["decided"] == digest(_file(ROOT / file)))

    def keep(
        self, mutant: Mutant, source: str, room: dict[str, Any], found: dict[str, Any]
    ) -> None:
        """Write an outcome with the digests for which it is valid."""
        file = found["by"].partition("::")[0]
        decided = digest(_file(ROOT / file)) if file else self.tests_of(room)
        self.done[mutant.key] = found | {"source": digest(source), "decided": decided}
        self.file.write_text(json.dumps(self.done), encoding="utf-8")

    def tests_of(self, room: dict[str, Any]) -> str:
        """Fingerprint of a room's tests."""
        return digest(*(_file(ROOT / file) for file in test_files(room)))

    def measure(self, room: dict[str, Any]) -> bool:
        """Measure tests of a room not measured yet; return False if the time was too short."""
        result = self.measured.setdefault(room["tests"][0], {})
        kept = {
            file: BUILD / f"tests-{digest(file, _file(ROOT / file), self.shared)}.json"
            for file in test_files(room)
        }
        new = [file for file, path in kept.items() if not path.exists()]
        for start in range(0, len(new), TOGETHER):
            if time.monotonic() > self.deadline:
                return False
            some = new[start : start + TOGETHER]
            sys.stdout.write(f"measuring {', '.join(some)}\n")
            sys.stdout.flush()
            plan = self.plan
            paths = {file: kept[file] for file in some}
            measure(ROOT, paths, longest=plan["longest"], seconds=plan["measuring"])
        result |= {file: Measured.read(path) for file, path in kept.items() if file not in result}
        return True


def test_files(room: dict[str, Any]) -> list[str]:
    """Test files of a room, below the root."""
    paths = [ROOT / each for each in room["tests"]]
    files = [
        each for path in paths for each in ([path] if path.is_file() else path.rglob("test_*.py"))
    ]
    return sorted(str(each.relative_to(ROOT)) for each in files)


def digest(*texts: str) -> str:
    """Fingerprint of texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _file(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _text(name: str) -> str:
    return _file(Path(__file__).with_name(name))


def report(
    how: dict[str, Any], outcomes: dict[Mutant, str | None], plan: dict[str, Any], *, write: bool
) -> int:
    """Write the results, and print the mutants that no test noticed."""
    alive = [survivor(each, plan["survivors"]) for each, out in outcomes.items() if out == ALIVE]
    left = [each for each in alive if not each["reason"]]
    mutants, killed = len(outcomes), len(outcomes) - len(alive)
    accepted = len(alive) - len(left)
    share = killed / max(mutants - accepted, 1)
    rooms: dict[str, Any] = defaultdict(lambda: {"mutants": 0, "killed": 0})
    for mutant, outcome in outcomes.items():
        room = mutant.path.split("/")[2]
        rooms[room]["mutants"] += 1
        rooms[room]["killed"] += outcome != ALIVE
    results = how | {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "mutants": mutants,
        "killed": killed,
        "accepted": accepted,
        "share_killed": share,
        "by_room": dict(rooms),
        "survivors": alive,
    }
    if write:
        (BUILD / "results.json").write_text(json.dumps(results, indent=2), encoding="utf-8")
    for each in left:
        sys.stdout.write(f"\nalive: {each['place']} ({each['operator']})\n{each['diff']}\n")
    sys.stdout.write(
        f"\nkilled {killed} of {mutants} mutants ({killed / max(mutants, 1):.0%}); {accepted} "
        f"survivors are accepted with a reason: {share:.0%} of the others\n"
    )
    return 0 if share >= plan["goal"] else 1


def survivor(mutant: Mutant, reasons: dict[str, str]) -> dict[str, str]:
    """Describe a surviving mutant, with the reason if it is accepted."""
    source = _file(ROOT / mutant.path)
    diff = difference(source, mutant.source(source))
    new = next((line[1:].strip() for line in diff.splitlines() if line.startswith("+")), "")
    return {
        "key": mutant.key,
        "place": f"{mutant.path}:{mutant.start[0]}",
        "operator": mutant.operator,
        "diff": diff,
        "reason": reasons.get(f"{mutant.path}: {new}", ""),
    }


if __name__ == "__main__":
    sys.exit(main())
