"""Connection to the MLflow store: short timeouts, no progress output, one kind of error.

MLflow's global state (tracking URI, active run, environment) is the same afterwards as before.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from fitmodel.exceptions import TrackingError
from fitmodel.tables.atomic import file_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class StoreAwayError(TrackingError):
    """The store does not answer at all; if it answers with a refusal, that is another error."""


DEFAULT_URI = "sqlite:///mlflow.db"

_CONNECT_SECONDS = 5
_SQLITE_START = b"SQLite format 3\0"
_DATABASES = frozenset({"postgresql", "mysql"})
_MESSAGE_LENGTH = 400
_NO_ANSWER = re.compile(
    r"Connection refused|Connection reset|timed out|Name or service not known|No route to host"
    r"|Temporary failure in name resolution|Network is unreachable"
)
"""Causes of a request that got no answer, in the messages of HTTP clients and drivers."""
# Used only where the user has not set them. With MLflow's defaults (120 s, 7 retries) a training
# waits for a quarter of an hour if the server does not answer.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",  # otherwise the user's uv.lock is logged with the model
}


def tracking_uri(uri: str | None = None) -> str:
    """Return the store's URI: `uri`, else MLFLOW_TRACKING_URI, else SQLite in this folder.

    `uri` is ``[tracking] uri`` of the contract. It has priority over the environment, so that two
    machines with the same ``fitmodel.toml`` write to the same store; leave it out of the contract
    to use the environment's.
    """
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


@contextlib.contextmanager
def connected(uri: str | None = None) -> Iterator[Any]:
    """Yield an ``MlflowClient`` of the chosen store; errors of the store become `TrackingError`.

    Raises
    ------
    TrackingError
        If the store cannot be reached, opened or written; the message names the store.
    """
    chosen = tracking_uri(uri)
    with _settings(_SETTINGS):
        try:
            _check_reachable(chosen)
            from mlflow import MlflowClient

            with _quiet():
                with locked(database_file(chosen)):
                    client = MlflowClient(tracking_uri=absolute_uri(chosen))
                yield client
        except store_errors() as error:
            kind = StoreAwayError if _is_unreachable(error) else TrackingError
            raise kind(
                f"MLflow at {without_password(chosen)} failed: {_short(error, chosen)}"
            ) from error


def _is_unreachable(error: Exception) -> bool:
    """Return whether the store did not answer; MLflow's code for this is INTERNAL_ERROR."""
    from mlflow.exceptions import MlflowException

    if "disk is full" in str(error):  # SQLite's message: the store answers, with a refusal
        return False
    if isinstance(error, MlflowException):
        return error.error_code in {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE"}
    return not isinstance(error, ImportError)


def database_file(uri: str) -> Path | None:
    """Return the file of an SQLite store; None for every other store."""
    path = unquote(uri.partition(":///")[2].partition("?")[0])
    if not uri.startswith("sqlite") or path in {"", ":memory:"}:
        return None
    return Path(path).absolute()


def absolute_uri(uri: str) -> str:
    """Return a store's URI, with the absolute path of an SQLite file."""
    # MLflow keeps one engine per URI as long as the process runs: after a change of folder a
    # relative path would still lead to the file in the old folder.
    file = database_file(uri)
    if file is None:
        return uri
    scheme, _, path_and_query = uri.partition(":///")
    query = path_and_query.partition("?")[2]
    return f"{scheme}:///{quote(str(file))}" + (f"?{query}" if query else "")


def without_password(uri: str) -> str:
    """Return the URI without user and password, so that it may be shown and logged."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _check_reachable(uri: str) -> None:
    # MLflow tries a database ten times, which takes 100 s, before it reports that there is none or
    # that the password is wrong. One attempt here finds this out at once.
    if (file := database_file(uri)) is not None:
        _check_file(file)
    if urlsplit(uri).scheme.partition("+")[0] in _DATABASES:
        import sqlalchemy

        engine = sqlalchemy.create_engine(
            uri, connect_args={"connect_timeout": _CONNECT_SECONDS}, poolclass=sqlalchemy.NullPool
        )
        engine.connect().close()


def _check_file(file: Path) -> None:
    if not file.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {file.parent} for {file.name}")
    if not file.exists():
        return
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder, not a database file")
    with file.open("rb") as opened:
        start = opened.read(len(_SQLITE_START))
    if start not in (b"", _SQLITE_START):  # an empty file is a database without tables
        raise OSError(
            f"{file} is not a database (it begins with {start!r}). Remedy: name another file, or "
            "move this one away; MLflow then creates a new database"
        )


@contextlib.contextmanager
def locked(database: Path | None) -> Iterator[None]:
    """Hold the lock of an SQLite store; without a file there is no lock.

    MLflow creates its tables without one: two first trainings in parallel could damage the file.
    """
    if database is None:
        yield
        return
    with file_lock(database.with_name(f"{database.name}.lock"), wait=True):
        yield


@contextlib.contextmanager
def _settings(settings: Mapping[str, str]) -> Iterator[None]:
    added = [name for name in settings if name not in os.environ]
    os.environ.update({name: settings[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide progress output, and warnings about MLflow's own code, which a user cannot fix."""
    logger = logging.getLogger("mlflow")  # after the import, which sets the level itself
    before = logger.level
    logger.setLevel(max(before, logging.WARNING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.filterwarnings("ignore", module=r"mlflow(\.|$)")
            yield
    finally:
        logger.setLevel(before)


def store_errors() -> tuple[type[Exception], ...]:
    """Return the exception types that MLflow may raise for problems of the store."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, CommandError, OSError, ImportError)


def _short(error: Exception, uri: str) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    password = urlsplit(uri).password
    line = lines[0].replace(f":{password}@", ":***@") if password else lines[0]
    if (cause := _NO_ANSWER.search(line)) is not None:
        return no_answer(cause[0])
    return line if len(line) <= _MESSAGE_LENGTH else f"{line[:_MESSAGE_LENGTH]}…"


def no_answer(cause: object) -> str:
    """Return in words that a server does not answer, with the remedy."""
    known = _NO_ANSWER.search(str(cause))
    shown = str(cause) if known is None else known[0]
    return (
        f"it does not answer ({shown}). Remedy: check that the server runs and can be reached "
        "from here"
    )


@contextlib.contextmanager
def without_autolog() -> Iterator[None]:
    """Switch MLflow's autologging off inside the block; afterwards it is as it was before.

    With ``mlflow.autolog()`` on, each of the many small fits in a training would create its own
    run: dozens of unwanted runs, and fifty times the duration.
    """
    if "mlflow" not in sys.modules:  # MLflow is not imported, so autologging cannot be on
        yield
        return
    from mlflow.utils.autologging_utils import disable_autologging

    with disable_autologging():
        yield
