"""Decisions over HTTP: sign, decline, override, ask a manager, undo, and the events of a deal.

user -> check that the user may see the deal -> the decision log
     -> 201, or 409 if another person decided meanwhile
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints

from fitmodel.model.logged import ContradictionError, UnknownProspectError
from fitmodel.monitoring.deal_log import UNDO_SECONDS, ConflictError, DealLog
from fitmodel.service._page_routes import person_of
from fitmodel.service._problems import RefusedError
from fitmodel.service.schema import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fitmodel.model.logged import AssessmentLog
    from fitmodel.service.settings import Person

DECISIONS = "/v1/decisions"
NO_ASSESSMENT = (
    "the log has no assessment of this id. Remedy: send the prospect with its id to POST "
    "/v1/assessments first"
)
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

    Parameters
    ----------
    app : FastAPI
        Application to add them to.
    log : AssessmentLog or None
        Log in which decisions are stored.
    deals : DealLog or None
        The same log read by single deals; None if the log does not support it.
    may_see : callable
        Returns whether a person may see the deal of an id.
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
                    name,
                    decision.action,
                    by=by,
                    reason=decision.reason,
                    correct=decision.correct,
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
