"""The brief on one prospect over HTTP: conditions, money, similar deals and the letter.

prospect -> `make_brief` -> JSON for the deal page, or the same brief as a file (HTML, Markdown)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from fitmodel.exceptions import DatabaseError, DealsError, ProspectError
from fitmodel.reports.brief import make_brief
from fitmodel.reports.brief_pages import brief_content, brief_markdown, brief_page
from fitmodel.service._page_routes import person_of
from fitmodel.service._problems import RefusedError
from fitmodel.service._routes import JsonResponse, Language, read_prospects
from fitmodel.service.schema import failures

if TYPE_CHECKING:
    from fitmodel.crm.requests import RequestHistories, RequestHistory
    from fitmodel.loading import ModelHolder
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.reports.brief import Brief
    from fitmodel.service._pages import Pages
    from fitmodel.service.settings import Settings

BRIEF = "/v1/brief"
MAX_NAME_LENGTH = 200
Form = Annotated[
    Literal["json", "html", "md"],
    Query(description="Format: JSON, or the brief as an HTML or Markdown file."),
]
Name = Annotated[
    str | None,
    Query(max_length=MAX_NAME_LENGTH, description="Name of the prospect; default: its id."),
]
FILES = {"html": (brief_page, "text/html"), "md": (brief_markdown, "text/markdown")}


def add_brief(
    app: FastAPI,
    holder: ModelHolder,
    limits: Settings,
    pages: Pages,
    histories: RequestHistories,
) -> None:
    """Add the route of the brief."""
    written: dict[str, Any] = {"content": {kind: {} for _, kind in FILES.values()}}
    answers: dict[int | str, dict[str, Any]] = {
        200: written,
        **failures("400", "401", "408", "413", "422", "503"),
    }

    @app.post(BRIEF, responses=answers)
    async def brief(
        request: Request, language: Language = "en", form: Form = "json", name: Name = None
    ) -> Response:
        """Return the brief on one prospect: conditions, money, similar deals and the letter."""
        prospect = read_prospects(await request.body(), limits)
        if isinstance(prospect, list):
            raise RefusedError(400, "give one prospect as an object")
        person = person_of(request)

        def answer() -> Response:
            model = holder.model
            known = _with_history(histories.of(model), model, prospect)
            made = _make_brief_of(model, known, pages, language=language, name=name)
            return _answer(made if not person.is_rep else without_names(made), form)

        return await run_in_threadpool(answer)


def _with_history(
    history: RequestHistory, model: FitModel, prospect: dict[str, Any]
) -> dict[str, Any]:
    try:
        (known,) = history.attached([prospect], model.attributes)
    except DatabaseError as error:
        raise RefusedError(503, str(error)) from error
    if isinstance(known, ProspectError):
        raise RefusedError(422, str(known))
    result: dict[str, Any] = known
    return result


def _make_brief_of(
    model: FitModel, prospect: dict[str, Any], pages: Pages, *, language: str, name: str | None
) -> Brief:
    try:
        past = pages.past_deals()
        if past is None:
            return make_brief(model, prospect, language=language, name=name)
        deals, spec = past
        return make_brief(model, prospect, deals=deals, spec=spec, language=language, name=name)
    except ProspectError as error:
        raise RefusedError(422, str(error)) from error
    except (DealsError, OSError) as error:
        raise RefusedError(503, f"the past deals cannot be read: {error}") from error


def without_names(brief: Brief) -> Brief:
    """Return the brief without the similar past deals: they may belong to other reps."""
    return replace(brief, similar=())


def _answer(content: Brief, form: str) -> Response:
    if form == "json":
        return JsonResponse(brief_content(content))
    write, kind = FILES[form]
    text = write(content).encode(errors="backslashreplace")  # a sign cut in two, as in JSON
    return Response(text, media_type=f"{kind}; charset=utf-8")


def brief_openapi(model: FitModel) -> dict[str, Any]:
    """Return the OpenAPI description of the brief's request: one prospect of the model in use."""
    del model  # the schema "Prospect" is always that of the model in use
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/Prospect"}}}
    return {"requestBody": {"required": True, "content": body}}
