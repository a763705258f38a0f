"""Routes of the pages Team and Watch, and of the current user.

the sales report, the monitoring report -> the part that the user may see -> JSON
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request

from fitmodel.language.catalogue import phrases
from fitmodel.reports.html import html_tree, section_tree
from fitmodel.reports.monitoring_page import monitoring_part
from fitmodel.reports.sales_numbers import rep_view
from fitmodel.service._pages import NO_DEALS
from fitmodel.service._problems import RefusedError
from fitmodel.service._routes import Language
from fitmodel.service.schema import failures
from fitmodel.service.settings import ANYBODY, Person

if TYPE_CHECKING:
    from fitmodel.reports.sales_report import SalesReport
    from fitmodel.service._pages import Computed, Pages

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


def person_of(request: Request) -> Person:
    """Return the user of the request, as the middleware identified them."""
    person = getattr(request.state, "person", ANYBODY)
    return person if isinstance(person, Person) else ANYBODY


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

    Raises
    ------
    RefusedError
        404 without past deals, 503 if the value cannot be computed.
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
