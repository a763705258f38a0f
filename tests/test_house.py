"""The structure of the source: import order, MLflow in one room, small files, private modules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import fitmodel

HOUSE = Path(fitmodel.__file__).parent
ROOMS = (
    "_old_names",
    "renamed",
    "exceptions",
    "language",
    "tables",
    "checks",
    "deals",
    "crm",
    "leakage",
    "guessing",
    "datasets",
    "learning",
    "evaluation",
    "decision",
    "bundle",
    "model",
    "tracking",
    "loading",
    "pooling",
    "scoring",
    "sales",
    "monitoring",
    "reports",
    "service",
    "plots",
    "checking",
    "shipping",
    "training",
    "sweeping",
    "comparing",
    "stability",
    "backtesting",
    "editing",
    "retraining",
    "demonstration",
    "cli",
    "__main__",
)
KEPT_NAMES: set[str] = set()
"""Modules that keep a plain name although only their room imports them: each with its reason."""
FILES = sorted(path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py")
MODULES = {
    ".".join(("fitmodel", *path.relative_to(HOUSE).with_suffix("").parts)): path
    for path in FILES
    if path.name != "__init__.py"
}
REPOSITORY = Path(__file__).parents[1]
SCRIPTS = sorted([*REPOSITORY.glob("benchmarks/*.py"), *REPOSITORY.glob("docs/*.py")])
READ_BY_PEOPLE = sorted(
    [
        *SCRIPTS,
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("docs/**/*.md"),
        *REPOSITORY.glob("notebooks/*.ipynb"),
    ]
)
MAX_LINES = 350
MAX_DOORS = 15


def _name(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def _room(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imported(tree: ast.AST) -> set[str]:
    """Modules that are imported anywhere in a file, in functions and for type checkers too."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the room they come from"
            module = node.module or ""
            modules |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return modules


def _imported_rooms(tree: ast.AST) -> set[str]:
    parts = (module.split(".") for module in _imported(tree))
    return {part[1] for part in parts if part[0] == "fitmodel" and part[1:] and part[1] in ROOMS}


def _first_parts(modules: set[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


def _faults(by_file: dict[str, Any]) -> dict[str, Any]:
    """Keep the files with findings, so that a failure names each with its lines."""
    return {name: faults for name, faults in by_file.items() if faults}


def _calls(tree: ast.AST, function: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == function
    ]


def _is_broad(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(
        item is None or (isinstance(item, ast.Name) and item.id in {"Exception", "BaseException"})
        for item in kinds
    )


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """Whether the handler cleans up and raises the same error again."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_every_room_is_in_the_import_order():
    assert {_room(path) for path in FILES} <= set(ROOMS)


@pytest.mark.slow
def test_a_file_imports_only_from_rooms_above_it():
    from_below = {
        _name(path): _imported_rooms(_tree(path)) - set(ROOMS[: ROOMS.index(_room(path)) + 1])
        for path in FILES
    }

    assert _faults(from_below) == {}


def test_only_tracking_imports_mlflow():
    importing = [path for path in FILES if "mlflow" in _first_parts(_imported(_tree(path)))]

    assert {_room(path) for path in importing} == {"tracking"}


def test_files_are_at_most_350_lines_long():
    lines = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}

    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_no_broad_except_swallows_errors():
    swallowing = {
        _name(path): [
            node.lineno
            for node in ast.walk(_tree(path))
            if isinstance(node, ast.ExceptHandler)
            and _is_broad(node.type)
            and not _raises_again(node)
        ]
        for path in FILES
    }

    assert _faults(swallowing) == {}


def test_only_the_command_line_prints():
    printing = {_name(path): _calls(_tree(path), "print") for path in FILES if _room(path) != "cli"}

    assert _faults(printing) == {}


def test_no_file_is_named_utils_or_helpers():
    names = {path.stem for path in FILES}

    assert names & {"utils", "util", "helpers", "common", "misc"} == set()


def test_importing_a_module_does_no_work():
    # MLflow runs a models-from-code script: it must set its model on import.
    # The command line registers its commands on import.
    allowed = {"tracking/pyfunc_model.py", "cli/app.py"}
    working = {
        _name(path): [
            node.lineno
            for node in _tree(path).body
            if isinstance(node, ast.For | ast.While | ast.With)
            or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        ]
        for path in FILES
        if _name(path) not in allowed
    }

    assert _faults(working) == {}


def test_there_are_no_circular_imports():
    """Imports inside functions and for type checkers count too."""
    graph = {module: _imported_modules(path) for module, path in MODULES.items()}

    assert list(_circles(graph)) == []


def test_a_private_module_is_not_imported_by_other_rooms():
    foreign = {
        _name(path): [
            module
            for module in _imported_modules(path)
            if module.split(".")[-1].startswith("_") and module.split(".")[1] != _room(path)
        ]
        for path in FILES
    }

    assert _faults(foreign) == {}


def test_benchmarks_and_documentation_import_only_public_modules():
    private = {
        script.name: [
            module
            for module in _imported(_tree(script))
            if module.startswith("fitmodel.")
            and any(part.startswith("_") for part in module.split(".")[1:])
        ]
        for script in SCRIPTS
    }

    assert _faults(private) == {}


def test_pages_and_notebooks_name_only_public_modules_in_imports():
    named = re.compile(r"(?:from|import|:::) (fitmodel(?:\.\w+)+)")
    private = {
        path.name: [
            module
            for module in named.findall(path.read_text(encoding="utf-8"))
            if any(part.startswith("_") for part in module.split(".")[1:])
        ]
        for path in READ_BY_PEOPLE
    }

    assert _faults(private) == {}


def _doors() -> dict[str, set[str]]:
    """Modules that other rooms may import, by room; nobody imports those of the command line."""
    parts = [module.split(".")[1:] for module in MODULES if module.count(".") == 2]
    rooms = {room for room, _ in parts} - {"cli"}
    return {
        room: {name for other, name in parts if other == room and not name.startswith("_")}
        for room in rooms
    }


def test_the_contributing_page_lists_the_doors_of_every_room():
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("A room's doors")[2].partition("`tests/test_house.py` asserts")[0]
    rooms = re.findall(r"^- (\w+): (.*?)(?=^- |\Z)", section, re.MULTILINE | re.DOTALL)

    assert {room: set(re.findall(r"`(\w+)`", listed)) for room, listed in rooms} == _doors()


def test_a_room_has_few_doors():
    many = {room: sorted(names) for room, names in _doors().items() if len(names) > MAX_DOORS}

    assert many == {}


def test_a_module_imported_only_by_its_room_begins_with_an_underscore():
    used = {module for path in FILES for module in _imported_modules(path)}
    outside = _public_modules() | {
        module
        for path in FILES
        for module in _imported_modules(path)
        if module.split(".")[1] != _room(path)
    }
    texts = "".join(path.read_text(encoding="utf-8") for path in READ_BY_PEOPLE)
    inner = {
        module
        for module in used - outside
        if module.count(".") > 1
        and not module.split(".")[-1].startswith("_")
        and module.split(".")[1] != "cli"
        and not re.search(rf"{re.escape(module)}\b", texts)
    }

    assert inner - KEPT_NAMES == set()


def _public_modules() -> set[str]:
    """Modules that the public names of the package come from."""
    return _imported(_stub(HOUSE / "__init__.py")) & set(MODULES)


def _imported_modules(path: Path) -> set[str]:
    return (_imported(_tree(path)) | _imported(_stub(path))) & set(MODULES)


@cache
def _stub(path: Path) -> ast.Module:
    """Parse the stub of a module that loads its names on first use; empty if it has none."""
    stub = path.with_suffix(".pyi")
    package = ".".join(("fitmodel", *path.relative_to(HOUSE).parts[:-1]))
    text = stub.read_text(encoding="utf-8") if stub.exists() else ""
    return ast.parse(text.replace("from .", f"from {package}."))


def _circles(graph: dict[str, set[str]]) -> Iterator[set[str]]:
    """Yield each group of circular imports, by removing modules that import no remaining one."""
    left = {module: set(imported) for module, imported in graph.items()}
    while True:
        ends = {module for module, imported in left.items() if not imported & set(left)}
        if not ends:
            break
        left = {module: imported for module, imported in left.items() if module not in ends}
    users: dict[str, set[str]] = {
        module: {other for other, imported in left.items() if module in imported} for module in left
    }
    while tops := {module for module in users if not users[module] & set(users)}:
        users = {module: importers for module, importers in users.items() if module not in tops}
    if users:
        yield set(users)


def _names(node: ast.AST) -> set[str]:
    """Names that the docstring of a function or class can list."""
    if isinstance(node, ast.FunctionDef):
        given = node.args
        kinds = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        return {each.arg for each in kinds if each is not None}
    inside = list(ast.walk(node))
    return (
        {each.id for each in inside if isinstance(each, ast.Name)}  # fields
        | {each.attr for each in inside if isinstance(each, ast.Attribute)}
        | {each.name for each in inside if isinstance(each, ast.FunctionDef)}
        | {each.arg for each in inside if isinstance(each, ast.arg)}
    )


def _listed(docstring: str) -> set[str]:
    """Names that the sections Parameters and Attributes list, or lines such as "`name`: text"."""
    section = re.compile(
        r"^(?:Parameters|Attributes)\n-+\n(.*?)(?=^\w[\w ]*\n-+$|\Z)", re.MULTILINE | re.DOTALL
    )
    heads = [
        line.partition(" :")[0]
        for listed in section.findall(docstring)
        for line in listed.splitlines()
        if line and not line.startswith(" ")
    ]
    heads += re.findall(r"^(`\w+`(?:, `\w+`)*)(?:, [^:`]*)?: ", docstring, re.MULTILINE)
    return {name.strip(" *`") for head in heads for name in head.split(",")}


@pytest.mark.slow
def test_docstrings_list_only_existing_names():
    stale = {
        f"{_name(path)} {node.name}": sorted(_listed(ast.get_docstring(node) or "") - _names(node))
        for path in FILES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }

    assert {owner: names for owner, names in stale.items() if names} == {}
