"""The codes of checks, read once from ``codes.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Silence = Literal["yes", "column", "no"]

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "FM1": "Leakage",
        "FM2": "Time and level",
        "FM3": "Rows and outcome",
        "FM4": "Evaluation",
    }
)


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
        The finding as ``part:kind``, such as "leakage:name" or "doubt:repeated-id".

    Raises
    ------
    KeyError
        If the finding has no code: a new kind of finding needs a code in ``codes.toml``.
    """
    return _by_source()[source]
