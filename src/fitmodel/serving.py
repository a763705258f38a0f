"""Several processes that answer at one address, each with a model of its own.

command -> what each worker needs, as JSON in the environment -> uvicorn's workers -> `make_app`
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.monitoring.log import DecisionLog
from fitmodel.service.app import create_app, log_to_stderr
from fitmodel.service.settings import MULTIPROC_DIR, Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

SERVED = "FITMODEL_SERVED"
_TOKEN, _SALT = "FITMODEL_TOKEN", "FITMODEL_LOG_SALT"


@dataclass(frozen=True)
class ServedBy:
    """What a worker makes its service of.

    Parameters
    ----------
    source : str
        As `fitmodel.service.app.create_app` takes it.
    settings : Settings
    log : str or None
        Place of the decision log.
    salt : str or None
        Of the decision log.
    pipeline : Path or None
    """

    source: str
    settings: Settings
    log: str | None = None
    salt: str | None = None
    pipeline: Path | None = None


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
    """Everything but the secrets, which stay variables of their own."""
    limits = asdict(served.settings)
    limits |= {name: sorted(limits[name]) for name in ("hosts", "origins")}
    del limits["token"]
    pipeline = None if served.pipeline is None else str(served.pipeline)
    return json.dumps(
        {"source": served.source, "settings": limits, "log": served.log, "pipeline": pipeline}
    )


def make_app() -> FastAPI:
    """Make the service of one worker, from the environment."""
    log_to_stderr()
    served = json.loads(os.environ[SERVED])
    limits = served["settings"]
    limits |= {name: frozenset(limits[name]) for name in ("hosts", "origins")}
    settings = Settings(token=os.environ.get(_TOKEN), **limits)
    place = served["log"]
    log = None if place is None else DecisionLog(place, salt=os.environ.get(_SALT))
    pipeline = served["pipeline"]
    return create_app(
        served["source"], settings, log=log, pipeline=None if pipeline is None else Path(pipeline)
    )
