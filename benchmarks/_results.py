"""Results of a benchmark that can be stopped and goes on: JSON with date and machine.

A unit of work has a key. What is done is in the file and not done again; each unit is written as it
ends, whole or not at all.
"""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "results"
PACKAGES = (
    "fitmodel", "numpy", "pandas", "scikit-learn", "interpret-core", "lightgbm", "catboost",
    "flaml",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """Cores, processor's kind, Python and the packages that are compared; no name of a machine."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _installed(name))},
    }


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


class Results:
    """Rows of a benchmark in a JSON file.

    Parameters
    ----------
    path : Path
        Made with the first row; a file that is there already is continued.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        if path.is_file():
            self.rows = json.loads(path.read_text(encoding="utf-8"))["rows"]

    def of(self, **key: Any) -> list[dict[str, Any]]:
        """Rows with these values."""
        return [row for row in self.rows if all(row.get(name) == key[name] for name in key)]

    def do(self, work: Callable[[], list[dict[str, Any]]], **key: Any) -> list[dict[str, Any]]:
        """Return the rows of a unit: those in the file, else of the work, which are then written.

        Parameters
        ----------
        work : callable
            Gives the unit's rows, without the key.
        **key
            What names the unit.
        """
        done = self.of(**key)
        if done:
            return done
        return self.keep(work(), **key)

    def keep(self, rows: list[dict[str, Any]], **key: Any) -> list[dict[str, Any]]:
        """Write rows of a unit, with the date.

        Parameters
        ----------
        rows : list of dict
            Without the key.
        **key
            What names the unit. Rows of the same unit that are in the file are replaced.
        """
        today = datetime.now(UTC).date().isoformat()
        dated = [key | row | {"date": today} for row in rows]
        old = self.of(**key)
        position = self.rows.index(old[0]) if old else len(self.rows)
        others = [row for row in self.rows[:position] if row not in old]
        self.rows = others + dated + [row for row in self.rows[position:] if row not in old]
        self._write()
        return dated

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".draft")
        draft.write_text(in_lines({"machine": machine(), "rows": self.rows}), encoding="utf-8")
        draft.replace(self.path)


def in_lines(content: dict[str, Any]) -> str:
    """Return results as JSON with a line per row and 10 digits, so that a change is short."""
    head = {name: value for name, value in content.items() if name != "rows"}
    lines = ",\n".join(f"  {json.dumps(_rounded(row))}" for row in content["rows"])
    return json.dumps(head, indent=1)[:-2] + f',\n "rows": [\n{lines}\n ]\n}}\n'


def _rounded(value: Any) -> Any:
    """Round the numbers of a row, also in lists and tables of it."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    return float(f"{float(value):.10g}")
