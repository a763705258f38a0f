"""`fitmodel.evaluation.figures` is the one door to all figures of the room."""

from __future__ import annotations

import ast
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


def test_each_name_is_defined_once_and_found():
    assert len(set(figures.__all__)) == len(figures.__all__)
    assert all(callable(getattr(figures, name)) for name in figures.__all__)


def test_the_plots_for_notebooks_are_the_same_functions():
    shared = set(fitmodel.plots.__all__) & set(figures.__all__)

    assert "compute_calibration" in shared
    assert all(getattr(fitmodel.plots, name) is getattr(figures, name) for name in shared)
