"""Results that a benchmark keeps on disk, so that a stopped run goes on where it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class KeptResults:
    """Results by key, one JSON line each.

    Parameters
    ----------
    path : Path or None
        File to read from and add to; None keeps nothing. Delete it after a change of the code: a
        kept result is not measured again.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, Any] = {}
        if path is not None and path.exists():
            # the last line of a run that was killed may be cut
            for line in path.read_text().splitlines():
                if line.endswith("}"):
                    record = json.loads(line)
                    self._known[record["key"]] = record["result"]

    def get(self, key: str, measure: Callable[[], Any]) -> Any:
        """Result of `measure`, from the file where it is there."""
        if key not in self._known:
            self._known[key] = measure()
            if self._path is not None:
                with self._path.open("a") as file:
                    file.write("\n" + json.dumps({"key": key, "result": self._known[key]}))
        return self._known[key]
