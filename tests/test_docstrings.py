"""Every public name is documented in the same way, and its examples run."""

from __future__ import annotations

import contextlib
import doctest
import inspect
import re
import shutil
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import fitmodel


def object_named(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


DOCS = Path(__file__).parents[1] / "docs"
HOMES = sorted({getattr(fitmodel, name).__module__ for name in fitmodel.__all__})
ROOMS = (DOCS / "reference" / "rooms.md").read_text(encoding="utf-8")
DOCUMENTED = re.findall(r"^::: (fitmodel\.[\w.]+)$", ROOMS, re.MULTILINE)
MODULES = sorted(
    {*HOMES, *(object_named(name).__module__ for name in DOCUMENTED)} - {"fitmodel.exceptions"}
)
"""Modules in which the documented names are defined, whatever door they are imported from."""
RESULTS = (
    "Report", "Run", "SimilarDeals", "Performance", "Profile", "Plan", "EditedModel", "View", "Set"
)  # fmt: skip
"""Ends of the names of what functions return: the functions' examples show them."""
SHOWN_ELSEWHERE = {
    "fitmodel.deals._history_view",
    "fitmodel.deals.training_set",
    "fitmodel.evaluation._report_classes",
    "fitmodel.scoring.spark",
}
"""Made by `DealHistory`, by `train` and `backtest`; needs Java, and is tried in tests/scoring."""


@pytest.fixture(scope="session")
def followed(
    tmp_path_factory: pytest.TempPathFactory, migrated_store: Path, quick_learner: dict[str, Any]
) -> tuple[Path, fitmodel.TrainingRun]:
    """The folder in which the examples run: a contract, deals, prospects and a model."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copy(migrated_store, folder / "mlflow.db")
    simulation = fitmodel.simulate_deals(1200, seed=1, signal=1.5)
    simulation.deals.to_csv(folder / "deals.csv", index=False)
    prospects = simulation.deals.tail(50).drop(columns="churned_on")
    prospects.to_csv(folder / "prospects.csv", index=False)
    spec = simulation.spec.replace(tracking={"uri": "sqlite:///mlflow.db"}, learning=quick_learner)
    (folder / "fitmodel.toml").write_text(spec.to_toml(), encoding="utf-8")
    with contextlib.chdir(folder):
        run = fitmodel.train("deals.csv", spec)
    return folder, run


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MODULES, "fitmodel.exceptions"])
def test_the_examples_run_and_give_the_shown_output(
    name: str,
    followed: tuple[Path, fitmodel.TrainingRun],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    simulate_quickly: Callable[..., Any],
) -> None:
    """Simulated deals in examples get a contract with the quick learner."""
    folder, run = followed
    monkeypatch.setattr(fitmodel, "simulate_deals", simulate_quickly, raising=False)
    without_code = shutil.ignore_patterns("code")  # the copy of fitmodel next to a logged model
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True, symlinks=True, ignore=without_code)
    words = {"fitmodel": fitmodel, "pd": pd, "run": run}
    with contextlib.chdir(tmp_path):
        failed, tried = doctest.testmod(
            import_module(name), extraglobs=words, optionflags=doctest.NORMALIZE_WHITESPACE
        )
    assert failed == 0
    assert tried > 0 or name in SHOWN_ELSEWHERE


def test_examples_import_existing_names_also_in_private_modules() -> None:
    source = Path(fitmodel.__file__).parent
    imported = re.findall(
        r">>> from (fitmodel[\w.]*) import ([\w, ]+?)(?: as \w+)?(?: *#.*)?$",
        "\n".join(path.read_text(encoding="utf-8") for path in sorted(source.rglob("*.py"))),
        re.MULTILINE,
    )
    missing = [
        (module, name)
        for module, names in imported
        for name in names.split(", ")
        if not (hasattr(import_module(module), name) or find_spec(f"{module}.{name}"))
    ]
    assert len(imported) > 20
    assert missing == []


@pytest.mark.parametrize("name", [f"fitmodel.{name}" for name in fitmodel.__all__] + DOCUMENTED)
def test_a_public_name_has_a_summary_its_parameters_and_an_example(name: str) -> None:
    thing = object_named(name)
    text = inspect.getdoc(thing) or ""

    assert re.match(r"\S.*[.:]", text.splitlines()[0] + ".")
    if inspect.isclass(thing):
        shown = text + "".join(inspect.getdoc(item) or "" for item in vars(thing).values())
        assert "Parameters" in text or "Attributes" in text or issubclass(thing, Exception)
    else:
        shown = text
        for parameter in inspect.signature(thing).parameters:
            assert re.search(rf"\b{parameter}\b", text), parameter
    assert ">>>" in shown or name.endswith(RESULTS)
