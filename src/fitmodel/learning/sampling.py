"""Samples of a large table: effects are learned from them, the level from all deals.

deals -> strata of outcome and time signed -> samples that share no deal, each with every stratum's
         own share, so that its deals count alike and its likelihood stands for that of all
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.settings import LearnerOptions

STRATA_OF_TIME = 8
MIN_EARLY_CHURNERS = 1_000
"""Early churners of a sample for effects: where few customers leave, it holds more deals."""


def sample_size(training_set: TrainingSet, options: LearnerOptions) -> int:
    """Deals that are enough to learn effects from: `effect_deals`, more where few leave early."""
    churners = max(int((training_set.early_churn == 1).sum()), 1)
    return max(options.effect_deals, -(-len(training_set) * MIN_EARLY_CHURNERS // churners))


def sample_for_effects(
    training_set: TrainingSet, options: LearnerOptions
) -> NDArray[np.intp] | None:
    """Positions of the deals that effects are learned from, in order; None: all of them.

    The same deals and seed give the same sample.
    """
    size = sample_size(training_set, options)
    if size >= len(training_set):
        return None
    return draw_samples(training_set, size=size, seed=options.seed)[0]


def draw_samples(
    training_set: TrainingSet, *, size: int, seed: int, samples: int = 1
) -> list[NDArray[np.intp]]:
    """
    Draw samples that share no deal, each with the table's outcomes at every time of signing.

    Returns
    -------
    list of ndarray of int
        Positions of the deals of each sample, `size` each, in the table's order; parts of the
        whole table, where it has no more deals.
    """
    count = len(training_set)
    if count <= samples * size:
        return [np.arange(first, count, samples) for first in range(samples)]
    random = np.random.default_rng([seed, count])
    outcome = np.nan_to_num(training_set.early_churn, nan=2.0).astype(np.int64)
    signed = np.zeros(count, dtype=np.int64)
    if training_set.closed_on is not None:
        rank = training_set.closed_on.rank(method="first").to_numpy()
        signed = ((rank - 1) * STRATA_OF_TIME // count).astype(np.int64)
    # in the order of the strata every so-manieth deal: each stratum has its share of each sample
    order = np.lexsort((random.random(count), signed, outcome))
    step = count / (samples * size)
    places = np.floor(np.arange(samples * size) * step + random.uniform(0, step))
    chosen = order[np.minimum(places.astype(np.intp), count - 1)]
    return [np.sort(chosen[first::samples]) for first in range(samples)]
