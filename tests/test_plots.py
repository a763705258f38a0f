"""The module `plots` has every compute_ and plot_ function and loads nothing heavy."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from fitmodel import plots

STUB = ast.parse(Path(plots.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
MODULES = {
    alias.name: f"fitmodel.{node.module}"
    for node in STUB.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}


def test_the_names_are_those_of_the_stub() -> None:
    assert sorted(MODULES) == sorted(plots.__all__) == sorted(dir(plots))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_name_is_the_documented_function_of_its_module(name: str) -> None:
    thing = getattr(plots, name)

    assert thing is getattr(import_module(MODULES[name]), name)
    assert len(inspect.getdoc(thing) or "") > 30
    assert name.startswith(("compute_", "plot_")) or name == "figure_of"


@pytest.mark.parametrize("name", [name for name in sorted(MODULES) if name.startswith("plot_")])
def test_every_plot_takes_axes_and_a_language(name: str) -> None:
    assert {"ax", "language"} <= set(inspect.signature(getattr(plots, name)).parameters)


def test_every_public_plot_of_the_evaluation_is_in_the_module() -> None:
    folder = Path(plots.__file__).parent / "evaluation"
    drawn = {
        node.name
        for path in folder.glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("plot_")
    }

    assert drawn <= set(plots.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'fitmodel.plots' has no attribute 'plot_pie'"):
        _ = plots.plot_pie


def test_importing_plots_loads_nothing_heavy() -> None:
    code = "import sys, fitmodel.plots; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - a fixed text

    assert not {"numpy", "pandas", "matplotlib", "sklearn", "mlflow"} & set(done.stdout.split())
