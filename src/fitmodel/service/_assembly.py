"""Assembly of the service: its parts, its routes, and the middleware around them.

model, pipeline, deals, log -> `Parts` -> routes, in the order of their pages -> middleware
file of people -> reps of the pipeline and the past deals -> a warning per user without deals
"""

from __future__ import annotations

import logging
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware

from fitmodel.crm.requests import RequestHistories
from fitmodel.deals.plain_words import nearest
from fitmodel.exceptions import FitModelError
from fitmodel.loading import ModelHolder
from fitmodel.monitoring.deal_log import DealLog
from fitmodel.monitoring.log import DecisionLog
from fitmodel.sales.people import people_in
from fitmodel.service._decision_routes import LatestDecisions, add_decisions
from fitmodel.service._metrics import Metrics
from fitmodel.service._middleware import ServiceMiddleware
from fitmodel.service._model_routes import add_model
from fitmodel.service._page_routes import BRIEF, add_brief, add_desk, add_pages, brief_openapi
from fitmodel.service._pages import Pages, PastTable
from fitmodel.service._pipeline import Pipeline, may_see
from fitmodel.service._pipeline_routes import Timelines, add_pipeline
from fitmodel.service._pipeline_rows import GZIP_LEVEL, PipelineRows
from fitmodel.service._problems import add_problems, refuse_unknown_query
from fitmodel.service._quiz_routes import add_quiz
from fitmodel.service._routes import add_assessments, add_status, describe_in_openapi
from fitmodel.service.settings import ANYBODY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from fitmodel.deals.contract import DealSpec
    from fitmodel.model.logged import AssessmentLog
    from fitmodel.sales.plans import Plan
    from fitmodel.service.settings import People, Settings

logger = logging.getLogger("fitmodel.service")
NO_COLUMN = (
    "these reps see no deals: {users}. The contract names no column with the rep. "
    'Remedy: write rep = "COLUMN" under [deals].'
)


@dataclass(frozen=True, eq=False)
class Parts:
    """Objects that all routes of a service share.

    `log`: log in which assessments and decisions are stored.
    `histories`: history tables of the model in use.
    `pipeline`: file of open prospects.
    `rows`: scored rows of the pipeline.
    `tour`: whether the page at / begins with a short guide.
    """

    holder: ModelHolder
    limits: Settings
    log: AssessmentLog | None
    pages: Pages
    histories: RequestHistories
    pipeline: Pipeline | None = None
    rows: PipelineRows | None = None
    tour: bool = False

    @property
    def known_log(self) -> DecisionLog | None:
        """The log if it is a `DecisionLog`, else None: only of such a log rows can be shown."""
        return self.log if isinstance(self.log, DecisionLog) else None


def make_parts(
    source: str | Path,
    limits: Settings,
    *,
    log: AssessmentLog | None,
    pipeline: Path | None,
    deals: Path | None,
    spec: DealSpec | None,
    plans: tuple[Plan, ...],
    tour: bool,
) -> Parts:
    """Load the model and check the pipeline; parameters and errors are those of `create_app`."""
    holder = ModelHolder(source)
    known = log if isinstance(log, DecisionLog) else None
    pages = Pages(holder, None if deals is None else PastTable(deals, spec, plans), known)
    histories = RequestHistories()
    if pipeline is None:
        return Parts(holder, limits, log, pages, histories, tour=tour)
    table = Pipeline(pipeline, limits, lambda: histories.of(holder.model))
    table.check(holder.model)
    rows = PipelineRows(table, holder, None if known is None else LatestDecisions(known))
    rows.listed(ANYBODY, "en")  # scored now, so that the first page does not have to wait
    return Parts(holder, limits, log, pages, histories, table, rows, tour)


def assemble(parts: Parts) -> FastAPI:
    """Create the application from its parts."""
    app = FastAPI(
        title="fitmodel",
        description="How likely prospects are to leave early, before the deal is signed.",
        docs_url=None,  # FastAPI's pages load scripts from other sites
        redoc_url=None,
        dependencies=[Depends(refuse_unknown_query)],
        lifespan=partial(_lifespan, parts),
    )
    app.state.holder, app.state.pages = parts.holder, parts.pages
    metrics = Metrics()
    _add_api(app, parts, metrics)
    files = _add_pages(app, parts)
    describe_in_openapi(app, parts.holder, parts.limits, {BRIEF: brief_openapi})
    _add_middleware(app, parts.limits, metrics, files)
    return app


def _lifespan(parts: Parts, _app: FastAPI) -> AbstractAsyncContextManager[None]:
    """Return the app's lifespan: it follows the model's source while the service runs."""

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        if parts.limits.reload_seconds > 0:
            parts.holder.follow(parts.limits.reload_seconds)
        if parts.rows is not None:  # the other languages are prepared in the background
            threading.Thread(target=parts.rows.prepare, name="fitmodel-rows", daemon=True).start()
        if parts.limits.people is not None:  # in the background, because it reads the past deals
            given = (parts.limits.people, parts.pipeline, parts.pages)
            names = threading.Thread(
                target=warn_of_reps_without_deals, args=given, name="fitmodel-reps", daemon=True
            )
            names.start()
        yield
        parts.holder.close()
        parts.pages.close()

    return run()


def _add_api(app: FastAPI, parts: Parts, metrics: Metrics) -> None:
    """Add the routes for programs: assessments, briefs, decisions, model and process."""
    holder, log = parts.holder, parts.known_log
    add_problems(app)
    add_assessments(app, holder, metrics, parts.limits, parts.log, parts.histories)
    add_brief(app, holder, parts.limits, parts.pages, parts.histories)
    deal_log = None if log is None else DealLog(log)
    may_see_prospect = partial(may_see, pipeline=parts.pipeline, holder=holder)
    add_decisions(app, parts.log, deal_log, may_see_prospect)
    add_status(app, holder, metrics)


def _add_pages(app: FastAPI, parts: Parts) -> frozenset[str]:
    """Add the pages and the routes that they call; return the paths that need no token."""
    holder, log = parts.holder, parts.known_log
    timelines = Timelines(holder, parts.histories)
    add_pipeline(app, holder, parts.pipeline, parts.rows, timelines)
    add_pages(app, parts.pages)
    add_model(app, holder)
    add_quiz(app, parts.pages, log)
    return add_desk(
        app,
        holder,
        parts.limits,
        parts.pipeline,
        has={
            "deals": parts.pages.has_deals,
            "log": log is not None,
            "history": timelines.has_history(),
        },
        tour=parts.tour,
    )


def _add_middleware(
    app: FastAPI, limits: Settings, metrics: Metrics, files: frozenset[str]
) -> None:
    routes = frozenset(path for route in app.routes if (path := getattr(route, "path", None)))
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=GZIP_LEVEL)
    app.add_middleware(
        ServiceMiddleware, settings=limits, metrics=metrics, routes=routes, pages=files
    )
    if limits.origins:  # outermost: a browser's preflight request comes without the token
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(limits.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-request-id"],
            expose_headers=["x-request-id"],
        )


def warn_of_reps_without_deals(people: People, pipeline: Pipeline | None, pages: Pages) -> None:
    """Log a warning for each user whose rep is neither in the pipeline nor in the past deals."""
    users = [name for name, person in people.by_name.items() if person.is_rep]
    if not users or (pipeline is None and not pages.has_deals):
        return
    column = pages.spec().deals.rep
    if column is None:
        logger.warning(NO_COLUMN.format(users=", ".join(map(repr, users))))
        return
    try:
        known = _known_reps(column, pipeline, pages)
    except (FitModelError, OSError):
        return  # the pages show why a table cannot be read
    for text in reps_without_deals(people, known, column):
        logger.warning(text)


def _known_reps(column: str, pipeline: Pipeline | None, pages: Pages) -> set[str]:
    names = set[str]() if pipeline is None else pipeline.values_of(column)
    past = pages.past_deals()
    return names if past is None else names | set(people_in(*past, "rep").dropna())


def reps_without_deals(people: People, known: Iterable[str], column: str) -> list[str]:
    """Return a warning for each user whose rep has none of the deals."""
    names = sorted(known)
    return [
        f"{user!r} sees no deals: no deal has the rep {person.rep!r} in the column {column!r}."
        f"{_hint(str(person.rep), names)} Remedy: write `rep` in the file of people as the deals "
        "have it."
        for user, person in people.by_name.items()
        if person.is_rep and not any(person.may_see(name) for name in names)
    ]


def _hint(rep: str, names: list[str]) -> str:
    similar = nearest(rep, names)
    return "" if similar is None else f" Did you mean {similar!r}?"
