"""The decision log of single deals: events, decisions, undoing, and questions to a manager.

decide -> the same decision again: nothing is added
       -> another person decided meanwhile: refused, with that decision in the message
undo   -> within a minute, by the person who decided: the decision stays in the log, marked undone
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fitmodel.exceptions import TrackingError
from fitmodel.model.logged import UnknownProspectError

if TYPE_CHECKING:
    from fitmodel.monitoring._log_stores import Cursor
    from fitmodel.monitoring.log import DecisionLog

UNDO_SECONDS = 60
ASKED = "asked"
MAX_EVENTS = 200


class ConflictError(TrackingError):
    """Another person decided meanwhile, or the decision can no longer be undone."""


@dataclass(frozen=True)
class Event:
    """One event of a deal: an assessment, a decision, or a question to a manager.

    Attributes
    ----------
    kind : {"assessed", "signed", "declined", "overridden", "asked"}
        Kind of the event.
    number : int
        Number of its row in the log; that of a decision is needed to undo it.
    time : str
        Time of the event, ISO 8601, UTC.
    by, reason : str
        Person and reason of a decision or a question to a manager; "" if not given.
    undone : bool
        Whether a decision was undone.
    probability : float or None
        Early-churn probability of an assessment; None for other events.
    fit, model_version : str
        Band and model version of an assessment; "" for other events.
    """

    kind: str
    number: int
    time: str
    by: str = ""
    reason: str = ""
    undone: bool = False
    probability: float | None = None
    fit: str = ""
    model_version: str = ""

    @property
    def is_decision(self) -> bool:
        """Whether it is a decision that has not been undone."""
        return self.kind not in {"assessed", ASKED} and not self.undone

    def to_dict(self) -> dict[str, Any]:
        """Return the event as a dict that JSON can hold."""
        return asdict(self)


class DealLog:
    """The decision log of single deals.

    A decision made meanwhile is reliably detected only within one process, because its lock does
    not cover other processes. If several services share a log, a ConflictError of `decide` is a
    hint and not a guarantee; to avoid this, give each service its own log.

    Parameters
    ----------
    log : DecisionLog
        The decision log to read and write.
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log
        self._lock = threading.Lock()

    def events(self, prospect: str) -> list[Event]:
        """Return all events of a deal, the latest first; at most 200 of each kind."""
        with self._log.store.reading() as cursor:
            key = (self._key(cursor, prospect), MAX_EVENTS)
            rows = [
                *_assessment_events(cursor, key),
                *_decision_events(cursor, key),
                *_request_events(cursor, key),
            ]
        return sorted(rows, key=lambda event: event.time, reverse=True)

    def standing(self, prospect: str) -> Event | None:
        """Return the latest decision that has not been undone; None without one."""
        return next((event for event in self.events(prospect) if event.is_decision), None)

    def decide(
        self,
        prospect: str,
        action: str,
        *,
        by: str,
        reason: str | None = None,
        seen: int | None = None,
        correct: bool = False,
    ) -> tuple[Event, bool]:
        """Add a decision; return the decision in force, and whether it was added now.

        Parameters
        ----------
        prospect, action, by, reason
            As in `DecisionLog.decide`.
        seen : int, optional
            Number of the decision that the person has seen, 0 for none. Without it, a decision made
            meanwhile is not detected. A person who has seen a decision may contradict it.
        correct : bool
            As in `DecisionLog.decide`.

        Raises
        ------
        ConflictError
            If the decision in force is not the one that was seen.
        TrackingError
            As in `DecisionLog.decide`.
        """
        with self._lock:
            before = self.standing(prospect)
            is_same = before is not None and _is_same(before, action, by, reason)
            if (
                not is_same
                and seen is not None
                and seen != (0 if before is None else before.number)
            ):
                raise ConflictError(_conflict_text(before))
            may_contradict = correct or (seen is not None and before is not None)
            is_new = self._log.decide(
                prospect, action, by=by, reason=reason, correct=may_contradict
            )
            after = self.standing(prospect)
        if after is None:
            raise TrackingError("the decision was removed at once")
        return after, is_new

    def ask(self, prospect: str, *, by: str, reason: str | None = None) -> None:
        """Ask a manager to decide; the same question twice is stored once.

        Raises
        ------
        UnknownProspectError
            If the log has no assessment of the prospect.
        """
        with self._lock:
            events = self.events(prospect)
            if not any(event.kind == "assessed" for event in events):
                raise UnknownProspectError(f"the log has no assessment of {prospect!r}")
            if events[0].kind == ASKED and (events[0].by, events[0].reason) == (by, reason or ""):
                return
            with self._log.store.writing() as cursor:
                row = (_now().isoformat(timespec="microseconds"), self._key(cursor, prospect))
                cursor.execute(
                    "INSERT INTO requests (time, prospect, by, reason) VALUES (?,?,?,?)",
                    (*row, by, reason),
                )

    def undo(self, prospect: str, number: int, *, by: str) -> None:
        """Mark a decision as undone, within a minute and by the person who made it.

        A decision that is already undone stays as it is.

        Raises
        ------
        ConflictError
            If there is no such decision, another person made it, or the minute has passed.
        """
        with self._lock:
            matching = [event for event in self.events(prospect) if event.number == number]
            event = next((item for item in matching if item.kind not in {"assessed", ASKED}), None)
            if event is None:
                raise ConflictError("there is no such decision on this deal")
            if event.undone:
                return
            if event.by != by:
                raise ConflictError(f"{event.by} decided, and only {event.by} can undo it")
            if _now() - datetime.fromisoformat(event.time) > timedelta(seconds=UNDO_SECONDS):
                raise ConflictError(
                    "a minute has passed: the decision stays. Remedy: decide anew, with a reason"
                )
            row = (number, _now().isoformat(timespec="microseconds"))
            with self._log.store.writing() as cursor:
                cursor.execute(
                    "INSERT INTO undone (decision, time, prospect, by) VALUES (?,?,?,?)",
                    (*row, self._key(cursor, prospect), by),
                )

    def _key(self, cursor: Cursor, prospect: str) -> str:
        """Return the id under which the log has, or would store, the prospect."""
        try:
            return self._log.find(cursor, prospect)
        except UnknownProspectError:
            return self._log.stored_id(prospect)


def _is_same(event: Event, action: str, by: str, reason: str | None) -> bool:
    return (event.kind, event.by, event.reason) == (action, by, reason or "")


def _conflict_text(event: Event | None) -> str:
    if event is None:
        return "the decision that was shown has been undone meanwhile"
    reason = f" ({event.reason})" if event.reason else ""
    return f"{event.by} has decided meanwhile: {event.kind}{reason}"


def _assessment_events(cursor: Cursor, key: tuple[str, int]) -> list[Event]:
    rows = cursor.execute(
        "SELECT number, time, probability, fit, model_version FROM assessments"
        " WHERE prospect = ? ORDER BY number DESC LIMIT ?",
        key,
    ).fetchall()
    return [
        Event("assessed", number, time, probability=p, fit=fit, model_version=version)
        for number, time, p, fit, version in rows
    ]


def _decision_events(cursor: Cursor, key: tuple[str, int]) -> list[Event]:
    rows = cursor.execute(
        "SELECT number, time, action, by, reason,"
        " (SELECT COUNT(*) FROM undone WHERE decision = decisions.number)"
        " FROM decisions WHERE prospect = ? ORDER BY number DESC LIMIT ?",
        key,
    ).fetchall()
    return [
        Event(action, number, time, by, reason or "", undone=bool(undone))
        for number, time, action, by, reason, undone in rows
    ]


def _request_events(cursor: Cursor, key: tuple[str, int]) -> list[Event]:
    rows = cursor.execute(
        "SELECT number, time, by, reason FROM requests"
        " WHERE prospect = ? ORDER BY number DESC LIMIT ?",
        key,
    ).fetchall()
    return [Event(ASKED, number, time, by, reason or "") for number, time, by, reason in rows]


def _now() -> datetime:
    return datetime.now(UTC)
