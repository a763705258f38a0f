"""SQL that adds up the scorecard and returns probability and interval.

codes -> rows of the tables -> log-odds, deviation -> probability and interval
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.learning.calibration import HIGHEST_LOG_ODDS
from fitmodel.learning.scorecard import INTERVAL_Z
from fitmodel.model._row_encoder import unfamiliar_codes
from fitmodel.model._row_scorer import UNFAMILIAR_WIDENING, unseen_bands
from fitmodel.model._sql_dialects import number

if TYPE_CHECKING:
    from fitmodel.learning.calibration import CalibrationMap
    from fitmodel.learning.churn_curve import ChurnCurve
    from fitmodel.learning.scorecard import Scorecard
    from fitmodel.model._sql_dialects import Steps
    from fitmodel.model.scorer import Scorer


def add_scores(steps: Steps, scorecard: Scorecard, *, reasons: bool) -> None:
    """Add the steps from codes to ``fm_p``, ``fm_low``, ``fm_high`` and ``fm_unfamiliar``.

    With `reasons`, also add ``fm_c1`` (the contribution of each term), ``fm_deals1`` and
    ``fm_rate1`` (the evidence). A row with an error has no probability.
    """
    _Scores(steps, scorecard, reasons=reasons).add_steps()


class _Scores:
    def __init__(self, steps: Steps, scorecard: Scorecard, *, reasons: bool) -> None:
        self._steps, self._sql, self._scorecard = steps, steps.dialect, scorecard
        self._reasons = reasons
        self._width = len(scorecard.columns)
        self._terms = range(1, len(scorecard.terms) + 1)
        self._replicates = range(1, scorecard.centred.shape[1])
        self._unseen_bands = unseen_bands(scorecard)
        self._banded = {
            position + 1 for first, second, _ in self._unseen_bands for position in (first, second)
        }

    def add_steps(self) -> None:
        self._steps.add("fm_mapped", self._bands(), self._map_joins())
        self._steps.add("fm_sums", self._sums(), self._term_joins())
        self._steps.add("fm_scores", self._scores())
        self._steps.add("fm_probabilities", self._probabilities())

    # ---- codes -> bands, and rows of the pairs ----

    def _bands(self) -> Iterator[tuple[str, str]]:
        for position in sorted(self._banded):
            yield f"fm_band{position}", f"m{position}.band"
        for term, pair in enumerate(self._scorecard.pairs, start=self._width + 1):
            columns = pair.shape[1]
            first, second = pair.first + 1, pair.second + 1
            yield (f"fm_code{term}", f"m{first}.pair{term} * {columns} + m{second}.pair{term}")

    def _map_joins(self) -> Iterator[str]:
        """Join a table of codes for each attribute whose bands or pairs are needed."""
        for position, column in enumerate(self._scorecard.columns, start=1):
            maps = {"code": np.arange(column.size + 2)}
            if position in self._banded:
                maps["band"] = self._scorecard.evidence[position - 1].band
            for term, pair in enumerate(self._scorecard.pairs, start=self._width + 1):
                if pair.first == position - 1:
                    maps[f"pair{term}"] = pair.first_map
                elif pair.second == position - 1:
                    maps[f"pair{term}"] = pair.second_map
            if len(maps) > 1:
                rows = np.column_stack(list(maps.values())).tolist()
                columns = [(name, "integer") for name in maps]
                self._steps.add_table(f"fm_maps{position}", self._sql.values(columns, rows))
                joined = f"fm_maps{position} AS m{position}"
                yield f"LEFT JOIN {joined} ON m{position}.code = fm_code{position}"

    # ---- rows of the tables -> sums ----

    def _term_joins(self) -> Iterator[str]:
        ends = [*self._scorecard.offsets[1:], len(self._scorecard.tables)]
        for term, start, end in zip(self._terms, self._scorecard.offsets, ends, strict=True):
            self._steps.add_table(f"fm_term{term}", self._term_table(term, start, end))
            yield f"LEFT JOIN fm_term{term} AS x{term} ON x{term}.code = fm_code{term}"

    def _term_table(self, term: int, start: int, end: int) -> str:
        columns = [("code", "integer"), ("c", "double")]
        columns += [(f"r{replicate}", "double") for replicate in self._replicates]
        rows = [
            [str(code), *map(number, row)]
            for code, row in enumerate(self._scorecard.centred[start:end].tolist())
        ]
        if self._has_own(term):
            columns.append(("own", "double"))
            own = self._scorecard.own_parts[start:end].tolist()
            rows = [[*row, number(part)] for row, part in zip(rows, own, strict=True)]
        if self._has_evidence(term):
            columns += [("deals", "integer"), ("rate", "double")]
            evidence = self._scorecard.evidence[term - 1]
            for code, row in enumerate(rows):
                band = evidence.band[code]
                rate = float(evidence.rate[band])
                row += [str(int(evidence.count[band])), "NULL" if np.isnan(rate) else number(rate)]
        return self._sql.values(columns, rows)

    def _has_own(self, term: int) -> bool:
        return self._scorecard.own is not None and term <= self._width

    def _has_evidence(self, term: int) -> bool:
        return self._reasons and term <= self._width

    def _sums(self) -> Iterator[tuple[str, str]]:
        start, *replicates = self._scorecard.centred[-1].tolist()
        yield "fm_raw", " + ".join([number(start), *(f"x{term}.c" for term in self._terms)])
        for each, own in zip(self._replicates, replicates, strict=True):
            added = (f"x{term}.r{each}" for term in self._terms)
            yield f"fm_s{each}", " + ".join([number(own), *added])
        own = " + ".join(f"x{term}.own" for term in self._terms if self._has_own(term))
        yield "fm_own", own or f"CAST(NULL AS {self._sql.double})"
        yield "fm_unfamiliar", " OR ".join(self._unfamiliar())
        if self._reasons:
            for term in self._terms:
                yield f"fm_c{term}", f"x{term}.c"
                if self._has_evidence(term):
                    yield f"fm_deals{term}", f"x{term}.deals"
                    yield f"fm_rate{term}", f"x{term}.rate"

    def _unfamiliar(self) -> Iterator[str]:
        yield "COALESCE(fm_outside, FALSE)"
        for position, codes in enumerate(unfamiliar_codes(self._scorecard), start=1):
            if codes:
                yield f"fm_code{position} IN ({', '.join(map(str, codes))})"
        for first, second, forbidden in self._unseen_bands:
            width = int(self._scorecard.evidence[second].band.max()) + 1
            cells = sorted(
                first_band * width + second_band for first_band, second_band in forbidden
            )
            cell = f"fm_band{first + 1} * {width} + fm_band{second + 1}"
            yield f"{cell} IN ({', '.join(map(str, cells))})"

    # ---- sums -> probability and interval ----

    def _scores(self) -> Iterator[tuple[str, str]]:
        yield "fm_log_odds", "CASE WHEN fm_error IS NULL THEN fm_raw END"
        squares = " + ".join(f"fm_s{each} * fm_s{each}" for each in self._replicates)
        degrees = max(len(self._replicates) - 1, 1)
        multiplier = INTERVAL_Z * self._scorecard.spread
        wider = f"CASE WHEN fm_unfamiliar THEN {number(UNFAMILIAR_WIDENING)} ELSE 1e0 END"
        spread = f"SQRT(({squares or '0e0'}) / {number(degrees)})"
        yield "fm_half_width", f"{number(multiplier)} * ({spread} * {wider})"

    def _probabilities(self) -> Iterator[tuple[str, str]]:
        for name, raw in (
            ("fm_p", "fm_log_odds"),
            ("fm_low", "(fm_log_odds - fm_half_width)"),
            ("fm_high", "(fm_log_odds + fm_half_width)"),
        ):
            line = _calibrated(self._scorecard.calibration, raw)
            bounds = number(HIGHEST_LOG_ODDS), number(-HIGHEST_LOG_ODDS)
            bounded = f"LEAST({bounds[0]}, GREATEST({bounds[1]}, {line}))"
            yield name, f"1e0 / (1e0 + EXP(-CAST({bounded} AS {self._sql.double})))"


def _calibrated(calibration: CalibrationMap, raw: str) -> str:
    """Return the calibration map, which is piecewise linear in log-odds, as an expression."""
    knots, values = calibration.knots, calibration.values
    lines = []
    for start in range(len(knots) - 1):
        slope = (values[start + 1] - values[start]) / (knots[start + 1] - knots[start])
        shifted = f"({raw} - ({number(knots[start])}))"
        lines.append(f"{number(values[start])} + ({number(slope)}) * {shifted}")
    if len(lines) == 1:
        return lines[0]
    cases = (
        f"WHEN {raw} <= {number(knot)} THEN {line}"
        for knot, line in zip(knots[1:-1], lines, strict=False)
    )
    return f"CASE {' '.join(cases)} ELSE {lines[-1]} END"


def add_horizons(steps: Steps, scorer: Scorer, horizons: Sequence[int]) -> None:
    """Add the steps from ``fm_p`` to ``fm_p3``, ``fm_low3``, ``fm_high3``, ...

    These are, for a horizon of 3 months, the probability of leaving by then and its interval, as
    `ChurnCurve.left_by` and `ChurnCurve.interval_by` compute them.
    """
    if not horizons:
        return
    curve = scorer.curve
    if curve is not None:
        ends = [("fm_l", "fm_p"), ("fm_l_low", "fm_low"), ("fm_l_high", "fm_high")]
        steps.add("fm_raws", [(raw, f"LN({p} / (1e0 - {p}))") for raw, p in ends])
        steps.add("fm_half_widths", _half_widths(curve, horizons))
    steps.add("fm_horizons", _at_horizons(scorer, horizons))
    steps.add("fm_intervals", _ends_around(horizons))


def _months_between(own: int, month: int) -> range:
    """Return the months from the own horizon (excluded) outward to another (included)."""
    return range(own + 1, month + 1) if month > own else range(month, own)


def _half_widths(curve: ChurnCurve, horizons: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Return the half-width of the interval, below and above, at every month on the way."""
    needed = {at for month in horizons for at in _months_between(curve.horizon, month)}
    for at in sorted(needed):
        slope, tilt = number(curve.slope[at - 1]), number(curve.slope_deviation[at - 1])
        shift = number(curve.deviation[at - 1])
        tilt_part = f"({tilt}) * (fm_l - ({number(curve.centre)}))"
        added_variance = (
            f"{number(INTERVAL_Z**2)} * (({shift}) * ({shift}) + {tilt_part} * {tilt_part})"
        )
        for end in ("low", "high"):
            own_part = f"({slope}) * (fm_l_{end} - fm_l)"
            yield f"fm_half_width_{end}{at}", f"SQRT({own_part} * {own_part} + {added_variance})"


def _at_horizons(scorer: Scorer, horizons: Sequence[int]) -> Iterator[tuple[str, str]]:
    curve = scorer.curve
    for month in horizons:
        if curve is None or month == curve.horizon:
            own = ("p", "fm_p"), ("lower", "fm_low"), ("upper", "fm_high")
            yield from ((f"fm_{name}{month}", column) for name, column in own)
            continue
        yield f"fm_p{month}", _probability(scorer, curve, month, "p", "")
        yield f"fm_lower{month}", _probability(scorer, curve, month, "low", " - fm_half_width_low")
        yield (
            f"fm_upper{month}",
            _probability(scorer, curve, month, "high", " + fm_half_width_high"),
        )


def _ends_around(horizons: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Return the ends of the intervals, extended where needed to contain the probability."""
    for month in horizons:
        yield f"fm_low{month}", f"LEAST(fm_lower{month}, fm_p{month})"
        yield f"fm_high{month}", f"GREATEST(fm_upper{month}, fm_p{month})"


def _probability(scorer: Scorer, curve: ChurnCurve, month: int, name: str, half_width: str) -> str:
    """Return the probability at a month, or an end of its interval.

    `half_width` is the name of the half-width that is added at each month on the way; empty for the
    probability.
    """
    outward = "GREATEST" if month > curve.horizon else "LEAST"
    own = "fm_l" if name == "p" else f"fm_l_{name}"
    lines = [_line(curve, row, month, own, half_width) for row in range(len(curve.shift))]
    raw = lines[0]
    if curve.attribute is not None:
        code = f"fm_code{scorer.scorecard.attributes.index(curve.attribute) + 1}"
        raw = f"CASE {code} {_by_code(curve, lines)} END"
    bounds = number(HIGHEST_LOG_ODDS), number(-HIGHEST_LOG_ODDS)
    bounded = f"LEAST({bounds[0]}, GREATEST({bounds[1]}, {raw}))"
    return f"{outward}(fm_{name}, 1e0 / (1e0 + EXP(-({bounded}))))"


def _line(curve: ChurnCurve, row: int, month: int, own: str, half_width: str) -> str:
    """Return the log-odds at a month, kept monotone in the months from the own horizon outward."""
    outward = "GREATEST" if month > curve.horizon else "LEAST"
    lines = [
        f"{number(curve.shift[row, at - 1])} + ({number(curve.slope[at - 1])}) * fm_l"
        + (f"{half_width}{at}" if half_width else "")
        for at in _months_between(curve.horizon, month)
    ]
    return f"{outward}({', '.join([own, *lines])})"


def _by_code(curve: ChurnCurve, lines: list[str]) -> str:
    return " ".join(
        f"WHEN {code} THEN {lines[row]}" for code, row in enumerate(curve.stratum_by_code)
    )
