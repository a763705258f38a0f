"""The tests that `make test-quick` leaves out: measured in a whole run, stored in slow_tests.txt.

run of all tests -> seconds of each test, including its share of common fixtures
                 -> the slowest functions, until the others take `QUICK_SECONDS` -> the list

A test marked as slow in its file is not in the list. `make slow-tests` writes the list again.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LIST = Path(__file__).with_name("slow_tests.txt")
QUICK_SECONDS = 40.0
"""Of one core, for all tests that are not slow; starting and collecting come on top."""
COSTS, USES = "seconds of a fixture", "fixtures used"


def listed() -> frozenset[str]:
    """Test functions in the list, as ``tests/deals/test_rows.py::test_it``."""
    return frozenset(LIST.read_text(encoding="utf-8").split()) if LIST.is_file() else frozenset()


def names_to_mark(*, measuring: bool) -> frozenset[str]:
    """Test functions to mark as slow; none in a run that measures, which is to measure them all."""
    return frozenset() if measuring else listed()


def function_of(nodeid: str) -> str:
    """The function of a test, without its parameters."""
    return nodeid.partition("[")[0]


class Measure:
    """A pytest plugin that measures a run and writes the list, for any number of workers.

    Workers send their measurements with the report of each test.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.fixtures: Counter[str] = Counter()
        self.uses: dict[str, set[str]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """Time a fixture without the fixtures that it needs, which were set up before."""
        start = time.process_time()
        result = yield
        cost = (_name(fixturedef), time.process_time() - start)
        request._pyfuncitem.user_properties.append((COSTS, cost))
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: Any) -> None:
        """Note which fixtures a test uses, unless it is marked as slow in its file."""
        if "slow" not in (mark.name for mark in item.own_markers):
            result = item._fixtureinfo.name2fixturedefs.values()
            item.user_properties.append((USES, [_name(each) for defs in result for each in defs]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the times of a test."""
        if report.when == "call":
            self.calls[report.nodeid] += report.duration
        if report.when == "teardown":
            for kind, value in report.user_properties:
                if kind == COSTS:
                    self.fixtures[value[0]] += value[1]
                elif kind == USES:
                    self.uses[report.nodeid] = set(value)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the list in the process that receives all reports."""
        if not hasattr(session.config, "workerinput"):
            names = slowest(self.calls, self.fixtures, self.uses, left=QUICK_SECONDS)
            LIST.write_text("".join(f"{name}\n" for name in sorted(names)), encoding="utf-8")


def slowest(
    calls: Counter[str], fixtures: Counter[str], uses: dict[str, set[str]], *, left: float
) -> list[str]:
    """The slowest functions, until the others take no more than `left` seconds together."""
    users = Counter(name for names in uses.values() for name in names)
    seconds = defaultdict[str, float](float)
    for test, names in uses.items():
        shared = sum(fixtures[name] / users[name] for name in names)
        seconds[function_of(test)] += calls[test] + shared
    total, result = sum(seconds.values()), []
    for name in sorted(seconds, key=seconds.__getitem__, reverse=True):
        if total <= left:
            break
        total -= seconds[name]
        result.append(name)
    return result


def _name(fixture: Any) -> str:
    return f"{fixture.baseid}::{fixture.argname}"
