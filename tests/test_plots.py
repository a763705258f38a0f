"""The module `plots` has every compute_ and plot_ function and loads nothing heavy."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from fitmodel import plots


@pytest.mark.parametrize("name", sorted(plots.__all__))
def test_every_name_is_a_documented_function(name: str) -> None:
    thing = getattr(plots, name)

    assert len(inspect.getdoc(thing) or "") > 30
    assert name.startswith(("compute_", "plot_")) or name == "figure_of"


@pytest.mark.parametrize("name", [each for each in sorted(plots.__all__) if each[:5] == "plot_"])
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


def test_importing_plots_loads_nothing_heavy() -> None:
    code = "import sys, fitmodel.plots; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - a fixed text

    assert not {"numpy", "pandas", "matplotlib", "sklearn", "mlflow"} & set(done.stdout.split())
