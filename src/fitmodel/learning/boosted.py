"""Explainable boosting as tables over our own codes.

Design, soft labels -> ExplainableBoostingClassifier per bootstrap replicate -> Additive
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._additive import Additive, Pair
from fitmodel.learning._design import Design
from fitmodel.learning.columns import MISSING, NumberColumn
from fitmodel.learning.proportional_odds import expand_soft_labels

PAIR_BINS = 12


@dataclass(frozen=True)
class BoostingOptions:
    """Settings of explainable boosting (Lou et al. 2013, Nori et al. 2019; ``interpret-core``).

    The same for all amounts of data: where there are enough deals for boosting, no other value
    gained more than 0.0005 of log loss beyond noise (python benchmarks/settings.py). How much
    boosting there is, and how many pairs, is chosen anew from each company's deals.

    Parameters
    ----------
    pairs : int or sequence of (int, int)
        How many pairs to choose, or which.
    learning_rate : float
    min_leaf : int
        Fewest deals in a leaf.
    smoothing : int
        First rounds whose cuts are at random, which smooths the tables.
    max_rounds : int
    patience : int
        Rounds without improvement on the left-out deals after which a bag stops.
    monotone : tuple of int
        Per attribute: 1 risk never falls as it grows, -1 never rises, 0 free.
    seed, threads : int
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
    bags: NDArray[np.int8],
    options: BoostingOptions,
) -> Additive:
    """Fit explainable boosting on the codes; each bag stops on its left-out deals.

    Parameters
    ----------
    design : Design
    early_churn, weight : ndarray, shape (deals,)
    bags : ndarray of int8, shape (deals, bootstrap replicates)
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
        smoothing_rounds=options.smoothing,
        max_rounds=options.max_rounds,
        early_stopping_rounds=options.patience,
        monotone_constraints=list(options.monotone) if any(options.monotone) else None,
        n_jobs=options.threads,
        random_state=options.seed,
    )
    rows, outcome, share = expand_soft_labels(early_churn)
    with warnings.catch_warnings():
        # interpret warns of columns with one value, which is right for a rare flag in a fold
        warnings.simplefilter("ignore")
        machine.fit(
            design.boosting_matrix()[rows],
            outcome.astype(int),
            sample_weight=weight[rows] * share,
            bags=bags[rows],
        )
    return _tables_of(machine, design)


def with_level_scatter(replicates: Additive, design: Design, seed: int) -> Additive:
    """Replicates moved by what is not known of the levels that boosting knows by a statistic.

    The statistic is the same in all replicates. Where the linear matrix has it too, the blended
    table is moved, see `fitmodel.learning._flatten`.
    """
    generator = np.random.default_rng(seed)
    singles = [
        table
        if statistic is None or by_statistic
        else table + statistic.scatter(table.mean(axis=1), table.shape[1], generator)
        for table, statistic, by_statistic in zip(
            replicates.singles, design.statistics, design.by_statistic, strict=True
        )
    ]
    return replace(replicates, singles=tuple(singles))


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
        maps = [
            _code_map(machine.bins_[position], order, design, position) for position in features
        ]
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
