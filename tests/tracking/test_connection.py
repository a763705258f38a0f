"""Connection to MLflow: choice of the store, short timeouts, one kind of error, no side effects."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fitmodel.exceptions import TrackingError
from fitmodel.tracking import connection
from fitmodel.tracking.connection import connected, database_file, tracking_uri, without_password
from warm_python import warm_python

SOURCE = Path(connection.__file__).parents[1]


def test_the_store_comes_from_the_contract_the_environment_or_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri() == "sqlite:///mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://from-environment")
    assert tracking_uri() == "http://from-environment"
    assert tracking_uri("http://from-toml") == "http://from-toml"


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:////a/b%20c.db?timeout=3", "/a/b c.db"),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("http://host/a.db", None),
        ("postgresql://host/a", None),
    ],
)
def test_only_sqlite_has_a_database_file(uri: str, file: str | None) -> None:
    assert database_file(uri) == (None if file is None else Path(file))


def test_a_password_is_never_shown() -> None:
    assert without_password("postgresql://me:secret@host:5432/db") == "postgresql://host:5432/db"
    assert without_password("sqlite:///mlflow.db") == "sqlite:///mlflow.db"
    with pytest.raises(TrackingError) as error, connected("http://me:secret@127.0.0.1:1") as client:
        client.get_experiment_by_name("any")
    assert "secret" not in str(error.value)


def test_mlflow_settings_are_restored(mlflow_store: str) -> None:
    import mlflow

    def state() -> tuple[object, ...]:
        level = logging.getLogger("mlflow").level
        return dict(os.environ), level, mlflow.get_tracking_uri(), mlflow.active_run()

    before = state()
    with connected(mlflow_store):
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"
    assert state() == before


def test_settings_of_the_user_are_kept(mlflow_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    with connected(mlflow_store):
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "http://127.0.0.1:1",
            r"it does not answer \(Connection refused\)\. Remedy: check that the server runs",
        ),
        ("postgresql://127.0.0.1:1/mlflow", "it does not answer|No module named"),
        ("mysql+pymysql://127.0.0.1:1/mlflow", "it does not answer|No module named"),
        ("sqlite:////no/such/folder/mlflow.db", "there is no folder"),
        ("nonsense://host", "unsupported URI"),
        ("file:///tmp/mlruns", "maintenance mode"),
    ],
)
def test_the_error_for_a_missing_store_names_it(uri: str, message: str) -> None:
    expected = rf"^MLflow at {re.escape(uri)} failed: .*({message})"
    with pytest.raises(TrackingError, match=expected), connected(uri) as client:
        client.get_experiment_by_name("any")


@pytest.fixture
def mlflow_never_opens_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if MLflow is asked: it tries a file that is no database for 100 s."""

    def open_store(*_: object, **__: object) -> None:
        raise AssertionError("MLflow opened the store")

    monkeypatch.setattr("mlflow.MlflowClient", open_store)


@pytest.mark.usefixtures("mlflow_never_opens_the_store")
@pytest.mark.parametrize("content", ["certainly not a database " * 1000, "SQLite", "\0" * 4096])
def test_the_error_for_an_invalid_database_file_names_it_at_once(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "mlflow.db"
    file.write_text(content)
    expected = rf"{re.escape(str(file))} is not a database .*Remedy: name another file"
    with pytest.raises(TrackingError, match=expected), connected(f"sqlite:///{file}"):
        pass
    assert file.read_text() == content


@pytest.mark.usefixtures("mlflow_never_opens_the_store")
def test_the_error_for_a_folder_in_place_of_a_database_file_names_it(tmp_path: Path) -> None:
    with (
        pytest.raises(TrackingError, match="is a folder, not a database file"),
        connected(f"sqlite:///{tmp_path}"),
    ):
        pass


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.touch()
    with connected(f"sqlite:///{file}") as client:
        assert client.search_registered_models() == []


def test_an_error_of_fitmodel_is_not_changed(mlflow_store: str) -> None:
    with pytest.raises(TrackingError, match=r"^mine$"), connected(mlflow_store):
        raise TrackingError("mine")


def test_only_the_tracking_room_imports_mlflow_and_only_when_used() -> None:
    at_top = re.compile(r"^(import|from) mlflow", re.MULTILINE)
    anywhere = re.compile(r"^\s*(import|from) mlflow", re.MULTILINE)
    for file in SOURCE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert file.name == "pyfunc_model.py" or not at_top.search(text), file
        assert file.parent.name == "tracking" or not anywhere.search(text), file
        assert "tracking.pyfunc_model" not in text, f"{file} imports the logged script"


@pytest.mark.slow
def test_importing_the_tracking_room_does_not_import_mlflow() -> None:
    rooms = "runs, registry, promotion, logged_model, facts"
    code = f"import sys; from fitmodel.tracking import {rooms}; sys.exit('mlflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - the program above


FIRST_USE = """
import sys
from fitmodel.tracking.connection import connected
with connected(sys.argv[1]) as client:
    client.create_experiment(sys.argv[2])
"""


@pytest.mark.slow
def test_a_relative_store_is_in_the_current_folder(
    migrated_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(migrated_store, folder / "mlflow.db")
        monkeypatch.chdir(folder)
        with connected("sqlite:///mlflow.db") as client:
            assert [model.name for model in client.search_registered_models()] == []
            client.create_registered_model(name)


@pytest.mark.slow
def test_two_concurrent_first_uses_of_a_store_work(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    imports = "import mlflow.store.tracking.sqlalchemy_store, fitmodel.tracking.connection"
    with warm_python(imports) as python:
        uses = [python.start(FIRST_USE, uri, name) for name in ("one", "two")]
        assert [python.wait(use) for use in uses] == [0, 0]
    with connected(uri) as client:
        names = {experiment.name for experiment in client.search_experiments()}
    assert names >= {"one", "two"}
