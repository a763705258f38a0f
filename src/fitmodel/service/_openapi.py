"""The service's OpenAPI: named schemas of what it takes and gives, for generated clients.

FastAPI's own description -> schemas of the model in use -> the token -> every error is a problem
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.service._pipeline_rows import SAID
from fitmodel.service.schema import FAILURES, failures, prospect_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.model.fitmodel import FitModel

OPEN = ("/healthz", "/readyz")
_SCHEMAS = "#/components/schemas/"
_TEXT, _FLAG, _NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "number"}
_NUMBER_OR_NULL = {"type": ["number", "null"]}
_TEXTS = {"type": "array", "items": _TEXT}
_LEVELS = {"type": ["array", "null"], "items": _TEXT}


def _object(
    properties: Mapping[str, Any], optional: tuple[str, ...] = (), *, is_closed: bool = True
) -> dict[str, Any]:
    """An object of which every property is required but those named."""
    return {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "properties": dict(properties),
        "additionalProperties": not is_closed,
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _SCHEMAS + name}


_REGIME = {"type": "string", "enum": ["full", "provisional"]}
REASON = _object(
    {
        "attribute": _TEXT,
        "value": {"description": "As given; a list of two for a pair of attributes."},
        "contribution": _NUMBER | {"description": "In log-odds; positive raises the risk."},
        "sentence": _TEXT,
        "label": _TEXT,
        "value_text": _TEXT,
        "effect": _TEXT,
    }
)
ASSESSMENT = _object(
    {
        "early_churn_probability": {"type": "number", "minimum": 0, "maximum": 1},
        "probability_low": _NUMBER_OR_NULL,
        "probability_high": _NUMBER_OR_NULL,
        "poor_fit": _FLAG,
        "fit": {"type": "string", "enum": ["good", "watch", "poor"]},
        "expected_value": _NUMBER_OR_NULL,
        "unfamiliar": _FLAG,
        "unfamiliar_because": _TEXTS,
        "reasons": {"type": "array", "items": _ref("Reason")},
        "model_version": _TEXT,
        "worth": {"type": "string", "enum": ["gains", "loses", "unclear", ""]},
        "escalate": _FLAG,
        "expected_value_low": _NUMBER_OR_NULL,
        "expected_value_high": _NUMBER_OR_NULL,
        "own_evidence": _NUMBER_OR_NULL
        | {"description": "Share of the precision that the company's own deals give, 0 to 1."},
        "regime": _REGIME,
        "notes": _TEXTS,
        "sentences": _TEXTS,
        "proceed": _FLAG | {"description": "Where the assessment was logged."},
    },
    optional=("proceed",),
) | {"patternProperties": {r"^churn_probability_\d+m$": {"type": "number"}}}
PROBLEM = _object(
    {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT}
) | {"description": "RFC 9457; the detail says what to do."}
ATTRIBUTE = _object(
    {
        "name": _TEXT,
        "kind": {"type": "string", "enum": ["number", "date", "category", "flag"]},
        "low": _NUMBER_OR_NULL,
        "high": _NUMBER_OR_NULL,
        "levels": _LEVELS,
    },
    optional=("low", "high", "levels"),
)
MODEL = _object(
    {
        "version": _TEXT,
        "regime": _REGIME,
        "horizon_months": _NUMBER_OR_NULL,
        "period": {"type": ["array", "null"], "items": _TEXT},
        "policy": {"type": ["string", "null"]},
        "base_rate": _NUMBER,
        "level": _NUMBER,
        "metrics": {"type": ["object", "null"]},
        "attributes": {"type": "array", "items": _ref("Attribute")},
    },
    is_closed=False,
)
_STATE = {"type": "string", "enum": ["ok", "failed", "away"]}
READINESS = _object({"status": _TEXT, "model_version": _TEXT, "reload": _STATE, "registry": _STATE})
HEALTH = _object({"status": _TEXT})
DECISION_KEPT = _object({"id": _TEXT, "action": _TEXT})
_TEXT_OR_NULL = {"type": ["string", "null"]}
_CONCERN = _object({"label": _TEXT, "value_text": _TEXT}) | {"type": ["object", "null"]}
_SAID = {
    **{name: ASSESSMENT["properties"][name] for name in SAID},
    "money_at_risk": _NUMBER_OR_NULL,
    "concern": _CONCERN | {"description": "What raises the risk most, of the first reasons."},
}
_WHOLE = {
    "cells": {"type": "object", "additionalProperties": _TEXT},
    "prospect": {"type": "object", "description": "What is scored of the row."},
    "sentences": _TEXTS,
}
PIPELINE_ROW = _object(
    {
        "key": _TEXT | {"description": "Tells two rows of one id apart."},
        "id": _TEXT_OR_NULL,
        "rep": _TEXT,
        "amount": _NUMBER_OR_NULL,
        "error": _TEXT | {"description": "Why the row has no assessment."},
        **_SAID,
        **_WHOLE,
    },
    optional=("error", *_SAID, *_WHOLE),
)
PIPELINE_ROWS = _object({"rows": {"type": "array", "items": _ref("PipelineRow")}})
ANSWERS = {
    ("/v1/pipeline/rows", "get", "200"): "PipelineRows",
    ("/v1/pipeline/row", "get", "200"): "PipelineRow",
    ("/v1/model", "get", "200"): "Model",
    ("/healthz", "get", "200"): "Health",
    ("/readyz", "get", "200"): "Readiness",
    ("/v1/decisions", "post", "201"): "DecisionKept",
}


def complete_openapi(
    described: dict[str, Any], model: FitModel, *, has_token: bool
) -> dict[str, Any]:
    """Complete FastAPI's description with the model's schemas, the token and the errors.

    Parameters
    ----------
    described : dict
        As FastAPI gives it; it is changed, and may be completed again.
    model : FitModel
        In use.
    has_token : bool
        Whether requests must bring a bearer token.
    """
    components = described.setdefault("components", {})
    components.setdefault("schemas", {}).update(_schemas(model))
    paths = described["paths"]
    paths["/v1/assessments"]["post"] |= _single_or_several()
    paths["/v1/assessments/batch"]["post"] |= _several()
    for (path, method, status), name in ANSWERS.items():
        answer = paths[path][method]["responses"][status]
        answer["content"] = {"application/json": {"schema": _ref(name)}}
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
    prospects = {"type": "array", "items": _ref("Prospect")}
    either = {"oneOf": [_ref("Assessment"), _ref("RowError")]}
    return {
        "Prospect": prospect_schema(model),
        "Prospects": _object({"prospects": prospects}, is_closed=False),
        "Reason": REASON,
        "Assessment": ASSESSMENT,
        "RowError": _object({"error": _TEXT}),
        "Assessments": _object({"assessments": {"type": "array", "items": either}}),
        "Problem": PROBLEM,
        "Attribute": ATTRIBUTE,
        "Model": MODEL,
        "Readiness": READINESS,
        "Health": HEALTH,
        "DecisionKept": DECISION_KEPT,
        "PipelineRow": PIPELINE_ROW,
        "PipelineRows": PIPELINE_ROWS,
    }


def _single_or_several() -> dict[str, Any]:
    listed = {"type": "array", "items": _ref("Prospect")}
    body = {"oneOf": [_ref("Prospect"), listed, _ref("Prospects")]}
    answer = {"oneOf": [_ref("Assessment"), _ref("Assessments")]}
    return _described(body, answer, "One assessment, or one per prospect in the order given")


def _several() -> dict[str, Any]:
    answer = "One assessment or error per prospect, in the order given"
    listed = {"type": "array", "items": _ref("Prospect")}
    return _described({"oneOf": [_ref("Prospects"), listed]}, _ref("Assessments"), answer)


def _described(body: dict[str, Any], answer: dict[str, Any], text: str) -> dict[str, Any]:
    good = {"description": text, "content": {"application/json": {"schema": answer}}}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": good} | failures(*FAILURES),
    }


def _describe_errors(operation: dict[str, Any], *, has_token: bool) -> None:
    """Every error is a problem; where a token is asked for, one may lack it."""
    answers = operation["responses"]
    if has_token:
        answers |= failures("401")
    for status, answer in answers.items():
        if status >= "400":
            answer["content"] = {"application/problem+json": {"schema": _ref("Problem")}}
