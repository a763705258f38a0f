"""JSON schema of a prospect, and the schemas of the service's OpenAPI, for generated clients.

FastAPI's own description -> schemas of the model in use -> the token -> errors as problem details
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.learning.columns import CategoryColumn
from fitmodel.service._page_schemas import PAGE_ANSWERS, PAGE_SCHEMAS
from fitmodel.service._schemas import ANSWERS, SCHEMAS, a_ref, an_object

if TYPE_CHECKING:
    from fitmodel.learning.columns import Column
    from fitmodel.model.fitmodel import FitModel

FEW_LEVELS = 50  # longer lists of levels are left out, to keep the schema small
LANGUAGE = {
    "name": "language",
    "in": "query",
    "required": False,
    "description": "Language of error messages: en or zh. Any other gives English.",
    "schema": {"type": "string", "default": "en", "title": "Language"},
}
"""Query parameter of every route of the API; most routes describe it themselves."""
OPEN = ("/healthz", "/readyz")
UNKNOWN_QUERY = "A query parameter that the route does not have; the detail names those it has"


def describe_attributes(model: FitModel) -> list[dict[str, Any]]:
    """Return name, kind, range or levels, and span of each attribute, in the model's order."""
    spans = _spans(model)
    return [_described(column) | {"span": spans[column.name]} for column in model.scorecard.columns]


def _spans(model: FitModel) -> dict[str, float]:
    """Return each attribute's span: its largest minus its smallest contribution, in log-odds.

    Only values that occur in past deals count.
    """
    scorecard = model.scorecard
    spans = {}
    for column, evidence, start in zip(
        scorecard.columns, scorecard.evidence, scorecard.offsets, strict=False
    ):
        values = scorecard.tables[start : start + column.size + 2, 0]
        seen = values[evidence.count[evidence.band[: column.size + 2]] > 0]
        spans[column.name] = float(np.ptp(seen)) if len(seen) else 0.0
    return spans


def _described(column: Column) -> dict[str, Any]:
    if isinstance(column, CategoryColumn):
        kind, levels = ("flag" if column.is_flag else "category"), column.named
        listed = levels if len(levels) <= FEW_LEVELS else None
        return {"name": column.name, "kind": kind, "levels": listed}
    if column.is_date:
        return {"name": column.name, "kind": "date"}
    return {"name": column.name, "kind": "number", "low": column.low, "high": column.high}


def prospect_schema(model: FitModel) -> dict[str, Any]:
    """Return the schema of one prospect: all attributes are required; null means not known."""
    properties = {item["name"]: _property(item) for item in describe_attributes(model)}
    return {
        "type": "object",
        "required": list(model.attributes),
        "properties": properties,
        "additionalProperties": True,
        "example": example_prospect(model),
    }


def _property(item: dict[str, Any]) -> dict[str, Any]:
    if item["kind"] == "number":
        seen = f"between {item['low']:g} and {item['high']:g} in past deals"
        return {"type": ["number", "null"], "description": seen}
    if item["kind"] == "date":
        return {"type": ["string", "null"], "format": "date"}
    types = ["string", "boolean", "number", "null"]
    known = {"examples": item["levels"]} if item["levels"] else {}
    return {"type": types} | known


def example_prospect(model: FitModel) -> dict[str, Any]:
    """Return an example prospect for JSON; its dates are as long before today as in past deals."""
    (row,) = model.example().astype(object).to_dict("records")
    known = {
        str(name): value
        for name, value in row.items()
        if value is not None and value == value  # noqa: PLR0124 - NaN
    }
    today = datetime.now(UTC).date()
    dates = {
        column.name: (today - timedelta(days=column.cuts[len(column.cuts) // 2])).isoformat()
        for column in model.scorecard.columns
        if not isinstance(column, CategoryColumn) and column.is_date and column.cuts
    }
    given = known | dates
    return {name: given.get(name) for name in model.attributes} | given


def failures(*codes: str) -> dict[Any, dict[str, Any]]:
    """Return the OpenAPI descriptions of these error status codes."""
    return {code: _failure(FAILURES[code]) for code in codes}


FAILURES = {
    "400": "Not JSON, or not a prospect",
    "401": "The bearer token is missing or wrong",
    "408": "The request came too slowly",
    "409": "The model in use cannot answer at one of the horizons",
    "413": "The body or the list of prospects is too long",
    "422": "The prospect cannot be scored; the detail names the attribute and the remedy",
    "503": "Too many requests at once; try again after the seconds of Retry-After",
}


def _failure(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {"application/problem+json": {"schema": schema}}}


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
            if path.startswith("/v1/"):
                operation["responses"].setdefault("422", {"description": UNKNOWN_QUERY})
                _describe_language(operation)
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
        "Assessments": an_object(
            {
                "assessments": {"type": "array", "items": either},
                "warnings": {"type": "array", "items": {"type": "string"}},
            },
            ("warnings",),
        ),
        **SCHEMAS,
        **PAGE_SCHEMAS,
    }


def _single_or_several() -> dict[str, Any]:
    listed = {"type": "array", "items": a_ref("Prospect")}
    body = {"oneOf": [a_ref("Prospect"), listed, a_ref("Prospects")]}
    answer = {"oneOf": [a_ref("Assessment"), a_ref("Assessments")]}
    return _operation_described(
        body, answer, "One assessment, or one per prospect in the order given"
    )


def _several() -> dict[str, Any]:
    answer = "One assessment or error per prospect, in the order given"
    listed = {"type": "array", "items": a_ref("Prospect")}
    return _operation_described(
        {"oneOf": [a_ref("Prospects"), listed]}, a_ref("Assessments"), answer
    )


def _operation_described(body: dict[str, Any], answer: dict[str, Any], text: str) -> dict[str, Any]:
    good = {"description": text, "content": {"application/json": {"schema": answer}}}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": good} | failures(*FAILURES),
    }


def _describe_language(operation: dict[str, Any]) -> None:
    """Describe the parameter `language` of a route that takes it only for its errors."""
    parameters = operation.setdefault("parameters", [])
    if any(given["name"] == LANGUAGE["name"] for given in parameters):
        return
    parameters.append(LANGUAGE)


def _describe_errors(operation: dict[str, Any], *, has_token: bool) -> None:
    """Describe every error as a problem detail; add 401 if the operation needs a token."""
    answers = operation["responses"]
    if has_token:
        answers |= failures("401")
    for status, answer in answers.items():
        if status >= "400":
            answer["content"] = {"application/problem+json": {"schema": a_ref("Problem")}}


def describe_model(model: FitModel) -> dict[str, Any]:
    """Return version, period, policy, level of early churn, metrics and attributes of a model."""
    spec, level = model.manifest.get("spec", {}), model.scorer.policy.level
    return {
        "version": model.version,
        "regime": model.regime,
        "horizon_months": spec.get("label", {}).get("horizon_months"),
        "period": model.manifest.get("period"),
        "policy": model.manifest.get("policy"),
        "base_rate": model.scorecard.base_rate,
        "level": model.scorecard.base_rate if level is None else level,
        "metrics": model.manifest.get("metrics"),
        "attributes": describe_attributes(model),
    }
