"""The service's OpenAPI: named schemas of its requests and responses, for generated clients.

FastAPI's own description -> schemas of the model in use -> the token -> errors as problem details
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.service._page_schemas import PAGE_ANSWERS, PAGE_SCHEMAS
from fitmodel.service._schemas import ANSWERS, SCHEMAS, a_ref, an_object
from fitmodel.service.schema import FAILURES, failures, prospect_schema

if TYPE_CHECKING:
    from fitmodel.model.fitmodel import FitModel

OPEN = ("/healthz", "/readyz")


def complete_openapi(
    described: dict[str, Any], model: FitModel, *, has_token: bool
) -> dict[str, Any]:
    """Complete FastAPI's description with the model's schemas, the token and the errors.

    Parameters
    ----------
    described : dict
        Description as FastAPI returns it; it is changed in place, and may be completed again.
    model : FitModel
        Model in use.
    has_token : bool
        Whether requests need a bearer token.
    """
    components = described.setdefault("components", {})
    components.setdefault("schemas", {}).update(_schemas(model))
    paths = described["paths"]
    paths["/v1/assessments"]["post"] |= _single_or_several()
    paths["/v1/assessments/batch"]["post"] |= _several()
    for (path, method, status), schema in (ANSWERS | PAGE_ANSWERS).items():
        answer = paths[path][method]["responses"][status]
        answer.setdefault("content", {})["application/json"] = {"schema": schema}
    for path, operations in paths.items():
        for operation in operations.values():
            _describe_errors(operation, has_token=has_token and path not in OPEN)
    if has_token:
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"bearer": []}]
        for path in OPEN:
            paths[path]["get"]["security"] = []
    return described


def _schemas(model: FitModel) -> dict[str, Any]:
    prospects = {"type": "array", "items": a_ref("Prospect")}
    either = {"oneOf": [a_ref("Assessment"), a_ref("RowError")]}
    return {
        "Prospect": prospect_schema(model),
        "Prospects": an_object({"prospects": prospects}, is_closed=False),
        "Assessments": an_object({"assessments": {"type": "array", "items": either}}),
        **SCHEMAS,
        **PAGE_SCHEMAS,
    }


def _single_or_several() -> dict[str, Any]:
    listed = {"type": "array", "items": a_ref("Prospect")}
    body = {"oneOf": [a_ref("Prospect"), listed, a_ref("Prospects")]}
    answer = {"oneOf": [a_ref("Assessment"), a_ref("Assessments")]}
    return _described(body, answer, "One assessment, or one per prospect in the order given")


def _several() -> dict[str, Any]:
    answer = "One assessment or error per prospect, in the order given"
    listed = {"type": "array", "items": a_ref("Prospect")}
    return _described({"oneOf": [a_ref("Prospects"), listed]}, a_ref("Assessments"), answer)


def _described(body: dict[str, Any], answer: dict[str, Any], text: str) -> dict[str, Any]:
    good = {"description": text, "content": {"application/json": {"schema": answer}}}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": good} | failures(*FAILURES),
    }


def _describe_errors(operation: dict[str, Any], *, has_token: bool) -> None:
    """Describe every error as a problem detail; add 401 if the operation needs a token."""
    answers = operation["responses"]
    if has_token:
        answers |= failures("401")
    for status, answer in answers.items():
        if status >= "400":
            answer["content"] = {"application/problem+json": {"schema": a_ref("Problem")}}
