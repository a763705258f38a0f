"""
Test of a rep that allows for unrecorded differences between reps.

counts of the other reps -> how much they differ, and their common level, with what is not known
                         -> counts that one more rep of that kind could have -> p-values
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

USUAL_DIFFERENCE = 0.5
"""Scale of the half-normal prior of the standard deviation of reps' log-ratios."""
DIFFERENCES = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0])
LOG_PRIOR = -0.5 * (DIFFERENCES / USUAL_DIFFERENCE) ** 2 + np.log(np.gradient(DIFFERENCES))
REPS_APART, DIFFERENCE_APART = 0.6, 1.0
"""So many reps are expected to be far from the rest; they say little of how the rest differ. A
fixed share of many reps would take the ends of an ordinary distribution for reps apart."""
LARGEST_LEVEL, LARGEST_RATIO = 2.0, 4.0
"""Range of the common level, and of a rep's ratio, as logarithms."""
LARGEST_STEP, SMALLEST_STEP = 0.05, 0.01


def allowing_tails(observed: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """
    One-sided p-values of each rep, given how much the OTHERS differ among themselves.

    Returns
    -------
    p_more, p_fewer : ndarray, shape (reps,)
        Probability that one more rep, drawn from those the others come from, has a count as large,
        and as small.

    Notes
    -----
    Reps' true ratios are log-normal around a common level, and counts are Poisson given the ratio
    (N. E. Breslow 1984, Applied Statistics 33, 38-44). Level (flat prior) and standard deviation of
    the log-ratios (half-normal prior) are learned from the other reps and integrated over: with few
    deals or few reps not much is known of how reps differ, and little is claimed. Integrals are
    sums over a grid. A gamma distribution in place of the log-normal one has too light a tail:
    where reps differed by a standard deviation of .35, it named twice as many as it promised.
    """
    from scipy.special import gammainc, gammaincc, gammaln

    step = float(np.clip(0.6 / np.sqrt(max(float(observed.max()), 1.0)), SMALLEST_STEP, None))
    ratios, kernels = _kernels(min(round(step, 3), LARGEST_STEP))
    common = max(float(observed.sum()), 0.5) / max(float(expected.sum()), 1e-9)
    mean = np.exp(ratios)[:, None] * np.maximum(expected, 1e-9) * common
    logs = observed * np.log(mean) - mean - gammaln(observed + 1)
    likelihood = kernels @ np.exp(logs - logs.max(axis=0))  # (differences + 1, levels, reps)
    apart = min(REPS_APART / len(observed), 0.1)
    mixed = (1 - apart) * likelihood[:-1] + apart * likelihood[-1]
    each = np.log(np.maximum(mixed, 1e-300))
    posterior = each.sum(axis=2, keepdims=True) - each + LOG_PRIOR[:, None, None]
    weight = np.exp(posterior - posterior.max(axis=(0, 1)))
    weight /= weight.sum(axis=(0, 1))
    more = np.where(observed > 0, gammainc(np.maximum(observed, 1e-9), mean), 1.0)
    fewer = gammaincc(observed + 1, mean)
    tails = (np.clip((weight * (kernels[:-1] @ t)).sum(axis=(0, 1)), 0, 1) for t in (more, fewer))
    return next(tails), next(tails)


@cache
def _kernels(step: float) -> tuple[Floats, Floats]:
    """
    Grid of log-ratios, and their distribution for each difference and common level.

    Returns
    -------
    ratios : ndarray, shape (ratios,)
    kernels : ndarray, shape (differences + 1, levels, ratios)
        Rows add up to 1; the last difference is that of a rep who is far from the rest.
    """
    reach, width = round(LARGEST_LEVEL / step), round(LARGEST_RATIO / step)
    levels, ratios = np.arange(-reach, reach + 1) * step, np.arange(-width, width + 1) * step
    kernels = np.zeros((len(DIFFERENCES) + 1, len(levels), len(ratios)))
    for at, difference in enumerate([*DIFFERENCES, DIFFERENCE_APART]):
        if difference == 0:
            kernels[at, np.arange(len(levels)), np.arange(len(levels)) + width - reach] = 1.0
            continue
        kernels[at] = np.exp(-0.5 * ((ratios - levels[:, None]) / difference) ** 2)
    shares: Floats = kernels / kernels.sum(axis=2, keepdims=True)
    return ratios.astype(np.float64), shares
