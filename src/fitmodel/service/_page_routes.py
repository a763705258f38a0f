"""The app at /: its files, the model as it shows it, the pages Team and Watch, the brief, the user.

The page and its files contain no data, so they need no token; the routes with data need one. The
page scores through the same route as every other client. It sends no id, so that prospects that
a user only tries out are not written to the decision log.

the sales report, the monitoring report -> the part that the user may see -> JSON
prospect -> `make_brief` -> JSON for the deal page, or the same brief as a file (HTML, Markdown)
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from fitmodel.exceptions import DatabaseError, DealsError, ProspectError
from fitmodel.language.catalogue import LANGUAGES, phrases, read_texts
from fitmodel.reports.brief import make_brief
from fitmodel.reports.brief_pages import brief_content, brief_markdown, brief_page
from fitmodel.reports.html import STYLES, html_tree, read_style, section_tree
from fitmodel.reports.model_page import rule_text
from fitmodel.reports.monitoring_page import monitoring_part
from fitmodel.reports.sales_numbers import rep_view
from fitmodel.service._pages import NO_DEALS
from fitmodel.service._pipeline_rows import cost_of_early_churn
from fitmodel.service._problems import RefusedError
from fitmodel.service._routes import (
    MAX_REASONS,
    JsonResponse,
    Language,
    read_prospects,
)
from fitmodel.service.schema import describe_model, example_prospect, failures
from fitmodel.service.settings import person_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fitmodel.crm.requests import RequestHistories, RequestHistory
    from fitmodel.loading import ModelHolder
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.reports.brief import Brief
    from fitmodel.reports.sales_report import SalesReport
    from fitmodel.service._pages import Computed, Pages
    from fitmodel.service._pipeline import Pipeline
    from fitmodel.service.settings import Person, Settings

RARELY = failures("401", "503")
STEPS = {
    "reading": "step_reading",
    "as the model was on": "step_as_of",
    "expected early churn": "step_expected",
    "fit of past deals": "step_bands",
    "rep performance": "step_reps",
    "reviews of lost customers": "step_reviews",
    "what deals are worth": "step_worth",
    "ideal customer profile": "step_profile",
    "counts": "step_counts",
}
"""Beginning of a step's name, and the key of its text."""
NOT_THERE: dict[int | str, dict[str, Any]] = {
    "404": {"description": "The service was not given what this page needs"}
}


KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


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


def add_pages(app: FastAPI, pages: Pages) -> None:
    """Add the routes of the pages Team and Watch, and of the current user."""
    _add_reports(app, pages)

    @app.get("/v1/me", responses=failures("401"))
    async def who(request: Request) -> dict[str, Any]:
        """Return the name and the role of the current user."""
        person = person_of(request)
        return {"name": person.name, "role": person.role, "rep": person.rep}


def _add_reports(app: FastAPI, pages: Pages) -> None:
    @app.get("/v1/team", responses=RARELY | NOT_THERE)
    def team(request: Request, language: Language = "en") -> dict[str, Any]:
        """Return the sales report: rep performance, reviews, deal worth; a rep sees the own."""
        report = ready_value(pages, pages.team, language, language=language)
        if not isinstance(report, dict):
            return {"state": "ready"} | team_page(report, person_of(request))
        return report

    @app.get("/v1/watch", responses=RARELY | NOT_THERE)
    def watch(language: Language = "en") -> dict[str, Any]:
        """Return the monitoring report: drift, cohorts with known outcomes, overrides."""
        report = ready_value(pages, pages.watch, "", language=language)
        if isinstance(report, dict):
            return report
        basis, fragment = monitoring_part(report, language)
        shown = {"state": "ready", "basis": basis, "nodes": html_tree(fragment)}
        return shown | {"drifted": report.drifted, "deals": report.rows}


def team_page(report: SalesReport, person: Person) -> dict[str, Any]:
    """Return the part of a sales report that a person may see."""
    if not person.is_rep:
        return {
            "basis": report.summary.basis,
            "points": list(report.summary.points),
            "sections": [section_tree(part) for part in report.sections],
        }
    own = rep_view(report.sections, person.rep or "")
    sections = [section_tree(part) for part in own]
    return {"basis": report.summary.basis, "points": [], "sections": sections}


def ready_value(pages: Pages, computed: Computed[Any], key: str, *, language: str) -> Any:
    """Return the computed value, or a dict with the current step while it is computed.

    Raises RefusedError: 404 without past deals, 503 if the value cannot be computed.
    """
    if not pages.has_deals:
        raise RefusedError(404, NO_DEALS)
    try:
        state = computed.ask(key)
    except OSError as error:
        raise RefusedError(503, f"the past deals cannot be read: {error}") from error
    if state.problem:
        raise RefusedError(503, state.problem)
    if state.value is None:
        return {"state": "computing", "step": step_text(state.step, language)}
    return state.value


def step_text(step: str, language: str) -> str:
    """Return the name of a computation's step in a language; an unknown one is not changed."""
    say = phrases(language, "desk")
    for beginning, key in STEPS.items():
        if step.startswith(beginning):
            return say(key, rest=step.removeprefix(beginning).strip())
    return step


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


def add_brief(
    app: FastAPI, holder: ModelHolder, limits: Settings, pages: Pages, histories: RequestHistories
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
