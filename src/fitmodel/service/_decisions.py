"""Route that records what people decided about a prospect, like `fitmodel decide`.

FastAPI is imported at the top, since it reads the types of the functions: only `create_app`
imports this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from fitmodel.exceptions import TrackingError
from fitmodel.model.logged import UnknownProspectError
from fitmodel.service._middleware import RefusedError
from fitmodel.service.schema import failures

if TYPE_CHECKING:
    from fitmodel.model.logged import AssessmentLog

DECISIONS = "/v1/decisions"
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strict=True)]
Text = Annotated[str, StringConstraints(max_length=2_000, strict=True)]
FAILURES: dict[int | str, Any] = {
    **failures("401", "408", "413", "503"),
    "404": {"description": "The log has no assessment of that id, or there is no log"},
    "422": {"description": "The decision is not whole; the detail names the field"},
}


class Decision(BaseModel):
    """What was done with a prospect, by whom and why."""

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

    id: Name | StrictInt = Field(description="The prospect's id, as it was assessed.")
    action: Literal["signed", "declined", "overridden"]
    by: Name = Field(description="Who decided.")
    reason: Text | None = None


def add_decisions(app: FastAPI, log: AssessmentLog | None) -> None:
    """Add the route that keeps decisions."""

    @app.post(DECISIONS, status_code=201, responses=FAILURES)
    def decide(decision: Decision) -> dict[str, str]:
        """Keep in the decision log what was done with a prospect that was assessed."""
        if log is None:
            raise RefusedError(404, "the service was not given a decision log (--log)")
        name = str(decision.id)
        try:
            log.decide(name, decision.action, by=decision.by, reason=decision.reason)
        except UnknownProspectError as error:
            raise RefusedError(404, "the log has no assessment of this id") from error
        except TrackingError as error:
            again = (b"retry-after", b"1")
            raise RefusedError(503, "the decision log does not answer", again) from error
        return {"id": name, "action": decision.action}
