"""Uncertainty of penalty, slope and misfit, as settings of each replicate.

candidates' log-odds of deals not trained on
  -> resample those deals -> the penalty that is best on them, and a slope of their own
  -> one setting per replicate

Refits on resampled deals alone say nothing of the calibration and of the choice of the penalty,
which are the same in all of them. What no number of deals mends is in `fitmodel.learning._misfit`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._additive import Additive
from fitmodel.learning._slope import PRIOR_SLOPE_SD, HeldOut, fit_slope, level_free_losses
from fitmodel.learning.settings import ReplicateSettings

Floats = NDArray[np.float64]


def draw_replicates(
    by_penalty: dict[float, Floats],
    held: HeldOut,
    evidence: dict[float, float],
    *,
    replicates: int,
    seed: int,
) -> tuple[ReplicateSettings, ...]:
    """Choose penalty and slope again on resampled deals.

    Parameters
    ----------
    by_penalty : dict of float to ndarray, shape (n,)
        Penalty of the ridge regression to the log-odds of deals not trained on.
    held : HeldOut
    evidence : dict of float to float
        Log evidence of each penalty, added to the log score of the resampled deals.
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
        penalty = max(loss, key=lambda item: evidence[item] - float(weight @ loss[item]))
        prior = 1.0 + PRIOR_SLOPE_SD * generator.standard_normal()
        slope, _ = fit_slope(by_penalty[penalty], held.weighted(times), prior)
        drawn.append(ReplicateSettings(penalty, slope))
    return tuple(drawn)


def add_misfit(scatter: Additive, deviation: float, centre: float, spread: float) -> Additive:
    """Replicates moved by what any scorecard of these attributes leaves out.

    Half of its variance is the same for all deals, half grows with the square of the distance from
    the mean deal: a bent link errs most where the risk is highest and lowest.

    Parameters
    ----------
    scatter : Additive
        The bootstrap replicates.
    deviation : float
        Standard deviation of the effects left out, see `fitmodel.learning._misfit`.
    centre, spread : float
        Mean and standard deviation of the scorecard's log-odds over the deals learned from.
    """
    number = np.arange(len(scatter.intercept))
    half = deviation / np.sqrt(2)
    shift = np.where(number % 2 == 0, half, -half)
    tilt = np.where(number % 4 < 2, half, -half) / max(spread, 1e-12)  # noqa: PLR2004 - by twos
    return scatter.scaled(1 + tilt).with_intercept(
        scatter.intercept * (1 + tilt) + shift - tilt * centre
    )
