"""Samples of a large table: effects are learned from them, the level from all deals.

deals -> strata of outcome and time signed -> samples that share no deal, each with every stratum's
         own share, so that its deals count alike and its likelihood stands for that of all

settings are chosen on `effect_deals`; the ridge regression learns from `RIDGE_TIMES` as many, and
each bootstrap replicate, with its boosting, resamples `effect_deals` of these that are its own
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
"""Early churners of a sample for effects: where few customers leave, it holds more deals."""


@dataclass(frozen=True, eq=False)
class Effects:
    """Deals that effects are learned from.

    Parameters
    ----------
    positions : ndarray of int or None
        Of the deals of the ridge regression, in order; None: all of them.
    per_replicate : int or None
        Deals that each bootstrap replicate resamples; None: all of these.
    """

    positions: NDArray[np.intp] | None = None
    per_replicate: int | None = None

    def narrowing(self, deals: int, replicates: int) -> float:
        """How much nearer to the truth the mean of replicates is than each of them.

        Replicates of m of n deals scatter as estimates from m do (m out of n bootstrap; Bickel,
        Goetze and van Zwet 1997). Their mean scatters as one of n, and by what is left of the
        choice of the m.
        """
        if self.per_replicate is None:
            return 1.0
        share = self.per_replicate / deals
        return float(np.sqrt(min(share + (1.0 - share) / max(replicates, 1), 1.0)))


def sample_size(training_set: TrainingSet, options: LearnerOptions) -> int:
    """Deals that are enough to learn effects from: `effect_deals`, more where few leave early."""
    churners = max(int((training_set.early_churn == 1).sum()), 1)
    return max(options.effect_deals, -(-len(training_set) * MIN_EARLY_CHURNERS // churners))


def sample_for_settings(
    training_set: TrainingSet, options: LearnerOptions
) -> NDArray[np.intp] | None:
    """Positions of the deals that settings are chosen on, in order; None: all of them.

    The same deals and seed give the same sample.
    """
    return _sample(training_set, sample_size(training_set, options), options.seed)


def sample_for_effects(training_set: TrainingSet, options: LearnerOptions) -> Effects:
    """Deals that effects are learned from."""
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
    """
    Draw samples that share no deal, each with the table's outcomes at every time of signing.

    Returns
    -------
    list of ndarray of int
        Positions of the deals of each sample, in the table's order: `size` each, or equal parts of
        the table where it has no more deals.
    """
    count = len(training_set)
    size = min(size, count // samples)
    random = np.random.default_rng([seed, count])
    outcome = np.nan_to_num(training_set.early_churn, nan=2.0).astype(np.int64)
    signed = np.zeros(count, dtype=np.int64)
    if training_set.closed_on is not None:
        rank = training_set.closed_on.rank(method="first").to_numpy()
        signed = ((rank - 1) * STRATA_OF_TIME // count).astype(np.int64)
    # systematic sampling: every k-th deal in the order of the strata, so each has its share
    order = np.lexsort((random.random(count), signed, outcome))
    step = count / (samples * size)
    positions = np.floor(np.arange(samples * size) * step + random.uniform(0, step))
    chosen = order[np.minimum(positions.astype(np.intp), count - 1)]
    return [np.sort(chosen[first::samples]) for first in range(samples)]
