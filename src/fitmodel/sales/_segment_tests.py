"""Test which segments have more or less early churn than the others, beyond chance.

follow-up -> log-rank scores -> sums per segment -> the largest under shuffling -> adjusted p
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from fitmodel.sales._segments import Segmented

SHUFFLES = 999
AT_ONCE = 100
"""Shuffles held in memory together."""


def log_rank_scores(
    followup_months: NDArray[np.float64],
    left: NDArray[np.bool_],
    horizon_months: float,
    *,
    entry_months: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Early leavers seen minus expected, of each deal; they add up to 0.

    Notes
    -----
    R. Peto and J. Peto (1972), "Asymptotically efficient rank invariant test procedures", Journal
    of the Royal Statistical Society A 135, 185-207. The expected is the Nelson-Aalen cumulative
    hazard of all deals up to the day last seen, at most the horizon: a young deal counts for the
    part of the risk that it has been through, one with an entry (`observed_from`) for the part
    after it.
    """
    entry = np.zeros(len(left)) if entry_months is None else entry_months
    exposed = entry <= horizon_months
    early = left & (followup_months <= horizon_months)
    times, last = np.unique(
        np.minimum(followup_months, horizon_months)[exposed], return_inverse=True
    )
    first = np.searchsorted(times, entry[exposed])
    enter, leave = np.bincount(first, minlength=len(times)), np.bincount(last)
    at_risk = enter.cumsum() - leave.cumsum() + leave
    hazard = np.cumsum(np.bincount(last, weights=early[exposed]) / np.maximum(at_risk, 1))
    before_entry = np.concatenate(([0.0], hazard))[first]
    scores = np.zeros(len(left))
    scores[exposed] = early[exposed] - (hazard[last] - before_entry)
    return scores


def distances(groups: Sequence[Segmented], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each segment's sum of scores lies from 0, in standard deviations of shuffling.

    Returns
    -------
    ndarray, shape (segments of all groups,)
        Positive: they leave more often than the others.
    """
    return np.concatenate([matrix @ scores for matrix in _standardised(groups, scores)])


def adjusted_p_values(
    groups: Sequence[Segmented],
    scores: NDArray[np.float64],
    *,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """P-value of each segment against the other deals, corrected for all segments together.

    The chance that, were no segment different, the farthest of ALL lay as far as this one: outcomes
    are shuffled over the deals, so overlapping segments are not counted as if they were apart.

    Notes
    -----
    Single-step maxT: P. H. Westfall and S. S. Young (1993), Resampling-Based Multiple Testing. The
    smallest p-value that can come out is 1 / (shuffles + 1). Shuffling takes the time watched
    along with the outcome.
    """
    matrices = _standardised(groups, scores)
    seen = np.abs(np.concatenate([matrix @ scores for matrix in matrices]))
    random = np.random.default_rng(seed)
    largest: list[NDArray[np.float64]] = []
    for start in range(0, shuffles, AT_ONCE):
        count = min(AT_ONCE, shuffles - start)
        shuffled = np.stack([random.permutation(scores) for _ in range(count)], axis=1)
        largest.append(
            np.max([np.abs(matrix @ shuffled).max(axis=0) for matrix in matrices], axis=0)
        )
    chance = np.sort(np.concatenate(largest))
    farther = len(chance) - np.searchsorted(chance, seen - 1e-9, side="left")
    p: NDArray[np.float64] = (1 + farther) / (shuffles + 1)
    return p


def _standardised(groups: Sequence[Segmented], scores: NDArray[np.float64]) -> list[csr_array]:
    """A matrix per group, a row per segment: times the scores, its distance."""
    from scipy.sparse import csr_array

    n = len(scores)
    variance = float((scores**2).sum()) / max(n - 1, 1)
    matrices = []
    for group in groups:
        inside = np.flatnonzero(group.codes >= 0)
        rows = group.codes[inside]
        size = np.bincount(rows, minlength=len(group.segments))
        spread = np.sqrt(variance * size * (n - size) / n)
        weight = np.divide(1.0, spread, out=np.zeros(len(size)), where=spread > 0)
        shape = (len(group.segments), n)
        matrices.append(csr_array((weight[rows], (rows, inside)), shape=shape))
    return matrices
