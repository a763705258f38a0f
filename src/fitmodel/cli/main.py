"""Entry point: imports every module of commands, which adds the commands to the app."""

from __future__ import annotations

from fitmodel.cli import (
    history,
    models,
    monitoring,
    reporting,
    scoring,
    serving,
    starting,
    training,
)
from fitmodel.cli.app import app

__all__ = [
    "app",
    "history",
    "models",
    "monitoring",
    "reporting",
    "scoring",
    "serving",
    "starting",
    "training",
]
