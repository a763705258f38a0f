"""Build the service, and write its log."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fitmodel.exceptions import DependencyError
from fitmodel.service.settings import Settings

if TYPE_CHECKING:
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
        from fitmodel.service._assembly import assemble, make_parts
    except ImportError as error:
        raise DependencyError(
            'the service needs FastAPI. Remedy: pip install "fitmodel[service]"'
        ) from error
    parts = make_parts(
        source,
        settings or Settings(),
        log=log,
        pipeline=pipeline,
        deals=deals,
        spec=spec,
        plans=plans,
        tour=tour,
    )
    return assemble(parts)


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
