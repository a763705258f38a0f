"""Reasons: the scorecard rows of a prediction, with their evidence from past deals.

A reason is one term of the scorecard: an attribute (all its levels are one table), or a pair. A
pair is a separate reason, because its contribution belongs to neither attribute alone; so the
reasons add up exactly. The sentence is made only when it is read.
"""

from __future__ import annotations

import math
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fitmodel.model._sentences import in_hundredths
from fitmodel.model.wording import plain_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fitmodel.model._sentences import Sentences


NO_DATES: Mapping[int, float] = MappingProxyType({})


class Reason:
    """One term of the scorecard: its contribution to the log-odds, and its evidence.

    Attributes
    ----------
    contribution : float
        Exact contribution in log-odds; a positive one raises the risk.
    """

    __slots__ = ("_codes", "_days", "_log_odds", "_sentences", "_term", "_values", "contribution")

    def __init__(
        self,
        sentences: Sentences,
        term: int,
        codes: Sequence[int],
        values: Sequence[Any],
        contribution: float,
        log_odds: float,
        days: Mapping[int, float] = NO_DATES,
    ) -> None:
        self._sentences = sentences
        self._term = term
        self._codes = codes
        self._values = values
        self.contribution = contribution
        self._log_odds = log_odds
        self._days = days or {}  # a mapping proxy does not pickle

    @property
    def _positions(self) -> tuple[int, ...]:
        return self._sentences.terms[self._term]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attribute's name; both names for a pair."""
        return tuple(self._sentences.scorecard.attributes[position] for position in self._positions)

    @property
    def attribute(self) -> str:
        """The attribute's name; for a pair both names joined by " & "."""
        return " & ".join(self.attributes)

    @property
    def value(self) -> Any:
        """The prospect's value, as given; a tuple for a pair."""
        values = tuple(self._values[position] for position in self._positions)
        return values if len(values) > 1 else values[0]

    @property
    def before_signing(self) -> dict[str, timedelta]:
        """For each attribute of the reason that is a date and is known: the time to the signing."""
        days = ((position, self._days.get(position, math.nan)) for position in self._positions)
        names = self._sentences.scorecard.attributes
        return {names[at]: timedelta(days=known) for at, known in days if math.isfinite(known)}

    @property
    def label(self) -> str:
        """The attribute's label in the reader's language."""
        return self._sentences.label(self._term)

    @property
    def value_words(self) -> str:
        """The value as text in the reader's language."""
        return self._sentences.wording.say("and").join(self._value_texts())

    @property
    def is_about_prospect(self) -> bool:
        """Whether the reason is about the prospect; False if it only names the seller."""
        return not self._sentences.is_about_seller(self._term)

    @property
    def odds_ratio(self) -> float:
        """Odds of early churn divided by the odds without this contribution; shown to people."""
        return self._sentences.odds_ratio(self._log_odds, self.contribution)

    @property
    def risk_ratio(self) -> float:
        """Probability of early churn divided by the probability without this contribution.

        If the probability is close to 1, this ratio is usually close to 1 too, even for a strong
        reason. Therefore show `odds_ratio`.
        """
        return self._sentences.risk_ratio(self._log_odds, self.contribution)

    @property
    def effect(self) -> str:
        """The odds ratio in a few characters, for a table or next to a bar."""
        return self._sentences.short_effect(in_hundredths(self.odds_ratio))

    @property
    def deals(self) -> int | None:
        """Number of past deals with this value or one in its band; None for a pair."""
        evidence = self._evidence()
        return None if evidence is None else evidence[0]

    @property
    def early_churn_rate(self) -> float:
        """Share of those deals that left early; NaN without such deals, or for a pair."""
        evidence = self._evidence()
        return math.nan if evidence is None else evidence[1]

    @property
    def sentence(self) -> str:
        """The reason in words, with its evidence."""
        effect = self._sentences.effect(in_hundredths(self.odds_ratio))
        return self._sentences.sentence_of(
            self._term, self._codes, self._value_texts(), self.contribution, effect
        )

    def _value_texts(self) -> list[str]:
        columns, wording = self._sentences.scorecard.columns, self._sentences.wording
        values = (self._days.get(position, self._values[position]) for position in self._positions)
        return [
            wording.value(columns[position], value)
            for position, value in zip(self._positions, values, strict=True)
        ]

    def _evidence(self) -> tuple[int, float] | None:
        if len(self._positions) > 1:
            return None
        position = self._positions[0]
        evidence = self._sentences.scorecard.evidence[position]
        band = evidence.band[self._codes[position]]
        return int(evidence.count[band]), float(evidence.rate[band])

    def to_dict(self) -> dict[str, Any]:
        """Return a form that JSON can hold."""
        values = [plain_value(self._values[position]) for position in self._positions]
        return {
            "attribute": self.attribute,
            "value": values if len(values) > 1 else values[0],
            "contribution": self.contribution,
            "sentence": self.sentence,
        }

    def to_display(self) -> dict[str, Any]:
        """Return `to_dict` and the texts that a page shows: label, value and odds ratio."""
        shown = {"label": self.label, "value_text": self.value_words, "effect": self.effect}
        return self.to_dict() | shown

    def __str__(self) -> str:
        return self.sentence

    def __repr__(self) -> str:
        return f"Reason({self.attribute}={self.value!r}, {self.contribution:+.3f})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reason) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.attribute, self.contribution))


def largest_reasons(
    sentences: Sentences,
    contributions: Sequence[float],
    log_odds: float,
    codes: Sequence[int],
    values: Sequence[Any],
    number: int,
    days: Mapping[int, float] = NO_DATES,
) -> tuple[Reason, ...]:
    """Return one prospect's reasons, largest first; a contribution of exactly 0 is no reason."""
    if number <= 0:
        return ()
    if sentences.has_seller_terms:
        pairs = zip(contributions, sentences.weights, strict=True)
        sizes = [abs(contribution * weight) for contribution, weight in pairs]
    else:
        sizes = list(map(abs, contributions))
    result = []
    for _ in range(min(number, len(sizes))):
        size = max(sizes)
        if size == 0:
            break
        term = sizes.index(size)
        sizes[term] = 0.0
        result.append(Reason(sentences, term, codes, values, contributions[term], log_odds, days))
    return tuple(result)
