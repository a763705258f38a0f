"""The decision log: each prediction, and what people then decided.

assessment -> append -> SQLite or PostgreSQL, on the disk before `append` returns
decision   -> decide ->   "
read -> frames ->  matured performance, retraining weights

Rows are added and never changed (triggers see to that); only `forget` removes them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fitmodel.deals.ids import hashed_id
from fitmodel.exceptions import FitModelError, TrackingError
from fitmodel.model.logged import UnknownProspectError
from fitmodel.model.wording import plain_value
from fitmodel.monitoring._log_stores import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from fitmodel.model.assessment import Assessment
    from fitmodel.model.logged import Prediction


ACTIONS = ("signed", "declined", "overridden")
DRAWING_KEY = "drawing"


class DecisionLog:
    """Append-only log of assessments and decisions in an SQLite file or a PostgreSQL database.

    Safe with several threads and processes: writers wait for each other. What `append` or `decide`
    has returned from is on the disk.

    Parameters
    ----------
    place : str or Path
        A file, made when absent, or a URL ``postgresql://user:password@host/database``.
    salt : str, optional
        Ids are kept as their keyed BLAKE2 digest, so that the file names no customer; the same
        salt is needed to decide, to forget, and to join outcomes.

    Raises
    ------
    TrackingError
        If it cannot be opened or is no decision log.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> log = DecisionLog("decisions.db", salt="keep this secret")
    >>> _ = model.predict(pd.read_csv("prospects.csv"), log=log)
    >>> log.decide("D0001200", "declined", by="Kim")
    >>> log.latest()["action"].value_counts().to_dict()
    {'declined': 1}
    >>> log.forget("D0001200")
    2
    >>> log.close()
    """

    def __init__(self, place: str | Path, *, salt: str | None = None) -> None:
        self._store = open_store(place)
        self._salt = salt

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
            Probability with which it was let proceed, see `fitmodel.monitoring.log`.
        """
        allowed = (not assessment.poor_fit) if proceed is None else proceed
        self.append_many([(prospect, assessment, attributes, allowed, propensity)])

    def append_many(
        self, rows: Iterable[tuple[str, Prediction, Mapping[str, Any], bool, float]]
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
        with self._store.writing() as cursor:
            cursor.executemany(
                "INSERT INTO assessments (time, prospect, model_version, probability, poor_fit,"
                " fit, proceed, propensity, digest) VALUES (?,?,?,?,?,?,?,?,?)",
                values,
            )

    def decide(self, prospect: str, action: str, *, by: str, reason: str | None = None) -> None:
        """Add what people did with a prospect.

        Raises
        ------
        TrackingError
            If the action is none of signed, declined, overridden; `UnknownProspectError` if the log
            has no assessment of the prospect.
        """
        if action not in ACTIONS:
            raise TrackingError(f"{action!r} is no action; write {', '.join(ACTIONS)}")
        key = self.known_as(prospect)
        with self._store.writing() as cursor:
            result = cursor.execute(
                "SELECT 1 FROM assessments WHERE prospect = ? LIMIT 1", (key,)
            ).fetchone()
            if result is None:
                raise UnknownProspectError(
                    f"the log {self._store.name} has no assessment of {prospect!r}. "
                    "Remedy: check the id, and the salt if ids are hashed."
                )
            cursor.execute(
                "INSERT INTO decisions (time, prospect, action, by, reason) VALUES (?,?,?,?,?)",
                (_now(), key, action, _storable(by), None if reason is None else _storable(reason)),
            )

    def forget(self, prospect: str) -> int:
        """Remove everything of a prospect; that something was removed stays, without the id.

        Returns
        -------
        int
            Rows removed.
        """
        key = self.known_as(prospect)
        with self._store.writing() as cursor:
            removed = sum(
                int(cursor.execute(statement, (key,)).rowcount)
                for statement in (
                    "DELETE FROM assessments WHERE prospect = ?",
                    "DELETE FROM decisions WHERE prospect = ?",
                )
            )
            if removed:
                row = (_now(), removed)
                cursor.execute("INSERT INTO forgotten (time, removed) VALUES (?,?)", row)
        if removed:
            self._store.forget_traces()
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
        prospect = _storable(prospect)
        if self._salt is None:
            return prospect
        return hashed_id(prospect, self._salt)

    def draw(self, prospects: Sequence[str], poor_fit: Sequence[bool], share: float) -> Exploration:
        """Let a random share of the flagged proceed, see `fitmodel.monitoring.log`.

        The log keeps the key of the drawing, made at random when the first is drawn: whoever asks
        again of the same prospect gets the same answer, and nobody can choose an id that is let
        through.
        """
        return choose_exploration(
            [str(name) for name in prospects], poor_fit, share=share, salt=self._drawing_key()
        )

    def close(self) -> None:
        """Close the log; the next use opens it again."""
        self._store.close()

    def _drawing_key(self) -> str:
        query = "SELECT value FROM secrets WHERE name = ?"
        with self._store.reading() as cursor:
            result = cursor.execute(query, (DRAWING_KEY,)).fetchone()
        if result is None:
            with self._store.writing() as cursor:  # another writer may have been quicker
                cursor.execute(
                    "INSERT INTO secrets (name, value) VALUES (?,?) ON CONFLICT DO NOTHING",
                    (DRAWING_KEY, secrets.token_hex(32)),
                )
                result = cursor.execute(query, (DRAWING_KEY,)).fetchone()
        return str(result[0])

    def _frame(self, table: Literal["assessments", "decisions"]) -> pd.DataFrame:
        import pandas as pd

        query = {
            "assessments": "SELECT * FROM assessments ORDER BY number",
            "decisions": "SELECT * FROM decisions ORDER BY number",
        }[table]
        with self._store.reading() as cursor:
            told = cursor.execute(query)
            names = [item[0] for item in told.description]
            result = pd.DataFrame(told.fetchall(), columns=names)
        result["time"] = pd.to_datetime(result["time"], utc=True, format="ISO8601")
        return result


def digest_of(attributes: Mapping[str, Any]) -> str:
    """SHA-256 of the attributes as canonical JSON: the same prospect gives the same digest."""
    plain = {str(name): plain_value(value) for name, value in attributes.items()}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _storable(text: str) -> str:
    """The text with what no database takes, half characters and zero bytes, written out."""
    whole = text.encode(errors="backslashreplace").decode()
    return whole.replace("\x00", "\\x00")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, eq=False)
class Exploration:
    """Who may proceed.

    Attributes
    ----------
    proceed : ndarray of bool, shape (prospects,)
    propensity : ndarray of float, shape (prospects,)
        Probability with which each was let proceed: 1 where not flagged, else the share.
    """

    proceed: NDArray[np.bool_]
    propensity: NDArray[np.float64]


def choose_exploration(
    ids: Sequence[str], poor_fit: ArrayLike, *, share: float, salt: str
) -> Exploration:
    """Choose a random share of the flagged to proceed; deterministic per id and salt.

    Parameters
    ----------
    ids : sequence of str
    poor_fit : array of bool, shape (prospects,)
    share : float
        Of the flagged, 0 to 1.
    salt : str
        Kept secret, so that nobody can choose an id that is let through; a new one draws anew.

    Raises
    ------
    FitModelError
        If the share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise FitModelError(f"the share to explore is {share}; give a number from 0 to 1")
    flagged = np.asarray(poor_fit, dtype=bool)
    draw = np.array([_uniform(name, salt) for name in ids])
    return Exploration(~flagged | (draw < share), np.where(flagged, share, 1.0))


def _uniform(name: str, salt: str) -> float:
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    digest = hashlib.blake2b(
        str(name).encode("utf-8", "surrogatepass"), key=key, digest_size=8
    ).digest()
    return int.from_bytes(digest, "big") / 2**64
