"""One open question about a table, and how the contract can answer it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Doubt:
    """One question that the table leaves open.

    Attributes
    ----------
    code : str
        Kind of the question; ``[rows] acknowledged = ["code"]`` or ``["code:column"]`` closes it.
    column : str
        The column in question, or "".
    message : str
        What was observed, with counts.
    answer : str
        What to write into the contract.
    must_answer : bool
        Whether training stops without an answer, since rows or outcome would be wrong.
    """

    code: str
    column: str
    message: str
    answer: str
    must_answer: bool = False

    def __str__(self) -> str:
        return f"{self.message}. Answer: {self.answer} [{self.code}]"
