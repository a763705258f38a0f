"""An additive model as tables: the log-odds are an intercept plus one row of each table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pair:
    """A grid over two attributes.

    Parameters
    ----------
    attributes : (int, int)
        Positions of the two attributes.
    maps : (ndarray of int, ndarray of int), shapes (size + 2,)
        For each of the two attributes, the grid index of every code.
    """

    attributes: tuple[int, int]
    maps: tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Additive:
    """Log-odds as a sum of tables, for one or more bootstrap replicates.

    Parameters
    ----------
    intercept : ndarray, shape (replicates,)
        Intercept of each replicate, in log-odds.
    singles : tuple of ndarray, shapes (size + 2, replicates)
        Table of each attribute: the contribution of every code, in log-odds.
    pairs : tuple of Pair
        Pairs of attributes that have a table of their own.
    grids : tuple of ndarray, shapes (rows, columns, replicates)
        Table of each pair, in log-odds.
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

    Parameters
    ----------
    models : sequence of Additive
        Models with the same number of replicates.
    shares : sequence of float
        Weight of each model.
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
