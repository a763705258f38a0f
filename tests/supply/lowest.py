"""Print the lowest versions that pyproject.toml allows, as constraints: for `make test-lowest`.

Only for packages needed to run fitmodel, not for those that test, check or document it, which may
always be new.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def lowest(project: Path = PROJECT) -> list[str]:
    """Return ``name==version`` of every dependency of the core and of all extras but ``dev``."""
    declared = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    extras = declared["optional-dependencies"]
    lines = declared["dependencies"] + [
        line for extra, needed in extras.items() if extra != "dev" for line in needed
    ]
    return [f"{each.name}=={_floor(each)}" for each in map(Requirement, lines)]


def _floor(requirement: Requirement) -> str:
    floors = [part.version for part in requirement.specifier if part.operator == ">="]
    if len(floors) != 1:
        message = f"{requirement}: say from which version on it works, name>=version"
        raise ValueError(message)
    return floors[0]


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in lowest()))
