"""Level statistic of a category of many levels: shrunken log-odds of early churn per level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.calibration import logit
from fitmodel.learning.columns import MISSING

STATISTIC_FOLDS = 5
STATISTIC_BINS = 16
PRIOR_DEALS = 10.0  # least prior weight of the parent's rate in a level's statistic, in deals


@dataclass(frozen=True)
class LevelStatistic:
    """Shrunken log-odds of early churn per code of a category of many levels.

    `by_code`, shape (size + 2,): statistic of each code, for scoring; missing, rare and unseen
        levels have one too.
    `deviation`, shape (size + 2,): standard error of each statistic, in log-odds.
    `cross_fitted`, shape (deals,): statistic of each training deal, computed without the deal's own
        label.
    `cuts`: edges of the statistic's bins, for boosting.
    """

    by_code: NDArray[np.float64]
    deviation: NDArray[np.float64]
    cross_fitted: NDArray[np.float64]
    cuts: NDArray[np.float64]

    def bins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bin (1, 2, ...) of each statistic."""
        return np.asarray(np.searchsorted(self.cuts, values, side="right") + 1, dtype=np.float64)

    def draw_errors(
        self, table: NDArray[np.float64], replicates: int, generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw errors of the levels' contributions, shape (size + 2, replicates).

        The standard errors are multiplied by the slope of a model's table (shape (size + 2,)) on
        the statistic, because the model may follow the statistic only in part.
        """
        values, slope = self.by_code[1:-1], 0.0
        variance = float(np.var(values))
        if variance > 0:
            centred = table[1:-1] - table[1:-1].mean()
            slope = float(np.clip(np.mean((values - values.mean()) * centred) / variance, 0.0, 1.5))
        noise = generator.standard_normal((len(table), replicates))
        return np.asarray(slope * self.deviation[:, None] * noise, dtype=np.float64)


def level_statistic(
    code: NDArray[np.int32],
    size: int,
    group: NDArray[np.int32],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    seed: int,
) -> LevelStatistic:
    """Compute shrunken log-odds per level, relative to the company's log-odds.

    `code`, ndarray of int, shape (deals,): code of each deal.
    `size`: number of known levels.
    `group`, ndarray of int, shape (deals,): code of each deal's parent attribute; all 0 where there
        is none.
    `early_churn`, `weight`, shape (deals,): soft labels and weights.
    `seed`: seed of the folds for cross-fitting.
    """
    overall = float(np.average(early_churn, weights=weight))
    by_code, deviation = _shrunken(code, size, group, early_churn, weight, overall)
    cross_fitted = np.zeros(len(code))
    fold = np.random.default_rng(seed).permutation(len(code)) % STATISTIC_FOLDS
    for held_out in range(STATISTIC_FOLDS):
        train, test = fold != held_out, fold == held_out
        values, _ = _shrunken(
            code[train], size, group[train], early_churn[train], weight[train], overall
        )
        cross_fitted[test] = values[code[test]]
    cross_fitted[code == MISSING] = 0.0
    quantiles = np.quantile(cross_fitted, np.linspace(0, 1, STATISTIC_BINS + 1)[1:-1])
    return LevelStatistic(by_code, deviation, cross_fitted, np.unique(quantiles))


def _shrunken(
    code: NDArray[np.int32],
    size: int,
    group: NDArray[np.int32],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    overall: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Empirical-Bayes log-odds per code, shrunk towards the rate of the level's parent.

    The weight of the prior, in deals, is estimated by the method of moments from the variance of
    the levels' rates beyond sampling error (beta-binomial; Casella 1985). It is at least
    `PRIOR_DEALS`.
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
    """Parent's rate averaged over each level's deals; the company's rate where there are none."""
    group_deals = np.bincount(group, weights=weight)
    group_churners = np.bincount(group, weights=weight * early_churn)
    group_rate = (group_churners + PRIOR_DEALS * overall) / (group_deals + PRIOR_DEALS)
    count = np.bincount(code, minlength=rows)
    total = np.bincount(code, weights=group_rate[group], minlength=rows)
    return np.where(count > 0, total / np.maximum(count, 1), overall)


def _prior_deals(
    deals: NDArray[np.float64], churners: NDArray[np.float64], expected: NDArray[np.float64]
) -> float:
    """Weight of the prior in deals, from the intraclass correlation of outcomes within levels."""
    known = deals > 0
    n, k, p = deals[known], churners[known], expected[known]
    binomial = n * p * (1 - p)
    excess = float((((k - n * p) ** 2) - binomial).sum())
    largest = float((n * (n - 1) * p * (1 - p)).clip(min=0).sum())
    correlation = excess / largest if largest > 0 else 0.0
    if correlation <= 0:
        return 1e3
    return float(np.clip(1 / correlation - 1, PRIOR_DEALS, 1e3))
