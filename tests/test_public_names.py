"""The public names of `import fitmodel`, and the modules that it does not load."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import fitmodel

NAMES = {
    "Assessment",
    "DealSpec",
    "FitModel",
    "FitModelError",
    "ModelHolder",
    "ProspectFitClassifier",
    "TrainingRun",
    "audit_leakage",
    "backtest",
    "compare_models",
    "load",
    "load_telco",
    "predict",
    "read_deals",
    "score_file",
    "simulate_deals",
    "sweep",
    "train",
}
"""Each is a promise: it stays until a major version."""
HEAVY = ("interpret", "matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "pydantic", "sklearn")


def _modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    # the interpreter running the tests, with a fixed program text
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement", ["import fitmodel", "import fitmodel; dir(fitmodel); fitmodel.FitModelError"]
)
def test_importing_the_package_loads_nothing_heavy(statement):
    loaded = _modules_after(statement)

    assert "fitmodel" in loaded
    assert not loaded.intersection(HEAVY)


def test_the_command_line_parses_arguments_without_loading_learning_libraries():
    loaded = _modules_after("import fitmodel.cli.main")

    assert "typer" in loaded
    assert not loaded.intersection(HEAVY)


def test_the_public_names_are_sorted_and_as_listed():
    assert fitmodel.__all__ == sorted(fitmodel.__all__)
    assert set(fitmodel.__all__) == NAMES
    assert len(fitmodel.__all__) == len(NAMES)


def test_the_type_stub_has_the_exported_names():
    tree = ast.parse(Path(fitmodel.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.asname: (node.module, alias.name) for node in imports for alias in node.names}

    assert sorted(seen) == fitmodel.__all__
    for exported, (module, name) in seen.items():
        assert exported == name
        assert getattr(fitmodel, name) is getattr(import_module(f"fitmodel.{module}"), name)


@pytest.mark.parametrize("name", fitmodel.__all__)
def test_every_public_name_has_a_docstring(name):
    assert len(inspect.getdoc(getattr(fitmodel, name)) or "") > 30


def test_a_star_import_gives_exactly_the_public_names():
    names: dict[str, object] = {}
    exec("from fitmodel import *", names)  # noqa: S102 - a star import is a module's own affair
    del names["__builtins__"]

    assert sorted(names) == fitmodel.__all__


def test_the_version_is_the_installed_version():
    assert fitmodel.__version__ == version("fitmodel")
    assert {*fitmodel.__all__, "__version__"} <= set(dir(fitmodel))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'fitmodel' has no attribute 'fit'"):
        _ = fitmodel.fit
