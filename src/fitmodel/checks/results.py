"""Results of checks, and which of them the contract silences."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from fitmodel.checks.registry import Code, code_of

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["error", "warning", "note"]
BESIDE = ("[history.", "[events.")
"""How the columns of tables beside the deals begin."""
_ROW = re.compile(r"\brow (\d+)\b")


@dataclass(frozen=True)
class CheckResult:
    """One thing that a check found.

    Attributes
    ----------
    kind : Code
        Which check.
    level : {"error", "warning", "note"}
        An error keeps `train` from learning, or the model from being used.
    message : str
        What was found, with counts and the remedy.
    column : str
        The column it is about, or "".
    reason : str
        Why the contract silences it; "" where it does not.
    file : str
        Table beside the deals that it is about, where that is a file; "" for the deals.
    """

    kind: Code
    level: Level
    message: str
    column: str = ""
    reason: str = ""
    file: str = ""

    @property
    def code(self) -> str:
        """Number of the check."""
        return self.kind.code

    @property
    def row(self) -> int | None:
        """First row of the file that the message names; None of a table that is not a file."""
        if self.column.startswith(BESIDE) and not self.file:
            return None
        match = _ROW.search(self.message)
        return int(match[1]) if match else None

    def __str__(self) -> str:
        return f"{self.code} {self.message}"


class Silencing(Protocol):
    """The ``[checks]`` section of a contract."""

    def reason_for(self, code: str, column: str) -> str:
        """Why a check is silenced for a column; "" where it is not."""


def result_of(
    source: str, level: Level, message: str, column: str = "", *, file: str = ""
) -> CheckResult:
    """Return the result of a finding, given as ``part:kind``."""
    return CheckResult(code_of(source), level, message, column, file=file)


def split_silenced(
    results: Iterable[CheckResult], section: Silencing
) -> tuple[tuple[CheckResult, ...], tuple[CheckResult, ...]]:
    """Part results into those to be shown and those that the contract silences, with the reason."""
    shown, silenced = [], []
    for result in results:
        reason = section.reason_for(result.code, result.column)
        if reason:
            silenced.append(replace(result, reason=reason))
        else:
            shown.append(result)
    return tuple(shown), tuple(silenced)
