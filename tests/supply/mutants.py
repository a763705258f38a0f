"""Mutants of a module: changes by cosmic-ray that can affect the behaviour of the program.

source -> every change of every operator -> without parts that are not behaviour -> positions
A position is a number, an operator or a word of the source that can be changed in some way.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

NEEDS_NAMES = {"core/VariableInserter", "core/VariableReplacer"}  # of variables, which are given
KINDS = {
    "core/ReplaceBinaryOperator": {"operator"},
    "core/ReplaceComparisonOperator": {"comparison"},
    "core/ReplaceUnaryOperator": {"factor", "not_test"},
}
EXCEPTIONS = "core/ExceptionReplacer"
Position = tuple[int, int]
Span = tuple[Position, Position]


@dataclass(frozen=True)
class Mutant:
    """One change of a module: the `occurrence`-th of an operator of cosmic-ray."""

    path: str
    operator: str
    occurrence: int
    start: Position
    end: Position

    @property
    def key(self) -> str:
        """Name of the change, for the results."""
        return f"{self.path}:{self.operator}:{self.occurrence}"

    @property
    def place(self) -> tuple[str, Position, str]:
        """Position of the change: alternatives for one operator of the source have the same one."""
        return self.path, self.start, self.operator.split("_")[0]

    def source(self, pristine: str) -> str:
        """The module's text with the change."""
        changed = mutate_code(pristine, get_operator(self.operator)(), self.occurrence)
        return changed or pristine


def mutants_of(path: str, source: str, operators: list[str], constants: set[str]) -> list[Mutant]:
    """Return every change of a module that can affect its behaviour.

    Parameters
    ----------
    operators
        Operators of cosmic-ray whose changes are left out, by the beginnings of their names.
    constants
        Names of module-level constants whose value is not changed.
    """
    nodes = list(ast_nodes(get_ast(source)))
    silent = list(silent_places(source, constants))
    lines = source.splitlines()
    result = []
    for name in operator_names():
        if name in NEEDS_NAMES or any(name.startswith(each) for each in operators):
            continue
        operator = get_operator(name)()
        kinds = KINDS.get(name.split("_")[0])  # there are 200 operators: look only where one fits
        some = nodes if kinds is None else [node for node in nodes if node.type in kinds]
        positions = [each for node in some for each in operator.mutation_positions(node)]
        for occurrence, (start, end) in enumerate(positions):
            is_silent = any(first <= start < last for first, last in silent)
            if not is_silent and (name != EXCEPTIONS or _is_name(lines, start, end)):
                result.append(Mutant(path, name, occurrence, start, end))
    return result


def _is_name(lines: list[str], start: Position, end: Position) -> bool:
    """Return whether it is a plain name: cosmic-ray cannot replace ``module.Error``."""
    return start[0] == end[0] and lines[start[0] - 1][start[1] : end[1]].isidentifier()


def silent_places(source: str, constants: set[str] = frozenset()) -> Iterator[Span]:
    """Positions in a file that are not behaviour.

    Annotations, type aliases, code for type checkers, arguments of decorators, ``strict`` of
    ``zip`` (which only finds programming errors) and the named constants.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for part in _silent_parts(node):
            yield _span(part)
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            names = {each.id for each in ast.walk(node) if _is_stored(each)}
            if names & constants or _is_type_alias(node):
                yield _span(node)


def _silent_parts(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        own = node.args
        every = [*own.posonlyargs, *own.args, *own.kwonlyargs, own.vararg, own.kwarg]
        yield from (each.annotation for each in every if each and each.annotation)
        yield from node.decorator_list
        if node.returns:
            yield node.returns
    elif isinstance(node, ast.ClassDef):
        yield from node.decorator_list
    elif isinstance(node, ast.AnnAssign):
        yield node.annotation
    elif isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
        yield node
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "zip":
        yield from (each.value for each in node.keywords if each.arg == "strict")


def _is_type_alias(node: ast.Assign | ast.AnnAssign) -> bool:
    """Whether it is a type alias like ``Reading = str | None``, unlike ``BOTH = ONE | OTHER``."""
    named = bool(re.match(r"_?[A-Z]\w*[a-z]", _first_name(node)))
    return named and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.BitOr)


def _first_name(node: ast.AST) -> str:
    return next((each.id for each in ast.walk(node) if _is_stored(each)), "")


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _span(node: ast.AST) -> Span:
    start = (node.lineno, node.col_offset)
    return start, (node.end_lineno or 0, node.end_col_offset or 0)


def lines_of_statement(source: str, line: int) -> range:
    """Lines of the smallest statement around a line; only the head of a block."""
    best = range(1, source.count("\n") + 2)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            first = min([node.lineno, *(each.lineno for each in _decorators(node))])
            lines = range(first, max(last, node.lineno) + 1)
            if line in lines and len(lines) <= len(best):
                best = lines
    return best


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])


def difference(pristine: str, changed: str) -> str:
    """The lines that differ, the old ones with - and the new ones with +."""
    old, new = pristine.splitlines(), changed.splitlines()
    first = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    more = len(new) - len(old)
    last = max(first + 1, *(i + 1 for i in range(first, len(old)) if old[i] != new[i + more]), 0)
    gone = [f"-{line}" for line in old[first:last]]
    return "\n".join([*gone, *(f"+{line}" for line in new[first : last + more])])


class Changed(importlib.abc.MetaPathFinder):
    """Import finder that loads one module with changed text."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """Return a module spec with a loader that compiles the changed text."""
        if name != self.name:
            return None
        loader = SourceFileLoader(name, str(self.path))
        loader.get_code = lambda _name: compile(self.source, str(self.path), "exec")
        return importlib.util.spec_from_file_location(name, self.path, loader=loader)
