"""`fitmodel.learning.stages` is the one door to single stages of learning."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from fitmodel.learning import stages


def test_the_names_are_the_functions_and_classes_of_the_stub() -> None:
    stub = ast.parse(Path(stages.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    listed = {
        alias.name: f"fitmodel.learning.{node.module}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert sorted(listed) == sorted(stages.__all__) == sorted(dir(stages))
    for name, module in listed.items():
        assert getattr(stages, name) is getattr(import_module(module), name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'fitmodel.learning.stages' has no attribute"):
        _ = stages.learn_all


def test_a_stage_is_imported_without_the_others() -> None:
    code = (
        "import sys; from fitmodel.learning.stages import shift_to_rate\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - a fixed text
    loaded = set(done.stdout.split())

    assert "fitmodel.learning._proportional_odds" in loaded
    assert not {"interpret", "fitmodel.learning._selection"} & loaded
