"""Uncertainty of penalty, calibration slope and misfit, as settings of each bootstrap replicate.

candidates' held-out log-odds
  -> resample the held-out deals -> the best penalty on them, and their calibration slope
  -> one setting per replicate

Refits on resampled deals do not show the uncertainty about the calibration and the penalty, which
are the same in all of them. `fitmodel.learning._misfit` estimates the error that more deals do not
reduce.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._additive import Additive
from fitmodel.learning._slope import PRIOR_SLOPE_SD, HeldOut, fit_slope, level_adjusted_losses
from fitmodel.learning.settings import ReplicateSettings

Floats = NDArray[np.float64]


def draw_replicates(
    by_penalty: dict[float, Floats],
    held_out: HeldOut,
    evidence: dict[float, float],
    *,
    replicates: int,
    seed: int,
) -> tuple[ReplicateSettings, ...]:
    """Choose penalty and calibration slope anew on resampled held-out deals.

    Parameters
    ----------
    by_penalty : dict of float to ndarray, shape (n,)
        Held-out log-odds for each ridge penalty.
    held_out : HeldOut
        Outcomes of the same deals.
    evidence : dict of float to float
        Log marginal likelihood of each penalty, added to the log score of the resampled deals.
    replicates : int
        Number of bootstrap replicates.
    seed : int
        Seed of the resampling.

    Notes
    -----
    The prior mean of the slope is drawn for each replicate too (randomise-then-optimise; Bardsley
    et al. 2014). With little evidence the slopes therefore vary as their prior does.
    """
    generator = np.random.default_rng(seed)
    loss = {penalty: level_adjusted_losses(raw, held_out) for penalty, raw in by_penalty.items()}
    drawn = []
    for _ in range(replicates):
        times = generator.multinomial(
            len(held_out), np.full(len(held_out), 1 / len(held_out))
        ).astype(float)
        weight = held_out.weight * times
        penalty = max(loss, key=lambda item: evidence[item] - float(weight @ loss[item]))
        prior = 1.0 + PRIOR_SLOPE_SD * generator.standard_normal()
        slope, _ = fit_slope(by_penalty[penalty], held_out.weighted(times), prior)
        drawn.append(ReplicateSettings(penalty, slope))
    return tuple(drawn)


def add_misfit(bootstrap: Additive, deviation: float, centre: float, spread: float) -> Additive:
    """Add the misfit of the scorecard to the bootstrap replicates.

    Half of the misfit's variance is the same for all deals. The other half grows with the squared
    distance from the mean log-odds, because a wrong link function has the largest errors where the
    risk is highest and lowest.

    Parameters
    ----------
    bootstrap : Additive
        The bootstrap replicates.
    deviation : float
        Standard deviation of the omitted effects, see `fitmodel.learning._misfit`.
    centre, spread : float
        Mean and standard deviation of the scorecard's log-odds over the training deals.
    """
    number = np.arange(len(bootstrap.intercept))
    half = deviation / np.sqrt(2)
    shift = np.where(number % 2 == 0, half, -half)
    tilt = np.where(number % 4 < 2, half, -half) / max(spread, 1e-12)  # noqa: PLR2004 - all four sign pairs
    return bootstrap.scaled(1 + tilt).with_intercept(
        bootstrap.intercept * (1 + tilt) + shift - tilt * centre
    )
