"""Run tests on changed code in a process forked after the slow imports: a mutant takes seconds.

test file -> its tests, their seconds and the lines each runs (coverage.py)         [once]
mutant    -> the tests that run its statement, fastest first -> fork -> killed or survived

The change is in memory only: the forked process compiles the changed text when the module is
imported. No file is changed, and a test that starts another Python process sees the unchanged code.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mutants import Changed, lines_of_statement

IMPORTS = (
    "hypothesis", "interpret.glassbox", "jinja2", "joblib", "matplotlib.figure", "pandas",
    "pyarrow.parquet", "pydantic", "scipy.optimize", "scipy.stats", "sklearn.compose",
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.model_selection", "sklearn.pipeline",
    "typer",
)  # fmt: skip
"""Imported before a fork: everything slow that is not fitmodel."""
ON_IMPORT = ""
"""Context of lines that run when a module is imported."""
KILLED, ALIVE, TIME = "killed", "alive", "time"
NO_TESTS = 5  # pytest's exit code where nothing was collected


@dataclass(frozen=True)
class Measured:
    """Seconds and executed lines of the tests of one file, on unchanged code."""

    seconds: dict[str, float]
    fixtures: dict[str, float]
    uses: dict[str, list[str]]
    lines: dict[str, dict[int, set[str]]]

    @classmethod
    def read(cls, path: Path) -> Measured:
        """Read measurements from JSON, where a line names its contexts by number."""
        result = json.loads(path.read_text(encoding="utf-8"))
        names = result["contexts"]
        lines = {
            file: {int(line): {names[i] for i in each} for line, each in of.items()}
            for file, of in result["lines"].items()
        }
        return cls(result["seconds"], result["fixtures"], result["uses"], lines)

    def running(self, path: str, lines: Iterable[int]) -> tuple[set[str], set[str]]:
        """Return tests that run one of the lines, and tests that run anything of the module.

        The second list is for lines that run when the module is imported.
        """
        of = self.lines.get(path, {})
        direct = set().union(*(of.get(line, set()) for line in lines))
        module = set().union(*of.values()) if ON_IMPORT in direct else set()
        return self._tests(direct), self._tests(module)

    def _tests(self, contexts: set[str]) -> set[str]:
        return {
            test for test in self.seconds if test in contexts or contexts & set(self.uses[test])
        }


class Measure:
    """A pytest plugin that records the seconds and lines of each test and shared fixture."""

    def __init__(self, source: Path, temporary: Path, longest: float) -> None:
        import coverage

        self.longest = longest
        self.coverage = coverage.Coverage(data_file=None, source=[str(source)], config_file=False)
        self.temporary = temporary
        self.seconds: dict[str, float] = {}
        self.fixtures: dict[str, float] = {}
        self.uses: dict[str, list[str]] = {}
        self.failed, self.stopped = list[str](), False
        self.context, self.file = ON_IMPORT, ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Record lines for this test; no trained objects are shared between files."""
        if item.path.name != self.file:
            for kept in self.temporary.glob("learned-*"):
                kept.unlink()
        self.file = item.path.name
        result = item._fixtureinfo.name2fixturedefs.values()
        self.uses[item.nodeid] = [_name(each) for defs in result for each in defs if _shared(each)]
        self.stopped = False
        signal.setitimer(signal.ITIMER_PROF, self.longest)
        with self._inside(item.nodeid):
            try:
                return (yield)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[Any]:
        """Record the lines of a shared fixture for all its tests."""
        if not _shared(fixturedef):
            return (yield)
        start = time.process_time()
        with self._inside(_name(fixturedef)):
            result = yield
        self.fixtures[_name(fixturedef)] = time.process_time() - start
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Measure processor seconds, so that other work on the machine does not count."""
        start = time.process_time()
        result = yield  # a test that is stopped or fails is not used
        self.seconds[item.nodeid] = time.process_time() - start
        return result

    def stop(self, *_: Any) -> None:
        """Stop the running test after its time limit."""
        self.stopped = True
        pytest.skip("too slow to be asked about every mutant")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[Any]:
        """Skip also a test stopped inside a C call, which raises another error."""
        report = yield
        if self.stopped and report.failed:
            report.outcome, report.longrepr = "skipped", (str(item.path), 0, "too slow")
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record failed tests, which cannot notice a mutant."""
        if report.failed:
            self.failed.append(report.nodeid)

    @contextlib.contextmanager
    def _inside(self, context: str) -> Iterator[None]:
        outer, self.context = self.context, context
        self.coverage.switch_context(context)
        try:
            yield
        finally:
            self.context = outer
            self.coverage.switch_context(outer)

    def write(self, files: dict[str, Path], root: Path) -> None:
        """Store the measurements of each test file as JSON."""
        data = self.coverage.get_data()
        by_line = {
            str(Path(path).relative_to(root)): data.contexts_by_lineno(path)
            for path in data.measured_files()
        }
        for file, out in files.items():
            own = {test: at for test, at in self.seconds.items() if test.startswith(f"{file}::")}
            known = {ON_IMPORT, *own, *(name for test in own for name in self.uses[test])}
            numbers = {name: number for number, name in enumerate(sorted(known))}
            lines = {
                path: {
                    line: kept
                    for line, names in of.items()
                    if (kept := [numbers[name] for name in names if name in numbers])
                }
                for path, of in by_line.items()
            }
            content = {
                "seconds": own, "fixtures": self.fixtures, "contexts": sorted(known),
                "uses": {test: self.uses[test] for test in own}, "lines": lines,
            }  # fmt: skip
            out.write_text(json.dumps(content), encoding="utf-8")


def _shared(fixture: Any) -> bool:
    return fixture.scope != "function"


def _name(fixture: Any) -> str:
    return f"fixture {fixture.baseid}::{fixture.argname}"


def measure(root: Path, files: dict[str, Path], *, longest: float, seconds: float) -> None:
    """Run the tests of files on unchanged code; store their seconds and executed lines.

    Parameters
    ----------
    files
        Test files, and the path of the stored measurements of each.
    longest
        Processor seconds after which a test is stopped and left out.
    seconds
        Time limit for all tests.

    Raises
    ------
    RuntimeError
        If a test fails: every mutant would seem to be killed.
    """

    def work() -> int:
        with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
            temporary = Path(folder) / "tests"
            plugin = Measure(root / "src", temporary, longest)
            signal.signal(signal.SIGPROF, plugin.stop)
            plugin.coverage.start()
            code = run_pytest(root, list(files), [plugin], temporary)
            plugin.coverage.stop()
            if code in {0, NO_TESTS}:
                plugin.write(files, root)
            return code

    code, log = forked(work, seconds)
    if code not in {0, NO_TESTS}:
        raise RuntimeError(f"tests fail on code that was not changed ({code}):\n{log}")


def tests_for(
    measured: dict[str, Measured], path: str, line: int, source: str, *, budget: float
) -> tuple[list[str], float]:
    """Return tests for a change of a line, and their seconds; the mirrored file is first.

    Then come the tests that run the statement itself, fastest first, until the budget is used.
    """
    lines = lines_of_statement(source, line)
    mirrored = f"test_{Path(path).stem.lstrip('_')}.py"
    asked = []
    for file, each in measured.items():
        direct, module = each.running(path, lines)
        for test in direct | module:
            order = (Path(file).name != mirrored, test not in direct, each.seconds[test])
            asked.append((order, test, each))
    chosen, made, spent = [], set[str](), 0.0
    for _, test, each in sorted(asked, key=lambda item: item[:2]):
        new = set(each.uses[test]) - made
        cost = each.seconds[test] + sum(each.fixtures.get(name, 0.0) for name in new)
        if spent + cost <= budget:
            chosen.append(test)
            made |= new
            spent += cost
    return chosen, spent


class InOrder:
    """A pytest plugin that runs tests in a given order, file by file, and records a failure."""

    def __init__(self, tests: list[str], note: Path) -> None:
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        self.order = {
            test: (files.index(test.partition("::")[0]), rank) for rank, test in enumerate(tests)
        }
        self.note = note

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort the tests into the given order."""
        items[:] = [each for each in items if each.nodeid in self.order]
        items.sort(key=lambda each: self.order[each.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Store the name of the test that noticed the mutant."""
        if report.failed:
            self.note.write_text(report.nodeid, encoding="utf-8")


def noticed(
    root: Path, path: str, changed: str, tests: list[str], seconds: float
) -> tuple[str, str]:
    """Return the outcome of the tests on changed code, and the test that failed."""
    module = ".".join(Path(path).relative_to("src").with_suffix("").parts)
    note = Path(tempfile.mkdtemp(prefix="mutant-")) / "failed"

    def work() -> int:
        sys.meta_path.insert(0, Changed(module, root / path, changed))
        temporary = note.with_name("tests")
        return run_pytest(root, tests, [InOrder(tests, note)], temporary, "-x")

    try:
        code, log = forked(work, seconds)
        by = note.read_text(encoding="utf-8") if note.exists() else ""
    finally:
        shutil.rmtree(note.parent)
    if code is None:
        return TIME, ""
    if code == NO_TESTS:
        raise RuntimeError(f"no test was run for {path}:\n{log}")
    return (ALIVE if code == 0 else KILLED), by


def prepare() -> None:
    """Import all slow modules once in the process that forks."""
    for name in IMPORTS:
        importlib.import_module(name)


def run_pytest(
    root: Path, tests: list[str], plugins: list[Any], temporary: Path, *options: str
) -> int:
    """Run pytest in this process with the code of `root`, and return its exit code."""
    os.chdir(root)
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(root / "src")}
    sys.path.insert(0, str(root / "src"))
    own = ["-q", "-p", "no:cacheprovider", f"--basetemp={temporary}", "--tb=line"]
    own += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*own, *options, *tests], plugins=plugins))


def forked(work: Callable[[], int], seconds: float) -> tuple[int | None, str]:
    """Run work in a forked process; return its result, None if it took too long, and its output."""
    with tempfile.TemporaryFile() as log:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _work_and_leave(work, log.fileno())
        end = time.monotonic() + seconds
        code = None
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
                break
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # regardless of files left by a test
        if code is None:
            os.waitpid(child, 0)
        log.seek(0)
        return code, log.read().decode(errors="replace")[-4_000:]


def _work_and_leave(work: Callable[[], int], log: int) -> None:
    code = 70
    try:
        os.setsid()
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = work()
    finally:  # nothing may return from here: the parent's work would be done twice
        if sys.exc_info()[0]:
            os.write(log, traceback.format_exc().encode())
        os._exit(code)
