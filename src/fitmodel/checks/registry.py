"""The codes of checks, read from ``codes.toml``; results of checks, shown or silenced."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Silence = Literal["yes", "column", "no"]

FAMILIES: Mapping[str, str] = MappingProxyType(
    {"FM1": "Leakage", "FM2": "Time and level", "FM3": "Rows and outcome", "FM4": "Evaluation"}
)
Level = Literal["error", "warning", "note"]
CRM_TABLE_PREFIXES = ("[history.", "[events.")
"""Prefixes of the columns of history and event tables, which are not columns of the deals."""
_ROW = re.compile(r"\brow (\d+)\b")


@dataclass(frozen=True)
class Code:
    """Code and description of one kind of check.

    Attributes
    ----------
    code : str
        The code, such as FM204.
    name : str
        Short name of the check, such as level-drift.
    sources : tuple of str
        Findings of the package that have this code, as ``part:kind``.
    ignore : {"yes", "column", "no"}
        Whether the contract may silence the check: by its code, only for a named column, or not at
        all.
    seen, why, do : str
        What was observed, why it matters, and what to do.
    """

    code: str
    name: str
    sources: tuple[str, ...]
    ignore: Silence
    seen: str
    why: str
    do: str

    @property
    def family(self) -> str:
        """Subject of the codes with the same hundreds digit."""
        return FAMILIES[self.code[:3]]


@cache
def all_codes() -> Mapping[str, Code]:
    """Return all codes by their number, in order.

    Examples
    --------
    >>> from fitmodel.checks.registry import all_codes
    >>> all_codes()["FM204"].name
    'level-drift'
    """
    text = (files("fitmodel.checks") / "codes.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            code: Code(code, **{**fields, "sources": tuple(fields["sources"])})
            for code, fields in tomllib.loads(text).items()
        }
    )


@cache
def _by_source() -> Mapping[str, Code]:
    return {source: code for code in all_codes().values() for source in code.sources}


def code_of(source: str) -> Code:
    """Return the code of a finding.

    Parameters
    ----------
    source : str
        The finding as ``part:kind``, such as "leakage:name" or "question:repeated-id".

    Raises
    ------
    KeyError
        If the finding has no code: a new kind of finding needs a code in ``codes.toml``.
    """
    return _by_source()[source]


@dataclass(frozen=True)
class CheckResult:
    """One finding of a check.

    Attributes
    ----------
    kind : Code
        Code and description of the check.
    level : {"error", "warning", "note"}
        Severity; an error prevents training, or the use of the model.
    message : str
        The finding in words, with counts and the remedy.
    column : str
        Column that the finding is about; "" for none.
    reason : str
        Reason for which the contract silences the finding; "" if it does not.
    file : str
        File of the history or event table that the finding is about; "" for the deals, and for a
        table that is not a file.
    """

    kind: Code
    level: Level
    message: str
    column: str = ""
    reason: str = ""
    file: str = ""

    @property
    def code(self) -> str:
        """Code of the check, such as FM204."""
        return self.kind.code

    @property
    def row(self) -> int | None:
        """First row number in the message; None without one, or if the table is not a file."""
        if self.column.startswith(CRM_TABLE_PREFIXES) and not self.file:
            return None
        match = _ROW.search(self.message)
        return int(match[1]) if match else None

    def __str__(self) -> str:
        return f"{self.code} {self.message}"


class Silencing(Protocol):
    """Interface of the ``[checks]`` section of a contract."""

    def reason_for(self, code: str, column: str) -> str:
        """Return the reason for which a check is silenced for a column; "" if it is not."""


def result_of(
    source: str, level: Level, message: str, column: str = "", *, file: str = ""
) -> CheckResult:
    """Return the result for a finding whose `source` is given as ``part:kind``."""
    return CheckResult(code_of(source), level, message, column, file=file)


def split_silenced(
    results: Iterable[CheckResult], section: Silencing
) -> tuple[tuple[CheckResult, ...], tuple[CheckResult, ...]]:
    """Return the results to show, and those that the contract silences, with their reasons."""
    shown, silenced = [], []
    for result in results:
        reason = section.reason_for(result.code, result.column)
        if reason:
            silenced.append(replace(result, reason=reason))
        else:
            shown.append(result)
    return tuple(shown), tuple(silenced)
