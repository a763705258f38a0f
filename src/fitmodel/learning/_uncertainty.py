"""Uncertainty of penalty, slope and misfit, as settings of each replicate.

candidates' log-odds of deals not trained on
  -> resample those deals -> the penalty that is best on them, and a slope of their own
  -> one setting per replicate

Refits on resampled deals alone say nothing of the calibration and of the choice of the penalty,
which are the same in all of them. And what no number of deals mends (effects that tables of this
form leave out) gets a spread of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._slope import PRIOR_SLOPE_SD, HeldOut, fit_slope, level_free_losses
from fitmodel.learning.settings import ReplicateSettings

Floats = NDArray[np.float64]

# By how much the law may differ from the best scorecard, as a share of how far the scorecard tells
# deals apart (where nothing tells, nothing is left out). Without it the interval goes on narrowing
# at 10,000 deals while the error does not (python benchmarks/known_truth.py).
MISFIT = 0.19


def draw_replicates(
    by_penalty: dict[float, Floats], held: HeldOut, *, replicates: int, seed: int
) -> tuple[ReplicateSettings, ...]:
    """Choose penalty and slope again on resampled deals.

    Parameters
    ----------
    by_penalty : dict of float to ndarray, shape (n,)
        Penalty of the ridge regression to the log-odds of deals not trained on.
    held : HeldOut
    replicates, seed : int

    Notes
    -----
    Bootstrap with a prior of the slope that is drawn too (randomise, then optimise; Bardsley et
    al. 2014): where deals are too few to say anything the slopes scatter as the prior does.
    """
    generator = np.random.default_rng(seed)
    loss = {penalty: level_free_losses(raw, held) for penalty, raw in by_penalty.items()}
    drawn = []
    for _ in range(replicates):
        times = generator.multinomial(len(held), np.full(len(held), 1 / len(held))).astype(float)
        weight = held.weight * times
        penalty = min(loss, key=lambda item: float(weight @ loss[item]))
        prior = 1.0 + PRIOR_SLOPE_SD * generator.standard_normal()
        slope, _ = fit_slope(by_penalty[penalty], held.weighted(times), prior_slope=prior)
        drawn.append(ReplicateSettings(penalty, slope))
    return tuple(drawn)


def misfit_shifts(replicates: int, spread: float) -> Floats:
    """Shift of each replicate's log-odds, in turn up and down, shape (replicates,).

    Parameters
    ----------
    replicates : int
    spread : float
        Standard deviation of the scorecard's log-odds over the deals learned from.
    """
    shift = np.full(replicates, MISFIT * spread)
    shift[1::2] *= -1
    return shift
