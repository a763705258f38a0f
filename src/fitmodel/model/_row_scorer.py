"""Row scorer: assess one prospect with lookup tables that are prepared once per model.

mapping -> codes -> rows of the scorecard -> their sum: log-odds, and the deviation of each
                                             bootstrap replicate from the mean
        -> probability, interval -> flag, fit, value -> the largest rows as reasons

`fitmodel.model.frame_scorer` does the same for many prospects with numpy. It adds in the same
order, so that both give the same numbers to the bit.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.decision.policy import Policy
from fitmodel.exceptions import ProspectError
from fitmodel.learning.calibration import HIGHEST_LOG_ODDS, CalibrationMap
from fitmodel.learning.scorecard import INTERVAL_Z, Scorecard
from fitmodel.model._reasons import largest_reasons
from fitmodel.model._row_encoder import RowEncoder
from fitmodel.model.assessment import Assessment, quick_assessment
from fitmodel.tables.forms import NO_FORMS, Forms
from fitmodel.tables.values import UnreadableValueError, is_missing, read_number

if TYPE_CHECKING:
    from fitmodel.model._sentences import Sentences

MAX_AMOUNT = 1e300  # beyond it the value of a deal overflows: read as an unknown amount
UNFAMILIAR_WIDENING = 1.5  # factor on the deviation where the training set has no such deal
UnseenBands = list[tuple[int, int, frozenset[tuple[int, int]]]]
UnseenStep = tuple[int, int, list[frozenset[int] | None], tuple[str, ...]]


class RowScorer:
    """Plain-Python tables that score one prospect.

    `scorecard`: tables of contributions to look up.
    `policy`: decision policy, from probability and money to poor_fit and fit.
    `amount`, `closed_on`: keys of the contract value and of the (expected) closing date.
    `forms`: formats in which numbers and dates are written, as found in the training data.
    `per_year`: how often the contract value is paid in a year.
    `regime`, {"full", "provisional"}: how the model was learned.
    """

    def __init__(
        self,
        scorecard: Scorecard,
        policy: Policy,
        amount: str | None,
        closed_on: str | None,
        version: str,
        forms: Forms = NO_FORMS,
        per_year: float = 1.0,
        regime: str = "full",
    ) -> None:
        self._read = RowEncoder(scorecard, closed_on, forms).read
        self._amount_form = forms.number(amount)
        self._offsets = scorecard.offsets
        self._pairs = _pair_steps(scorecard)
        self._unseen_pairs = _unseen_steps(scorecard)
        self._take = scorecard.centred.take
        self._intercept = len(scorecard.tables)
        self._contributions = scorecard.tables[:, 0].tolist()
        self._width = len(scorecard.columns)
        self._own = scorecard.own_parts.tolist()
        self._deals_per_row = scorecard.deals_per_row()
        self._regime = regime
        self._replicates = max(scorecard.tables.shape[1] - 1, 2)
        self._half_width_factor = INTERVAL_Z * scorecard.spread
        self._probabilities = probabilities(scorecard.calibration)
        self._verdict = policy.verdict
        self._amount = amount
        self._version = version
        self._per_year = per_year

    def assess(
        self, prospect: Mapping[str, Any], reasons: int, today: float | None, sentences: Sentences
    ) -> Assessment:
        """Assess one prospect; see `fitmodel.model.scorer.Scorer.assess`."""
        codes, values, unfamiliar_attributes, days = self._read(prospect, today)
        rows = [*map(add, self._offsets, codes)]
        for first, first_rows, second, second_columns in self._pairs:
            rows.append(first_rows[codes[first]] + second_columns[codes[second]])
        log_odds, deviation = self._add_up(rows)
        unfamiliar_because = unfamiliar_attributes or self._unfamiliar_combination(codes)
        if unfamiliar_because:
            deviation *= UNFAMILIAR_WIDENING
        half_width = self._half_width_factor * deviation
        probability, low, high = self._probabilities(
            (log_odds, log_odds - half_width, log_odds + half_width)
        )
        unfamiliar = bool(unfamiliar_because)
        poor, fit, value, value_low, value_high, worth, escalate = self._verdict(
            probability, low, high, self.amount_of(prospect), unfamiliar=unfamiliar
        )
        contributions = list(map(self._contributions.__getitem__, rows))
        singles = rows[: self._width]
        return quick_assessment(
            probability,
            low,
            high,
            poor,
            fit,
            value,
            unfamiliar,
            largest_reasons(sentences, contributions, log_odds, codes, values, reasons, days),
            self._version,
            unfamiliar_because,
            sentences.wording,
            worth,
            escalate,
            value_low,
            value_high,
            reduce(add, map(self._own.__getitem__, singles), 0.0),
            min(map(self._deals_per_row.__getitem__, singles), default=0),
            self._regime,
        )

    def codes(self, prospect: Mapping[str, Any], today: float | None) -> list[int]:
        """Codes of a prospect's attributes."""
        return self._read(prospect, today)[0]

    def _add_up(self, rows: list[int]) -> tuple[float, float]:
        """Log-odds and their deviation over bootstrap replicates."""
        # The same order as in `Scorecard.scores`, so that the sums are equal to the bit: the
        # intercept first, then row by row, replicate by replicate.
        log_odds, *replicates = np.add.reduce(self._take([self._intercept, *rows], 0), 0).tolist()
        total = 0.0
        for replicate in replicates:
            total += replicate * replicate
        return log_odds, math.sqrt(total / (self._replicates - 1))

    def _unfamiliar_combination(self, codes: list[int]) -> tuple[str, ...]:
        for first, second, forbidden, names in self._unseen_pairs:
            unseen_codes = forbidden[codes[first]]
            if unseen_codes is not None and codes[second] in unseen_codes:
                return names
        return ()

    def amount_of(self, prospect: Mapping[str, Any]) -> float | None:
        """Return the yearly contract value of a prospect; None where it is not known."""
        value = prospect.get(self._amount) if self._amount is not None else None
        if type(value) is float:
            return value * self._per_year if abs(value) < MAX_AMOUNT else None
        if is_missing(value):
            return None
        try:
            number = read_number(value, self._amount_form)
        except UnreadableValueError as error:
            raise ProspectError(
                f"the amount {self._amount!r}: {error}. Remedy: give a plain number, or "
                "None (in JSON null)."
            ) from error
        return number * self._per_year if abs(number) < MAX_AMOUNT else None


def probabilities(calibration: CalibrationMap) -> Callable[[Sequence[float]], list[float]]:
    """Return a function from log-odds before calibration to calibrated probabilities."""
    knots, values = calibration.knots, calibration.values
    slopes = [
        (values[position + 1] - values[position]) / (knots[position + 1] - knots[position])
        for position in range(len(knots) - 1)
    ]
    last, exp, array = len(slopes), np.exp, np.array

    def apply(raw: Sequence[float]) -> list[float]:
        lines = []
        for value in raw:
            position = bisect_left(knots, value, 1, last) - 1
            line = values[position] + slopes[position] * (value - knots[position])
            lines.append(-min(max(line, -HIGHEST_LOG_ODDS), HIGHEST_LOG_ODDS))
        # numpy's exponential as in the frame scorer: the standard library's can differ in the
        # last digit.
        return [1.0 / (1.0 + power) for power in exp(array(lines)).tolist()]

    return apply


def unseen_bands(scorecard: Scorecard) -> UnseenBands:
    """Return pairs of attributes, each with the pairs of value bands that no past deal has."""
    by_pair: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for first, first_band, second, second_band in scorecard.unusual_pairs:
        by_pair.setdefault((first, second), set()).add((first_band, second_band))
    return [(first, second, frozenset(bands)) for (first, second), bands in by_pair.items()]


def _unseen_steps(scorecard: Scorecard) -> list[UnseenStep]:
    """Return per pair: for each code of the first, the codes of the second never seen with it."""
    steps: list[UnseenStep] = []
    for first, second, forbidden in unseen_bands(scorecard):
        bands = [scorecard.evidence[position].band.tolist() for position in (first, second)]
        unseen_codes = {
            first_band: frozenset(
                c
                for c, second_band in enumerate(bands[1])
                if (first_band, second_band) in forbidden
            )
            for first_band in {first_band for first_band, _ in forbidden}
        }
        name = f"{scorecard.attributes[first]} & {scorecard.attributes[second]}"
        steps.append(
            (first, second, [unseen_codes.get(first_band) for first_band in bands[0]], (name,))
        )
    return steps


def _pair_steps(scorecard: Scorecard) -> list[tuple[int, list[int], int, list[int]]]:
    """Return per pair: its attributes, and what their codes add to the scorecard's row index."""
    starts = scorecard.offsets[len(scorecard.columns) :]
    return [
        (
            pair.first,
            (pair.first_map * pair.shape[1] + start).tolist(),
            pair.second,
            pair.second_map.tolist(),
        )
        for start, pair in zip(starts, scorecard.pairs, strict=True)
    ]
