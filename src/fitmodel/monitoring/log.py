"""The decision log: each prediction, and people's decisions on it.

assessment -> append -> SQLite or PostgreSQL, on the disk before `append` returns
decision   -> decide ->   "
log        -> DataFrames -> matured performance, weights for retraining

Rows are added and never changed (triggers enforce this); only `forget` removes them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fitmodel.deals.roles import clean_id, hashed_id, loose_id
from fitmodel.exceptions import TrackingError
from fitmodel.model.logged import ContradictionError, UnknownProspectError
from fitmodel.monitoring._log_entries import (
    Exploration,
    check_decision,
    choose_exploration,
    decided_on,
    digest_of,
    last_assessment,
    last_decision,
    now_in_utc,
    storable,
)
from fitmodel.monitoring._log_stores import open_store
from fitmodel.renamed import old_function, old_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from fitmodel.model.assessment import Assessment
    from fitmodel.model.logged import Prediction
    from fitmodel.monitoring._log_stores import Cursor, Store

__all__ = ["ContradictionError", "DecisionLog", "Exploration", "choose_exploration", "digest_of"]

ACTIONS = ("signed", "declined", "overridden")
DRAWING_KEY = "drawing"


class DecisionLog:
    """Append-only log of assessments and decisions in an SQLite file or a PostgreSQL database.

    Safe with several threads and processes: writers wait for each other. When `append` or `decide`
    returns, the row is on the disk.

    Parameters
    ----------
    path_or_url : str or Path
        A file, created if absent, or a URL ``postgresql://user:password@host/database``.
    salt : str, optional
        With a salt, ids are stored as keyed BLAKE2 digests, so that the log names no customer; the
        same salt is needed to decide, to forget, and to join outcomes.

    Raises
    ------
    TrackingError
        If it cannot be opened or is not a decision log.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> log = DecisionLog("decisions.db", salt="keep this secret")
    >>> _ = model.predict(pd.read_csv("prospects.csv"), log=log)
    >>> _ = log.decide("D0001200", "declined", by="Kim")
    >>> log.latest()["action"].value_counts().to_dict()
    {'declined': 1}
    >>> log.forget("D0001200")
    2
    >>> log.close()
    """

    @old_parameters(place="path_or_url")
    def __init__(self, path_or_url: str | Path, *, salt: str | None = None) -> None:
        self._store = open_store(path_or_url)
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
            Id of the prospect in the company's own systems.
        assessment : Assessment
            The model's assessment of the prospect.
        attributes : mapping
            The attributes that were scored; only a digest of them is stored.
        proceed : bool, optional
            Whether the prospect may be signed; default: if it is not flagged.
        propensity : float
            Probability with which it was allowed to proceed, see `draw`.
        """
        allowed = (not assessment.poor_fit) if proceed is None else proceed
        self.append_many([(prospect, assessment, attributes, allowed, propensity)])

    def append_many(
        self, rows: Iterable[tuple[str, Prediction, Mapping[str, Any], bool, float]]
    ) -> None:
        """Add rows (prospect, assessment, attributes, proceed, propensity), all or none."""
        now = now_in_utc()
        values = [
            (
                *(now, self.stored_id(prospect), assessment.model_version),
                *(assessment.early_churn_probability, int(assessment.poor_fit), assessment.fit),
                *(int(proceed), propensity, digest_of(attributes)),
                self.stored_id_without_case(prospect),
            )
            for prospect, assessment, attributes, proceed, propensity in rows
        ]
        with self._store.writing() as cursor:
            cursor.executemany(
                "INSERT INTO assessments (time, prospect, model_version, probability, poor_fit,"
                " fit, proceed, propensity, digest, loose) VALUES (?,?,?,?,?,?,?,?,?,?)",
                values,
            )

    def decide(
        self,
        prospect: str,
        action: str,
        *,
        by: str,
        reason: str | None = None,
        correct: bool = False,
    ) -> bool:
        """Add a person's decision on a prospect; it refers to the prospect's last assessment.

        The same decision by the same person, with the same reason and on the same assessment, is
        stored once.

        Parameters
        ----------
        prospect, action, by : str
            Id of the prospect; "signed", "declined" or "overridden"; name of the person.
        reason : str, optional
            Reason of the decision.
        correct : bool
            Whether it corrects an earlier decision, which it may then contradict.

        Returns
        -------
        bool
            Whether it was added; False if it repeats the last decision.

        Raises
        ------
        TrackingError
            If the action is not signed, declined or overridden; `UnknownProspectError` if the log
            has no assessment of the prospect; `ContradictionError` if the decision contradicts the
            assessment or an earlier decision.
        """
        if action not in ACTIONS:
            raise TrackingError(f"{action!r} is not an action; write {', '.join(ACTIONS)}")
        with self._store.writing() as cursor:
            name = self.find(cursor, prospect)
            number, poor_fit = last_assessment(cursor, name)
            earlier = last_decision(cursor, name)
            content = (action, storable(by), None if reason is None else storable(reason), number)
            if earlier is not None and earlier.content == content:
                return False
            if not correct:
                check_decision(prospect, action, flagged=poor_fit, earlier=earlier, on=number)
            corrects = earlier.number if correct and earlier is not None else None
            cursor.execute(
                "INSERT INTO decisions (time, prospect, action, by, reason, assessment, corrects)"
                " VALUES (?,?,?,?,?,?,?)",
                (now_in_utc(), name, *content, corrects),
            )
        return True

    def forget(self, prospect: str) -> int:
        """Remove all rows of a prospect; the log keeps the time and number of rows, without the id.

        Returns
        -------
        int
            Number of rows removed.
        """
        with self._store.writing() as cursor:
            try:
                key = self.find(cursor, prospect)
            except UnknownProspectError:
                return 0
            loose, deal = self.stored_id_without_case(prospect), self.stored_id(prospect)
            statements = (
                ("DELETE FROM assessments WHERE prospect = ?", (key,)),
                ("DELETE FROM decisions WHERE prospect = ?", (key,)),
                ("DELETE FROM undone WHERE prospect = ?", (key,)),
                ("DELETE FROM requests WHERE prospect = ?", (key,)),
                ("DELETE FROM guesses WHERE deal IN (?,?,?)", (key, deal, loose)),
            )
            removed = sum(int(cursor.execute(*each).rowcount) for each in statements)
            if removed:
                query = "INSERT INTO forgotten (time, removed) VALUES (?,?)"
                cursor.execute(query, (now_in_utc(), removed))
        if removed:
            self._store.forget_traces()
        return removed

    def assessments(self) -> pd.DataFrame:
        """Return all assessments in the order in which they were written; `time` is in UTC."""
        return self._frame("assessments").astype({"poor_fit": bool, "proceed": bool})

    def decisions(self) -> pd.DataFrame:
        """Return all decisions that were not undone, in the order written; `time` is in UTC."""
        return self._frame("decisions")

    def latest(self) -> pd.DataFrame:
        """Return the latest decision on each prospect with its assessment, indexed by prospect.

        The row of a prospect without a decision has its last assessment.
        """
        assessments, decisions = self.assessments(), self.decisions().groupby("prospect").last()
        numbers = assessments.groupby("prospect")["number"].last()
        decided = decided_on(assessments, decisions)
        numbers.update(decided[decided.isin(assessments["number"])].astype("int64"))
        chosen = assessments[assessments["number"].isin(numbers)].set_index("prospect").sort_index()
        return chosen.join(decisions[["action", "by"]])

    def stored_id(self, prospect: object) -> str:
        """Return the id as the log stores it: in one spelling, and hashed if there is a salt."""
        return self.kept(clean_id(prospect))

    def stored_id_without_case(self, prospect: object) -> str:
        """Return the id in lower case, which the log stores in addition, hashed with a salt."""
        return self.kept(loose_id(prospect))

    known_as = old_function("known_as", stored_id)
    loosely_known_as = old_function("loosely_known_as", stored_id_without_case)

    def kept(self, name: str) -> str:
        """Return a text as the log stores it: unchanged in spelling, and hashed with a salt."""
        name = storable(name)
        return name if self._salt is None else hashed_id(name, self._salt)

    @property
    def is_salted(self) -> bool:
        """Whether ids are hashed."""
        return self._salt is not None

    def find(self, cursor: Cursor, prospect: str) -> str:
        """Return the id under which the log has assessments of a prospect, in any spelling.

        Raises
        ------
        UnknownProspectError
            If it has none, or has assessments of several ids that differ only in case.
        """
        query = "SELECT 1 FROM assessments WHERE prospect = ? LIMIT 1"
        for name in dict.fromkeys((self.stored_id(prospect), self.kept(prospect))):
            if cursor.execute(query, (name,)).fetchone():
                return name
        matches = cursor.execute(
            "SELECT DISTINCT prospect FROM assessments WHERE loose = ? LIMIT 2",
            (self.stored_id_without_case(prospect),),
        ).fetchall()
        if len(matches) == 1:
            return str(matches[0][0])
        why = "of several that differ only in case" if matches else "no assessment"
        raise UnknownProspectError(
            f"the log {self._store.name} has {why} of {prospect!r}. "
            "Remedy: check the id, and the salt if ids are hashed."
        )

    def keep_guesses(
        self, rows: Iterable[tuple[str, str, object, float, float, float, int]]
    ) -> None:
        """Add answers of a quiz, all or none.

        Each row is (quiz, person, deal, guess, model, level, outcome). The guess, the model's
        probability and the level are from 0 to 1; the outcome is 1 for a customer who left early.
        """
        now = now_in_utc()
        values = [
            (now, quiz, storable(person), self.stored_id(deal), guess, model, level, outcome)
            for quiz, person, deal, guess, model, level, outcome in rows
        ]
        with self._store.writing() as cursor:
            cursor.executemany(
                "INSERT INTO guesses (time, quiz, person, deal, guess, model, level, outcome)"
                " VALUES (?,?,?,?,?,?,?,?)",
                values,
            )

    def guesses(self) -> pd.DataFrame:
        """Return all answers of quizzes in the order written; `time` is in UTC."""
        return self._frame("guesses")

    def draw(self, prospects: Sequence[str], poor_fit: Sequence[bool], share: float) -> Exploration:
        """Choose a random share of the flagged prospects that may proceed, see `Exploration`.

        The log stores the secret key of the draw, which is created at random for the first draw. So
        the result for a prospect is always the same, and nobody can choose an id that may proceed.
        """
        names = [clean_id(name) for name in prospects]
        return choose_exploration(names, poor_fit, share=share, salt=self._drawing_key())

    @property
    def store(self) -> Store:
        """Database of the log, for modules that read single deals."""
        return self._store

    def close(self) -> None:
        """Close the log; the next use opens it again."""
        self._store.close()

    def _drawing_key(self) -> str:
        query = "SELECT value FROM secrets WHERE name = ?"
        with self._store.reading() as cursor:
            result = cursor.execute(query, (DRAWING_KEY,)).fetchone()
        if result is None:
            with self._store.writing() as cursor:  # another writer may have added a key meanwhile
                cursor.execute(
                    "INSERT INTO secrets (name, value) VALUES (?,?) ON CONFLICT DO NOTHING",
                    (DRAWING_KEY, secrets.token_hex(32)),
                )
                result = cursor.execute(query, (DRAWING_KEY,)).fetchone()
        return str(result[0])

    def _frame(self, table: Literal["assessments", "decisions", "guesses"]) -> pd.DataFrame:
        import pandas as pd

        query = {
            "assessments": "SELECT * FROM assessments ORDER BY number",
            "decisions": "SELECT * FROM decisions WHERE number NOT IN (SELECT decision FROM undone)"
            " ORDER BY number",
            "guesses": "SELECT * FROM guesses ORDER BY number",
        }[table]
        with self._store.reading() as cursor:
            rows = cursor.execute(query)
            result = pd.DataFrame(rows.fetchall(), columns=[item[0] for item in rows.description])
        result["time"] = pd.to_datetime(result["time"], utc=True, format="ISO8601")
        return result
