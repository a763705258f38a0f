"""Leave out a benchmark, or a part of it, where a package or a program is absent, with the reason.

`need` is called before anything that needs it is imported, and ends the benchmark; `has` is for a
single way or table.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec

ALL = "make install has it, or see pyproject.toml"


def has(module: str, part: str) -> bool:
    """Whether a module is installed; if not, say that the part that needs it is left out."""
    if find_spec(module) is not None:
        return True
    print(f"{part} is left out: the package {module} is not installed ({ALL})")
    return False


def need(*modules: str, program: str = "") -> None:
    """End the benchmark where a module or a program is absent.

    Raises
    ------
    SystemExit
        With code 0, after the reason was printed, so that `make benchmarks` goes on.
    """
    there = [has(module, "this benchmark") for module in modules]
    if program and shutil.which(program) is None:
        print(f"this benchmark is left out: there is no program {program}")
        there.append(False)
    if not all(there):
        raise SystemExit(0)
