"""The sealed scorer: the book, the policy and the roles it needs, as JSON.

numpy only. One prospect takes a walk through dictionaries and bisections; many take the same walk
through numpy (`fitmodel.model.frames`). Both give the same numbers.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitmodel.deals.spellings import is_missing
from fitmodel.decision.policy import Policy, fit_band
from fitmodel.exceptions import BundleError, FitModelError, ProspectError
from fitmodel.learning.book import INTERVAL_Z, Book, book_from_dict
from fitmodel.learning.calibration import HIGHEST_LOG_ODDS
from fitmodel.learning.columns import (
    Column,
    NumberColumn,
    UnreadableValueError,
    as_day,
    as_number,
)
from fitmodel.model.assessment import Assessment
from fitmodel.model.reasons import largest_reasons
from fitmodel.model.sentences import Sentences
from fitmodel.model.steps import Step, day_or_today, steps
from fitmodel.model.wording import Wording, wording_from_dict

FORMAT = 1
PLAIN = frozenset({float, int})
UNFAMILIAR_WIDENING = 1.5  # on the deviation: the book has seen nothing like it


@dataclass(frozen=True)
class Scorer:
    """A model ready to score, and nothing else.

    Parameters
    ----------
    book : Book
    policy : Policy
    amount : str or None
        Column of the yearly contract value.
    closed_on : str or None
        Column of the (expected) closing date, from which dates are counted back.
    version : str
        Of the model, for every prediction.
    wording : Wording
        The reader's words.
    """

    book: Book
    policy: Policy
    amount: str | None
    closed_on: str | None
    version: str
    wording: Wording = field(default_factory=Wording)

    # -- one prospect -----------------------------------------------------------------------

    def assess(
        self,
        prospect: Mapping[str, Any],
        reasons: int = 3,
        today: float | None = None,
        language: str = "en",
    ) -> Assessment:
        """Assess one prospect.

        Parameters
        ----------
        prospect : mapping
            Attribute to value; other keys are ignored.
        reasons : int
            How many reasons to give.
        today : float, optional
            Day (since 1970) to count dates from without a closing date.
        language : {"en", "zh"}
            Of the reasons.

        Raises
        ------
        ProspectError
            If an attribute is missing from the mapping or text stands in a number.
        """
        sentences = self.sentences(language)
        codes, values, odd = self._read(prospect, today)
        # the intercept first and then row by row: the order in which many prospects are added up
        rows = self._rows.take([len(self._rows) - 1, *self._places(codes)], axis=0)
        totals = np.add.reduce(rows, axis=0)
        log_odds = float(totals[0])
        deviation = self._deviation(totals)
        because = odd or self._odd_combination(codes)
        if because:
            deviation *= UNFAMILIAR_WIDENING
        reach = INTERVAL_Z * self.book.spread * deviation
        probability, low, high = (
            self.calibrated(value) for value in (log_odds, log_odds - reach, log_odds + reach)
        )
        poor, value, threshold = self.policy.assess(probability, self.amount_of(prospect))
        return Assessment(
            probability,
            low,
            high,
            poor,
            fit_band(poor, low, high, threshold, bool(because)),
            value,
            bool(because),
            largest_reasons(sentences, rows[1:, 0].tolist(), log_odds, codes, values, reasons),
            self.version,
            because,
            sentences.wording,
        )

    def sentences(self, language: str) -> Sentences:
        """What is said of the book in a language.

        Raises
        ------
        SpecError
            If there are no texts in that language.
        """
        made = self._sentences.get(language)
        if made is None:
            wording = self.wording.in_language(language)
            made = self._sentences[language] = Sentences(self.book, wording, self.calibrated)
        return made

    def _read(
        self, prospect: Mapping[str, Any], today: float | None
    ) -> tuple[list[int], list[Any], tuple[str, ...]]:
        """Codes and values in the book's order, and the attributes that are out of the ordinary."""
        codes: list[int] = []
        values: list[Any] = []
        odd: list[str] = []
        for name, levels, cuts, low, high, column, strange in self._steps:
            try:
                value = prospect[name]
            except KeyError:
                raise missing_attributes(self.book.attributes, list(prospect)) from None
            values.append(value)
            # the commonest first: a known level, or a number within those learned from
            if type(value) is str and value in levels:
                codes.append(levels[value])
            elif type(value) in PLAIN and low <= value <= high:
                codes.append(bisect_right(cuts, float(value)) + 1)
            else:
                code, is_odd = self._read_slowly(value, column, strange, prospect, today)
                codes.append(code)
                if is_odd:
                    odd.append(name)
        return codes, values, tuple(odd)

    def _read_slowly(
        self,
        value: Any,
        column: Column,
        strange: frozenset[int],
        prospect: Mapping[str, Any],
        today: float | None,
    ) -> tuple[int, bool]:
        """Code of any value, and whether it is out of the ordinary."""
        try:
            if not isinstance(column, NumberColumn):
                code = column.code(value)
                return code, code in strange
            read = self._days_before(value, prospect, today) if column.is_date else value
            code = column.code(read)
            return code, code in strange or column.is_outside(read)
        except UnreadableValueError as error:
            raise ProspectError(
                f"attribute {column.name!r}: {error}. Remedy: give a plain number (1234.5) or "
                "an ISO date, or None if it is not known."
            ) from error

    def _places(self, codes: list[int]) -> list[int]:
        places = list(map(int.__add__, self.book.offsets, codes))
        for start, (first, second, rows, columns, width) in self._pairs:
            places.append(start + rows[codes[first]] * width + columns[codes[second]])
        return places

    def _deviation(self, totals: NDArray[np.float64]) -> float:
        bags = totals[1:]
        if len(bags) < 2:  # noqa: PLR2004 - a deviation needs two bags
            return 0.0
        centred = bags - bags.sum() / len(bags)
        return math.sqrt(float(centred @ centred) / (len(bags) - 1))

    def calibrated(self, raw: float) -> float:
        """Probability of early churn from log-odds before calibration."""
        knots, values, slopes = self._calibration
        segment = 0
        while segment < len(slopes) - 1 and raw > knots[segment + 1]:
            segment += 1
        line = values[segment] + slopes[segment] * (raw - knots[segment])
        line = min(max(line, -HIGHEST_LOG_ODDS), HIGHEST_LOG_ODDS)
        return 1.0 / (1.0 + float(np.exp(-line)))  # numpy's, whose last digit may be another

    def _odd_combination(self, codes: list[int]) -> tuple[str, ...]:
        for first, second, forbidden in self._odd_bands:
            bands = (self._bands[first][codes[first]], self._bands[second][codes[second]])
            if bands in forbidden:
                return (f"{self.book.attributes[first]} & {self.book.attributes[second]}",)
        return ()

    def amount_of(self, prospect: Mapping[str, Any]) -> float | None:
        """The yearly contract value of a prospect; None where it is not known."""
        value = prospect.get(self.amount) if self.amount is not None else None
        if is_missing(value):
            return None
        try:
            number = as_number(value)
        except UnreadableValueError as error:
            raise ProspectError(
                f"the amount {self.amount!r}: {error}. Remedy: give a plain number, or None."
            ) from error
        return None if math.isnan(number) else number

    def _days_before(self, value: Any, prospect: Mapping[str, Any], today: float | None) -> float:
        closing = prospect.get(self.closed_on) if self.closed_on is not None else None
        try:
            closed = day_or_today(today) if is_missing(closing) else as_day(closing)
        except UnreadableValueError as error:
            raise UnreadableValueError(f"{self.closed_on!r}, its closing date, {error}") from None
        return math.nan if is_missing(value) else closed - as_day(value)

    # -- tables made once for the walk ------------------------------------------------------

    @cached_property
    def _sentences(self) -> dict[str, Sentences]:
        return {}

    @cached_property
    def _rows(self) -> NDArray[np.float64]:
        """The book's rows, and the intercept as the last."""
        return np.vstack([self.book.tables, self.book.intercept])

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        """How each attribute is read."""
        return steps(self.book)

    @cached_property
    def _pairs(self) -> list[tuple[int, tuple[int, int, list[int], list[int], int]]]:
        starts = self.book.offsets[len(self.book.columns) :]
        return [
            (start, (p.first, p.second, p.first_map.tolist(), p.second_map.tolist(), p.shape[1]))
            for start, p in zip(starts, self.book.pairs, strict=True)
        ]

    @cached_property
    def _calibration(self) -> tuple[list[float], list[float], list[float]]:
        knots, values = list(self.book.calibration.knots), list(self.book.calibration.values)
        slopes = [
            (values[place + 1] - values[place]) / (knots[place + 1] - knots[place])
            for place in range(len(knots) - 1)
        ]
        return knots, values, slopes

    @cached_property
    def _bands(self) -> list[list[int]]:
        return [item.band.tolist() for item in self.book.evidence]

    @cached_property
    def _odd_bands(self) -> list[tuple[int, int, frozenset[tuple[int, int]]]]:
        by_pair: dict[tuple[int, int], set[tuple[int, int]]] = {}
        for first, first_band, second, second_band in self.book.odd_pairs:
            by_pair.setdefault((first, second), set()).add((first_band, second_band))
        return [(first, second, frozenset(bands)) for (first, second), bands in by_pair.items()]

    # -- as data ----------------------------------------------------------------------------

    def to_json(self) -> bytes:
        """Write the scorer as JSON."""
        data = {
            "format": FORMAT,
            "book": self.book.to_dict(),
            "policy": self.policy.to_dict(),
            "amount": self.amount,
            "closed_on": self.closed_on,
            "wording": self.wording.to_dict(),
        }
        return json.dumps(data, allow_nan=True, ensure_ascii=False).encode()


def scorer_from_json(content: bytes, version: str) -> Scorer:
    """Read a scorer; BundleError if it is none of a format this fitmodel reads, or is damaged."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"the scorer is no JSON: {error}") from error
    found = data.get("format") if isinstance(data, dict) else type(data).__name__
    if found != FORMAT:
        raise BundleError(
            f"the scorer has format {found!r}; this fitmodel reads format {FORMAT}. "
            "Remedy: install the fitmodel version named in the bundle's manifest, or train again."
        )
    try:
        book = book_from_dict(data["book"])
        policy = Policy.from_dict(data["policy"])
        amount, closed_on = (_text_or_none(data[key]) for key in ("amount", "closed_on"))
        words = data.get("wording")  # bundles from before there were any have none
        wording = Wording(amount=amount) if words is None else wording_from_dict(words)
    except BundleError:
        raise
    except (
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
        FitModelError,
    ) as error:
        raise BundleError(f"the scorer is damaged: {type(error).__name__}: {error}") from error
    return Scorer(book, policy, amount, closed_on, version, wording)


def missing_attributes(expected: Sequence[str], given: Sequence[Any]) -> ProspectError:
    """Build the error that shows the difference between what is expected and what is there."""
    from difflib import get_close_matches

    names = [str(name) for name in given]
    lines = []
    for name in (name for name in expected if name not in names):
        near = get_close_matches(name, names, n=1)
        lines.append(f"  {name}" + (f" (did you mean {near[0]!r}?)" if near else ""))
    return ProspectError(
        f"{len(lines)} of {len(expected)} attribute(s) are missing:\n" + "\n".join(lines) + "\n"
        f"given: {', '.join(names) or 'nothing'}\n"
        "Remedy: add them; a value that is not known may be None, but its name must be there."
    )


def _text_or_none(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{value!r} is neither text nor null")
