"""Uncertainty of penalty, slope and misfit, as settings of each bootstrap replicate.

candidates' held-out log-odds
  -> resample the held-out deals -> the best penalty on them, and their calibration slope
  -> one setting per replicate
residuals of the fitted scorecard -> products of basis values of two attributes, minus main effects
                                  -> groups of a number's values, minus its fitted effect
  -> correlation with the residuals beyond sampling error
  -> variance of omitted pairs and of omitted shapes (the misfit), combined with a prior

Refits on resampled deals do not show the uncertainty about the calibration and the penalty, which
are the same in all of them. They do not show the misfit either, which more deals do not reduce:
without it the interval would become ever narrower while the error does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._additive import Additive
from fitmodel.learning.calibration import (
    PRIOR_SLOPE_SD,
    HeldOut,
    expit,
    fit_slope,
    level_adjusted_losses,
)
from fitmodel.learning.columns import MISSING, NumberColumn
from fitmodel.learning.settings import ReplicateSettings

if TYPE_CHECKING:
    from fitmodel.learning._design import Design
    from fitmodel.learning._imputation import Imputed

Floats = NDArray[np.float64]
Estimate = tuple[float, float]
"""Estimate of a variance, and its standard error."""

# Prior standard deviation of omitted pairs, as a share of the standard deviation of the scorecard's
# log-odds: a scorecard that predicts the same for all deals omits nothing. The prior of the
# variance is exponential.
PRIOR_MISFIT = 0.44
# The same for omitted shapes of the numbers' effects. Both were chosen together with the factor on
# the interval, on the simulated laws of benchmarks/known_truth.py and growing.py
# (docs/concepts/learning.md).
SHAPE_MISFIT = 0.28
SHAPE_GROUPS = (4, 8)  # groups of equal size of a number's values: to detect steps, and bends
MAX_PAIRS, MAX_DEALS = 300, 5_000  # used for the estimate; more change it little
MIN_EVIDENCE = 1.0  # least information on a product, in deals; products with less are ignored
ASYMPTOTIC_Z = 50.0  # standard errors below 0 from which the normal tail's asymptote is used


def draw_replicates(
    by_penalty: dict[float, Floats],
    held_out: HeldOut,
    evidence: dict[float, float],
    *,
    replicates: int,
    seed: int,
) -> tuple[ReplicateSettings, ...]:
    """Choose penalty and calibration slope anew on resampled held-out deals.

    `by_penalty`, dict of float to ndarray, shape (n,): held-out log-odds for each ridge penalty.
    `evidence`: log marginal likelihood of each penalty, added to the log score of the resampled
        deals.

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

    `deviation`: standard deviation of the omitted effects, see `fitmodel.learning._uncertainty`.
    `centre`, `spread`: mean and standard deviation of the scorecard's log-odds over the training
        deals.
    """
    number = np.arange(len(bootstrap.intercept))
    half = deviation / np.sqrt(2)
    shift = np.where(number % 2 == 0, half, -half)
    tilt = np.where(number % 4 < 2, half, -half) / max(spread, 1e-12)  # noqa: PLR2004 - all four sign pairs
    return bootstrap.scaled(1 + tilt).with_intercept(
        bootstrap.intercept * (1 + tilt) + shift - tilt * centre
    )


def misfit(
    imputed: Imputed, log_odds: Floats, spread: float, *, seed: int, boosted: bool = False
) -> float:
    """Standard deviation, in log-odds, of the effects that the scorecard omits.

    `imputed`: training deals with their soft labels.
    `log_odds`, shape (n,): log-odds of the training deals by the scorecard.
    `spread`: standard deviation of the scorecard's log-odds over the training deals.
    `boosted`: whether boosting is a component of the scorecard. Boosting fits the shape of a
        number's effect to the residuals, so its residuals cannot show that no shape is omitted.

    Variance components by the method of moments, as in the score test of Lin (1997): the products,
    or groups, have independent random effects with one variance.
    """
    shape_prior, pairs_prior = (SHAPE_MISFIT * spread) ** 2, (PRIOR_MISFIT * spread) ** 2
    shape = posterior_variance(omitted_shape_variance(imputed, log_odds, seed=seed), shape_prior)
    pairs = posterior_variance(omitted_pair_variance(imputed, log_odds, seed=seed), pairs_prior)
    return float(np.sqrt((max(shape, shape_prior) if boosted else shape) + pairs))


def posterior_variance(estimate: Estimate | None, prior_mean: float) -> float:
    """Posterior mean of a variance, given its estimate and the mean of its prior.

    The estimate is normal around the variance, and the prior of the variance is exponential: the
    posterior is a normal distribution truncated at 0. An imprecise estimate changes the prior mean
    little; an estimate many standard errors above it is returned almost unchanged.
    """
    from scipy.special import log_ndtr

    if estimate is None or prior_mean <= 0.0:
        return prior_mean
    variance, error = estimate
    if error <= 0.0:
        return max(variance, 0.0)
    location = variance - error**2 / prior_mean
    z = location / error
    if z < -ASYMPTOTIC_Z:
        return float(-error / z)
    inverse_mills = np.exp(-(z**2) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(z))
    return float(location + error * inverse_mills)


def omitted_pair_variance(imputed: Imputed, log_odds: Floats, *, seed: int) -> Estimate | None:
    """Variance of the omitted effects of pairs of attributes, and its standard error.

    The estimate is negative where the residuals correlate with the products less than by chance.
    None where there are fewer than two attributes.
    """
    generator = np.random.default_rng(seed)
    first, second = _products(imputed)
    if not len(first):
        return None
    used = _sample_of_deals(len(log_odds), generator)
    chosen = np.arange(len(first))
    if len(chosen) > MAX_PAIRS:
        chosen = generator.choice(chosen, MAX_PAIRS, replace=False)
    matrix = imputed.matrix[used]
    products = matrix[:, first[chosen]] * matrix[:, second[chosen]]
    return _variance_component(products, len(first), imputed, log_odds, used)


def omitted_shape_variance(imputed: Imputed, log_odds: Floats, *, seed: int) -> Estimate | None:
    """Variance of the omitted shapes of the numbers' effects, and its standard error.

    Omitted shapes are steps and bends that are linear neither in the value nor in its rank. They
    are estimated as effects of groups of a number's values. None where there is no number.
    """
    used = _sample_of_deals(len(log_odds), np.random.default_rng(seed))
    groups = _groups(imputed.design)
    if not len(groups):
        return None
    codes = imputed.design.codes
    inside = np.column_stack([group[codes[used, position]] for position, group in groups])
    return _variance_component(inside.astype(float), len(groups), imputed, log_odds, used)


def _groups(design: Design) -> list[tuple[int, NDArray[np.bool_]]]:
    """Every group of a number's values: position of the number, and which codes are in it."""
    groups = []
    for position, column in enumerate(design.columns):
        if not isinstance(column, NumberColumn):
            continue
        counts = np.bincount(design.codes[:, position], minlength=column.size + 2)
        counts[MISSING] = 0
        midrank = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
        for size in SHAPE_GROUPS:
            group = np.minimum((midrank * size).astype(int), size - 1)
            group[MISSING] = -1
            groups += [(position, group == each) for each in np.unique(group[counts > 0])]
    return groups


def _sample_of_deals(n: int, generator: np.random.Generator) -> NDArray[np.intp]:
    """Row numbers of a random sample of at most `MAX_DEALS` deals."""
    used = np.arange(n)
    return used if n <= MAX_DEALS else np.sort(generator.choice(used, MAX_DEALS, replace=False))


def _variance_component(
    effects: Floats, number: int, imputed: Imputed, log_odds: Floats, used: NDArray[np.intp]
) -> Estimate | None:
    """Variance of random effects in the residuals, and its standard error.

    `effects`, shape (used, columns): design of the random effects; main effects are projected out
        here.
    `number`: number of such columns in all; `effects` may have a sample of them.
    `imputed`: training deals with their soft labels.
    `log_odds`, shape (n,): log-odds of the training deals by the scorecard.
    `used`, ndarray of int, shape (used,): row numbers of the deals that are used.
    """
    matrix, weight, p = imputed.matrix[used], imputed.weight[used], expit(log_odds[used])
    residual = weight * (imputed.early_churn[used] - p)
    projected = without_main_effects(effects, matrix, weight * p * (1 - p))
    scaled = projected * residual[:, None]
    evidence = (scaled**2).sum(axis=0)
    informative = evidence > MIN_EVIDENCE
    if not informative.any():
        return None
    scaled = scaled[:, informative] / np.sqrt(evidence[informative])
    excess = float((scaled.sum(axis=0) ** 2 - 1).mean())
    squares = (scaled.T @ scaled) ** 2
    factor = informative.mean() / (_overlap_of_all(squares, number) * (residual @ residual))
    return float(excess * factor), float(np.sqrt(2 * squares.mean()) * factor)


def _overlap_of_all(squares: Floats, number: int) -> float:
    """Mean squared correlation between all products, estimated from a sample of them."""
    some = len(squares)
    between = (squares.sum() - some) / max(some * (some - 1), 1)
    return float((1 + (number - 1) * between) / number)


def _products(imputed: Imputed) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of columns of the linear matrix that belong to different attributes."""
    design = imputed.design
    attribute = np.repeat(np.arange(len(design.bases)), [basis.shape[1] for basis in design.bases])
    nonzero = np.flatnonzero(imputed.matrix.any(axis=0))
    first, second = (nonzero[position] for position in np.triu_indices(len(nonzero), 1))
    differ = attribute[first] != attribute[second]
    return first[differ], second[differ]


def without_main_effects(product: Floats, matrix: Floats, information: Floats) -> Floats:
    """Residuals of the products after a weighted regression on the single columns."""
    main = np.hstack([np.ones((len(matrix), 1)), matrix])
    weighted = main * information[:, None]
    coefficients = np.linalg.pinv(weighted.T @ main, hermitian=True) @ (weighted.T @ product)
    return np.asarray(product - main @ coefficients, dtype=np.float64)
