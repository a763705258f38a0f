"""Results of checks, and their separation into shown and silenced ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from fitmodel.checks.registry import Code, code_of

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["error", "warning", "note"]
BESIDE = ("[history.", "[events.")
"""Prefixes of the columns of history and event tables, which are not columns of the deals."""
_ROW = re.compile(r"\brow (\d+)\b")


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
        if self.column.startswith(BESIDE) and not self.file:
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
