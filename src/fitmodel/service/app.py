"""Creation of the service, in one process or in several, and format of its log.

several processes: options of the workers, as JSON in the environment -> uvicorn's workers
    -> `make_app` in each, with its own model
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DependencyError
from fitmodel.monitoring.log import DecisionLog
from fitmodel.sales.plans import read_plan
from fitmodel.service.settings import MULTIPROC_DIR, Settings, read_people

if TYPE_CHECKING:
    from fastapi import FastAPI

    from fitmodel.model.logged import AssessmentLog
    from fitmodel.sales.plans import Plan

SERVED = "FITMODEL_SERVED"
_SETS = ("hosts", "origins")
_FILES = ("pipeline", "deals", "config", "people", "plan")
_TOKEN, _SALT = "FITMODEL_TOKEN", "FITMODEL_LOG_SALT"


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
    """Log records as JSON: time, level, message, fields; escaping prevents forged lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line of JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return json.dumps(line | getattr(record, "fields", {}))


def log_to_stderr() -> None:
    """Send the service's log, and the server's warnings, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name, level in (("fitmodel", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


@dataclass(frozen=True)
class ServedBy:
    """Options from which a worker creates its service.

    Parameters
    ----------
    source : str
        Source of the model, as in `fitmodel.service.app.create_app`.
    settings : Settings
        Limits of the service.
    log : str or None
        Path or URL of the decision log.
    salt : str or None
        Salt of the ids in the decision log.
    pipeline, deals : Path or None
        Files of open prospects, and of past deals.
    config : Path or None
        Contract of the past deals.
    people : Path or None
        File of reps and managers.
    plan : Path or None
        File of a commission plan.
    """

    source: str
    settings: Settings
    log: str | None = None
    salt: str | None = None
    pipeline: Path | None = None
    deals: Path | None = None
    config: Path | None = None
    people: Path | None = None
    plan: Path | None = None

    def make(self) -> FastAPI:
        """Create the service."""
        people = None if self.people is None else read_people(self.people)
        return create_app(
            self.source,
            replace(self.settings, people=people),
            log=None if self.log is None else DecisionLog(self.log, salt=self.salt),
            pipeline=self.pipeline,
            deals=self.deals,
            spec=None if self.config is None else DealSpec.from_toml(self.config),
            plans=() if self.plan is None else (read_plan(self.plan),),
        )


def run_workers(count: int, served: ServedBy, **options: Any) -> None:
    """Run the service in several processes until they are stopped; their counters are summed.

    Parameters
    ----------
    count : int
        Number of processes.
    served : ServedBy
        Options of the service.
    options
        Options of ``uvicorn.run``: host, port and others.
    """
    import uvicorn

    with tempfile.TemporaryDirectory(prefix="fitmodel-metrics-") as counters:
        os.environ |= {SERVED: _as_json(served), MULTIPROC_DIR: counters}
        os.environ |= {_SALT: served.salt} if served.salt else {}
        try:
            uvicorn.run(f"{__name__}:make_app", factory=True, workers=count, **options)
        finally:
            for name in (SERVED, MULTIPROC_DIR):
                os.environ.pop(name, None)


def _as_json(served: ServedBy) -> str:
    """Return the options as JSON, without secrets, which are passed as separate variables.

    The people are passed as the path of their file.
    """
    limits = {
        field.name: getattr(served.settings, field.name)
        for field in fields(Settings)
        if field.name not in {"token", "people"}
    }
    limits |= {name: sorted(limits[name]) for name in _SETS}
    files = {name: getattr(served, name) for name in _FILES}
    files = {name: None if path is None else str(path) for name, path in files.items()}
    known = {"source": served.source, "settings": limits, "log": served.log}
    return json.dumps(known | files)


def make_app() -> FastAPI:
    """Create the service of one worker, with the options in the environment."""
    log_to_stderr()
    options = json.loads(os.environ[SERVED])
    limits = options["settings"]
    limits |= {name: frozenset(limits[name]) for name in _SETS}
    files = {name: None if options[name] is None else Path(options[name]) for name in _FILES}
    settings = Settings(token=os.environ.get(_TOKEN), **limits)
    return ServedBy(
        options["source"], settings, options["log"], os.environ.get(_SALT), **files
    ).make()
