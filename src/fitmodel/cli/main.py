"""Entry point: imports every module of commands, which adds the commands to the app."""

from __future__ import annotations

from fitmodel.cli import (
    comparing,
    exporting,
    history,
    models,
    monitoring,
    quizzing,
    reporting,
    scoring,
    serving,
    starting,
    training,
)
from fitmodel.cli import (
    reporting as briefing,
)
from fitmodel.cli.app import app

__all__ = [
    "app",
    "briefing",
    "comparing",
    "exporting",
    "history",
    "models",
    "monitoring",
    "quizzing",
    "reporting",
    "scoring",
    "serving",
    "starting",
    "training",
]
