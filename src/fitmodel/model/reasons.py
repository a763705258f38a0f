"""Reasons: the rows of the book that were looked up, with the deals that stand behind them.

A reason costs nothing until it is read: the sentence is made from the book when asked for.
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.learning.book import Book

FEW_DEALS = 20


class Reason:
    """One term of the book: what it adds to a prospect's log-odds, and on what evidence.

    Attributes
    ----------
    attribute : str
        The attribute; two joined by " & " for a pair.
    value : object
        The prospect's value, as given.
    contribution : float
        Exact contribution in log-odds; positive raises the risk.
    """

    __slots__ = ("_book", "_codes", "_term", "_values", "contribution")

    def __init__(
        self,
        book: Book,
        term: int,
        codes: Sequence[int],
        values: Sequence[Any],
        contribution: float,
    ) -> None:
        self._book = book
        self._term = term
        self._codes = codes
        self._values = values
        self.contribution = contribution

    @property
    def _positions(self) -> tuple[int, ...]:
        return self._book.terms[self._term]

    @property
    def attribute(self) -> str:
        """Name of the attribute, or of both for a pair."""
        return " & ".join(self._book.attributes[place] for place in self._positions)

    @property
    def value(self) -> Any:
        """The prospect's value; a tuple for a pair."""
        values = tuple(self._values[place] for place in self._positions)
        return values if len(values) > 1 else values[0]

    @property
    def deals(self) -> int | None:
        """Past deals alike in this attribute; None for a pair."""
        evidence = self._evidence()
        return None if evidence is None else evidence[0]

    @property
    def early_churn_rate(self) -> float:
        """Their share of early churn; NaN where there are none, or for a pair."""
        evidence = self._evidence()
        return math.nan if evidence is None else evidence[1]

    @property
    def sentence(self) -> str:
        """The reason in words, with its evidence."""
        place = self._positions[0]
        effect = "raises" if self.contribution > 0 else "lowers"
        factor = f"{effect} the odds of leaving early {math.exp(abs(self.contribution)):.1f}-fold"
        label = _words(self.attribute)
        if len(self._positions) > 1:
            together = " and ".join(value_words(value) for value in self.value)
            return f"{label} are {together}: together this {factor}"
        band = self._book.evidence[place].band[self._codes[place]]
        evidence = self._book.evidence[place]
        deals, rate = int(evidence.count[band]), float(evidence.rate[band])
        subject = f"{label} is {value_words(self.value)}"
        if deals == 0:
            return f"{subject}: no such deal among those learned from ({factor})"
        few = f"only {deals}" if deals < FEW_DEALS else f"{deals:,}"
        kind = self._kind(evidence.label[band])
        return (
            f"{subject}: {rate:.0%} of {few} such deals{kind} left early, "
            f"{self._book.base_rate:.0%} of all ({factor})"
        )

    def _kind(self, label: str) -> str:
        column = self._book.columns[self._positions[0]]
        return f" ({label})" if column.kind == "number" and label != "missing" else ""

    def _evidence(self) -> tuple[int, float] | None:
        if len(self._positions) > 1:
            return None
        place = self._positions[0]
        evidence = self._book.evidence[place]
        band = evidence.band[self._codes[place]]
        return int(evidence.count[band]), float(evidence.rate[band])

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        value = self.value
        return {
            "attribute": self.attribute,
            "value": list(map(plain_value, value))
            if isinstance(value, tuple)
            else plain_value(value),
            "contribution": self.contribution,
            "sentence": self.sentence,
        }

    def __str__(self) -> str:
        return self.sentence

    def __repr__(self) -> str:
        return f"Reason({self.attribute}={self.value!r}, {self.contribution:+.3f})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reason) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.attribute, self.contribution))


def _words(name: str) -> str:
    text = name.replace("_", " ").replace(".", " ").strip()
    return text[:1].upper() + text[1:]


def value_words(value: Any) -> str:
    """A value as a person reads it."""
    plain = plain_value(value)
    if plain is None:
        return "not known"
    return f"{plain:,g}" if isinstance(plain, float) else str(plain)


def plain_value(value: Any) -> Any:
    """A value as JSON knows it."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, date):
        return value.strftime("%Y-%m-%d") if value == value else None  # noqa: PLR0124 - NaT
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None  # -0.0 + 0.0 is 0.0
    return (
        value if isinstance(value, int) else (None if str(value) in {"NaT", "<NA>"} else str(value))
    )
