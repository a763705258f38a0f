"""Modules that load their names when they are first used have the names that their stubs list."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from fitmodel import plots
from fitmodel.evaluation import figures
from fitmodel.learning import stages


def listed(module: ModuleType) -> dict[str, str]:
    """Return the names in the stub of a module, each with the module that it comes from."""
    stub = ast.parse(Path(str(module.__file__)).with_suffix(".pyi").read_text(encoding="utf-8"))
    package = module.__name__.rpartition(".")[0]
    return {
        alias.name: f"{package}.{node.module}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("module", [plots, figures, stages])
def test_every_name_of_the_stub_is_that_of_its_module(module: ModuleType) -> None:
    names = listed(module)

    assert len(names) > 15
    assert sorted(names) == sorted(module.__all__) == sorted(dir(module))
    for name, home in names.items():
        assert getattr(module, name) is getattr(import_module(home), name)


@pytest.mark.parametrize("module", [plots, figures, stages])
def test_an_unknown_name_is_an_attribute_error(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"'{module.__name__}' has no attribute 'plot_pie'"):
        _ = module.plot_pie
