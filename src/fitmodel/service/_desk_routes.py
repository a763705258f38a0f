"""The deal desk: a page at /, its files, and the route that describes the model to it.

The page and its files contain no data, so they need no token; the routes with data need one. The
page scores through the same route as every other client. It sends no id, so that prospects that
a user only tries out are not written to the decision log.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Response

from fitmodel.language.catalogue import LANGUAGES, read_texts
from fitmodel.reports.html import STYLES, read_style
from fitmodel.reports.model_page import rule_text
from fitmodel.service._pipeline_rows import cost_of_early_churn
from fitmodel.service._routes import MAX_REASONS, describe_model
from fitmodel.service.schema import example_prospect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fitmodel.loading import ModelHolder
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.service._pipeline import Pipeline
    from fitmodel.service.settings import Settings


KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def add_desk(
    app: FastAPI,
    holder: ModelHolder,
    limits: Settings,
    pipeline: Pipeline | None,
    *,
    has: Mapping[str, bool],
    tour: bool = False,
) -> frozenset[str]:
    """Add the page; return its paths without data, which need no token.

    `has` has a bool for each optional input of the service: "deals", "log", "history".
    """
    pages = dict(_pages(has_pipeline=pipeline is not None))
    for path, (body, kind) in pages.items():
        app.add_api_route(path, _sends(body, kind), include_in_schema=False)

    @app.get("/v1/desk")
    async def describe() -> dict[str, Any]:
        """Describe the model, its money and the limits for the page."""
        return describe_desk(holder.model, limits, pipeline) | {"has": dict(has), "tour": tour}

    return frozenset(pages)


def describe_desk(
    model: FitModel, limits: Settings, pipeline: Pipeline | None = None
) -> dict[str, Any]:
    """Return the model's description, and the roles, words, money and limits, for the page."""
    spec = model.manifest.get("spec", {})
    deals, scorer = spec.get("deals", {}), model.scorer
    money, per_year = scorer.policy.money, scorer.per_year
    return {
        "model": describe_model(model),
        "roles": {
            "id": deals.get("id"),
            "rep": deals.get("rep"),
            "amount": model.scorer.amount,
            "closed_on": model.scorer.closed_on,
        },
        "actionable": spec.get("attributes", {}).get("actionable", []),
        "words": spec.get("words", {}),
        "recorded": {
            language: {name: words.label(name) for name in words.recorded}
            for language in LANGUAGES
            for words in [scorer.wording.in_language(language)]
        },
        "rule": {
            language: rule_text(scorer.policy, language, money_format=scorer.wording.money)
            for language in LANGUAGES
        },
        "cost_of_early_churn": None if money is None else cost_of_early_churn(money, per_year),
        "limits": {
            "bytes": limits.max_bytes,
            "prospects": limits.max_prospects,
            "reasons": MAX_REASONS,
        },
        "pipeline": None if pipeline is None else pipeline.path.name,
        "example": example_prospect(model),
    }


def _pages(*, has_pipeline: bool) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """Yield path, content and media type of every file of the page; none contains data.

    The page is marked if there is a pipeline, so that it requests the rows together with the rest.
    """
    for file in files("fitmodel.service").joinpath("desk").iterdir():
        kind = KINDS.get(file.name.rpartition(".")[2])
        if kind is not None:
            path = "/" if file.name == "index.html" else f"/desk/{file.name}"
            body = file.read_bytes()
            if path == "/" and has_pipeline:
                body = body.replace(b"<html", b"<html data-rows", 1)
            yield path, (body, kind)
    for name in STYLES:
        yield f"/desk/{name}", (read_style(name).encode(), KINDS["css"])
    for language in LANGUAGES:
        shown = dict(read_texts(language, "fit")) | dict(read_texts(language, "desk"))
        texts = json.dumps(shown, ensure_ascii=False)
        yield f"/desk/texts/{language}", (texts.encode(), "application/json")


def _sends(body: bytes, kind: str) -> Callable[[], Response]:
    def send() -> Response:
        return Response(body, media_type=kind)

    return send
