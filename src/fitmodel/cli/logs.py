"""The decision log as an option of commands: an SQLite file, or a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fitmodel.monitoring.log import DecisionLog

Log = Annotated[str, typer.Option("--log", help="Decision log: a file, or postgresql://...")]
Salt = Annotated[
    str | None,
    typer.Option(envvar="FITMODEL_LOG_SALT", help="Where the log keeps ids hashed: their salt."),
]
DECISIONS = "decisions.db"


def existing_log(place: str, salt: str | None) -> DecisionLog:
    """Open a log that must be there already."""
    from fitmodel.exceptions import TrackingError
    from fitmodel.monitoring.log import DecisionLog

    if "://" not in place and not Path(place).is_file():
        raise TrackingError(f"there is no decision log {place}. Remedy: name it with --log.")
    return DecisionLog(place, salt=salt)
