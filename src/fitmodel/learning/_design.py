"""Design matrices of the components: a small numeric basis per attribute.

A number gives its place on a line, its rank and, where it may turn, a bend; a category gives an
indicator per level. A category of very many levels, or of many that have a parent, gives one
number: the level's shrunken early-churn statistic, made for each training deal without that deal's
own label (Micci-Barreca 2001, cross-fitted as in scikit-learn's ``TargetEncoder``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.calibration import logit
from fitmodel.learning.columns import MISSING, Column, NumberColumn
from fitmodel.learning.encoding import MANY_LEVELS

NUMBER_BASIS = 2  # place on a line and normal score of the rank; a bend comes third
SMALLEST_BEND = 1e-6  # of the deviation of the squared score: less is rounding
MAX_INDICATORS = 128  # levels of a category; of more, the matrix would be wide and mostly empty
STATISTIC_FOLDS = 5
STATISTIC_BINS = 16
PRIOR_DEALS = 10.0  # least weight of the parent's rate in a level's statistic, in deals


@dataclass(frozen=True)
class LevelStatistic:
    """Shrunken log-odds of early churn per code of a category of many levels.

    Parameters
    ----------
    by_code : ndarray of float, shape (size + 2,)
        For scoring; missing, rare and unseen levels have theirs.
    deviation : ndarray of float, shape (size + 2,)
        Standard deviation of what is not known about each.
    cross_fitted : ndarray of float, shape (deals,)
        For training: made without the deal's own label.
    cuts : ndarray of float
        Bins of the statistic, for boosting.
    """

    by_code: NDArray[np.float64]
    deviation: NDArray[np.float64]
    cross_fitted: NDArray[np.float64]
    cuts: NDArray[np.float64]

    def bins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bin (1, 2, ...) of statistics."""
        return np.asarray(np.searchsorted(self.cuts, values, side="right") + 1, dtype=np.float64)


@dataclass(frozen=True)
class Design:
    """Design matrices of the training deals.

    Parameters
    ----------
    columns : tuple of Column
    codes : ndarray of int, shape (deals, attributes)
    bases : tuple of ndarray, shapes (size + 2, width)
        Per attribute: code to basis values. A level statistic is the basis' first column.
    statistics : tuple of LevelStatistic or None
        Per attribute; None where levels have an indicator each.
    scales : tuple of ndarray, shapes (width,)
        Factors that the basis values were multiplied by.
    bends : tuple of bool
        Per attribute: whether its third basis value is a bend.
    """

    columns: tuple[Column, ...]
    codes: NDArray[np.int32]
    bases: tuple[NDArray[np.float64], ...]
    statistics: tuple[LevelStatistic | None, ...]
    scales: tuple[NDArray[np.float64], ...]
    bends: tuple[bool, ...]

    @property
    def depends_on_labels(self) -> bool:
        """Whether a category of many levels is told by its deals' outcomes."""
        return any(statistic is not None for statistic in self.statistics)

    def linear_matrix(self) -> NDArray[np.float64]:
        """Basis values of every deal, shape (deals, sum of widths)."""
        blocks = []
        for position, (basis, statistic) in enumerate(
            zip(self.bases, self.statistics, strict=True)
        ):
            block = basis[self.codes[:, position]]
            if statistic is not None:
                block[:, 0] = statistic.cross_fitted * self.scales[position][0]
            blocks.append(block)
        return np.hstack(blocks)

    def boosting_matrix(self) -> NDArray[np.float64]:
        """Codes as floats for boosting, NaN where missing, shape (deals, attributes)."""
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
    """Build the bases from training deals.

    Parameters
    ----------
    columns, codes
        The columns and the codes of the training deals.
    early_churn, weight : ndarray, shape (deals,)
    parents : sequence of int or None
        For each attribute the position of the attribute whose level's rate a level's statistic is
        drawn towards; None for the company's rate.
    seed : int
        Of the folds that keep a deal's own label out of its statistic.
    scales : ndarray, shape (width,), optional
        Factor on each column of the linear matrix: 0 leaves a column out.
    bends : sequence of bool, optional
        Per attribute: whether a number gets a bend as its third basis value; default: none.
    """
    statistics = _statistics(columns, codes, early_churn, weight, parents, seed)
    may_bend = bends or [False] * len(columns)
    bases = [
        _basis(column, codes[:, position], statistics[position], bend=may_bend[position])
        for position, column in enumerate(columns)
    ]
    bent = tuple(
        may and isinstance(column, NumberColumn) and basis.shape[1] > NUMBER_BASIS
        for may, column, basis in zip(may_bend, columns, bases, strict=True)
    )
    widths = [basis.shape[1] for basis in bases]
    factors = np.split(np.ones(sum(widths)) if scales is None else scales, np.cumsum(widths)[:-1])
    scaled = (basis * factor for basis, factor in zip(bases, factors, strict=True))
    return Design(tuple(columns), codes, tuple(scaled), statistics, tuple(factors), bent)


def with_other_labels(
    design: Design,
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    parents: Sequence[int | None],
    seed: int,
) -> Design:
    """Return what `make_design` would build of the same deals with other labels.

    Only level statistics know the labels: all other bases are kept.
    """
    columns, codes = design.columns, design.codes
    statistics = _statistics(columns, codes, early_churn, weight, parents, seed)
    bases = list(design.bases)
    for position, statistic in enumerate(statistics):
        if statistic is not None:
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
    """Level statistic of each category of very many levels, or of many that have a parent."""
    statistics: list[LevelStatistic | None] = []
    for position, column in enumerate(columns):
        statistic = None
        parent = parents[position]
        most = MAX_INDICATORS if parent is None else MANY_LEVELS
        if not isinstance(column, NumberColumn) and column.size > most:
            code = codes[:, position]
            group = codes[:, parent] if parent is not None else np.zeros(len(code), dtype=np.int32)
            statistic = level_statistic(code, column.size, group, early_churn, weight, seed=seed)
        statistics.append(statistic)
    return tuple(statistics)


def _basis(
    column: Column,
    code: NDArray[np.int32],
    statistic: LevelStatistic | None,
    *,
    bend: bool = False,
) -> NDArray[np.float64]:
    rows = column.size + 2
    if statistic is not None:
        main = statistic.by_code[:, None].copy()
        main[MISSING] = 0.0
    elif isinstance(column, NumberColumn):
        main = _number_basis(column, code, bend=bend)
    else:
        main = np.zeros((rows, column.size))
        main[1 : column.size + 1] = np.eye(column.size)
    if (code == MISSING).any():
        indicator = np.zeros((rows, 1))
        indicator[MISSING] = 1.0
        main = np.hstack([main, indicator])
    return main


def _number_basis(
    column: NumberColumn, code: NDArray[np.int32], *, bend: bool
) -> NDArray[np.float64]:
    """Place on a line (centre of the bin), normal score of the rank, and bend, standardised."""
    known = code[code != MISSING]
    counts = np.bincount(known, minlength=column.size + 1)[1:].astype(float)
    if column.size == 1 or len(known) == 0:
        return np.zeros((column.size + 2, 0))
    middles = np.asarray(column.centres or _middles(column.cuts))
    ranks = (np.cumsum(counts) - counts / 2) / counts.sum()
    normal = NormalDist()
    scores = np.array([normal.inv_cdf(rank) for rank in ranks.clip(1e-3, 1 - 1e-3).tolist()])
    lines = [middles, scores, _bend(scores, counts)] if bend else [middles, scores]
    basis = np.zeros((column.size + 2, len(lines)))
    for position, values in enumerate(lines):
        mean = np.average(values, weights=counts)
        deviation = np.sqrt(np.average((values - mean) ** 2, weights=counts))
        basis[1 : column.size + 1, position] = (values - mean) / max(float(deviation), 1e-12)
    return basis


def _bend(scores: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square of the score, less what a line through the scores explains; 0 where that is all."""
    root = np.sqrt(counts)
    line = np.column_stack([np.ones_like(scores), scores]) * root[:, None]
    square = scores**2 - np.average(scores**2, weights=counts)
    rest = square - (line / root[:, None]) @ np.linalg.lstsq(line, square * root, rcond=None)[0]
    small = np.linalg.norm(rest * root) <= SMALLEST_BEND * np.linalg.norm(square * root)
    return np.zeros_like(scores) if small else np.asarray(rest, dtype=np.float64)


def _middles(cuts: Sequence[float]) -> list[float]:
    """A value of each bin where no training values are known."""
    between = [(low + high) / 2 for low, high in pairwise(cuts)]
    return [cuts[0], *between, cuts[-1]]


def level_statistic(
    code: NDArray[np.int32],
    size: int,
    group: NDArray[np.int32],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    seed: int,
) -> LevelStatistic:
    """Shrunken log-odds per level, relative to the company's, for scoring and for training."""
    overall = float(np.average(early_churn, weights=weight))
    by_code, deviation = _shrunken(code, size, group, early_churn, weight, overall)
    cross_fitted = np.zeros(len(code))
    fold = np.random.default_rng(seed).permutation(len(code)) % STATISTIC_FOLDS
    for held_out in range(STATISTIC_FOLDS):
        kept, out = fold != held_out, fold == held_out
        values, _ = _shrunken(
            code[kept], size, group[kept], early_churn[kept], weight[kept], overall
        )
        cross_fitted[out] = values[code[out]]
    cross_fitted[code == MISSING] = 0.0
    inner = np.quantile(cross_fitted, np.linspace(0, 1, STATISTIC_BINS + 1)[1:-1])
    return LevelStatistic(by_code, deviation, cross_fitted, np.unique(inner))


def _shrunken(
    code: NDArray[np.int32],
    size: int,
    group: NDArray[np.int32],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    overall: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Empirical-Bayes log-odds per code, drawn towards the rate of the level's parent.

    The prior's weight in deals is estimated by moments from how much the levels' rates differ
    beyond chance (beta-binomial; Casella 1985), and never below `PRIOR_DEALS`.
    """
    rows = size + 2
    deals = _weighted_count(code, weight, rows)
    churners = _weighted_count(code, weight * early_churn, rows)
    expected = _parent_rate(code, rows, group, early_churn, weight, overall)
    prior = _prior_deals(deals[1:], churners[1:], expected[1:])
    rate = (churners + prior * expected) / (deals + prior)
    deviation = 1 / np.sqrt(np.maximum((deals + prior) * rate * (1 - rate), 1e-6))
    return logit(rate) - logit(np.array(overall)), deviation


def _weighted_count(
    code: NDArray[np.int32], weight: NDArray[np.float64], rows: int
) -> NDArray[np.float64]:
    return np.asarray(np.bincount(code, weights=weight, minlength=rows), dtype=np.float64)


def _parent_rate(
    code: NDArray[np.int32],
    rows: int,
    group: NDArray[np.int32],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    overall: float,
) -> NDArray[np.float64]:
    """Mean over a level's deals of its parents' rates; the company's where it has no deals."""
    group_deals = np.bincount(group, weights=weight)
    group_churners = np.bincount(group, weights=weight * early_churn)
    group_rate = (group_churners + PRIOR_DEALS * overall) / (group_deals + PRIOR_DEALS)
    count = np.bincount(code, minlength=rows)
    total = np.bincount(code, weights=group_rate[group], minlength=rows)
    return np.where(count > 0, total / np.maximum(count, 1), overall)


def _prior_deals(
    deals: NDArray[np.float64], churners: NDArray[np.float64], expected: NDArray[np.float64]
) -> float:
    known = deals > 0
    n, k, p = deals[known], churners[known], expected[known]
    chance = n * p * (1 - p)
    excess = float((((k - n * p) ** 2) - chance).sum())
    room = float((n * (n - 1) * p * (1 - p)).clip(min=0).sum())
    correlation = excess / room if room > 0 else 0.0
    if correlation <= 0:
        return 1e3
    return float(np.clip(1 / correlation - 1, PRIOR_DEALS, 1e3))
