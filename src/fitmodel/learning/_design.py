"""Design matrices of the components: a small numeric basis per attribute.

The basis of a number has its value, its rank and, where a bend is allowed, a bend. The basis of a
category has an indicator per level. Boosting gets a category of many levels as one number: the
level's shrunken early-churn statistic, computed for each training deal without that deal's own
label (Micci-Barreca 2001, cross-fitted as in scikit-learn's ``TargetEncoder``). The ridge
regression gets that number too where a category has very many levels, or many levels and a parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._level_statistic import LevelStatistic, level_statistic
from fitmodel.learning.columns import MISSING, Column, NumberColumn
from fitmodel.learning.encoding import MANY_LEVELS

NUMBER_BASIS = 2  # value, and normal score of the rank; a bend comes third
SMALLEST_BEND = 1e-6  # relative to the norm of the squared score; a smaller bend is rounding error
MAX_INDICATORS = 128  # of one category; with more the matrix would be wide and mostly zero


@dataclass(frozen=True)
class Design:
    """Design matrices of the training deals.

    `codes`, ndarray of int, shape (deals, attributes): codes of the training deals.
    `bases`, tuple of ndarray, shapes (size + 2, width): basis values of every code, per attribute.
        A level statistic is the first column.
    `statistics`: level statistic of each category of many levels; None for all other attributes.
    `by_statistic`: per attribute: whether the linear matrix has its statistic instead of
        indicators.
    `scales`, tuple of ndarray, shapes (width,): factors by which the basis values were multiplied,
        per attribute.
    `bends`: per attribute: whether its third basis function is a bend.
    """

    columns: tuple[Column, ...]
    codes: NDArray[np.int32]
    bases: tuple[NDArray[np.float64], ...]
    statistics: tuple[LevelStatistic | None, ...]
    by_statistic: tuple[bool, ...]
    scales: tuple[NDArray[np.float64], ...]
    bends: tuple[bool, ...]

    @property
    def depends_on_labels(self) -> bool:
        """Whether the linear matrix contains a level statistic, which is made from the labels."""
        return any(self.by_statistic)

    @property
    def linear_statistics(self) -> tuple[LevelStatistic | None, ...]:
        """Per attribute: the statistic in the linear matrix; None where it has indicators."""
        pairs = zip(self.statistics, self.by_statistic, strict=True)
        return tuple(statistic if used else None for statistic, used in pairs)

    def linear_matrix(self, earlier: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Basis values of every deal, shape (deals, sum of widths).

        `earlier`: the matrix of this design with other labels. It is updated in place and returned.
        """
        widths = [basis.shape[1] for basis in self.bases]
        starts = np.cumsum([0, *widths])
        matrix = np.empty((len(self.codes), starts[-1])) if earlier is None else earlier
        for position, (basis, statistic) in enumerate(
            zip(self.bases, self.linear_statistics, strict=True)
        ):
            start = starts[position]
            if earlier is None:
                matrix[:, start : starts[position + 1]] = basis[self.codes[:, position]]
            if statistic is not None:
                matrix[:, start] = statistic.cross_fitted * self.scales[position][0]
        return matrix

    def boosting_matrix(self) -> NDArray[np.float64]:
        """Codes or bins of the statistic, NaN where missing, shape (deals, attributes)."""
        matrix = self.codes.astype(np.float64)
        for position, statistic in enumerate(self.statistics):
            if statistic is not None:
                matrix[:, position] = statistic.bins(statistic.cross_fitted)
        matrix[self.codes == MISSING] = np.nan
        return matrix


def make_design(
    columns: Sequence[Column],
    codes: NDArray[np.int32],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    parents: Sequence[int | None],
    seed: int,
    scales: NDArray[np.float64] | None = None,
    bends: Sequence[bool] = (),
) -> Design:
    """Build the design of the training deals.

    `codes`, ndarray of int, shape (deals, attributes): codes of the training deals.
    `early_churn`, `weight`, shape (deals,): labels (soft ones too) and weights of the training
        deals.
    `parents`: for each attribute, the position of its parent attribute: level statistics are shrunk
        towards the rate of the parent's level. None: towards the company's rate.
    `seed`: seed of the folds that keep a deal's own label out of its level statistic.
    `scales`, shape (width,): factor on each column of the linear matrix; 0 leaves a column out.
    `bends`: per attribute: whether a number gets a bend as its third basis function; default: none.
    """
    statistics = _statistics(columns, codes, early_churn, weight, parents, seed)
    by_statistic = _by_statistic(columns, parents)
    may_bend = bends or [False] * len(columns)
    bases = [
        _basis(
            column,
            codes[:, position],
            statistics[position] if by_statistic[position] else None,
            bend=may_bend[position],
        )
        for position, column in enumerate(columns)
    ]
    has_bend = tuple(
        allowed and isinstance(column, NumberColumn) and basis.shape[1] > NUMBER_BASIS
        for allowed, column, basis in zip(may_bend, columns, bases, strict=True)
    )
    widths = [basis.shape[1] for basis in bases]
    factors = np.split(np.ones(sum(widths)) if scales is None else scales, np.cumsum(widths)[:-1])
    scaled = (basis * factor for basis, factor in zip(bases, factors, strict=True))
    return Design(
        tuple(columns), codes, tuple(scaled), statistics, by_statistic, tuple(factors), has_bend
    )


def with_other_labels(
    design: Design,
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    parents: Sequence[int | None],
    seed: int,
) -> Design:
    """Return the design that `make_design` would build for the same deals with other labels.

    Only level statistics depend on the labels; all other bases are reused.
    """
    columns, codes = design.columns, design.codes
    statistics = _statistics(columns, codes, early_churn, weight, parents, seed)
    bases = list(design.bases)
    for position, statistic in enumerate(statistics):
        if statistic is not None and design.by_statistic[position]:
            basis = _basis(columns[position], codes[:, position], statistic)
            bases[position] = basis * design.scales[position]
    return replace(design, bases=tuple(bases), statistics=statistics)


def _statistics(
    columns: Sequence[Column],
    codes: NDArray[np.int32],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    parents: Sequence[int | None],
    seed: int,
) -> tuple[LevelStatistic | None, ...]:
    """Level statistic of each category of many levels, None for all other attributes."""
    statistics: list[LevelStatistic | None] = []
    for position, column in enumerate(columns):
        statistic = None
        if not isinstance(column, NumberColumn) and column.size > MANY_LEVELS:
            code, parent = codes[:, position], parents[position]
            group = codes[:, parent] if parent is not None else np.zeros(len(code), dtype=np.int32)
            statistic = level_statistic(code, column.size, group, early_churn, weight, seed=seed)
        statistics.append(statistic)
    return tuple(statistics)


def _by_statistic(columns: Sequence[Column], parents: Sequence[int | None]) -> tuple[bool, ...]:
    """Per attribute: whether it has very many levels, or many levels and a parent."""
    limits = (MAX_INDICATORS if parent is None else MANY_LEVELS for parent in parents)
    return tuple(
        not isinstance(column, NumberColumn) and column.size > limit
        for column, limit in zip(columns, limits, strict=True)
    )


def _basis(
    column: Column, code: NDArray[np.int32], statistic: LevelStatistic | None, *, bend: bool = False
) -> NDArray[np.float64]:
    rows = column.size + 2
    if statistic is not None:
        basis = statistic.by_code[:, None].copy()
        basis[MISSING] = 0.0
    elif isinstance(column, NumberColumn):
        basis = _number_basis(column, code, bend=bend)
    else:
        basis = np.zeros((rows, column.size))
        basis[1 : column.size + 1] = np.eye(column.size)
    if (code == MISSING).any():
        indicator = np.zeros((rows, 1))
        indicator[MISSING] = 1.0
        basis = np.hstack([basis, indicator])
    return basis


def _number_basis(
    column: NumberColumn, code: NDArray[np.int32], *, bend: bool
) -> NDArray[np.float64]:
    """Value (centre of the bin), normal score of the rank, and bend, each standardised."""
    known = code[code != MISSING]
    counts = np.bincount(known, minlength=column.size + 1)[1:].astype(float)
    if column.size == 1 or len(known) == 0:
        return np.zeros((column.size + 2, 0))
    centres = np.asarray(column.centres or _middles(column.cuts))
    ranks = (np.cumsum(counts) - counts / 2) / counts.sum()
    distribution = NormalDist()
    scores = np.array([distribution.inv_cdf(rank) for rank in ranks.clip(1e-3, 1 - 1e-3).tolist()])
    functions = [centres, scores, _bend(scores, counts)] if bend else [centres, scores]
    basis = np.zeros((column.size + 2, len(functions)))
    for position, values in enumerate(functions):
        mean = np.average(values, weights=counts)
        deviation = np.sqrt(np.average((values - mean) ** 2, weights=counts))
        basis[1 : column.size + 1, position] = (values - mean) / max(float(deviation), 1e-12)
    return basis


def _bend(scores: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square of the score without its linear part; 0 where nothing remains."""
    sqrt_counts = np.sqrt(counts)
    linear = np.column_stack([np.ones_like(scores), scores]) * sqrt_counts[:, None]
    square = scores**2 - np.average(scores**2, weights=counts)
    residual = (
        square
        - (linear / sqrt_counts[:, None])
        @ np.linalg.lstsq(linear, square * sqrt_counts, rcond=None)[0]
    )
    small = np.linalg.norm(residual * sqrt_counts) <= SMALLEST_BEND * np.linalg.norm(
        square * sqrt_counts
    )
    return np.zeros_like(scores) if small else np.asarray(residual, dtype=np.float64)


def _middles(cuts: Sequence[float]) -> list[float]:
    """A representative value of each bin, for a column without its training values."""
    between = [(low + high) / 2 for low, high in pairwise(cuts)]
    return [cuts[0], *between, cuts[-1]]
