"""The brief on one prospect over HTTP: conditions, money, similar deals and the letter.

prospect -> `make_brief` -> JSON for the deal page, or the same brief as a file (HTML, Markdown)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from fitmodel.exceptions import ProspectError
from fitmodel.reports.brief import make_brief
from fitmodel.reports.brief_pages import brief_content, brief_markdown, brief_page
from fitmodel.service._middleware import RefusedError
from fitmodel.service._routes import Language, read_prospects
from fitmodel.service.schema import failures

if TYPE_CHECKING:
    from fitmodel.following import ModelHolder
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.service.settings import Settings

BRIEF = "/v1/brief"
LONGEST_NAME = 200
Form = Annotated[
    Literal["json", "html", "md"], Query(description="JSON, or the brief as a file to keep.")
]
Name = Annotated[
    str | None, Query(max_length=LONGEST_NAME, description="Of the prospect; default its id.")
]
FILES = {"html": (brief_page, "text/html"), "md": (brief_markdown, "text/markdown")}


def add_brief(app: FastAPI, holder: ModelHolder, limits: Settings) -> None:
    """Add the route."""

    @app.post(BRIEF, responses=failures("400", "401", "408", "413", "422", "503"))
    async def brief(
        request: Request, language: Language = "en", form: Form = "json", name: Name = None
    ) -> Response:
        """Everything a brief says of one prospect: conditions, money, similar deals, the letter."""
        prospect = read_prospects(await request.body(), limits)
        if isinstance(prospect, list):
            raise RefusedError(400, "give one prospect as an object")
        return await run_in_threadpool(_answer, holder.model, prospect, language, form, name)


def _answer(
    model: FitModel, prospect: dict[str, Any], language: str, form: str, name: str | None
) -> Response:
    try:
        made = make_brief(model, prospect, language=language, name=name)
    except ProspectError as error:
        raise RefusedError(422, str(error)) from error
    if form == "json":
        return JSONResponse(brief_content(made))
    write, kind = FILES[form]
    return Response(write(made), media_type=f"{kind}; charset=utf-8")


def brief_openapi(model: FitModel) -> dict[str, Any]:
    """What OpenAPI says of the brief's request: one prospect of the model in use."""
    del model  # the schema of the one in use has this name
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/Prospect"}}}
    return {"requestBody": {"required": True, "content": body}}
