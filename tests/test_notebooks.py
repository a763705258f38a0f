"""Every notebook runs top to bottom, defines nothing of its own and is kept with its outputs."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
LONGEST = 12
"""Lines of a cell: what is longer belongs into the package."""


def code(path: Path) -> list:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def test_there_is_a_notebook_for_every_step():
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{n:02d}" for n in range(len(NOTEBOOKS))]
    assert len(NOTEBOOKS) >= 4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's own libraries
@each
def test_it_runs_top_to_bottom_without_a_warning(path, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()

    printed = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    assert printed
    assert [out for out in printed if out.get("name") == "stderr"] == []


@each
def test_it_is_kept_with_its_outputs_and_in_order(path):
    cells = code(path)

    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell.outputs) for cell in cells) > len(cells) / 2


@each
def test_it_defines_no_class_and_no_more_than_a_line_of_function(path):
    for cell in code(path):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.ClassDef)
            if isinstance(node, ast.FunctionDef):
                assert len(node.body) == 1
