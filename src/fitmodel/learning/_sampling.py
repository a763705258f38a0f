"""Samples of a large table: effects are learned from samples, the level from all deals.

deals -> strata of outcome and closing date -> disjoint samples with each stratum in proportion,
         so that all deals of a sample have the same weight

Settings are chosen on a sample of `effect_deals`. The ridge regression learns from `RIDGE_TIMES` as
many deals. Each bootstrap replicate, with its boosting, resamples `effect_deals` of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.settings import LearnerOptions

STRATA_OF_TIME = 8
RIDGE_TIMES = 5
MIN_EARLY_CHURNERS = 1_000
"""Early churners of a sample for effects; with a low rate the sample is larger accordingly."""


@dataclass(frozen=True, eq=False)
class Effects:
    """The deals that effects are learned from.

    Parameters
    ----------
    positions : ndarray of int or None
        Ascending positions of the deals that the ridge regression uses; None: all deals.
    per_replicate : int or None
        Number of these deals that each bootstrap replicate resamples; None: all of them.
    """

    positions: NDArray[np.intp] | None = None
    per_replicate: int | None = None

    def replicate_shrinkage(self, deals: int, replicates: int) -> float:
        """Factor on the replicates' deviations from their mean, at most 1.

        Replicates of m out of n deals vary as estimates from m deals do (m out of n bootstrap;
        Bickel, Goetze and van Zwet 1997). Their mean varies as an estimate from n deals, plus the
        part of the variance from choosing m deals that averaging leaves.

        Parameters
        ----------
        deals : int
            Number n of deals that the ridge regression uses.
        replicates : int
            Number of bootstrap replicates.
        """
        if self.per_replicate is None:
            return 1.0
        share = self.per_replicate / deals
        return float(np.sqrt(min(share + (1.0 - share) / max(replicates, 1), 1.0)))


def sample_size(training_set: TrainingSet, options: LearnerOptions) -> int:
    """Number of deals in a sample for effects: `effect_deals`, or more where few leave early."""
    churners = max(int((training_set.early_churn == 1).sum()), 1)
    return max(options.effect_deals, -(-len(training_set) * MIN_EARLY_CHURNERS // churners))


def sample_for_settings(
    training_set: TrainingSet, options: LearnerOptions
) -> NDArray[np.intp] | None:
    """Ascending positions of the deals that settings are chosen on; None means all deals.

    The same deals and seed give the same sample.
    """
    return _sample(training_set, sample_size(training_set, options), options.seed)


def sample_for_effects(training_set: TrainingSet, options: LearnerOptions) -> Effects:
    """Draw the deals that effects are learned from."""
    size = sample_size(training_set, options)
    if size >= len(training_set):
        return Effects()
    return Effects(_sample(training_set, RIDGE_TIMES * size, options.seed), size)


def _sample(training_set: TrainingSet, size: int, seed: int) -> NDArray[np.intp] | None:
    if size >= len(training_set):
        return None
    return draw_samples(training_set, size=size, seed=seed)[0]


def draw_samples(
    training_set: TrainingSet, *, size: int, seed: int, samples: int = 1
) -> list[NDArray[np.intp]]:
    """Draw disjoint samples, stratified by outcome and closing date.

    Parameters
    ----------
    training_set : TrainingSet
        Deals to draw from.
    size : int
        Number of deals in each sample.
    seed : int
        Seed of the random numbers.
    samples : int
        Number of samples.

    Returns
    -------
    list of ndarray of int
        Ascending positions of the deals in each sample: `size` each, or fewer where the table has
        not enough deals for all samples.
    """
    count = len(training_set)
    size = min(size, count // samples)
    generator = np.random.default_rng([seed, count])
    outcome = np.nan_to_num(training_set.early_churn, nan=2.0).astype(np.int64)
    signed = np.zeros(count, dtype=np.int64)
    if training_set.closed_on is not None:
        rank = training_set.closed_on.rank(method="first").to_numpy()
        signed = ((rank - 1) * STRATA_OF_TIME // count).astype(np.int64)
    # systematic sampling: every k-th deal in the order of the strata gives proportional strata
    order = np.lexsort((generator.random(count), signed, outcome))
    step = count / (samples * size)
    positions = np.floor(np.arange(samples * size) * step + generator.uniform(0, step))
    chosen = order[np.minimum(positions.astype(np.intp), count - 1)]
    return [np.sort(chosen[first::samples]) for first in range(samples)]
