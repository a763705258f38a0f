"""One question about a table, and how the contract answers it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Doubt:
    """One thing that the table leaves open.

    Attributes
    ----------
    code : str
        Its kind; ``[rows] acknowledged = ["code"]`` or ``["code:column"]`` settles it.
    column : str
        The column it is about, or "".
    message : str
        What was seen, with counts.
    answer : str
        What to write into the contract.
    must_answer : bool
        Whether training refuses without an answer: the rows or the outcome would be wrong.
    """

    code: str
    column: str
    message: str
    answer: str
    must_answer: bool = False

    def __str__(self) -> str:
        return f"{self.message}. Answer: {self.answer} [{self.code}]"
