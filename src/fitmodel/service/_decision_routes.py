"""Decisions over HTTP: sign, decline, override, ask a manager, undo, and the events of a deal.

user -> check that the user may see the deal -> the decision log
     -> 201, or 409 if another person decided meanwhile

The latest decision on every prospect of the list, from one query of the decision log:
decisions that were not undone, questions to a manager, ids assessed since the last query
     -> the latest of each prospect -> found by the id of a row, as the log finds a prospect
If the log is locked or not available, the list waits at most two seconds for it.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints

from fitmodel.exceptions import TrackingError
from fitmodel.model.logged import ContradictionError, UnknownProspectError
from fitmodel.monitoring.deal_log import UNDO_SECONDS, ConflictError, DealLog
from fitmodel.service._problems import RefusedError
from fitmodel.service.schema import failures
from fitmodel.service.settings import person_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fitmodel.model.logged import AssessmentLog
    from fitmodel.monitoring.log import DecisionLog
    from fitmodel.service.settings import Person

DECISIONS = "/v1/decisions"
NO_ASSESSMENT = (
    "the log has no assessment of this id. Remedy: send the prospect with its id to POST "
    "/v1/assessments first"
)
KNOWN_IDS = 50_000  # ids whose spellings are cached, because with a salt each one is hashed
ANSWER_SECONDS = 2.0  # a writer waits longer for a locked log, see `BUSY_SECONDS` of the store
OVERLAP = 1_000  # assessments read again: with several writers, higher numbers may commit first
LATEST_QUERY = """
SELECT action AS kind, prospect, by, time, number FROM decisions
  WHERE number NOT IN (SELECT decision FROM undone)
UNION ALL SELECT 'asked', prospect, by, time, number FROM requests
UNION ALL SELECT 'assessed', prospect, loose, '', MAX(number) FROM assessments
  WHERE number > ? GROUP BY prospect, loose
UNION ALL SELECT 'forgotten', '', '', '', MAX(number) FROM forgotten
ORDER BY 4, 5
"""
MAX_NUMBER = 2**53 - 1  # the largest integer that every JSON reader reads exactly
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strict=True)]
Text = Annotated[str, StringConstraints(max_length=2_000, strict=True)]


def _integral_as_int(value: Any) -> Any:
    """Return a whole float as int: JSON has one kind of number, so 12.0 is the integer 12."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[StrictInt, BeforeValidator(_integral_as_int)]
ProspectId = Annotated[Name | StrictInt, BeforeValidator(_integral_as_int)]
Id = Annotated[str, Query(min_length=1, max_length=200, description="Id of the prospect.")]
FAILURES: dict[int | str, Any] = {
    **failures("400", "401", "408", "413", "503"),
    "404": {"description": "The log has no assessment of that id, or there is no log"},
    "409": {
        "description": "Somebody decided meanwhile, it contradicts the assessment or an earlier "
        "decision, or it cannot be undone any more"
    },
    "422": {"description": "The decision is not whole; the detail names the field"},
}


class Question(BaseModel):
    """A question to a manager: whether this prospect should be signed."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"id": "D-17", "by": "Kim"}}
    )

    id: ProspectId = Field(description="Id of the prospect, as in its assessment.")
    by: Name | None = Field(
        default=None, description="Name of the person; not needed if the service knows it."
    )
    reason: Text | None = None


class Decision(BaseModel):
    """A decision on a prospect, with the person and the reason."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "id": "D-17",
                "action": "overridden",
                "by": "Kim",
                "reason": "an old customer of ours",
            }
        },
    )

    id: ProspectId = Field(description="Id of the prospect, as in its assessment.")
    action: Literal["signed", "declined", "overridden"]
    by: Name = Field(description="Who decided; ignored if the service knows the person.")
    reason: Text | None = None
    seen: WholeNumber | None = Field(
        default=None,
        description="Number of the last decision the client saw, 0 for none; outdated: 409.",
    )
    correct: bool = Field(
        default=False, description="Replace an earlier decision, or contradict the assessment."
    )


class Undo(BaseModel):
    """The decision to undo."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"id": "D-17", "number": 3, "by": "Kim"}}
    )

    id: ProspectId = Field(description="Id of the prospect, as in its assessment.")
    number: WholeNumber = Field(ge=1, le=MAX_NUMBER, description="Number of the decision.")
    by: Name | None = Field(
        default=None, description="Name of the person; not needed if the service knows it."
    )


def add_decisions(
    app: FastAPI,
    log: AssessmentLog | None,
    deals: DealLog | None,
    may_see: Callable[[Person, str], bool],
) -> None:
    """Add the routes of decisions.

    `log`: log in which decisions are stored.
    `deals`: the same log read by single deals; None if the log does not support it.
    `may_see`, callable: returns whether a person may see the deal of an id.
    """

    @app.get(DECISIONS, responses=FAILURES)
    def events(request: Request, id: Id) -> dict[str, Any]:  # noqa: A002 - as in the body
        """Return the assessments of a prospect and the decisions on it, latest first."""
        _check_sees(request, id, may_see)
        with _errors_as_answers():
            timeline_events = [event.to_dict() for event in _deals(deals).events(id)]
            standing = _deals(deals).standing(id)
        number = 0 if standing is None else standing.number
        return {
            "id": id,
            "standing": number,
            "events": timeline_events,
            "undo_seconds": UNDO_SECONDS,
        }

    @app.post(DECISIONS, status_code=201, responses=FAILURES)
    def decide(decision: Decision, request: Request) -> dict[str, str]:
        """Store a decision on a prospect in the decision log; the same one twice is stored once."""
        if log is None:
            raise RefusedError(404, "the service was not given a decision log (--log)")
        name, by = str(decision.id), _name_of_person(request, decision.by)
        _check_sees(request, name, may_see)
        with _errors_as_answers():
            if deals is None:
                log.decide(
                    name, decision.action, by=by, reason=decision.reason, correct=decision.correct
                )
            else:
                deals.decide(
                    name,
                    decision.action,
                    by=by,
                    reason=decision.reason,
                    seen=decision.seen,
                    correct=decision.correct,
                )
        return {"id": name, "action": decision.action}

    @app.post(f"{DECISIONS}/undo", responses=FAILURES)
    def undo(given: Undo, request: Request) -> dict[str, Any]:
        """Undo a decision within a minute; only the person who made it can do so."""
        name, by = str(given.id), _name_of_person(request, given.by)
        _check_sees(request, name, may_see)
        with _errors_as_answers():
            _deals(deals).undo(name, given.number, by=by)
        return {"id": name, "undone": given.number}

    @app.post("/v1/questions", status_code=201, responses=FAILURES)
    def ask(question: Question, request: Request) -> dict[str, str]:
        """Ask a manager to decide."""
        name, by = str(question.id), _name_of_person(request, question.by)
        _check_sees(request, name, may_see)
        with _errors_as_answers():
            _deals(deals).ask(name, by=by, reason=question.reason)
        return {"id": name, "action": "asked"}


def _deals(deals: DealLog | None) -> DealLog:
    if deals is None:
        raise RefusedError(404, "the service was not given a decision log (--log)")
    return deals


def _name_of_person(request: Request, given: str | None) -> str:
    """Return who decides: the user if the service knows the name, else the name in the body."""
    name = person_of(request).name or given
    if not name:
        raise RefusedError(422, "by: say who decides")
    return name


def _check_sees(request: Request, prospect: str, may_see: Callable[[Person, str], bool]) -> None:
    if not may_see(person_of(request), prospect):
        raise RefusedError(404, NO_ASSESSMENT)  # same as for unknown ids


@contextmanager
def _errors_as_answers() -> Iterator[None]:
    """Context that turns errors of the log into HTTP errors."""
    try:
        yield
    except UnknownProspectError as error:
        raise RefusedError(404, NO_ASSESSMENT) from error
    except (ConflictError, ContradictionError) as error:
        raise RefusedError(409, str(error)) from error


class LatestDecision(TypedDict):
    """A decision on a prospect, or a question to a manager."""

    kind: str
    by: str
    time: str


class LatestDecisions:
    """The latest decision on each prospect, read from the log at every call.

    Only the ids under which the log has assessments are kept between calls.
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fitmodel-decisions")
        self._pending_query: Future[list[Any]] | None = None
        self._spellings = lru_cache(maxsize=KNOWN_IDS)(self._spell)
        self._last = 0  # number of the last assessment that was read
        self._removals: int | None = None
        self._assessed: set[str] = set()  # ids as the log stores them
        self._ids_by_loose_id: dict[str, set[str]] = {}  # the same ids by the id in lower case

    def on(self, prospects: Sequence[str | None]) -> list[LatestDecision | None]:
        """Return the latest decision on each of the prospects; None for one without a decision.

        Raises TrackingError if the log does not answer, or not within two seconds.
        """
        with self._lock:
            latest = self._read_latest()
            if latest is None:  # a prospect was forgotten: its id must leave the cache
                self._forget()
                latest = self._read_latest() or {}
            names = [self._find(name) if name and latest else "" for name in prospects]
        return [latest.get(name) for name in names]

    def _read_latest(self) -> dict[str, LatestDecision] | None:
        """Return the latest decisions by id in the log; None if a prospect was forgotten since."""
        rows = self._rows_in_time()
        removals = next(number or 0 for kind, *_, number in rows if kind == "forgotten")
        if self._removals not in {None, removals}:
            return None
        self._removals = removals
        latest: dict[str, LatestDecision] = {}
        for kind, prospect, by, time, number in rows:  # in the order of time
            if kind == "assessed":
                self._learn(prospect, loose=by, number=number)
            elif kind != "forgotten":
                latest[prospect] = {"kind": kind, "by": by, "time": time}
        return latest

    def _rows_in_time(self) -> list[Any]:
        """Return the rows of the query; while one query waits for the log, no other is started."""
        if self._pending_query is None or self._pending_query.done():
            self._pending_query = self._thread.submit(self._rows)
        try:
            return self._pending_query.result(timeout=ANSWER_SECONDS)
        except TimeoutError:
            raise TrackingError("the decision log does not answer") from None

    def _rows(self) -> list[Any]:
        with self._log.store.reading() as cursor:
            return list(cursor.execute(LATEST_QUERY, (self._last - OVERLAP,)).fetchall())

    def _learn(self, prospect: str, *, loose: str | None, number: int) -> None:
        """Remember an id that has assessments; those of older logs have no `loose`."""
        self._last = max(self._last, number)
        self._assessed.add(prospect)
        if loose is not None:
            self._ids_by_loose_id.setdefault(loose, set()).add(prospect)

    def _forget(self) -> None:
        self._last, self._removals = 0, None
        self._assessed, self._ids_by_loose_id = set(), {}
        self._spellings.cache_clear()

    def _find(self, prospect: str) -> str:
        """Return the prospect's id in the log, by the rule of `DecisionLog.find`, or ""."""
        *names, loose = self._spellings(prospect)
        matches = self._ids_by_loose_id.get(loose, set())
        unique_match = next(iter(matches)) if len(matches) == 1 else ""
        return next((name for name in names if name in self._assessed), unique_match)

    def _spell(self, prospect: str) -> tuple[str, str, str]:
        log = self._log
        return log.stored_id(prospect), log.kept(prospect), log.stored_id_without_case(prospect)
