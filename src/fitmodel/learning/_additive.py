"""Additive models as tables: the log-odds are an intercept plus one row of each table.

Explainable boosting (``interpret-core``) is converted to such tables over the scorecard's codes:
design, soft labels -> ExplainableBoostingClassifier per bootstrap replicate -> Additive
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._design import Design
from fitmodel.learning._proportional_odds import expand_soft_labels
from fitmodel.learning.columns import MISSING, NumberColumn

PAIR_BINS = 12


@dataclass(frozen=True)
class Pair:
    """A grid over two attributes.

    `maps`, (ndarray of int, ndarray of int), shapes (size + 2,): for each of the two attributes,
        the grid index of every code.
    """

    attributes: tuple[int, int]
    maps: tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Additive:
    """Log-odds as a sum of tables, for one or more bootstrap replicates.

    `intercept`, shape (replicates,): intercept of each replicate, in log-odds.
    `singles`, tuple of ndarray, shapes (size + 2, replicates): table of each attribute: the
        contribution of every code, in log-odds.
    `pairs`: pairs of attributes that have a table of their own.
    """

    intercept: NDArray[np.float64]
    singles: tuple[NDArray[np.float64], ...]
    pairs: tuple[Pair, ...] = ()
    grids: tuple[NDArray[np.float64], ...] = ()

    def log_odds(self, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """Log-odds of each deal, averaged over the replicates, shape (deals,)."""
        return self.mean().log_odds_by_replicate(codes)[:, 0]

    def log_odds_by_replicate(self, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """Log-odds of each deal in each replicate, shape (deals, replicates)."""
        total = np.tile(self.intercept, (len(codes), 1))
        for position, table in enumerate(self.singles):
            total += table[codes[:, position]]
        for pair, grid in zip(self.pairs, self.grids, strict=True):
            first, second = pair.attributes
            total += grid[pair.maps[0][codes[:, first]], pair.maps[1][codes[:, second]]]
        return total

    def mean(self) -> Additive:
        """Average over the replicates: a model with one replicate."""
        return Additive(
            self.intercept.mean(keepdims=True),
            tuple(table.mean(axis=1, keepdims=True) for table in self.singles),
            self.pairs,
            tuple(grid.mean(axis=2, keepdims=True) for grid in self.grids),
        )

    def weighted_mean(self, weights: NDArray[np.float64]) -> Additive:
        """Weighted mean over the replicates of a model without pairs."""
        singles = tuple((table @ weights)[:, None] for table in self.singles)
        return Additive(np.array([self.intercept @ weights]), singles)

    def scaled(self, slope: NDArray[np.float64] | float) -> Additive:
        """Multiply the log-odds by a factor: one for all replicates, or one for each."""
        return Additive(
            self.intercept * slope,
            tuple(table * slope for table in self.singles),
            self.pairs,
            tuple(grid * slope for grid in self.grids),
        )

    def shrunk_to_mean(self, factor: float) -> Additive:
        """Multiply the replicates' deviations from their mean by a factor."""
        if factor == 1.0:
            return self

        def shrunk(values: NDArray[np.float64]) -> NDArray[np.float64]:
            mean = values.mean(axis=-1, keepdims=True)
            return np.asarray(mean + factor * (values - mean))

        singles, grids = map(shrunk, self.singles), map(shrunk, self.grids)
        return Additive(shrunk(self.intercept), tuple(singles), self.pairs, tuple(grids))

    def with_intercept(self, intercept: NDArray[np.float64]) -> Additive:
        """The same tables with other intercepts."""
        return replace(self, intercept=intercept)

    def without_pairs(self) -> Additive:
        """The same model with the tables of single attributes only."""
        return Additive(self.intercept, self.singles)


def weighted_sum(models: Sequence[Additive], shares: Sequence[float]) -> Additive:
    """Weighted sum, in log-odds, of additive models of the same attributes.

    `models`: models with the same number of replicates.
    """
    singles = tuple(
        np.asarray(sum(share * table for share, table in zip(shares, tables, strict=True)))
        for tables in zip(*(model.singles for model in models), strict=True)
    )
    intercept = sum(share * model.intercept for share, model in zip(shares, models, strict=True))
    weighted = list(zip(shares, models, strict=True))
    return Additive(
        np.asarray(intercept),
        singles,
        tuple(pair for _, model in weighted for pair in model.pairs),
        tuple(share * grid for share, model in weighted for grid in model.grids),
    )


@dataclass(frozen=True)
class BoostingOptions:
    """Settings of explainable boosting (Lou et al. 2013, Nori et al. 2019; ``interpret-core``).

    The defaults are used for any number of deals: with enough deals for boosting, no other value
    lowered the log loss by more than 0.0005 beyond noise (python benchmarks/settings.py). The share
    of boosting in the scorecard and the number of pairs are chosen from each company's deals.

    Parameters
    ----------
    pairs : int or sequence of (int, int)
        Number of pairs to choose, or the pairs themselves.
    learning_rate : float
        Shrinkage of each boosting round.
    min_leaf : int
        Least number of deals in a leaf.
    smoothing : int
        Number of first rounds with random cuts, which smooth the tables.
    max_rounds : int
        Largest number of boosting rounds.
    patience : int
        Early stopping: rounds without improvement on the out-of-bag deals.
    monotone : tuple of int
        Per attribute: 1 where risk must not fall as it grows, -1 where it must not rise, 0 free.
    seed : int
        Seed of the fit.
    threads : int
        Number of threads.
    """

    pairs: int | tuple[tuple[int, int], ...] = 0
    learning_rate: float = 0.04
    min_leaf: int = 4
    smoothing: int = 75
    max_rounds: int = 50_000
    patience: int = 25
    monotone: tuple[int, ...] = ()
    seed: int = 0
    threads: int = 1


def fit_boosting(
    design: Design,
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    counts: NDArray[np.int8],
    options: BoostingOptions,
) -> Additive:
    """Fit explainable boosting on each bootstrap replicate; return the tables of all of them.

    Parameters
    ----------
    design : Design
        Design of the training deals.
    early_churn, weight : ndarray, shape (deals,)
        Soft labels and weights.
    counts : ndarray of int8, shape (deals, bootstrap replicates)
        How often each replicate contains each deal. Negative: the deal is in the replicate's
        validation set for early stopping.
    options : BoostingOptions
        Settings of boosting.
    """
    from interpret.glassbox import ExplainableBoostingClassifier

    ebm = ExplainableBoostingClassifier(
        feature_types=_feature_types(design),
        interactions=options.pairs,
        max_interaction_bins=PAIR_BINS,
        outer_bags=counts.shape[1],
        learning_rate=options.learning_rate,
        min_samples_leaf=options.min_leaf,
        smoothing_rounds=options.smoothing,
        max_rounds=options.max_rounds,
        early_stopping_rounds=options.patience,
        monotone_constraints=list(options.monotone) if any(options.monotone) else None,
        n_jobs=options.threads,
        random_state=options.seed,
    )
    rows, outcome, share = expand_soft_labels(early_churn)
    with warnings.catch_warnings():
        # interpret warns of columns with one value, but a rare flag may have one value in a fold
        warnings.simplefilter("ignore")
        ebm.fit(
            design.boosting_matrix()[rows],
            outcome.astype(int),
            sample_weight=weight[rows] * share,
            bags=counts[rows],
        )
    return _tables_of(ebm, design)


def with_level_errors(replicates: Additive, design: Design, seed: int) -> Additive:
    """Add the error of the level statistics to the replicates of boosting.

    All replicates use the same level statistics, so their variation does not contain this error.
    Where the linear matrix has the statistic too, `fitmodel.learning._flatten` adds the error to
    the weighted sum of the components instead.
    """
    generator = np.random.default_rng(seed)
    singles = [
        table
        if statistic is None or by_statistic
        else table + statistic.draw_errors(table.mean(axis=1), table.shape[1], generator)
        for table, statistic, by_statistic in zip(
            replicates.singles, design.statistics, design.by_statistic, strict=True
        )
    ]
    return replace(replicates, singles=tuple(singles))


def _feature_types(design: Design) -> list[str]:
    """Type of each attribute in interpret's terms; a level statistic is continuous."""
    return [
        "continuous" if isinstance(column, NumberColumn) or statistic is not None else "nominal"
        for column, statistic in zip(design.columns, design.statistics, strict=True)
    ]


def _tables_of(ebm: Any, design: Design) -> Additive:
    """Convert the term scores of a fitted machine to tables over the scorecard's codes."""
    singles = [np.zeros((column.size + 2, 1)) for column in design.columns]
    pairs, grids = [], []
    scores = ebm.bagged_scores_
    for features, by_replicate in zip(ebm.term_features_, scores, strict=True):
        order = len(features)
        maps = [_code_map(ebm.bins_[position], order, design, position) for position in features]
        if order == 1:
            singles[features[0]] = by_replicate[:, maps[0]].T
        else:
            pairs.append(Pair((features[0], features[1]), (maps[0], maps[1])))
            grids.append(np.moveaxis(by_replicate, 0, -1))
    return Additive(
        ebm.bagged_intercept_.reshape(-1),
        _with_all_replicates(singles, scores),
        tuple(pairs),
        tuple(grids),
    )


def _with_all_replicates(
    singles: list[NDArray[np.float64]], scores: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], ...]:
    """Repeat tables of zeros, which attributes without a term have, for every replicate."""
    replicates = scores[0].shape[0] if scores else 1
    return tuple(np.broadcast_to(table, (len(table), replicates)) for table in singles)


def _code_map(bins: list[Any], order: int, design: Design, position: int) -> NDArray[np.int64]:
    """Bin index of the machine for each code: 0 missing, 1 and up known, the last one unknown."""
    column, statistic = design.columns[position], design.statistics[position]
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
