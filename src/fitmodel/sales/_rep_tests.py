"""
Tests of which reps differ from the others by more than chance and by more than reps usually differ.

counts per rep -> exact test against the others -> p-value
               -> test that allows for unexplained differences between reps -> p-value
               -> the larger of the two, corrected for the number of reps (Holm) -> reps to name
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PAGE_ERROR = 0.05
"""Probability that a page names a rep although all reps are alike."""
HISTORY_SHARE, RECENT_SHARE, SELECTION_SHARE = 0.6, 0.2, 0.2
"""Shares of the page's error for the tests on the whole history, on the last two quarters, and on
selection. Where reps differ by something unrecorded, nearly all false results are of the first
kind."""
MORE_SHARE = 0.95
"""Share of the error for naming reps with more early churn; the rest is for reps with less. Naming
reps with less is not urgent, and error spent on it lowers the power to detect overselling."""
WEIGHT_POWER = 2.5
"""A rep's share of the error is proportional to this power of the expected number."""
MIN_REPS = 2
DRAWS = 36
"""Bootstrap replicates from which the error of a rep's expected number is estimated."""
ERROR_STEPS = 199
USUAL_DIFFERENCE = 0.5
"""Scale of the half-normal prior of the standard deviation of reps' log-ratios."""
DIFFERENCES = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0])
LOG_PRIOR = -0.5 * (DIFFERENCES / USUAL_DIFFERENCE) ** 2 + np.log(np.gradient(DIFFERENCES))
OUTLIER_REPS, OUTLIER_DEVIATION = 0.6, 1.0
"""Expected number of reps that are far from the rest, and the standard deviation of their
log-ratios. Such reps give little information on how the rest differ. The number is fixed, and not a
share: with many reps, a share would also cover the tails of the distribution of ordinary reps."""
LARGEST_LEVEL, LARGEST_RATIO = 2.0, 4.0
"""Limits of the grids of the common level and of a rep's ratio, as logarithms."""
LARGEST_STEP, SMALLEST_STEP = 0.05, 0.01


@dataclass(frozen=True, eq=False)
class RepTest:
    """Result of testing every rep against the others.

    `p_more`, `p_fewer`, shape (reps,): one-sided p-values of each rep, before the correction for
        the number of reps.
    `adjusted`, shape (reps,): two-sided p-value after Holm's correction; 1 for reps that are not
        tested.
    `direction`, ndarray of int, shape (reps,): 1 for a rep named with more churners than expected,
        -1 for a rep named with fewer, 0 for a rep not named.
    """

    p_more: Floats
    p_fewer: Floats
    adjusted: Floats
    direction: NDArray[np.int64]


def name_reps(
    observed: Floats,
    expected: Floats,
    tested: NDArray[np.bool_] | None = None,
    *,
    past: tuple[Floats, Floats] | None = None,
    errors: Floats | None = None,
    error: float = PAGE_ERROR,
) -> RepTest:
    """Find the reps whose customers leave more often, or less often, than those of the other reps.

    Parameters
    ----------
    observed, expected : ndarray, shape (reps,)
        Observed number of early churners, and the number expected for such customers whichever rep
        signs them. Only ratios between reps matter: the level of `expected` is not used.
    tested : ndarray of bool, shape (reps,), optional
        Reps with enough deals; the others are part of the comparison but are never named.
    past : tuple of ndarray, optional
        Observed and expected numbers of each rep in earlier months. If given, each rep is also
        compared with the rep's own past: a difference that was always there is not a change.
    errors : ndarray, shape (reps,), optional
        Standard errors of the expected numbers, see `exact_tails`.
    error : float
        Probability of naming anybody although all reps are alike.

    Returns
    -------
    RepTest

    Notes
    -----
    Each rep is compared with the other reps only. Two tests must both reject: `exact_tails`, which
    allows for chance only, and a second one, which is `allowing_tails` (it also allows for
    unrecorded differences between reps), or `change_tails` if `past` is given. Each rep's share of
    the error grows with the expected number (`WEIGHT_POWER`), because the power is highest there.
    Nearly all of the error (`MORE_SHARE`) is for naming reps with more. The correction is the
    weighted step-down procedure of S. Holm (1979), Scandinavian Journal of Statistics 6, 65-70. A
    rep who has been named is removed from the comparison group of the remaining reps, so that one
    very different rep does not hide another.
    """
    size = len(observed)
    tested = np.ones(size, dtype=bool) if tested is None else tested
    p_more, p_fewer, adjusted = np.ones(size), np.ones(size), np.ones(size)
    direction = np.zeros(size, dtype=np.int64)
    compared, largest = np.ones(size, dtype=bool), 0.0
    while compared.sum() >= MIN_REPS:
        chosen = None if past is None else (past[0][compared], past[1][compared])
        own = None if errors is None else errors[compared]
        more, fewer = _tails(observed[compared], expected[compared], chosen, own)
        p_more[compared], p_fewer[compared] = more, fewer
        remaining = np.flatnonzero(compared & tested)
        if not len(remaining):
            break
        weight = expected[remaining] ** WEIGHT_POWER
        weight = np.maximum(weight / max(float(weight.sum()), 1e-12), 1e-12)
        sides = np.minimum(p_more[remaining] / MORE_SHARE, p_fewer[remaining] / (1 - MORE_SHARE))
        corrected = sides / weight
        first = remaining[np.argmin(corrected)]
        largest = max(largest, min(1.0, float(corrected.min())))
        if largest > error:
            adjusted[remaining] = np.clip(corrected, largest, 1.0)
            break
        adjusted[first] = largest
        more_first = p_more[first] / MORE_SHARE < p_fewer[first] / (1 - MORE_SHARE)
        direction[first] = 1 if more_first else -1
        compared[first] = False
    return RepTest(p_more, p_fewer, adjusted, direction)


def _tails(
    observed: Floats,
    expected: Floats,
    past: tuple[Floats, Floats] | None,
    errors: Floats | None,
) -> tuple[Floats, Floats]:
    by_chance = exact_tails(observed, expected, errors)
    if past is None:
        second = allowing_tails(observed, expected)
    else:
        second = change_tails(observed, expected, *past)
    return np.maximum(by_chance[0], second[0]), np.maximum(by_chance[1], second[1])


def change_tails(
    observed: Floats, expected: Floats, past_observed: Floats, past_expected: Floats
) -> tuple[Floats, Floats]:
    """Return exact one-sided p-values of each rep against the rep's own past.

    Given the total number of a rep's customers who left, the number who left in the recent months
    is binomial. The change in the ratio of all other reps is allowed for.
    """
    from scipy.stats import binom

    def sum_of_others(values: Floats, minimum: float) -> Floats:
        result: Floats = np.maximum(values.sum() - values, minimum)
        return result

    now = sum_of_others(observed, 0.5) / sum_of_others(expected, 1e-9)
    before = sum_of_others(past_observed, 0.5) / sum_of_others(past_expected, 1e-9)
    recent = expected * now / before
    share = recent / np.maximum(recent + past_expected, 1e-12)
    total = observed + past_observed
    return binom.sf(observed - 1, total, share), binom.cdf(observed, total, share)


def exact_tails(
    observed: Floats, expected: Floats, errors: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return exact one-sided p-values of each rep against all other reps together.

    If all reps are alike, then given the total number of early churners a rep's count is binomial,
    with the rep's share of the expected number as its probability (J. Przyborowski and H. Wilenski
    1940, Biometrika 31, 313-323).

    Parameters
    ----------
    errors : ndarray, shape (reps,), optional
        Standard error of each rep's share of the expected number, in log-odds. It is estimated from
        few replicates, so the p-value is the mean over a t distribution. Default: no error.

    Returns
    -------
    p_more, p_fewer : ndarray, shape (reps,)
        Probability of a count at least as large, and at most as large, as the one observed.
    """
    from scipy.stats import binom

    total, share = observed.sum(), expected / max(float(expected.sum()), 1e-12)
    if errors is None or not errors.any():
        return binom.sf(observed - 1, total, share), binom.cdf(observed, total, share)
    own = np.maximum(expected, 1e-12) * np.exp(errors * error_quantiles()[:, None])
    shares = own / np.maximum(own + expected.sum() - expected, 1e-12)
    more, fewer = binom.sf(observed - 1, total, shares), binom.cdf(observed, total, shares)
    return more.mean(axis=0), fewer.mean(axis=0)


@cache
def error_quantiles() -> Floats:
    """Return quantiles in equal steps of the t distribution of an error from `DRAWS` replicates."""
    from scipy.stats import t

    steps = (np.arange(ERROR_STEPS) + 0.5) / ERROR_STEPS
    return np.asarray(t.ppf(steps, DRAWS - 1), dtype=np.float64)


def allowing_tails(observed: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Return one-sided p-values of each rep, given how much the OTHERS differ among themselves.

    Returns, shape (reps,): probability that a new rep, drawn from the distribution of the other
        reps, has a count at least as large, and at most as large, as the one observed.

    Reps' true ratios are log-normal around a common level, and counts are Poisson given the ratio
    (N. E. Breslow 1984, Applied Statistics 33, 38-44). A small share of reps has a much larger
    standard deviation (`OUTLIER_REPS`, `OUTLIER_DEVIATION`). The level (flat prior) and the
    standard deviation of the log-ratios (half-normal prior) are learned from the other reps and
    integrated out, so with few deals or few reps the p-values stay large. Integrals are sums over a
    grid. A gamma distribution instead of the log-normal has too light a tail: where reps differed
    by a standard deviation of .35, it named twice as many reps as the error allows.
    """
    from scipy.special import gammainc, gammaincc, gammaln

    step = float(np.clip(0.6 / np.sqrt(max(float(observed.max()), 1.0)), SMALLEST_STEP, None))
    ratios, kernels = _kernels(min(round(step, 3), LARGEST_STEP))
    common = max(float(observed.sum()), 0.5) / max(float(expected.sum()), 1e-9)
    mean = np.exp(ratios)[:, None] * np.maximum(expected, 1e-9) * common
    logs = observed * np.log(mean) - mean - gammaln(observed + 1)
    likelihood = kernels @ np.exp(logs - logs.max(axis=0))  # (differences + 1, levels, reps)
    outlier_share = min(OUTLIER_REPS / len(observed), 0.1)
    mixed = (1 - outlier_share) * likelihood[:-1] + outlier_share * likelihood[-1]
    each = np.log(np.maximum(mixed, 1e-300))
    posterior = each.sum(axis=2, keepdims=True) - each + LOG_PRIOR[:, None, None]
    weight = np.exp(posterior - posterior.max(axis=(0, 1)))
    weight /= weight.sum(axis=(0, 1))
    more = np.where(observed > 0, gammainc(np.maximum(observed, 1e-9), mean), 1.0)
    fewer = gammaincc(observed + 1, mean)
    tails = (np.clip((weight * (kernels[:-1] @ t)).sum(axis=(0, 1)), 0, 1) for t in (more, fewer))
    return next(tails), next(tails)


def widened(ratio: Floats, low: Floats, high: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Return the limits of 95% intervals of ratios that also allow for errors in log-odds.

    The two half-widths of a logarithm are combined as those of independent errors. A ratio that is
    0 or infinite has no logarithm: its only finite limit is moved by the error alone.
    """
    from scipy.stats import t

    half = float(t.ppf(0.975, DRAWS - 1)) * errors
    with np.errstate(divide="ignore", invalid="ignore"):
        down = np.sqrt(np.log(ratio / low) ** 2 + half**2)
        up = np.sqrt(np.log(high / ratio) ** 2 + half**2)
        has_logarithm = (ratio > 0) & np.isfinite(ratio)
        new_low = np.where(has_logarithm, ratio * np.exp(-down), low * np.exp(-half))
        new_high = np.where(has_logarithm, ratio * np.exp(up), high * np.exp(half))
    return np.where(half > 0, new_low, low), np.where(half > 0, new_high, high)


@cache
def _kernels(step: float) -> tuple[Floats, Floats]:
    """Return a grid of log-ratios, and their distribution for each difference and common level.

    Returns, shape (differences + 1, levels, ratios): each row sums to 1; the last difference is
        that of a rep who is far from the rest.
    """
    reach, width = round(LARGEST_LEVEL / step), round(LARGEST_RATIO / step)
    levels, ratios = np.arange(-reach, reach + 1) * step, np.arange(-width, width + 1) * step
    kernels = np.zeros((len(DIFFERENCES) + 1, len(levels), len(ratios)))
    for at, difference in enumerate([*DIFFERENCES, OUTLIER_DEVIATION]):
        if difference == 0:
            kernels[at, np.arange(len(levels)), np.arange(len(levels)) + width - reach] = 1.0
            continue
        kernels[at] = np.exp(-0.5 * ((ratios - levels[:, None]) / difference) ** 2)
    shares: Floats = kernels / kernels.sum(axis=2, keepdims=True)
    return ratios.astype(np.float64), shares
