"""What the pages Team, Model and Watch show: each an endpoint, computed once and kept.

deals, decision log -> the sales report and the monitoring report, in a thread of their own
                    -> as much of them as whoever asks may see -> JSON
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Path, Request, Response

from fitmodel.crm.prospects import with_tables_of
from fitmodel.crm.reading import read_with_history
from fitmodel.exceptions import EditError, FitModelError, SpecError
from fitmodel.monitoring.report import monitor
from fitmodel.reports.brief import contract_of
from fitmodel.reports.fragments import html_tree, section_tree
from fitmodel.reports.model_page import attribute_table, card_page, card_tree, model_plots
from fitmodel.reports.monitoring_page import monitoring_part
from fitmodel.reports.rep_view import rep_view
from fitmodel.reports.sales_report import make_sales_report
from fitmodel.service._computed import Computed
from fitmodel.service._middleware import RefusedError
from fitmodel.service._routes import Language
from fitmodel.service.people import ANYBODY, Person
from fitmodel.service.schema import failures
from fitmodel.tables.files import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path as FilePath

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.following import ModelHolder
    from fitmodel.monitoring.log import DecisionLog
    from fitmodel.monitoring.report import MonitoringReport
    from fitmodel.reports.sales_report import SalesReport
    from fitmodel.sales.plans import Plan

CARD_FILE = "card.md"
NO_DEALS = (
    "the service was not given past deals. Remedy: fitmodel serve --deals deals.csv, and -c "
    "fitmodel.toml where they are read by another contract than the model's"
)
RARELY = failures("401", "503")
NOT_THERE = {"404": {"description": "The service was not given what this page needs"}}
Attribute = Annotated[str, Path(max_length=500, description="Of the model.")]


@dataclass(frozen=True)
class PastTable:
    """The file of past deals, the contract that reads it (None: the model's own), and plans."""

    path: FilePath
    spec: DealSpec | None = None
    plans: tuple[Plan, ...] = ()

    def stamp(self) -> Hashable:
        """Changes where the file does."""
        found = self.path.stat()
        return (found.st_mtime_ns, found.st_size)


class Pages:
    """The reports behind the pages, each computed once for a state of the deals and the model.

    Parameters
    ----------
    holder : ModelHolder
    deals : PastTable or None
    log : DecisionLog or None
    """

    def __init__(
        self, holder: ModelHolder, deals: PastTable | None, log: DecisionLog | None
    ) -> None:
        self._holder, self._deals, self._log = holder, deals, log
        self._reading = threading.Lock()
        self._read: tuple[Hashable, pd.DataFrame, DealSpec] | None = None
        self.team: Computed[SalesReport] = Computed(self._team, self._stamp)
        self.watch: Computed[MonitoringReport] = Computed(self._watch, self._stamp)

    @property
    def has_deals(self) -> bool:
        """Whether there are past deals."""
        return self._deals is not None

    def spec(self) -> DealSpec:
        """The contract of the deals."""
        known = None if self._deals is None else self._deals.spec
        return known or contract_of(self._holder.model)

    def past_deals(self) -> tuple[pd.DataFrame, DealSpec] | None:
        """The past deals, read once for a state of their file; None without them."""
        if self._deals is None:
            return None
        with self._reading:
            stamp = self._deals.stamp()
            if self._read is None or self._read[0] != stamp:
                manifest = self._holder.model.manifest
                read = read_with_history(self._deals.path, with_tables_of(manifest, self.spec()))
                self._read = (stamp, read.table, read.spec)
            return self._read[1], self._read[2]

    def close(self) -> None:
        """Begin no computation any more."""
        for computed in (self.team, self.watch):
            computed.close()

    def _stamp(self) -> Hashable:
        deals = None if self._deals is None else self._deals.stamp()
        return (deals, self._holder.model.version)

    def _team(self, language: str, tell: Callable[[str], None]) -> SalesReport:
        tell("reading")
        past = self.past_deals()
        if self._deals is None or past is None:
            raise SpecError(NO_DEALS)
        plans = self._deals.plans
        return make_sales_report(*past, plans=plans, language=language, progress=tell)

    def _watch(self, _key: str, tell: Callable[[str], None]) -> MonitoringReport:
        if self._deals is None:
            raise SpecError(NO_DEALS)
        tell("reading")
        table = read_table(self._deals.path)
        return monitor(table, self._holder.model, self.spec(), log=self._log, progress=tell)


def add_pages(app: FastAPI, holder: ModelHolder, pages: Pages) -> None:
    """Add the routes."""
    _add_reports(app, pages)
    _add_model(app, holder)

    @app.get("/v1/me", responses=failures("401"))
    async def who(request: Request) -> dict[str, Any]:
        """Who asks, and what may be seen."""
        person = person_of(request)
        return {"name": person.name, "role": person.role, "rep": person.rep}


def _add_reports(app: FastAPI, pages: Pages) -> None:
    @app.get("/v1/team", responses=RARELY | NOT_THERE)
    def team(request: Request, language: Language = "en") -> dict[str, Any]:
        """The sales report: rep performance, reviews, what deals are worth; a rep sees the own."""
        report = _ready(pages, pages.team, language)
        if not isinstance(report, dict):
            return {"state": "ready"} | team_page(report, person_of(request))
        return report

    @app.get("/v1/watch", responses=RARELY | NOT_THERE)
    def watch(language: Language = "en") -> dict[str, Any]:
        """The monitoring report: drift, cohorts with known outcomes, overrides."""
        report = _ready(pages, pages.watch, "")
        if isinstance(report, dict):
            return report
        basis, fragment = monitoring_part(report, language)
        shown = {"state": "ready", "basis": basis, "nodes": html_tree(fragment)}
        return shown | {"drifted": report.drifted, "deals": report.rows}


def _add_model(app: FastAPI, holder: ModelHolder) -> None:
    @app.get("/v1/model/card", responses=RARELY | NOT_THERE)
    def card() -> dict[str, Any]:
        """The model card, as Markdown and as a tree of elements."""
        text = _card(holder)
        return {"version": holder.model.version, "markdown": text, "nodes": card_tree(text)}

    @app.get("/v1/model/plots", responses=RARELY)
    def plots(language: Language = "en") -> dict[str, Any]:
        """How the model was evaluated: calibration, and the level over time, as trees."""
        return {"plots": model_plots(holder.model.manifest, language)}

    @app.get("/v1/model/card.html", responses=RARELY | NOT_THERE, response_class=Response)
    def card_file() -> Response:
        """The model card as a page to keep or print."""
        return Response(card_page(_card(holder)), media_type="text/html; charset=utf-8")

    @app.get("/v1/model/tables/{attribute}", responses=RARELY | NOT_THERE)
    def table(attribute: Attribute) -> dict[str, Any]:
        """One attribute's table of the scorecard, and its plot as a tree of elements."""
        try:
            return attribute_table(holder.model.scorecard, attribute)
        except EditError as error:
            raise RefusedError(404, str(error)) from error


def person_of(request: Request) -> Person:
    """Who asks, as the middleware found."""
    person = getattr(request.state, "person", ANYBODY)
    return person if isinstance(person, Person) else ANYBODY


def team_page(report: SalesReport, person: Person) -> dict[str, Any]:
    """As much of a sales report as somebody may see."""
    if not person.is_rep:
        return {
            "basis": report.summary.basis,
            "points": list(report.summary.points),
            "sections": [section_tree(part) for part in report.sections],
        }
    own = rep_view(report.sections, person.rep or "")
    sections = [section_tree(part) for part in own]
    return {"basis": report.summary.basis, "points": [], "sections": sections}


def _ready(pages: Pages, computed: Computed[Any], key: str) -> Any:
    """The value; until it is there, where its computation is."""
    if not pages.has_deals:
        raise RefusedError(404, NO_DEALS)
    try:
        state = computed.ask(key)
    except OSError as error:
        raise RefusedError(503, f"the past deals cannot be read: {error}") from error
    if state.problem:
        raise RefusedError(503, state.problem)
    return {"state": "computing", "step": state.step} if state.value is None else state.value


def _card(holder: ModelHolder) -> str:
    path = holder.model.path
    if path is None or not (path / CARD_FILE).is_file():
        raise RefusedError(404, "the model's bundle holds no card. Remedy: train it again")
    try:
        return (path / CARD_FILE).read_text(encoding="utf-8")
    except (OSError, FitModelError) as error:
        raise RefusedError(503, f"the card cannot be read: {error}") from error
