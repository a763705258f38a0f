"""Service with several processes at one address, each with its own model.

command -> options of the workers, as JSON in the environment -> uvicorn's workers -> `make_app`
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.deals.contract import DealSpec
from fitmodel.monitoring.log import DecisionLog
from fitmodel.sales.plans import read_plan
from fitmodel.service.app import create_app, log_to_stderr
from fitmodel.service.settings import MULTIPROC_DIR, Settings, read_people

if TYPE_CHECKING:
    from fastapi import FastAPI

SERVED = "FITMODEL_SERVED"
_SETS = ("hosts", "origins")
_FILES = ("pipeline", "deals", "config", "people", "plan")
_TOKEN, _SALT = "FITMODEL_TOKEN", "FITMODEL_LOG_SALT"


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
