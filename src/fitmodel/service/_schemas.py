"""JSON schemas of the service's responses to programs, by their names in OpenAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN_COLUMNS = (
    "early_churn_probability", "probability_low", "probability_high", "poor_fit", "fit",
    "expected_value", "expected_value_low", "expected_value_high", "worth", "escalate",
    "unfamiliar",
)  # fmt: skip
"""Columns of a prediction that a row has, under the same names."""
_SCHEMAS = "#/components/schemas/"
TEXT, FLAG, NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "number"}
NUMBER_OR_NULL = {"type": ["number", "null"]}
TEXTS = {"type": "array", "items": TEXT}
_LEVELS = {"type": ["array", "null"], "items": TEXT}


def an_object(
    properties: Mapping[str, Any], optional: tuple[str, ...] = (), *, is_closed: bool = True
) -> dict[str, Any]:
    """Return the schema of an object whose properties are required, except the optional ones."""
    return {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "properties": dict(properties),
        "additionalProperties": not is_closed,
    }


def a_ref(name: str) -> dict[str, str]:
    return {"$ref": _SCHEMAS + name}


_REGIME = {"type": "string", "enum": ["full", "provisional"]}
REASON = an_object(
    {
        "attribute": TEXT,
        "value": {"description": "As given; a list of two for a pair of attributes."},
        "contribution": NUMBER | {"description": "In log-odds; positive raises the risk."},
        "sentence": TEXT,
        "label": TEXT,
        "value_text": TEXT,
        "effect": TEXT,
    }
)
ASSESSMENT = an_object(
    {
        "early_churn_probability": {"type": "number", "minimum": 0, "maximum": 1},
        "probability_low": NUMBER_OR_NULL,
        "probability_high": NUMBER_OR_NULL,
        "poor_fit": FLAG,
        "fit": {"type": "string", "enum": ["good", "watch", "poor"]},
        "expected_value": NUMBER_OR_NULL,
        "unfamiliar": FLAG,
        "unfamiliar_because": TEXTS,
        "reasons": {"type": "array", "items": a_ref("Reason")},
        "model_version": TEXT,
        "worth": {"type": "string", "enum": ["gains", "loses", "unclear", ""]},
        "escalate": FLAG,
        "expected_value_low": NUMBER_OR_NULL,
        "expected_value_high": NUMBER_OR_NULL,
        "own_evidence": NUMBER_OR_NULL
        | {"description": "Share of the precision that the company's own deals give, 0 to 1."},
        "regime": _REGIME,
        "notes": TEXTS,
        "sentences": TEXTS,
        "proceed": FLAG | {"description": "Where the assessment was logged."},
    },
    optional=("proceed",),
) | {
    "patternProperties": {
        r"^churn_probability_\d+m$": {"type": "number", "minimum": 0, "maximum": 1},
        r"^churn_probability_\d+m_(low|high)$": NUMBER_OR_NULL
        | {"description": "80% interval; null where the model has none."},
    }
}
PROBLEM = an_object(
    {"type": TEXT, "title": TEXT, "status": {"type": "integer"}, "detail": TEXT}
) | {"description": "RFC 9457; the detail says what to do."}
ATTRIBUTE = an_object(
    {
        "name": TEXT,
        "kind": {"type": "string", "enum": ["number", "date", "category", "flag"]},
        "low": NUMBER_OR_NULL,
        "high": NUMBER_OR_NULL,
        "levels": _LEVELS,
        "span": NUMBER
        | {"description": "Its largest less its smallest contribution, in log-odds."},
    },
    optional=("low", "high", "levels"),
)
MODEL = an_object(
    {
        "version": TEXT,
        "regime": _REGIME,
        "horizon_months": NUMBER_OR_NULL,
        "period": {"type": ["array", "null"], "items": TEXT},
        "policy": {"type": ["string", "null"]},
        "base_rate": NUMBER,
        "level": NUMBER,
        "metrics": {"type": ["object", "null"]},
        "attributes": {"type": "array", "items": a_ref("Attribute")},
    },
    is_closed=False,
)
_STATE = {"type": "string", "enum": ["ok", "failed", "away"]}
READINESS = an_object({"status": TEXT, "model_version": TEXT, "reload": _STATE, "registry": _STATE})
HEALTH = an_object({"status": TEXT})
DECISION_STORED = an_object({"id": TEXT, "action": TEXT})
TEXT_OR_NULL = {"type": ["string", "null"]}
_CONCERN = an_object({"label": TEXT, "value_text": TEXT}) | {"type": ["object", "null"]}
_ASSESSMENT_FIELDS = {
    **{name: ASSESSMENT["properties"][name] for name in SHOWN_COLUMNS},
    "unfamiliar_because": TEXTS | {"description": "Left out if the prospect is like past deals."},
    "money_at_risk": NUMBER_OR_NULL,
    "concern": _CONCERN | {"description": "What raises the risk most, of the first reasons."},
}
_FULL_ROW = {
    "cells": {"type": "object", "additionalProperties": TEXT},
    "prospect": {"type": "object", "description": "What is scored of the row."},
    "sentences": TEXTS,
}
LATEST_DECISION = an_object(
    {
        "kind": {"type": "string", "enum": ["signed", "declined", "overridden", "asked"]},
        "by": TEXT | {"description": "Who decided, or asked a manager."},
        "time": TEXT | {"description": "ISO 8601, UTC."},
    }
)
_DECISION = {
    "oneOf": [a_ref("LatestDecision"), {"type": "null"}],
    "description": "The latest that was not undone; left out without a decision log, and while "
    "it does not answer.",
}
PIPELINE_ROW = an_object(
    {
        "key": TEXT | {"description": "Distinguishes two rows with the same id."},
        "id": TEXT_OR_NULL,
        "rep": TEXT,
        "amount": NUMBER_OR_NULL,
        "error": TEXT | {"description": "Why the row has no assessment."},
        "decision": _DECISION,
        **_ASSESSMENT_FIELDS,
        **_FULL_ROW,
    },
    optional=("error", "decision", *_ASSESSMENT_FIELDS, *_FULL_ROW),
)
PIPELINE_ROWS = an_object(
    {
        "rows": {"type": "array", "items": a_ref("PipelineRow")},
        "decisions_problem": TEXT_OR_NULL
        | {"description": "Why no row says what was decided, in the language asked for."},
    }
)

SCHEMAS = {
    "Reason": REASON,
    "Assessment": ASSESSMENT,
    "RowError": an_object({"error": TEXT}),
    "Problem": PROBLEM,
    "Attribute": ATTRIBUTE,
    "Model": MODEL,
    "Readiness": READINESS,
    "Health": HEALTH,
    "DecisionKept": DECISION_STORED,
    "LatestDecision": LATEST_DECISION,
    "PipelineRow": PIPELINE_ROW,
    "PipelineRows": PIPELINE_ROWS,
}
"""Schemas that do not depend on the model in use, by name."""

ANSWERS = {
    ("/v1/pipeline/rows", "get", "200"): a_ref("PipelineRows"),
    ("/v1/pipeline/row", "get", "200"): a_ref("PipelineRow"),
    ("/v1/model", "get", "200"): a_ref("Model"),
    ("/v1/decisions", "post", "201"): a_ref("DecisionKept"),
    ("/v1/questions", "post", "201"): a_ref("DecisionKept"),
    ("/healthz", "get", "200"): a_ref("Health"),
    ("/readyz", "get", "200"): a_ref("Readiness"),
}
"""Schema of each response, by path, method and status."""
