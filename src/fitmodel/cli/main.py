"""Import every module of commands, which adds them to the app."""

from __future__ import annotations

from fitmodel.cli import (
    briefing,
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
    "briefing",
    "models",
    "monitoring",
    "reporting",
    "scoring",
    "serving",
    "starting",
    "training",
]
