"""The decision log: what was said of each prospect, and what people then did.

assessment -> append -> SQLite, written through to the disk before `append` returns
decision   -> decide ->   "
read -> frames ->  matured performance, retraining weights

Rows are added and never changed (triggers see to that); only `forget` removes them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fitmodel.deals.ids import hashed_id
from fitmodel.exceptions import TrackingError
from fitmodel.model.wording import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from fitmodel.model.assessment import Assessment

ACTIONS = ("signed", "declined", "overridden")
BUSY_SECONDS = 30.0  # how long a writer waits for another one
SCHEMA = """
CREATE TABLE IF NOT EXISTS assessments (
  number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, prospect TEXT NOT NULL,
  model_version TEXT NOT NULL, probability REAL NOT NULL, poor_fit INTEGER NOT NULL,
  fit TEXT NOT NULL, proceed INTEGER NOT NULL, propensity REAL NOT NULL, digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS decisions (
  number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, prospect TEXT NOT NULL,
  action TEXT NOT NULL, by TEXT NOT NULL, reason TEXT);
CREATE TABLE IF NOT EXISTS forgotten (
  number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, removed INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS assessments_of ON assessments (prospect);
CREATE INDEX IF NOT EXISTS decisions_of ON decisions (prospect);
CREATE TRIGGER IF NOT EXISTS assessments_stay BEFORE UPDATE ON assessments
  BEGIN SELECT RAISE(ABORT, 'the decision log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS decisions_stay BEFORE UPDATE ON decisions
  BEGIN SELECT RAISE(ABORT, 'the decision log is append-only'); END;
"""


class DecisionLog:
    """Append-only log of assessments and decisions in one SQLite file.

    Safe with several threads and processes: writers wait for each other. What `append` or `decide`
    has returned from is on the disk.

    Parameters
    ----------
    path : str or Path
        Made when absent.
    salt : str, optional
        Ids are kept as their keyed BLAKE2 digest, so that the file names no customer; the same
        salt is needed to decide, to forget, and to join outcomes.

    Raises
    ------
    TrackingError
        If the file cannot be opened or is no decision log.
    """

    def __init__(self, path: str | Path, *, salt: str | None = None) -> None:
        self._path = Path(path)
        self._salt = salt
        self._lock = threading.Lock()
        self._opened: tuple[int, sqlite3.Connection] | None = None
        with self._writing() as connection:
            for statement in _statements(SCHEMA):
                connection.execute(statement)

    def append(
        self,
        prospect: str,
        assessment: Assessment,
        attributes: Mapping[str, Any],
        *,
        proceed: bool | None = None,
        propensity: float = 1.0,
    ) -> None:
        """Add one assessment.

        Parameters
        ----------
        prospect : str
            Its id in the company's own systems.
        assessment : Assessment
        attributes : mapping
            What was scored; only a digest of it is kept.
        proceed : bool, optional
            Whether the prospect may be signed; default: unless flagged.
        propensity : float
            Probability with which it was let proceed, see `fitmodel.monitoring.exploration`.
        """
        allowed = (not assessment.poor_fit) if proceed is None else proceed
        self.append_many([(prospect, assessment, attributes, allowed, propensity)])

    def append_many(
        self, rows: Iterable[tuple[str, Assessment, Mapping[str, Any], bool, float]]
    ) -> None:
        """Add several assessments: (prospect, assessment, attributes, proceed, propensity).

        All of them or, where anything fails, none.
        """
        now = _now()
        values = [
            (
                *(now, self.known_as(prospect), said.model_version, said.early_churn_probability),
                *(int(said.poor_fit), said.fit, int(proceed), propensity, digest_of(attributes)),
            )
            for prospect, said, attributes, proceed, propensity in rows
        ]
        with self._writing() as connection:
            connection.executemany(
                "INSERT INTO assessments (time, prospect, model_version, probability, poor_fit,"
                " fit, proceed, propensity, digest) VALUES (?,?,?,?,?,?,?,?,?)",
                values,
            )

    def decide(self, prospect: str, action: str, *, by: str, reason: str | None = None) -> None:
        """Add what people did with a prospect.

        Raises
        ------
        TrackingError
            If the action is none of signed, declined, overridden, or the log has no assessment of
            the prospect.
        """
        if action not in ACTIONS:
            raise TrackingError(f"{action!r} is no action; write {', '.join(ACTIONS)}")
        key = self.known_as(prospect)
        with self._writing() as connection:
            found = connection.execute(
                "SELECT 1 FROM assessments WHERE prospect = ? LIMIT 1", (key,)
            ).fetchone()
            if found is None:
                raise TrackingError(
                    f"the log {self._path} has no assessment of {prospect!r}. Remedy: check the "
                    "id, and the salt if ids are hashed."
                )
            connection.execute(
                "INSERT INTO decisions (time, prospect, action, by, reason) VALUES (?,?,?,?,?)",
                (_now(), key, action, by, reason),
            )

    def forget(self, prospect: str) -> int:
        """Remove everything of a prospect; that something was removed stays, without the id.

        Returns
        -------
        int
            Rows removed.
        """
        key = self.known_as(prospect)
        with self._writing() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            removed = sum(
                connection.execute(statement, (key,)).rowcount
                for statement in (
                    "DELETE FROM assessments WHERE prospect = ?",
                    "DELETE FROM decisions WHERE prospect = ?",
                )
            )
            if removed:
                row = (_now(), removed)
                connection.execute("INSERT INTO forgotten (time, removed) VALUES (?,?)", row)
        if removed:
            with self._reading() as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the journal forgets too
        return removed

    def assessments(self) -> pd.DataFrame:
        """Every assessment in the order written; `time` in UTC."""
        return self._frame("assessments").astype({"poor_fit": bool, "proceed": bool})

    def decisions(self) -> pd.DataFrame:
        """Every decision in the order written; `time` in UTC."""
        return self._frame("decisions")

    def latest(self) -> pd.DataFrame:
        """The last assessment of each prospect with the last action, indexed by prospect."""
        said = self.assessments().groupby("prospect").last()
        done = self.decisions().groupby("prospect").last()[["action", "by"]]
        return said.join(done)

    def known_as(self, prospect: str) -> str:
        """The id as the file keeps it."""
        if self._salt is None:
            return prospect
        return hashed_id(prospect, self._salt)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._opened is not None and self._opened[0] == os.getpid():
                self._opened[1].close()
            self._opened = None

    def _frame(self, table: Literal["assessments", "decisions"]) -> pd.DataFrame:
        import pandas as pd

        query = {
            "assessments": "SELECT * FROM assessments ORDER BY number",
            "decisions": "SELECT * FROM decisions ORDER BY number",
        }[table]
        with self._reading() as connection:
            cursor = connection.execute(query)
            names = [item[0] for item in cursor.description]
            found = pd.DataFrame(cursor.fetchall(), columns=names)
        found["time"] = pd.to_datetime(found["time"], utc=True, format="ISO8601")
        return found

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection()
            except sqlite3.Error as error:
                raise TrackingError(f"the decision log {self._path}: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: everything in it is written, or nothing."""
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        """The process' own connection: one opened before a fork must not be used after it."""
        if self._opened is None or self._opened[0] != os.getpid():
            connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._opened = (os.getpid(), connection)
        return self._opened[1]


def digest_of(attributes: Mapping[str, Any]) -> str:
    """SHA-256 of the attributes as canonical JSON: the same prospect gives the same digest."""
    plain = {str(name): plain_value(value) for name, value in attributes.items()}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _statements(script: str) -> list[str]:
    """Single statements: `executescript` would end the transaction they belong to."""
    statements, text = [], ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            statements.append(text)
            text = ""
    return statements


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
