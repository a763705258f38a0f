"""The house stays one house: import order, one door to mlflow, small files, no back doors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import fitmodel

HOUSE = Path(fitmodel.__file__).parent
ROOMS = (
    "_old_names",
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
    "following",
    "scoring",
    "sales",
    "monitoring",
    "reports",
    "service",
    "plots",
    "checking",
    "policy_choice",
    "shipping",
    "training",
    "sweeping",
    "comparing",
    "stability",
    "backtesting",
    "editing",
    "retraining",
    "demonstration",
    "serving",
    "cli",
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


def _name(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def _room(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


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
    """Whether it tidies up and passes the same error on."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


every_file = pytest.mark.parametrize("path", FILES, ids=_name)


def test_every_room_is_on_the_plan():
    assert {_room(path) for path in FILES} <= set(ROOMS)


@every_file
def test_a_file_imports_only_from_rooms_above_it(path):
    allowed = set(ROOMS[: ROOMS.index(_room(path)) + 1])

    assert _imported_rooms(_tree(path)) <= allowed


@every_file
def test_only_tracking_imports_mlflow(path):
    imported = {module.split(".")[0] for module in _imported(_tree(path))}

    assert "mlflow" not in imported or _room(path) == "tracking"


@every_file
def test_files_stay_small_enough_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@every_file
def test_nothing_swallows_every_error(path):
    handlers = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.ExceptHandler)]
    broad = [handler for handler in handlers if _is_broad(handler.type)]

    assert [handler.lineno for handler in broad if not _raises_again(handler)] == []


@every_file
def test_only_the_command_line_prints(path):
    assert _calls(_tree(path), "print") == [] or _room(path) == "cli"


@every_file
def test_a_file_has_a_name_that_says_what_is_in_it(path):
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}


@every_file
def test_importing_a_file_does_no_work(path):
    # MLflow runs a models-from-code script as it is: it must say which model it is.
    # The command line puts its commands together.
    allowed = {"tracking/pyfunc_model.py", "cli/app.py"}
    working = [
        node.lineno
        for node in _tree(path).body
        if isinstance(node, ast.For | ast.While | ast.With)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    ]

    assert working == [] or _name(path) in allowed


def test_no_file_imports_itself_through_others():
    """Imports inside functions and for type checkers count too."""
    graph = {module: _imported_modules(path) for module, path in MODULES.items()}

    assert list(_circles(graph)) == []


@every_file
def test_a_module_for_its_own_room_is_imported_by_no_other(path):
    foreign = [
        module
        for module in _imported_modules(path)
        if module.split(".")[-1].startswith("_") and module.split(".")[1] != _room(path)
    ]

    assert foreign == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_benchmarks_and_documentation_import_only_what_is_public(script):
    private = [
        module
        for module in _imported(_tree(script))
        if module.startswith("fitmodel.")
        and any(part.startswith("_") for part in module.split(".")[1:])
    ]

    assert private == []


def test_a_module_that_only_its_room_imports_begins_with_an_underscore():
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
    stub = HOUSE / "__init__.pyi"
    path = stub if stub.exists() else HOUSE / "__init__.py"
    text = path.read_text(encoding="utf-8").replace("from .", "from fitmodel.")
    return _imported(ast.parse(text)) & set(MODULES)


def _imported_modules(path: Path) -> set[str]:
    return {module for module in _imported(_tree(path)) if module in MODULES}


def _circles(graph: dict[str, set[str]]) -> Iterator[set[str]]:
    """Yield each group of modules that reach each other, by removing what reaches nothing left."""
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
        users = {module: found for module, found in users.items() if module not in tops}
    if users:
        yield set(users)
