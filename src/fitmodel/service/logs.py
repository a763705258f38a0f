"""Format log records as one JSON object per line."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """Time, level, message and the facts of a record; JSON escapes whatever could forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
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
