"""The `[tracking]` section of the contract: where MLflow keeps runs and models."""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import field_validator

from fitmodel.deals.plain_words import shortened
from fitmodel.deals.sections import Column, Section

_FOLDER_NAME = re.compile(r"[^/\\:\x00-\x1f]+")


def holds_password(uri: str) -> bool:
    """Whether a URI names a password: before the host, as a server's user too, or in its query."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # no URI at all, which MLflow will say
        return "@" in uri
    user = parts.username if parts.scheme in {"http", "https"} else None  # may be a server's token
    return bool(user or parts.password or "password=" in parts.query.lower())


class Tracking(Section):
    """Where MLflow keeps runs; `uri` None means MLFLOW_TRACKING_URI, else sqlite:///mlflow.db.

    `uri` holds no password: the contract is kept in every bundle and shown in every run.
    """

    section: ClassVar[str] = "tracking"

    uri: Column | None = None
    experiment: Column = "prospect-fit"
    registered_model: Column = "prospect-fit"

    @field_validator("uri", mode="after")
    @classmethod
    def _names_no_password(cls, value: str | None) -> str | None:
        if value is not None and holds_password(value):
            raise ValueError(
                "[tracking] uri holds a password, and the contract is shown in every run and kept "
                "in every bundle: leave uri out and set MLFLOW_TRACKING_URI, or for a server take "
                "user and password out of it and set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD"
            )
        return value

    @field_validator("registered_model", mode="after")
    @classmethod
    def _names_a_folder(cls, value: str) -> str:
        if not _FOLDER_NAME.fullmatch(value) or value.strip(". ") != value:
            raise ValueError(
                f"[tracking] registered_model {shortened(value)} also names the bundle's folder: "
                "no slashes, colons or control characters, no dot or space at either end"
            )
        return value
