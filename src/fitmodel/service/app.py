"""Creation of the service, and format of its log."""

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
    """Create the service for a model.

    Parameters
    ----------
    source : str or Path
        Folder of a bundle, folder of a model name, or ``models:/name@alias``. The last two are
        followed: a new champion is used without a restart.
    settings : Settings, optional
        Limits of the service.
    log : DecisionLog, optional
        Decision log. Each assessment of a prospect with the contract's id is logged before the
        response is sent, and so are people's decisions (POST /v1/decisions).
    pipeline : Path, optional
        File of open prospects that the page at / lists: CSV, TSV, Parquet or Excel.
    deals : Path, optional
        File of past deals, for the pages Team and Watch and for similar deals.
    spec : DealSpec, optional
        Contract to read the past deals with; default: that of the model.
    plans : tuple of Plan
        Commission plans that the page Team applies to the past deals.
    tour : bool
        Whether the page at / begins with a short guide.

    Raises
    ------
    DependencyError
        If a package of the extra `service` is not installed.
    BundleError, TrackingError
        If the model cannot be loaded.
    ProspectError
        If the pipeline cannot be read, lacks an attribute, or is too long.
    """
    try:
        from fitmodel.service._assembly import assemble, make_parts
    except ImportError as error:
        raise DependencyError(
            f"the service needs {error.name}, which is not installed. Remedy: pip install "
            '"fitmodel[service]", or in a clone pip install ".[service]"'
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
    """Log records as JSON: time, level, message, facts; escaping prevents forged lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line of JSON."""
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
