"""Every notebook runs from top to bottom, defines no functions and is stored with its outputs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
FOLDER = re.compile(r"Path\(tempfile\.mkdtemp\(\)\)")
NO_CODE = str(Path(__file__).with_name("no_code"))
LARGEST = 1_000_000
"""Bytes of a notebook with its outputs."""
LIGHT = """
import dataclasses

import fitmodel
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.evaluation.report import TrainingReport
from fitmodel.learning import _other_classifiers as black_box
from fitmodel.tracking import run_log

black_box.N_REPLICATES = 1
run_log._package = lambda: NO_CODE
TrainingReport.figures = lambda _report: {}

def _simulate_quickly(n, **law):
    drawn = simulate_deals(n // 2, **law)
    return dataclasses.replace(drawn, spec=drawn.spec.replace(learning=QUICK_LEARNER))

fitmodel.simulate_deals = _simulate_quickly
"""
"""Half the deals, the quick learner, a quick reference, no plots and no copy of fitmodel.

No page is about them, and the first page runs as it stands.
"""
FOREST = "RandomForestClassifier(10"
"""A smaller forest: the page shows how to use one, and not how good it is."""
AS_IT_STANDS = "00"
MIN_PLOTS = {"01": 1, "02": 1, "03": 1, "04": 3, "05": 1}


def code(path: Path) -> list:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def test_there_is_a_notebook_for_every_step():
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{n:02d}" for n in range(len(NOTEBOOKS))]
    assert len(NOTEBOOKS) == 6


@pytest.fixture(scope="module")
def executed(tmp_path_factory, store_in, quick_learner) -> dict[str, list]:
    """The cells of each notebook after one kernel ran them all, so that imports run once.

    Each page begins in its own folder, with a prepared store and without names of other pages.
    The first page trains and writes everything that a training does.
    """
    cells = {}
    for path in NOTEBOOKS:
        folder = tmp_path_factory.mktemp("page")
        store_in(folder)
        page = nbformat.read(path, 4).cells
        for cell in page:
            cell.source = FOLDER.sub(f"Path({str(folder)!r})", cell.source)
            cell.source = cell.source.replace("RandomForestClassifier(100", FOREST)
            if cell.cell_type == "code":
                cell.outputs = []  # the outputs of the file are from an earlier run
        # a page's objects are not searched for garbage when its names are removed
        begin = [f"import gc\ngc.freeze()\n%reset -f\n%cd -q {folder}"]
        if not path.stem.startswith(AS_IT_STANDS):
            begin.append(f"QUICK_LEARNER = {quick_learner!r}\nNO_CODE = {NO_CODE!r}\n{LIGHT}")
        cells[path.stem] = [*map(nbformat.v4.new_code_cell, begin), *page]
        for number, cell in enumerate(cells[path.stem]):
            cell.id = f"{path.stem}-{number}"
    together = nbformat.v4.new_notebook()
    together.cells = [cell for page in cells.values() for cell in page]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        # no second-stage compiler for Spark: the compiled code runs too rarely here to be worth it
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        NotebookClient(together, timeout=120, allow_errors=True).execute()
    return cells


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # warnings of the kernel's own libraries
@each
def test_a_notebook_runs_top_to_bottom_without_a_warning(path, executed):
    printed = [out for cell in executed[path.stem] for out in cell.get("outputs", [])]
    assert printed
    assert [out for out in printed if out.output_type == "error"] == []
    assert [out for out in printed if out.get("name") == "stderr"] == []


@each
def test_a_notebook_is_stored_with_its_outputs_in_order(path):
    cells = code(path)

    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell.outputs) for cell in cells) > len(cells) / 2


@each
def test_outputs_are_small_and_contain_no_machine_name_and_no_warning(path):
    outputs = [output for cell in code(path) for output in cell.outputs]
    text = str(outputs)

    assert path.stat().st_size < LARGEST
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    assert [output for output in outputs if output.output_type == "error"] == []
    assert re.findall(r"/(?:tmp|home|root|Users|var)/\S+|\w*Warning: ", text) == []


@each
def test_plots_are_stored_as_pictures(path):
    outputs = [output for cell in code(path) for output in cell.outputs]
    drawn = [output for output in outputs if "image/png" in output.get("data", {})]
    named = [o for o in outputs if o.get("data", {}).get("text/plain", "").startswith("<Figure")]

    assert len(drawn) >= MIN_PLOTS.get(path.stem[:2], 0)
    assert len(named) == len(drawn)


@each
def test_a_notebook_defines_no_functions_or_classes(path):
    for cell in code(path):
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))):
            assert not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Lambda)
