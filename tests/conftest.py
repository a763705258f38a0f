"""Fixtures and options shared by the tests of all rooms."""

from __future__ import annotations

import functools
import gc
import json
import os
import pwd
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy
import sqlalchemy.engine
import sqlalchemy.event
import typer.main
import typer.testing
from filelock import FileLock

from slow_tests import Measure, function_of, names_to_mark

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
LONGEST = (
    "test_notebooks.py", "test_learner.py", "test_faults.py", "test_app_scenes.py", "test_docs.py",
    "test_rep_performance.py", "test_resume.py", "test_kills_and_concurrency.py",
    "test_training.py",
    "test_docstrings.py", "test_readme.py", "test_tables.py", "test_server.py",
    "test_same_predictions.py", "test_own_estimator.py",
)  # fmt: skip
LIGHT = pytest.MonkeyPatch()
NO_CODE = str(Path(__file__).with_name("no_code"))
"""Logged instead of fitmodel, under another name: loading a model adds its code to the path."""
USER, PASSWORD = "tester", "s3cret%2Fword"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--list-slow`` measures the run and writes which tests are slow (tests/slow_tests.py)."""
    parser.addoption("--list-slow", action="store_true", help="write tests/slow_tests.txt anew")


def pytest_configure(config: pytest.Config) -> None:
    """Set Hypothesis so that a busy machine fails no test; measure slow tests on request."""
    # garbage collection with the usual thresholds took a twentieth of the processor time
    gc.set_threshold(20_000, 50, 100)
    hypothesis.settings.register_profile("any machine", deadline=None)
    hypothesis.settings.load_profile("any machine")
    # shap's functions run too rarely here to be worth compiling: that took five seconds
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    os.fsync = lambda _file: None  # kills are tested, power failures are not: the kernel keeps all
    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "connect", _leave_writing_to_the_kernel)
    # `CliRunner.invoke` made all commands anew each time: 40 ms
    typer.testing._get_command = functools.cache(typer.main.get_command)
    if config.getoption("--list-slow"):
        config.pluginmanager.register(Measure())


def _leave_writing_to_the_kernel(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark slow tests. Long files come first, then others with slow tests: no core waits."""
    names = names_to_mark(measuring=config.getoption("--list-slow"))
    for item in items:
        if function_of(item.nodeid) in names:
            item.add_marker("slow")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    order = {name: position for position, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (order.get(item.path.name, len(order)), item.path not in slow))


def pytest_collection_finish() -> None:
    """Exclude collected objects from garbage collection: they stay until the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip parts of a training that few tests need, unless a test is `full_training`.

    It draws no plots, logs no copy of fitmodel, and fits its black-box reference once, not six
    times: together they take longer than the rest of a small training.
    """
    from fitmodel.evaluation.report import TrainingReport
    from fitmodel.learning import _other_classifiers as black_box
    from fitmodel.tracking import run_log

    LIGHT.undo()
    if item.get_closest_marker("full_training") is None:
        LIGHT.setattr(TrainingReport, "figures", lambda _report: {})
        LIGHT.setattr(run_log, "_package", lambda: NO_CODE)
        LIGHT.setattr(black_box, "N_REPLICATES", 1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real tables that are not in the repository; skips the test if it is missing."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real tables (../shared/data) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def once_per_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder shared by all workers of a run, for objects made by the first that needs them."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def migrated_store(once_per_run: Path) -> Path:
    """Make an empty MLflow database once: its migrations take seconds."""
    from mlflow.store.db import utils

    from fitmodel.tracking.connection import connected

    # MLflow loads all its migrations for every store that is opened, to know which is the newest
    utils._get_latest_schema_revision = functools.cache(utils._get_latest_schema_revision)
    file = once_per_run / "migrated" / "mlflow.db"
    with FileLock(once_per_run / "migrated.lock"):
        if not file.exists():
            draft = once_per_run / "migrating" / "mlflow.db"
            draft.parent.mkdir(exist_ok=True)
            with connected(f"sqlite:///{draft}"):
                pass
            draft.parent.rename(file.parent)
    return file


@pytest.fixture(scope="session")
def learned_on(once_per_run: Path) -> Callable[..., Any]:
    """Learn from simulated deals once per run: ``learned_on(700, seed=5)`` is a `Learned`.

    Each call gives a new object, so that tests cannot change each other's.
    """
    import joblib

    from fitmodel.datasets.simulation import simulate_deals
    from fitmodel.learning.learner import learn

    def learned(n: int, *, seed: int) -> Any:
        file = once_per_run / f"learned-{n}-{seed}.joblib"
        with FileLock(f"{file}.lock"):
            if not file.exists():
                simulation = simulate_deals(n, seed=seed)
                draft = file.with_suffix(".draft")
                joblib.dump(learn(simulation.deals, simulation.spec), draft)
                draft.rename(file)
        return joblib.load(file)

    return learned


@pytest.fixture(scope="session")
def quick_learner() -> dict[str, Any]:
    """Section ``[learning]`` of a contract for tests that are not about what is learned."""
    return {"components": ("logistic",), "penalties": (3.0, 30.0), "replicates": 3, "folds": 3}


@pytest.fixture(scope="session")
def simulate_quickly(quick_learner: dict[str, Any]) -> Callable[..., Any]:
    """Simulate deals whose contract has the quick learner: ``simulate_quickly(900, seed=6)``."""
    from fitmodel.datasets.simulation import simulate_deals

    def simulate(n: int, **law: Any) -> Any:
        drawn = simulate_deals(n, **law)
        return replace(drawn, spec=drawn.spec.replace(learning=quick_learner))

    return simulate


@pytest.fixture(scope="session")
def store_in(migrated_store: Path) -> Callable[[Path], str]:
    """Put an MLflow store into a folder: ``store_in(folder)`` is its tracking URI."""

    def put(folder: Path) -> str:
        shutil.copy(migrated_store, folder / "mlflow.db")
        return f"sqlite:///{folder}/mlflow.db"

    return put


@pytest.fixture
def mlflow_store(migrated_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Tracking URI of a separate MLflow store for the test, also set as MLFLOW_TRACKING_URI."""
    file = tmp_path / "store" / "mlflow.db"
    file.parent.mkdir()
    shutil.copy(migrated_store, file)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
    return f"sqlite:///{file}"


@pytest.fixture(scope="session")
def _postgresql_server() -> Iterator[str]:
    """Host and port of a running server; pytest's own folders are closed to other users."""
    if not PROGRAMS:
        pytest.skip("PostgreSQL (Debian's package postgresql) is not on this machine")
    if os.geteuid() == 0 and not _is_user("postgres"):
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    with tempfile.TemporaryDirectory(prefix="fitmodel-pg-") as name:
        folder, port = Path(name), _free_port()
        (folder / "password").write_text(PASSWORD.replace("%2F", "/"))
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        control = ["-D", f"{folder}/data", "-w", "-l", f"{folder}/log"]
        _run("initdb", "-D", f"{folder}/data", "-U", USER, "-A", "scram-sha-256", "-E", "UTF8",
             "--locale=C", f"--pwfile={folder}/password")  # fmt: skip
        _run("pg_ctl", *control, "-o", options, "start")
        try:
            yield f"127.0.0.1:{port}"
        finally:
            _run("pg_ctl", *control, "-m", "immediate", "stop")


@pytest.fixture
def postgresql(_postgresql_server: str) -> str:
    """URL of an empty PostgreSQL database, as a user would write it."""
    import psycopg

    server = f"postgresql://{USER}:{PASSWORD}@{_postgresql_server}"
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    return f"{server}/{name}"


def _run(program: str, *arguments: str) -> None:
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    command = [*(as_user if os.geteuid() == 0 else []), str(PROGRAMS[-1].with_name(program))]
    # the server inherits the output of pg_ctl: a pipe would never be closed
    subprocess.run(  # noqa: S603 - Debian's own programs
        [*command, *arguments],
        check=True, timeout=120, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _is_user(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


TERMS = frozenset(
    [
        "auc",
        "roc",
        "brier",
        "crm",
        "csv",
        "tsv",
        "mlflow",
        "iso",
        "json",
        "sql",
        "kaplan",
        "meier",
        "aalen",
        "johansen",
        "shapley",
        "python",
        "linux",
        "fitmodel",
        "numpy",
        "pandas",
        "scipy",
        "scikit",
        "learn",
        "interpret",
        "core",
        "spark",
        "assessment",
        "dataframe",
        "uri",
        "id",
    ]
)
"""Names that stand in Chinese texts as they are."""
NO_SENTENCE = re.compile(
    r"`[^`]*`|models:/\S+|runs:/\S+|fitmodel( [-\w./]+)*|\[[\w.]+\]( \w+)?"
    r"|--?[a-z][-a-z]*( [A-Z]+)?|\w*[\d_/.]\w*|\w+\.\w+|\b[A-Z_]{2,}\b"
)
"""Code, commands, files, ids."""


@pytest.fixture(scope="session")
def english_left() -> Callable[..., list[str]]:
    """Find English in texts of a Chinese page; see `_english_left`."""
    return _english_left


def _english_left(texts: Iterable[str], *own: Iterable[str]) -> list[str]:
    """Texts with an English word, except the `own` names and values of the user's tables."""
    names = {str(name).replace("_", " ").strip().lower() for some in own for name in some}
    words = sorted(filter(None, names), key=len, reverse=True)
    is_own = re.compile(
        r"(?<![A-Za-z])(" + "|".join(map(re.escape, words or ["\0"])) + r")(?![A-Za-z])",
        re.IGNORECASE,
    )
    result = []
    for text in texts:
        rest = NO_SENTENCE.sub(" ", is_own.sub(" ", text))
        if set(re.findall(r"[a-z]{2,}", rest.lower())) - TERMS:
            result.append(text)
    return result


@pytest.fixture(scope="session")
def holds() -> Callable[[Any, Any, str], Any]:
    """Check a response against the OpenAPI description of the service; see `_holds`."""
    return _holds


def _holds(client: Any, answer: Any, path: str) -> Any:
    """Check status, content type and named schema of a response, and return its JSON."""
    from jsonschema import Draft202012Validator

    described = client.get("/openapi.json", headers=answer.request.headers).json()
    operation = described["paths"][path][answer.request.method.lower()]
    content = operation["responses"][str(answer.status_code)]["content"]
    schema = content[answer.headers["content-type"].partition(";")[0]]["schema"]
    assert "$ref" in json.dumps(schema), f"{path} has no named schema"
    whole = schema | {"components": described["components"]}
    Draft202012Validator(whole).validate(answer.json())
    return answer.json()
