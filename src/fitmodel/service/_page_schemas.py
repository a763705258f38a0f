"""JSON schemas of the data of the app's pages, by their names in OpenAPI.

Team, Watch, Model -> decisions on a deal -> the quiz -> the timeline
"""

from __future__ import annotations

from typing import Any

from fitmodel.service._schemas import (
    FLAG,
    NUMBER,
    NUMBER_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    a_ref,
    an_object,
)

_COUNT = {"type": "integer"}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_NODES = {"type": "array", "items": a_ref("Node"), "description": "A part of a page as a tree."}
NODE = {
    "oneOf": [
        TEXT,
        an_object({"tag": TEXT, "attributes": {"type": "object"}, "children": _NODES}),
    ]
}
COMPUTING = an_object({"state": {"const": "computing"}, "step": TEXT}) | {
    "description": "Ask again in a second or two; `step` says where it is."
}
_READY = {"const": "ready"}
_SECTION = an_object({"id": TEXT, "title": TEXT, "nodes": _NODES})
TEAM = an_object(
    {
        "state": _READY,
        "basis": TEXT,
        "points": TEXTS,
        "sections": {"type": "array", "items": _SECTION},
    }
)
WATCH = an_object(
    {"state": _READY, "basis": TEXT, "nodes": _NODES, "drifted": TEXTS, "deals": _COUNT}
)
CARD = an_object({"version": TEXT, "markdown": TEXT, "nodes": _NODES})
_PLOT = an_object({"title": TEXT, "plot": _NODES})
PLOTS = an_object({"plots": {"type": "array", "items": _PLOT}})
_TABLE_ROW = an_object(
    {
        "value": TEXT,
        "log_odds": NUMBER,
        "deviation": NUMBER,
        "deals": _COUNT,
        "early_churn": NUMBER_OR_NULL,
        "low": NUMBER_OR_NULL,
        "high": NUMBER_OR_NULL,
    },
    optional=("low", "high"),
)
TABLE = an_object(
    {"attribute": TEXT, "rows": {"type": "array", "items": _TABLE_ROW}, "plot": _NODES}
)
_SIDES = {"champion": TEXT_OR_NULL, "challenger": TEXT_OR_NULL}
_COMPARED = an_object(
    {
        "deals": _COUNT,
        "gain": NUMBER_OR_NULL,
        "low": NUMBER_OR_NULL,
        "high": NUMBER_OR_NULL,
        "sentence": TEXT,
        "objections": TEXTS,
    }
) | {"type": ["object", "null"]}
_NUMBER_OF_VERSION = {"type": ["integer", "null"]}
_TWO = {
    "name": TEXT,
    "in_use": TEXT,
    "champion": _NUMBER_OF_VERSION,
    "challenger": _NUMBER_OF_VERSION,
    "rows": {"type": "array", "items": an_object({"label": TEXT, **_SIDES})},
    "comparison": _COMPARED,
    "refusal": TEXT_OR_NULL | {"description": "Why it would not be promoted without force."},
    "refusal_words": TEXT_OR_NULL | {"description": "The same in the language asked for."},
}
VERSIONS = an_object(
    {"problem": TEXT_OR_NULL | {"description": "Why nothing can be shown."}, **_TWO},
    optional=tuple(_TWO),
)
PROMOTION = an_object(
    {"version": _COUNT, "previous": _NUMBER_OF_VERSION, "warning": TEXT_OR_NULL, "in_use": TEXT}
)
PERSON = an_object(
    {"name": TEXT, "role": {"type": "string", "enum": ["rep", "manager"]}, "rep": TEXT_OR_NULL}
)
_EVENT = an_object(
    {
        "kind": {
            "type": "string",
            "enum": ["assessed", "signed", "declined", "overridden", "asked"],
        },
        "number": _COUNT,
        "time": TEXT,
        "by": TEXT,
        "reason": TEXT,
        "undone": FLAG,
        "probability": NUMBER_OR_NULL,
        "fit": TEXT,
        "model_version": TEXT,
    }
)
DEAL_EVENTS = an_object(
    {
        "id": TEXT,
        "standing": _COUNT | {"description": "Number of the decision that stands; 0 for none."},
        "events": {"type": "array", "items": _EVENT},
        "undo_seconds": NUMBER,
    }
)
UNDONE = an_object({"id": TEXT, "undone": _COUNT})
_ATTRIBUTES = {"type": "array", "items": an_object({"name": TEXT, "value": TEXT})}
_QUESTION = an_object(
    {
        "number": _COUNT,
        "signed": TEXT,
        "attributes": _ATTRIBUTES,
        "facts": _ATTRIBUTES
        | {"deprecated": True, "description": "Old name of `attributes`, until 1.0."},
    }
)
QUIZ = an_object(
    {
        "state": _READY,
        "quiz": TEXT | {"description": "Its name, to be given with the answers."},
        "level": _SHARE,
        "horizon_months": NUMBER,
        "questions": {"type": "array", "items": _QUESTION},
    }
)
_ANSWER = an_object(
    {
        "deal": TEXT_OR_NULL | {"description": "Its id; null for a rep."},
        "left_early": FLAG,
        "probability": _SHARE,
        "level": _SHARE,
        "reasons": TEXTS,
    }
)
_SCORE = an_object(
    {
        "quiz": TEXT,
        "person": TEXT,
        "questions": _COUNT,
        "brier": _SHARE,
        "model": _SHARE,
        "level": _SHARE,
        "day": TEXT,
    }
)
_SCORES = {
    "scores": {"type": "array", "items": _SCORE},
    "practice": TEXTS | {"description": "In words, whether practice shows."},
}
QUIZ_SCORES = an_object(_SCORES)
_BRIER = an_object(
    {
        "people": {"type": "object", "additionalProperties": _SHARE},
        "model": _SHARE,
        "level": _SHARE,
    }
)
QUIZ_RESULT = an_object(
    {
        "answers": {"type": "array", "items": _ANSWER},
        "brier": _BRIER,
        "kept": FLAG | {"description": "Whether there is a decision log that keeps the answers."},
        **_SCORES,
    }
)
_FIELD = an_object(
    {
        "label": TEXT,
        "value": TEXT_OR_NULL,
        "today": TEXT_OR_NULL,
        "source": TEXT,
        "recorded_at": TEXT_OR_NULL,
    }
)
_DERIVED = an_object({"label": TEXT, "value": {"type": ["number", "string", "null"]}})
_RECORD = an_object({"at": TEXT, "table": TEXT, "what": TEXT, "known": FLAG})
TIMELINE = an_object(
    {
        "as_of": TEXT,
        "fields": {"type": "array", "items": _FIELD},
        "derived": {"type": "array", "items": _DERIVED},
        "records": {"type": "array", "items": _RECORD},
    }
)
_ROWS = {"type": "array", "items": {"type": "array", "items": TEXT}}
_MONEY = an_object(
    {"title": TEXT, "columns": TEXTS, "rows": _ROWS}, optional=("columns", "rows"), is_closed=False
)
_TABLE = an_object({"title": TEXT, "columns": TEXTS, "rows": _ROWS, "notes": TEXTS})
BRIEF = an_object(
    {
        "name": TEXT,
        "title": TEXT,
        "fit": {"type": "string", "enum": ["good", "watch", "poor"]},
        "headline": TEXT,
        "facts": TEXTS,
        "money": _MONEY,
        "conditions": _TABLE,
        "similar": _TABLE,
        "letter": an_object({"title": TEXT, "text": TEXT, "notes": TEXTS}),
        "written": TEXT,
    }
)
DESK = an_object(
    {
        "model": a_ref("Model"),
        "roles": {"type": "object", "additionalProperties": TEXT_OR_NULL},
        "actionable": TEXTS,
        "words": {"type": "object"},
        "recorded": {"type": "object", "description": "Labels of what history gives."},
        "rule": {"type": "object", "additionalProperties": TEXT},
        "cost_of_early_churn": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "array", "items": NUMBER},
        },
        "limits": {"type": "object", "additionalProperties": NUMBER},
        "pipeline": TEXT_OR_NULL,
        "example": a_ref("Prospect"),
        "has": {"type": "object", "additionalProperties": FLAG},
        "tour": FLAG,
    }
)


def computed(name: str) -> dict[str, Any]:
    """Return the schema of a response that may still be in computation."""
    return {"oneOf": [a_ref("Computing"), a_ref(name)]}


PAGE_SCHEMAS = {
    "Node": NODE,
    "Computing": COMPUTING,
    "Team": TEAM,
    "Watch": WATCH,
    "ModelCard": CARD,
    "ModelPlots": PLOTS,
    "AttributeTable": TABLE,
    "Versions": VERSIONS,
    "Promotion": PROMOTION,
    "Person": PERSON,
    "DealEvents": DEAL_EVENTS,
    "DecisionUndone": UNDONE,
    "Quiz": QUIZ,
    "QuizResult": QUIZ_RESULT,
    "QuizScores": QUIZ_SCORES,
    "Timeline": TIMELINE,
    "Brief": BRIEF,
    "Desk": DESK,
}

PAGE_ANSWERS = {
    ("/v1/pipeline/timeline", "get", "200"): a_ref("Timeline"),
    ("/v1/model/card", "get", "200"): a_ref("ModelCard"),
    ("/v1/model/plots", "get", "200"): a_ref("ModelPlots"),
    ("/v1/model/tables/{attribute}", "get", "200"): a_ref("AttributeTable"),
    ("/v1/model/versions", "get", "200"): a_ref("Versions"),
    ("/v1/model/promotion", "post", "200"): a_ref("Promotion"),
    ("/v1/team", "get", "200"): computed("Team"),
    ("/v1/watch", "get", "200"): computed("Watch"),
    ("/v1/quiz", "get", "200"): computed("Quiz"),
    ("/v1/quiz/answers", "post", "200"): a_ref("QuizResult"),
    ("/v1/quiz/scores", "get", "200"): a_ref("QuizScores"),
    ("/v1/decisions", "get", "200"): a_ref("DealEvents"),
    ("/v1/decisions/undo", "post", "200"): a_ref("DecisionUndone"),
    ("/v1/brief", "post", "200"): a_ref("Brief"),
    ("/v1/me", "get", "200"): a_ref("Person"),
    ("/v1/desk", "get", "200"): a_ref("Desk"),
}
"""Schema of each response, by path, method and status."""
