"""Storage of a decision log: an SQLite file or a PostgreSQL database.

Both have the same tables. Rows are added and never changed (triggers enforce this). When a
transaction has returned, its rows are on the disk.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from fitmodel.exceptions import TrackingError

if TYPE_CHECKING:
    import psycopg

RUNNING = (
    "check whether the database runs at this host and port, and the user and password in the URL"
)
BUSY_SECONDS = 30  # seconds that a writer waits for another writer
CONNECT_SECONDS = 5
_URL = re.compile(r".*://|[\w+.-]{2,}:/")  # a Path keeps only one of the slashes; C:/ is a folder
TABLES = """
CREATE TABLE IF NOT EXISTS assessments (
  number {key}, time TEXT NOT NULL, prospect TEXT NOT NULL,
  model_version TEXT NOT NULL, probability {real} NOT NULL, poor_fit INTEGER NOT NULL,
  fit TEXT NOT NULL, proceed INTEGER NOT NULL, propensity {real} NOT NULL, digest TEXT NOT NULL,
  loose TEXT);
CREATE TABLE IF NOT EXISTS decisions (
  number {key}, time TEXT NOT NULL, prospect TEXT NOT NULL,
  action TEXT NOT NULL, by TEXT NOT NULL, reason TEXT, assessment INTEGER, corrects INTEGER);
CREATE TABLE IF NOT EXISTS undone (
  decision BIGINT PRIMARY KEY, time TEXT NOT NULL, prospect TEXT NOT NULL, by TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
  number {key}, time TEXT NOT NULL, prospect TEXT NOT NULL, by TEXT NOT NULL, reason TEXT);
CREATE TABLE IF NOT EXISTS guesses (
  number {key}, time TEXT NOT NULL, quiz TEXT NOT NULL, person TEXT NOT NULL, deal TEXT NOT NULL,
  guess {real} NOT NULL, model {real} NOT NULL, level {real} NOT NULL, outcome INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS forgotten (
  number {key}, time TEXT NOT NULL, removed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS assessments_of ON assessments (prospect);
CREATE INDEX IF NOT EXISTS decisions_of ON decisions (prospect);
"""
LATER_COLUMNS = {
    "assessments": {"loose": "TEXT"},
    "decisions": {"assessment": "INTEGER", "corrects": "INTEGER"},
}
"""Columns that logs of older versions do not have; they are added, and empty for old rows."""
LATER_INDEX = "CREATE INDEX IF NOT EXISTS assessments_loose ON assessments (loose)"
SQLITE_TRIGGERS = """
CREATE TRIGGER IF NOT EXISTS assessments_stay BEFORE UPDATE ON assessments
  BEGIN SELECT RAISE(ABORT, 'the decision log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS decisions_stay BEFORE UPDATE ON decisions
  BEGIN SELECT RAISE(ABORT, 'the decision log is append-only'); END;
"""
POSTGRES_TRIGGERS = (
    """CREATE OR REPLACE FUNCTION fitmodel_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the decision log is append-only'; END $$""",
    """CREATE OR REPLACE TRIGGER assessments_stay BEFORE UPDATE ON assessments
    FOR EACH ROW EXECUTE FUNCTION fitmodel_append_only()""",
    """CREATE OR REPLACE TRIGGER decisions_stay BEFORE UPDATE ON decisions
    FOR EACH ROW EXECUTE FUNCTION fitmodel_append_only()""",
)
TABLES_LOCK = 0x666974  # PostgreSQL advisory lock, held by the process that creates the tables


class Cursor(Protocol):
    """Operations within a transaction; ``?`` is the placeholder of a value in both databases."""

    def execute(self, query: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement; its result has `fetchone`, `fetchall`, `rowcount` and `description`."""

    def executemany(self, query: str, rows: Iterable[Sequence[Any]]) -> Any:
        """Run a statement once for each row of values."""


class Store(Protocol):
    """A database that holds a decision log."""

    name: str

    def writing(self) -> AbstractContextManager[Cursor]:
        """Return a context of one transaction: either all of it is written, or nothing."""

    def reading(self) -> AbstractContextManager[Cursor]:
        """Return a context with a cursor that reads what is written."""

    def forget_traces(self) -> None:
        """Remove traces of deleted rows outside the tables, such as in a journal."""

    def close(self) -> None:
        """Close the connection; the next use opens it again."""


def open_store(location: str | Path) -> Store:
    """Open an SQLite file by its path, or a PostgreSQL database by its URL, and create the tables.

    Raises TrackingError if it cannot be opened, is not a decision log, or is a URL of another kind.
    """
    if isinstance(location, str) and location.startswith(("postgresql://", "postgres://")):
        return PostgresStore(location)
    if _URL.match(str(location)):
        raise TrackingError(
            "the decision log is named by a URL of another form. Remedy: "
            "postgresql://user@host/database for PostgreSQL, or the path of a file, without any "
            "sqlite://"  # the message does not show the URL, which may contain a password
        )
    return SqliteStore(Path(location))


SQLITE_REMEDIES = {
    "FULL": "free some space on the disk of {folder}, and try again",
    "IOERR": "see that the disk of {folder} has space left and is not read-only, and try again",
    "CANTOPEN": "see that {folder} exists and may be written, or name another file",
    "READONLY": "ask for the permission to write in {folder}, or name another file",
    "BUSY": "another program is writing; try again",
    "NOTADB": "name a decision log, or a file that does not exist yet",
}
"""Remedies by the beginning of SQLite's name of an error, without SQLITE_."""


def _sqlite_remedy(error: sqlite3.Error, path: Path) -> str:
    """Return the remedy for an error of SQLite as the end of a message; "" if there is none."""
    name = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_")
    for kind, remedy in SQLITE_REMEDIES.items():
        if name.startswith(kind):
            return f". Remedy: {remedy.format(folder=path.absolute().parent)}"
    return ""


class SqliteStore:
    """A decision log in one file; writers of several processes wait for each other."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._lock = threading.Lock()
        self._opened: tuple[int, sqlite3.Connection] | None = None
        tables = TABLES.format(key="INTEGER PRIMARY KEY AUTOINCREMENT", real="REAL")
        with self.writing() as cursor:
            for statement in _statements(tables + SQLITE_TRIGGERS):
                cursor.execute(statement)
            for table, columns in LATER_COLUMNS.items():
                present = {row[1] for row in cursor.execute(f"PRAGMA table_info({table})")}
                for name, kind in columns.items():
                    if name not in present:
                        cursor.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
            cursor.execute(LATER_INDEX)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Return a context with a cursor that reads; see `Store.reading`."""
        with self._lock:
            try:
                yield self._connection()
            except sqlite3.Error as error:
                raise TrackingError(
                    f"the decision log {self.name}: {error}{_sqlite_remedy(error, self._path)}"
                ) from error

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        """Return a context of one transaction; see `Store.writing`."""
        with self.reading():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute("PRAGMA secure_delete = ON")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if self._connection().in_transaction:  # SQLite ends it itself on a full disk
                    connection.execute("ROLLBACK")
                raise

    def forget_traces(self) -> None:
        """Empty the write-ahead log, which otherwise keeps deleted rows for some time."""
        with self.reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            if self._opened is not None and self._opened[0] == os.getpid():
                self._opened[1].close()
            self._opened = None

    def _connection(self) -> sqlite3.Connection:
        """Return this process' connection: one opened before a fork must not be used after it."""
        if self._opened is None or self._opened[0] != os.getpid():
            connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._opened = (os.getpid(), connection)
        return self._opened[1]


class PostgresStore:
    """A decision log in a PostgreSQL database, for writers on several machines.

    Forgotten rows are removed from the tables at once, and from the server's files when PostgreSQL
    vacuums them.
    """

    def __init__(self, url: str) -> None:
        self.name = _without_password(url)
        self._url = url
        self._lock = threading.Lock()
        self._opened: tuple[int, psycopg.Connection] | None = None
        self._inherited: list[Any] = []
        key = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
        tables = TABLES.format(key=key, real="DOUBLE PRECISION").split(";")
        with self.writing() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(?)", (TABLES_LOCK,))
            for statement in (*filter(str.strip, tables), *POSTGRES_TRIGGERS):
                cursor.execute(statement)
            for table, columns in LATER_COLUMNS.items():
                for name, kind in columns.items():
                    cursor.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} {kind}")
            cursor.execute(LATER_INDEX)

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        """Return a context of one transaction; see `Store.writing`."""
        with self.reading() as cursor:
            yield cursor

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        """Return a context with a cursor that reads; see `Store.reading`.

        It is a transaction too, so that no connection stays idle in an open transaction.
        """
        psycopg = _psycopg()
        with self._lock:
            try:
                with ExitStack() as transaction:
                    yield _PostgresCursor(self._in_transaction(transaction).cursor())
            except psycopg.Error as error:
                lines = str(error).strip().splitlines()
                away = "" if self._opened is not None else f". Remedy: {RUNNING}"
                raise TrackingError(f"the decision log {self.name}: {lines[0]}{away}") from error

    def forget_traces(self) -> None:
        """Do nothing: the server vacuums its files itself."""

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            if self._opened is not None and self._opened[0] == os.getpid():
                self._opened[1].close()
            self._opened = None

    def __del__(self) -> None:
        if hasattr(self, "_inherited"):
            self.close()

    def _in_transaction(self, stack: ExitStack) -> psycopg.Connection:
        """Return the connection, in a transaction that ends with the stack.

        The server may have closed an idle connection, for example when it was restarted. That shows
        when the transaction begins, before anything was sent: it begins again on a new connection.
        """
        connection = self._connection()
        try:
            stack.enter_context(connection.transaction())
        except _psycopg().OperationalError:
            connection.close()
            connection = self._connection()
            stack.enter_context(connection.transaction())
        return connection

    def _connection(self) -> psycopg.Connection:
        """Return this process' connection; it is opened again if the server closed it."""
        opened = self._opened
        if opened is not None and opened[0] != os.getpid():
            self._inherited.append(opened)  # if it were released, the parent's session would end
        if opened is None or opened[0] != os.getpid() or opened[1].closed:
            connection = _psycopg().connect(
                self._url, connect_timeout=CONNECT_SECONDS, autocommit=True
            )
            self._opened = opened = (os.getpid(), connection)
        return opened[1]


class _PostgresCursor:
    """A cursor of psycopg with ``?`` as the placeholder of a value, as in SQLite."""

    def __init__(self, cursor: psycopg.Cursor) -> None:
        self._cursor = cursor

    def execute(self, query: str, values: Sequence[Any] = ()) -> Any:
        # Without values psycopg does not interpret the text, so that it may contain a %.
        return self._cursor.execute(query.replace("?", "%s").encode(), values or None)

    def executemany(self, query: str, rows: Iterable[Sequence[Any]]) -> Any:
        self._cursor.executemany(query.replace("?", "%s").encode(), rows)


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise TrackingError(
            "a decision log in PostgreSQL needs psycopg. Remedy: pip install 'fitmodel[sql]'"
        ) from error
    return psycopg


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _statements(script: str) -> list[str]:
    """Split a script into statements: `executescript` would end the current transaction."""
    statements, text = [], ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            statements.append(text)
            text = ""
    return statements
