"""Build the service: model, limits, routes and middleware."""

from __future__ import annotations

import json
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fitmodel.crm.requests import RequestHistories
from fitmodel.exceptions import DependencyError
from fitmodel.following import ModelHolder
from fitmodel.monitoring.deal_log import DealLog
from fitmodel.monitoring.log import DecisionLog
from fitmodel.service._middleware import Metrics, ServiceMiddleware
from fitmodel.service._pipeline import Pipeline, may_see
from fitmodel.service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fastapi import FastAPI

    from fitmodel.deals.contract import DealSpec
    from fitmodel.model.logged import AssessmentLog
    from fitmodel.sales.plans import Plan


def create_app(
    source: str | Path,
    settings: Settings | None = None,
    *,
    log: AssessmentLog | None = None,
    pipeline: Path | None = None,
    deals: Path | None = None,
    spec: DealSpec | None = None,
    plans: tuple[Plan, ...] = (),
    tour: bool = False,
) -> FastAPI:
    """Make the service over a model.

    Parameters
    ----------
    source : str or Path
        A bundle's folder, the folder of a name, or ``models:/name@alias``; the last two are
        followed: another champion is taken into use without a restart.
    settings : Settings, optional
    log : DecisionLog, optional
        Every assessment of a prospect that brings the contract's id is in it before it is answered,
        and what people then did (POST /v1/decisions).
    pipeline : Path, optional
        Open prospects that the page at / begins with: CSV, TSV or Parquet.
    deals : Path, optional
        Past deals, for the pages Team and Watch and for similar deals.
    spec : DealSpec, optional
        The contract that reads them; default that of the model.
    plans : tuple of Plan
        Commission plans that the page Team pays over the deals.
    tour : bool
        Whether the page at / begins with a short guide.

    Raises
    ------
    DependencyError
        If FastAPI is not installed.
    BundleError, TrackingError
        If there is no model to begin with.
    ProspectError
        If the pipeline cannot be read, lacks an attribute, or is too long.
    """
    try:
        from fastapi import FastAPI
        from fastapi.middleware.cors import CORSMiddleware
        from fastapi.middleware.gzip import GZipMiddleware

        from fitmodel.service._brief_routes import BRIEF, add_brief, brief_openapi
        from fitmodel.service._decision_routes import add_decisions
        from fitmodel.service._desk_routes import add_desk
        from fitmodel.service._page_routes import Pages, PastTable, add_pages
        from fitmodel.service._routes import (
            add_assessments,
            add_facts,
            add_problems,
            describe_in_openapi,
        )
    except ImportError as error:
        raise DependencyError(
            'the service needs FastAPI. Remedy: pip install "fitmodel[service]"'
        ) from error
    limits = settings or Settings()
    holder, metrics = ModelHolder(source), Metrics()
    histories = RequestHistories()
    prospects = (
        None if pipeline is None else Pipeline(pipeline, limits, lambda: histories.of(holder.model))
    )
    if prospects is not None:
        prospects.check(holder.model)

    known = log if isinstance(log, DecisionLog) else None
    pages = Pages(holder, None if deals is None else PastTable(deals, spec, plans), known)

    @asynccontextmanager
    async def following(_app: FastAPI) -> AsyncIterator[None]:
        if limits.reload_seconds > 0:
            holder.follow(limits.reload_seconds)
        yield
        holder.close()
        pages.close()

    app = FastAPI(
        title="fitmodel",
        description="How likely prospects are to leave early, before the deal is signed.",
        docs_url=None,  # FastAPI's pages load scripts from elsewhere
        redoc_url=None,
        lifespan=following,
    )
    app.state.holder, app.state.pages = holder, pages
    add_problems(app)
    add_assessments(app, holder, metrics, limits, log, histories)
    add_brief(app, holder, limits, pages, histories)
    deal_log = None if known is None else DealLog(known)
    add_decisions(app, log, deal_log, lambda person, name: may_see(person, name, prospects, holder))
    add_facts(app, holder, metrics)
    add_pages(app, holder, pages)
    files = add_desk(app, holder, limits, prospects, pages, has_log=known is not None, tour=tour)
    describe_in_openapi(app, holder, limits, {BRIEF: brief_openapi})
    routes = frozenset(path for route in app.routes if (path := getattr(route, "path", None)))
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(
        ServiceMiddleware, settings=limits, metrics=metrics, routes=routes, pages=files
    )
    if limits.origins:  # the outermost: a browser asks beforehand, without the token
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(limits.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-request-id"],
            expose_headers=["x-request-id"],
        )
    return app


class JsonLines(logging.Formatter):
    """Time, level, message and the facts of a record; JSON escapes whatever could forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return json.dumps(line | getattr(record, "facts", {}))


def log_to_stderr() -> None:
    """Send the service's log, and the server's warnings, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name, level in (("fitmodel", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
