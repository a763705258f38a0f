"""Several processes that answer at one address, each with a model of its own.

command -> what each worker needs, as JSON in the environment -> uvicorn's workers -> `make_app`
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
from fitmodel.service.people import read_people
from fitmodel.service.settings import MULTIPROC_DIR, Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

SERVED = "FITMODEL_SERVED"
_SETS = ("hosts", "origins")
_FILES = ("pipeline", "deals", "config", "people", "plan")
_TOKEN, _SALT = "FITMODEL_TOKEN", "FITMODEL_LOG_SALT"


@dataclass(frozen=True)
class ServedBy:
    """What a worker builds its service from.

    Parameters
    ----------
    source : str
        As `fitmodel.service.app.create_app` takes it.
    settings : Settings
    log : str or None
        Place of the decision log.
    salt : str or None
        Of the decision log.
    pipeline, deals : Path or None
        Open prospects, and past deals.
    config : Path or None
        Contract of the past deals.
    people : Path or None
        File of reps and managers.
    plan : Path or None
        A commission plan.
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
        """Make the service."""
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
    """Answer with several processes until they are stopped; their counters are added up.

    Parameters
    ----------
    count : int
    served : ServedBy
    options
        Of ``uvicorn.run``: host, port and the like.
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
    """Everything but the secrets, which stay variables of their own, and the people, a file."""
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
    """Make the service of one worker, from the environment."""
    log_to_stderr()
    options = json.loads(os.environ[SERVED])
    limits = options["settings"]
    limits |= {name: frozenset(limits[name]) for name in _SETS}
    files = {name: None if options[name] is None else Path(options[name]) for name in _FILES}
    settings = Settings(token=os.environ.get(_TOKEN), **limits)
    return ServedBy(
        options["source"], settings, options["log"], os.environ.get(_SALT), **files
    ).make()
