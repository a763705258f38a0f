"""Sentences of reasons: the evidence of a term, and its effect on the risk.

term, codes, values in words, effect in words -> the sentence

The effect is an odds ratio (odds: probability of leaving early divided by that of staying): the
prospect's odds, divided by the odds with a contribution of 0 from this term, that of the average
deal. A ratio of probabilities would look harmless at high risk: at 97% a probability can hardly
rise, while the odds can still double. A reason has the same number in every output.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.language.catalogue import apart
from fitmodel.learning.calibration import expit
from fitmodel.learning.columns import MISSING, CategoryColumn
from fitmodel.model.wording import number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.learning.columns import NumberColumn
    from fitmodel.learning.scorecard import Scorecard
    from fitmodel.model.wording import Wording

FEW_DEALS = 20
SELLER_WEIGHT = 1e-300  # ranks a seller's contribution after all reasons about the prospect
UNCHANGED = 100  # hundredths: an odds ratio of 1
TENTHS_FROM = 110  # hundredths: from here on an odds ratio is rounded to tenths


class Sentences:
    """A scorecard's sentences in one language."""

    def __init__(self, scorecard: Scorecard, wording: Wording) -> None:
        self.scorecard = scorecard
        self.wording = wording
        self.terms = scorecard.terms
        self._say = wording.say
        self._horizon = wording.horizon
        self._seller_positions = frozenset(
            position
            for position, name in enumerate(scorecard.attributes)
            if name in wording.sellers
        )
        self.weights = [
            SELLER_WEIGHT if self.is_about_seller(term) else 1.0 for term in range(len(self.terms))
        ]
        """Factor for each term, by which its size is multiplied to order the reasons."""
        self.has_seller_terms = min(self.weights, default=1.0) < 1.0
        self.templates: dict[tuple[int, ...], Any] = {}
        """From a term and its codes to its text with gaps; kept for all chunks of a batch."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Sentences, (self.scorecard, self.wording)

    def _calibrated(self, raw: float) -> float:
        """Return the calibrated log-odds for log-odds before calibration."""
        return float(self.scorecard.calibration.log_odds(np.array([raw]))[0])

    def is_about_seller(self, term: int) -> bool:
        """Return whether a term is about who sells, not about the prospect."""
        return not self._seller_positions.isdisjoint(self.terms[term])

    def label(self, term: int) -> str:
        """Return a term's label in the reader's language; both labels for a pair."""
        return self._say("and").join(self._label(position) for position in self.terms[term])

    def _label(self, position: int) -> str:
        """Return an attribute's label; for a date without the final "on"."""
        name = self.scorecard.attributes[position]
        text = self.wording.label(name)
        if self.is_date(position) and name not in self.wording.labels:
            return text.removesuffix(" on")
        return text

    def is_date(self, position: int) -> bool:
        """Return whether an attribute is a date, which is shown as a duration."""
        column = self.scorecard.columns[position]
        return not isinstance(column, CategoryColumn) and column.is_date

    def odds_ratio(self, log_odds: float, contribution: float) -> float:
        """Return the odds of early churn divided by the odds without the contribution."""
        change = self._calibrated(log_odds) - self._calibrated(log_odds - contribution)
        return float(np.exp(change))  # numpy's, as in batches: math.exp may differ in a digit

    def risk_ratio(self, log_odds: float, contribution: float) -> float:
        """Return the probability of early churn divided by that without the contribution."""
        ends = self._calibrated(log_odds), self._calibrated(log_odds - contribution)
        with_contribution, without = expit(np.array(ends)).tolist()
        return float(with_contribution / without)

    def short_effect(self, hundredths: int) -> str:
        """Return the odds ratio in a few characters, for a table or next to a bar."""
        return self._say("odds", ratio=_ratio_text(hundredths))

    def effect(self, hundredths: int) -> str:
        """Return a term's effect on the odds in words; the ratio is from `in_hundredths`."""
        if hundredths == UNCHANGED:
            return self._say("same")
        key = "raises" if hundredths > UNCHANGED else "lowers"
        return self._say(key, ratio=_ratio_text(hundredths))

    def sentence_of(
        self,
        term: int,
        codes: Sequence[int],
        values: Sequence[str],
        contribution: float,
        effect: str,
    ) -> str:
        """Return the sentence of a term.

        Parameters
        ----------
        values : sequence of str
            Values of the term's one or two attributes, in words.
        """
        if self.is_about_seller(term):
            return self._say("quiet", effect=effect)
        subjects = [
            self._subject(position, codes[position], value)
            for position, value in zip(self.terms[term], values, strict=True)
        ]
        if len(subjects) > 1:
            return self._say("pair", first=subjects[0], second=subjects[1], effect=effect)
        position = self.terms[term][0]
        return self._with_evidence(position, codes[position], subjects[0], contribution, effect)

    def _subject(self, position: int, code: int, value: str) -> str:
        label = self._label(position)
        if code == MISSING:
            return self._say("missing", label=label)
        if self.is_date(position):
            return self._say("dated", label=label, value=value)
        recorded = self.wording.recorded_as(self.scorecard.attributes[position], value)
        return recorded or self._say("is", label=label, value=apart(value))

    def _with_evidence(
        self, position: int, code: int, subject: str, contribution: float, effect: str
    ) -> str:
        evidence = self.scorecard.evidence[position]
        band = int(evidence.band[code])
        deals, rate = int(evidence.count[band]), float(evidence.rate[band])
        if deals == 0:
            return self._say("unseen", subject=subject, effect=effect)
        shown, base = (self.wording.percent(share) for share in (rate, self.scorecard.base_rate))
        key, left = "few" if deals < FEW_DEALS else "evidence", ""
        if evidence.left is not None and evidence.is_mostly_unknown(band):
            # the rate is mostly the model's own prediction, so it is no evidence
            key, left = "young", f"{evidence.left[band]:,}"
        elif evidence.lately is not None and evidence.lately[code] != 1.0:
            times = f"{evidence.lately[code]:.1f}"
            effect = self._say("lately", times=times, effect=effect)
        elif shown != base and (rate > self.scorecard.base_rate) != (contribution > 0):
            effect = self._say("yet", effect=effect)
        return self._say(
            key,
            subject=subject,
            rate=shown,
            left=left,
            deals=f"{deals:,}",
            band=self._band(position, code),
            horizon=self._horizon,
            base=base,
            effect=effect,
        )

    def _band(self, position: int, code: int) -> str:
        """Return which deals "such deals" are: a band of numbers, or rare levels as one group."""
        column = self.scorecard.columns[position]
        if code == MISSING:
            return ""
        if isinstance(column, CategoryColumn):
            return self._say("rare") if Counter(column.levels.values())[code] > 1 else ""
        text = self._number_band(position, code, column)
        return self._say("band", band=text) if text else ""

    def _number_band(self, position: int, code: int, column: NumberColumn) -> str:
        bands = self.scorecard.evidence[position].band[1 : column.size + 1]
        in_band = (bands == bands[code - 1]).nonzero()[0]
        first, last = int(in_band[0]), int(in_band[-1])  # bins of the band, counted from 0
        low = column.cuts[first - 1] if first > 0 else None
        high = column.cuts[last] if last < len(column.cuts) else None
        if low is None and high is None:
            return ""
        lowest, highest = (
            "" if end is None else self._number_text(column, end) for end in (low, high)
        )
        key = "below" if low is None else "from" if high is None else "between"
        text = self._say(key, low=lowest, high=highest)
        return self._say("before_signing", band=text) if column.is_date else text

    def _number_text(self, column: NumberColumn, number: float) -> str:
        if column.is_date:
            return self._say("days", number=number_text(number))
        return self.wording.quantity(column.name, number)


def _ratio_text(hundredths: int) -> str:
    digits = 1 if hundredths >= TENTHS_FROM else 2
    return f"{hundredths / 100:,.{digits}f}"


def in_hundredths(ratio: float) -> int:
    """Return a ratio in hundredths, rounded for display: to 0.01 below 1.1, else to 0.1."""
    if ratio * 100 < TENTHS_FROM:
        return max(1, round(ratio * 100))
    return round(ratio * 10) * 10
