"""The two additive learners, each giving its own tables: ridge logistic and explainable boosting.

Design -> fit_logistic -> Additive (a table per attribute)
Design -> fit_boosting -> Additive per bag (tables per attribute and per chosen pair)
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.bounded import Bounds, bounded_logistic
from fitmodel.learning.columns import MISSING, NumberColumn
from fitmodel.learning.design import NUMBER_BASIS, Design

PAIR_BINS = 12


@dataclass(frozen=True)
class Pair:
    """Grid over two attributes.

    Parameters
    ----------
    attributes : (int, int)
    maps : (ndarray of int, ndarray of int), shapes (size + 2,)
        Code to grid index, per attribute.
    """

    attributes: tuple[int, int]
    maps: tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Additive:
    """Log-odds as a sum of tables; the last axis of every array is the bag (one or more).

    Parameters
    ----------
    intercept : ndarray, shape (bags,)
    singles : tuple of ndarray, shapes (size + 2, bags)
    pairs : tuple of Pair
    grids : tuple of ndarray, shapes (rows, columns, bags)
    """

    intercept: NDArray[np.float64]
    singles: tuple[NDArray[np.float64], ...]
    pairs: tuple[Pair, ...] = ()
    grids: tuple[NDArray[np.float64], ...] = ()

    def log_odds(self, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """Sum of the rows looked up, mean over bags, shape (deals,)."""
        total = np.full(len(codes), self.intercept.mean())
        for position, table in enumerate(self.singles):
            total += table.mean(axis=1)[codes[:, position]]
        for pair, grid in zip(self.pairs, self.grids, strict=True):
            first, second = pair.attributes
            total += grid.mean(axis=2)[
                pair.maps[0][codes[:, first]], pair.maps[1][codes[:, second]]
            ]
        return total


def fit_logistic(
    design: Design,
    early_churn: NDArray[np.float64],
    weights: Sequence[NDArray[np.float64]],
    *,
    penalty: float,
    monotone: tuple[int, ...] = (),
) -> Additive:
    """Ridge logistic regression on the bases, one fit per weight vector (bag).

    Parameters
    ----------
    design : Design
    early_churn : ndarray, shape (deals,)
    weights : sequence of ndarray, shape (deals,)
    penalty : float
        Inverse of scikit-learn's ``C``: how many units of squared coefficient one unit of
        log-likelihood buys.
    monotone : tuple of int
        As in `BoostingOptions`; of numbers only.
    """
    matrix = design.linear_matrix()
    splits = np.cumsum([basis.shape[1] for basis in design.bases])[:-1]
    intercepts, tables = [], []
    for weight in weights:
        used = weight > 0
        if matrix.shape[1] == 0:
            rate = np.average(early_churn, weights=weight)
            intercepts.append(float(np.log(rate / (1 - rate))))
            tables.append([np.zeros(basis.shape[0]) for basis in design.bases])
            continue
        known = (matrix[used], early_churn[used], weight[used])
        if any(monotone):
            intercept, slopes = bounded_logistic(*known, _bounds(design, monotone), penalty=penalty)
        else:
            intercept, slopes = _free_logistic(*known, penalty=penalty)
        intercepts.append(intercept)
        parts = np.split(slopes, splits)
        tables.append([basis @ part for basis, part in zip(design.bases, parts, strict=True)])
    singles = tuple(np.stack(bags, axis=1) for bags in zip(*tables, strict=True))
    return Additive(np.array(intercepts), singles)


def _free_logistic(
    matrix: NDArray[np.float64],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    penalty: float,
) -> tuple[float, NDArray[np.float64]]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / penalty, solver="newton-cholesky", max_iter=100)
    model.fit(matrix, early_churn, sample_weight=weight)
    return float(model.intercept_[0]), model.coef_[0]


def _bounds(design: Design, monotone: tuple[int, ...]) -> Bounds:
    """Signs of the coefficients: of a number's own basis, not of its missing indicator."""
    bounds: list[tuple[float | None, float | None]] = []
    for column, basis, direction in zip(design.columns, design.bases, monotone, strict=True):
        is_number = isinstance(column, NumberColumn)
        kept = NUMBER_BASIS if is_number and direction and basis.shape[1] >= NUMBER_BASIS else 0
        sign: tuple[float | None, float | None] = (0.0, None) if direction > 0 else (None, 0.0)
        bounds += [sign] * kept + [(None, None)] * (basis.shape[1] - kept)
    return tuple(bounds)


@dataclass(frozen=True)
class BoostingOptions:
    """Settings of explainable boosting (Lou et al. 2013, Nori et al. 2019; ``interpret-core``).

    Parameters
    ----------
    pairs : int or sequence of (int, int)
        How many pairs to choose, or which.
    learning_rate : float
    min_leaf : int
        Fewest deals in a leaf.
    monotone : tuple of int
        Per attribute: 1 risk never falls as it grows, -1 never rises, 0 free.
    seed, threads : int
    """

    pairs: int | tuple[tuple[int, int], ...] = 0
    learning_rate: float = 0.04
    min_leaf: int = 4
    monotone: tuple[int, ...] = ()
    seed: int = 0
    threads: int = 1


def fit_boosting(
    design: Design,
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    bags: NDArray[np.int8],
    options: BoostingOptions,
) -> Additive:
    """Explainable boosting on the codes, stopped on each bag's left-out deals.

    Parameters
    ----------
    design : Design
    early_churn, weight : ndarray, shape (deals,)
    bags : ndarray of int8, shape (deals, bags)
        How often a bag trains on a deal; negative: the deal judges when that bag stops.
    options : BoostingOptions
    """
    from interpret.glassbox import ExplainableBoostingClassifier

    machine = ExplainableBoostingClassifier(
        feature_types=_feature_types(design),
        interactions=options.pairs,
        max_interaction_bins=PAIR_BINS,
        outer_bags=bags.shape[1],
        learning_rate=options.learning_rate,
        min_samples_leaf=options.min_leaf,
        monotone_constraints=list(options.monotone) if any(options.monotone) else None,
        n_jobs=options.threads,
        random_state=options.seed,
    )
    with warnings.catch_warnings():
        # interpret warns of columns with one value, which is right for a rare flag in a fold
        warnings.simplefilter("ignore")
        machine.fit(
            design.boosting_matrix(), early_churn.astype(int), sample_weight=weight, bags=bags
        )
    return _tables_of(machine, design)


def _feature_types(design: Design) -> list[str]:
    return [
        "continuous" if isinstance(column, NumberColumn) or statistic is not None else "nominal"
        for column, statistic in zip(design.columns, design.statistics, strict=True)
    ]


def _tables_of(machine: Any, design: Design) -> Additive:
    """Read the machine's term scores back as tables over our own codes."""
    singles = [np.zeros((column.size + 2, 1)) for column in design.columns]
    pairs, grids = [], []
    scores = machine.bagged_scores_
    for features, bagged in zip(machine.term_features_, scores, strict=True):
        order = len(features)
        maps = [_code_map(machine.bins_[place], order, design, place) for place in features]
        if order == 1:
            singles[features[0]] = bagged[:, maps[0]].T
        else:
            pairs.append(Pair((features[0], features[1]), (maps[0], maps[1])))
            grids.append(np.moveaxis(bagged, 0, -1))
    return Additive(
        machine.bagged_intercept_.reshape(-1),
        _same_bags(singles, scores),
        tuple(pairs),
        tuple(grids),
    )


def _same_bags(
    singles: list[NDArray[np.float64]], scores: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], ...]:
    bags = scores[0].shape[0] if scores else 1
    return tuple(np.broadcast_to(table, (len(table), bags)) for table in singles)


def _code_map(bins: list[Any], order: int, design: Design, place: int) -> NDArray[np.int64]:
    """Our code to the machine's own bin index: 0 missing, 1 .. known, the last one unknown."""
    column, statistic = design.columns[place], design.statistics[place]
    resolution = bins[min(order, len(bins)) - 1]
    codes = np.arange(column.size + 2, dtype=np.float64)
    if isinstance(resolution, dict):
        unknown = max(resolution.values(), default=0) + 1
        index = np.array([resolution.get(str(int(code)), unknown) for code in codes])
    else:
        values = statistic.bins(statistic.by_code) if statistic is not None else codes
        index = np.searchsorted(resolution, values, side="right") + 1
        if statistic is None:
            index[-1] = len(resolution) + 2
    index[MISSING] = 0
    return index.astype(np.int64)
