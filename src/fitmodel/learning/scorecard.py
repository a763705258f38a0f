"""The scorecard: an additive model stored as one table per attribute.

    codes of a prospect -> one row from each table     -> their sum is the log-odds
                        -> the calibration map         -> early_churn_probability
                        -> the same rows per replicate -> the interval

Every table is a block of rows in one matrix. Column 0 has the contribution in log-odds. The other
columns have the contribution in each bootstrap replicate (a refit on resampled deals); their
standard deviation is the uncertainty of the model. This module imports numpy only, and a scorecard
is loaded without unpickling.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitmodel.exceptions import BundleError
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.columns import Column
from fitmodel.renamed import old_fields

FORMAT = 1
INTERVAL_Z = 1.2815515655446004  # standard deviations on each side of a normal 80% interval
CHUNK_ROWS = 2_048  # rows at a time, so that they fit the processor's cache; any value is correct


@dataclass(frozen=True)
class PairTerm:
    """The grid of a table over two attributes.

    Parameters
    ----------
    first, second : int
        Positions of the two attributes.
    first_map, second_map : ndarray of int, shapes (size + 2,)
        Row (column) of the grid for each code of the first (second) attribute.
    """

    first: int
    second: int
    first_map: NDArray[np.int64]
    second_map: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return int(self.first_map.max()) + 1, int(self.second_map.max()) + 1


@dataclass(frozen=True)
class Evidence:
    """Number of training deals and their rate of early churn, per band of one attribute.

    Parameters
    ----------
    band : ndarray of int, shape (size + 2,)
        Band of each code: neighbouring bins of a number share one, each level has its own.
    count : ndarray of int, shape (bands,)
        Number of training deals in each band.
    rate : ndarray of float, shape (bands,)
        Weighted mean of the soft labels in each band; NaN without deals.
    label : tuple of str, length bands
        Description of each band in words.
    lately : ndarray of float, shape (size + 2,), or None
        Hazard of leaving now over the one in the whole past, per code, where it changed apart from
        that of all customers; 1 where it did not; None if no value changed.
    left : ndarray of int, shape (bands,), or None
        Number of training deals in each band that are known to have left early; None in older
        bundles.
    unknown : ndarray of int, shape (bands,), or None
        Number of training deals in each band of which it is not known whether they leave early;
        None in older bundles.
    """

    band: NDArray[np.int64]
    count: NDArray[np.int64]
    rate: NDArray[np.float64]
    label: tuple[str, ...]
    lately: NDArray[np.float64] | None = None
    left: NDArray[np.int64] | None = None
    unknown: NDArray[np.int64] | None = None

    def is_mostly_unknown(self, band: int) -> bool:
        """Whether the outcome of most deals in a band is not known; False in older bundles."""
        return self.unknown is not None and bool(self.unknown[band] > self.count[band] / 2)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data; an array that is None is absent."""
        optional = {"lately": self.lately, "left": self.left, "unknown": self.unknown}
        return {
            "band": self.band.tolist(),
            "count": self.count.tolist(),
            "rate": [None if rate != rate else rate for rate in self.rate.tolist()],  # noqa: PLR0124
            "label": list(self.label),
        } | {key: value.tolist() for key, value in optional.items() if value is not None}


@old_fields(odd_pairs="unusual_pairs")
@dataclass(frozen=True)
class Scorecard:
    """A fitted additive model, stored as tables.

    Parameters
    ----------
    columns : tuple of Column
        Column of each attribute, which converts values to codes.
    pairs : tuple of PairTerm
        Pairs of attributes that have a table of their own.
    tables : ndarray of float, shape (rows, 1 + bootstrap replicates)
        The stacked tables of all attributes, then of all pairs.
    intercept : ndarray of float, shape (1 + bootstrap replicates,)
        Intercept of the model, and of each replicate, in log-odds.
    calibration : CalibrationMap
        Map from log-odds to calibrated log-odds.
    spread : float
        Factor on the standard deviation over bootstrap replicates, for the 80% interval.
    evidence : tuple of Evidence
        Evidence of each attribute.
    base_rate : float
        Mean predicted probability over the training deals.
    unusual_pairs : tuple of (int, int, int, int)
        Combinations (attribute, band, attribute, band) that are out of distribution: they are
        expected often but have no training deal.
    own : ndarray of float, shape (rows of single attributes,), or None
        Share of each row's precision that comes from the training deals rather than from the prior;
        None in older bundles.
    """

    columns: tuple[Column, ...]
    pairs: tuple[PairTerm, ...]
    tables: NDArray[np.float64]
    intercept: NDArray[np.float64]
    calibration: CalibrationMap
    spread: float
    evidence: tuple[Evidence, ...]
    base_rate: float
    unusual_pairs: tuple[tuple[int, int, int, int], ...] = ()
    own: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        sizes = [column.size + 2 for column in self.columns]
        sizes += [pair.shape[0] * pair.shape[1] for pair in self.pairs]
        if sum(sizes) != len(self.tables):
            raise BundleError(
                f"the scorecard has {len(self.tables)} rows; its columns and pairs need "
                f"{sum(sizes)}"
            )
        if not np.isfinite(self.tables).all() or not np.isfinite(self.intercept).all():
            raise BundleError("the scorecard holds a number that is not finite")

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields without the cached properties."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickle; earlier versions called `unusual_pairs` ``odd_pairs``."""
        if "odd_pairs" in state:
            state = {**state, "unusual_pairs": state["odd_pairs"]}
            del state["odd_pairs"]
        self.__dict__.update(state)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First row of each term's table: attributes, then pairs."""
        sizes = [column.size + 2 for column in self.columns]
        sizes += [pair.shape[0] * pair.shape[1] for pair in self.pairs]
        return tuple(int(start) for start in np.cumsum([0, *sizes[:-1]]))

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def centred(self) -> NDArray[np.float64]:
        """Tables with the intercept as last row; replicates as deviations from their mean.

        The sum of such rows has the log-odds first, and then the deviation of each replicate from
        the mean of all replicates.
        """
        rows = np.vstack([self.tables, self.intercept])
        if rows.shape[1] < 3:  # noqa: PLR2004 - a deviation needs two bootstrap replicates
            return rows[:, :1]
        rows[:, 1:] -= rows[:, 1:].mean(axis=1, keepdims=True)
        return rows

    @property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """Positions of the attributes of each term."""
        singles = tuple((position,) for position in range(len(self.columns)))
        return singles + tuple((pair.first, pair.second) for pair in self.pairs)

    @property
    def baseline(self) -> float:
        """Log-odds without the contributions of the attributes: the intercept."""
        return float(self.intercept[0])

    def rows(self, codes: NDArray[np.int32]) -> NDArray[np.int64]:
        """Rows of `tables` for coded prospects, shape (prospects, terms)."""
        positions = np.empty((len(codes), len(self.offsets)), dtype=np.int64)
        width = len(self.columns)
        positions[:, :width] = codes
        for position, pair in enumerate(self.pairs, start=width):
            first, second = (
                pair.first_map[codes[:, pair.first]],
                pair.second_map[codes[:, pair.second]],
            )
            positions[:, position] = first * pair.shape[1] + second
        positions += np.asarray(self.offsets, dtype=np.int64)
        return positions

    def scores(self, codes: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log-odds before calibration and their standard deviation, each of shape (prospects,)."""
        log_odds = np.empty(len(codes))
        deviation = np.empty(len(codes))
        for start in range(0, len(codes), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            log_odds[part], deviation[part] = self._scores_of(self.rows(codes[part]))
        return log_odds, deviation

    def _scores_of(
        self, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        # added in the same order as in the scorer of a single prospect, for identical results
        totals = np.tile(self.centred[-1], (len(rows), 1))
        result = np.empty_like(totals)
        for position in range(rows.shape[1]):
            # mode "clip" avoids a copy; all rows are valid
            totals += self.centred.take(rows[:, position], 0, out=result, mode="clip")
        log_odds = totals[:, 0].copy()
        totals *= totals
        variance = np.zeros(len(rows))
        for replicate in range(1, totals.shape[1]):
            variance += totals[:, replicate]
        variance /= max(totals.shape[1] - 2, 1)
        return log_odds, np.sqrt(variance)

    def deviations(self, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """Calibrated log-odds of each replicate minus those of the prediction, with `spread`.

        Shape (prospects, replicates); their standard deviation is that of `interval`.
        """
        result = np.empty((len(codes), self.centred.shape[1] - 1))
        for start in range(0, len(codes), CHUNK_ROWS):  # a whole table would take too much memory
            part = slice(start, start + CHUNK_ROWS)
            totals = self.centred.take(self.rows(codes[part]), 0).sum(axis=1) + self.centred[-1]
            log_odds = totals[:, :1]
            moved = self.calibration.log_odds(log_odds + self.spread * totals[:, 1:])
            result[part] = moved - self.calibration.log_odds(log_odds)
        return result

    def contributions(self, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """Contribution of each term in log-odds, shape (prospects, terms).

        `baseline` plus the row's sum is the log-odds before calibration.
        """
        contributions: NDArray[np.float64] = self.tables[self.rows(codes), 0]
        return contributions

    @cached_property
    def own_parts(self) -> NDArray[np.float64]:
        """Summand of each row of a single attribute in `own_evidence`; NaN in older bundles."""
        singles = sum(column.size + 2 for column in self.columns)
        own = np.full(singles, np.nan) if self.own is None else self.own
        return np.asarray(own / max(len(self.columns), 1), dtype=np.float64)

    def own_evidence(self, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """Mean over attributes of the precision share that comes from the training deals.

        Returns
        -------
        ndarray, shape (prospects,)
            From 0 (the prediction rests on the level and the prior only) to 1 (the prediction rests
            on the training deals only).
        """
        total = np.zeros(len(codes))
        for position in range(codes.shape[1]):  # in the same order as in the row scorer
            total += self.own_parts[self.offsets[position] + codes[:, position]]
        return total

    def deals_per_row(self) -> list[int]:
        """Number of training deals in the band of each row of a single attribute."""
        return [int(count) for item in self.evidence for count in item.count[item.band]]

    def interval(
        self, log_odds: NDArray[np.float64], deviation: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """80% interval of the true probability."""
        half_width = INTERVAL_Z * self.spread * deviation
        return (
            self.calibration.probability(log_odds - half_width),
            self.calibration.probability(log_odds + half_width),
        )

    def probability(self, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """Calibrated probability of early churn, shape (prospects,)."""
        return self.calibration.probability(self.scores(codes)[0])

    def table(self, attribute: str) -> list[dict[str, Any]]:
        """Return one attribute's table: value, log-odds, deviation, deals and early-churn rate."""
        position = self.attributes.index(attribute)
        column, evidence = self.columns[position], self.evidence[position]
        start = self.offsets[position]
        block = self.tables[start : start + column.size + 2]
        deviation = block[:, 1:].std(axis=1, ddof=1) if block.shape[1] > 2 else block[:, 0] * 0  # noqa: PLR2004
        return [
            {
                "value": column.label(code),
                "log_odds": float(block[code, 0]),
                "deviation": float(deviation[code]),
                "deals": int(evidence.count[evidence.band[code]]),
                "early_churn": float(evidence.rate[evidence.band[code]]),
            }
            for code in range(column.size + 2)
            if not (column.kind == "number" and code == column.size + 1)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data without loss of precision."""
        unusual_pairs = [list(item) for item in self.unusual_pairs]
        return {
            "format": FORMAT,
            "columns": [column.to_dict() for column in self.columns],
            "pairs": [
                {
                    "first": pair.first,
                    "second": pair.second,
                    "first_map": pair.first_map.tolist(),
                    "second_map": pair.second_map.tolist(),
                }
                for pair in self.pairs
            ],
            "tables": self.tables.tolist(),
            "intercept": self.intercept.tolist(),
            "calibration": self.calibration.to_dict(),
            "spread": self.spread,
            "evidence": [item.to_dict() for item in self.evidence],
            "base_rate": self.base_rate,
            "unusual_pairs": unusual_pairs,
            "odd_pairs": unusual_pairs,  # its name up to 0.1.0, which reads the file too
        } | ({} if self.own is None else {"own": self.own.tolist()})
