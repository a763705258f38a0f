"""The scripts in this folder as modules; the Makefile runs them."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


def _script(name: str) -> ModuleType:
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def third_party() -> ModuleType:
    return _script("third_party")


@pytest.fixture(scope="session")
def lowest() -> ModuleType:
    return _script("lowest")


@pytest.fixture(scope="session")
def pins() -> dict[str, str]:
    """Return the version of each package in constraints.txt."""
    text = (Path(__file__).parents[2] / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pairs = (line.split("==") for line in lines)
    return {name.lower().replace("_", "-").replace(".", "-"): version for name, version in pairs}
