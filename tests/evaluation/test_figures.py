"""`fitmodel.evaluation.figures` is the one door to all figures of the room."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import fitmodel.plots
from fitmodel.evaluation import figures

ROOM = Path(figures.__file__).parent
ELSEWHERE = {"compute_backtest", "compute_ageing", "compute_decay", "compute_metrics"}
"""Results and numbers of other doors of the room: `backtest` and `metrics`."""


def test_every_function_that_computes_or_draws_a_figure_is_there():
    written = {
        node.name
        for path in ROOM.glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith(("compute_", "plot_"))
    }

    assert written - ELSEWHERE <= set(figures.__all__)
    assert written >= ELSEWHERE


def test_a_figure_is_computed_without_the_learner():
    """Pages of a service that only scores draw figures too."""
    code = (
        "import sys; from fitmodel.evaluation.figures import compute_table, plot_table\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - a fixed text

    assert not {"sklearn", "interpret", "mlflow"} & set(done.stdout.split())


def test_the_plots_for_notebooks_are_the_same_functions():
    shared = set(fitmodel.plots.__all__) & set(figures.__all__)

    assert "compute_calibration" in shared
    assert all(getattr(fitmodel.plots, name) is getattr(figures, name) for name in shared)
