"""How far the truth may lie from any scorecard of these attributes: effects that tables leave out.

residuals of the fitted scorecard -> products of basis values of two attributes, main effects out
                                  -> groups of a number's values, its own effect out
  -> how much more the residuals go along with them than by chance
  -> variance of pairs left out, and of shapes left out, weighed with what is believed beforehand

Refits on resampled deals say nothing of it, and no number of deals mends it: without it the
interval goes on narrowing while the error does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.calibration import expit
from fitmodel.learning.columns import MISSING, NumberColumn

if TYPE_CHECKING:
    from fitmodel.learning._design import Design
    from fitmodel.learning.imputation import Imputed

Floats = NDArray[np.float64]
Estimate = tuple[float, float]
"""Variance, and its standard error."""

# What is believed beforehand, as a share of how far the scorecard tells deals apart: where nothing
# tells, nothing is left out. Mean and deviation of the variance are the same.
PRIOR_MISFIT = 0.44
# Of the shape of one number's effect. Both were chosen with the spread of the interval over the
# laws of benchmarks/known_truth.py and growing.py (docs/concepts/learning.md).
SHAPE_MISFIT = 0.28
SHAPE_GROUPS = (4, 8)  # of a number's values, as many deals in each: for steps, and for bends
MAX_PAIRS, MAX_DEALS = 300, 5_000  # of which the estimate is made; more change it little
MIN_EVIDENCE = 1.0  # deals' worth of information on a product; fewer say nothing
MANY_ERRORS = 50.0  # below 0 by so many standard errors the normal tail is its asymptote


def misfit(
    imputed: Imputed, log_odds: Floats, spread: float, *, seed: int, boosted: bool = False
) -> float:
    """Standard deviation, in log-odds, of the effects that the scorecard leaves out.

    Parameters
    ----------
    imputed : Imputed
        The deals learned from, with their soft labels.
    log_odds : ndarray, shape (n,)
        Of the scorecard.
    spread : float
        Standard deviation of the scorecard's log-odds over the deals learned from.
    seed : int
        Of the products and deals that are used where there are very many.
    boosted : bool
        Whether boosting has a part in the scorecard. It shapes a number's effect by the residuals
        themselves, so these do not show that nothing is left of it.

    Notes
    -----
    Variance components by the method of moments, as in the score test of Lin (1997): the products,
    or groups, have independent random effects of one variance.
    """
    shape_believed, pairs_believed = (SHAPE_MISFIT * spread) ** 2, (PRIOR_MISFIT * spread) ** 2
    shape = expected_variance(left_out_shape(imputed, log_odds, seed=seed), shape_believed)
    pairs = expected_variance(left_out_variance(imputed, log_odds, seed=seed), pairs_believed)
    return float(np.sqrt((max(shape, shape_believed) if boosted else shape) + pairs))


def expected_variance(estimate: Estimate | None, believed: float) -> float:
    """Mean of a variance given its estimate and what is believed beforehand.

    Notes
    -----
    The estimate is normal around the variance, the variance exponential around what is believed:
    the posterior is a normal distribution cut at 0. A vague estimate changes little; one that is
    many standard errors above what is believed is taken nearly as it is.
    """
    from scipy.special import log_ndtr

    if estimate is None or believed <= 0.0:
        return believed
    variance, error = estimate
    if error <= 0.0:
        return max(variance, 0.0)
    middle = variance - error**2 / believed
    away = middle / error
    if away < -MANY_ERRORS:
        return float(-error / away)
    hazard = np.exp(-(away**2) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(away))
    return float(middle + error * hazard)


def left_out_variance(imputed: Imputed, log_odds: Floats, *, seed: int) -> Estimate | None:
    """Variance of the effects of pairs of attributes that are left out, and its standard error.

    Negative where the residuals go along with the products less than by chance. None where there
    are no two attributes.
    """
    generator = np.random.default_rng(seed)
    first, second = _products(imputed)
    if not len(first):
        return None
    used = _some_deals(len(log_odds), generator)
    chosen = np.arange(len(first))
    if len(chosen) > MAX_PAIRS:
        chosen = generator.choice(chosen, MAX_PAIRS, replace=False)
    matrix = imputed.matrix[used]
    products = matrix[:, first[chosen]] * matrix[:, second[chosen]]
    return _component(products, len(first), imputed, log_odds, used)


def left_out_shape(imputed: Imputed, log_odds: Floats, *, seed: int) -> Estimate | None:
    """Variance of what numbers do beyond their lines, and its standard error.

    Steps and bends that neither the value nor its rank follows: effects of groups of a number's
    values. None where there is no number.
    """
    used = _some_deals(len(log_odds), np.random.default_rng(seed))
    groups = _groups(imputed.design)
    if not len(groups):
        return None
    codes = imputed.design.codes
    inside = np.column_stack([group[codes[used, position]] for position, group in groups])
    return _component(inside.astype(float), len(groups), imputed, log_odds, used)


def _groups(design: Design) -> list[tuple[int, NDArray[np.bool_]]]:
    """Position of each number, and which of its codes are in one of its groups."""
    groups = []
    for position, column in enumerate(design.columns):
        if not isinstance(column, NumberColumn):
            continue
        counts = np.bincount(design.codes[:, position], minlength=column.size + 2)
        counts[MISSING] = 0
        middle = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
        for size in SHAPE_GROUPS:
            number = np.minimum((middle * size).astype(int), size - 1)
            number[MISSING] = -1
            groups += [(position, number == each) for each in np.unique(number[counts > 0])]
    return groups


def _some_deals(n: int, generator: np.random.Generator) -> NDArray[np.intp]:
    """Rows of at most `MAX_DEALS` deals."""
    used = np.arange(n)
    return used if n <= MAX_DEALS else np.sort(generator.choice(used, MAX_DEALS, replace=False))


def _component(
    effects: Floats, number: int, imputed: Imputed, log_odds: Floats, used: NDArray[np.intp]
) -> Estimate | None:
    """Variance of random effects in the residuals, and its standard error.

    Parameters
    ----------
    effects : ndarray, shape (used, columns)
        Values that the random effects multiply; main effects are taken out here.
    number : int
        How many such columns there are, where these are only some.
    used : ndarray of int
        Rows of the deals.
    """
    matrix, chance, weight = imputed.matrix[used], expit(log_odds[used]), imputed.weight[used]
    residual = weight * (imputed.early_churn[used] - chance)
    rest = _without_main_effects(effects, matrix, weight * chance * (1 - chance))
    scaled = rest * residual[:, None]
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
    """Mean squared correlation between all products, from those between some of them."""
    some = len(squares)
    between = (squares.sum() - some) / max(some * (some - 1), 1)
    return float((1 + (number - 1) * between) / number)


def _products(imputed: Imputed) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of columns of the linear matrix that belong to different attributes."""
    design = imputed.design
    owner = np.repeat(np.arange(len(design.bases)), [basis.shape[1] for basis in design.bases])
    live = np.flatnonzero(imputed.matrix.any(axis=0))
    first, second = (live[position] for position in np.triu_indices(len(live), 1))
    apart = owner[first] != owner[second]
    return first[apart], second[apart]


def _without_main_effects(product: Floats, matrix: Floats, information: Floats) -> Floats:
    """Products less what single columns explain of them (weighted least squares)."""
    wide = np.hstack([np.ones((len(matrix), 1)), matrix])
    weighted = wide * information[:, None]
    explained = np.linalg.pinv(weighted.T @ wide, hermitian=True) @ (weighted.T @ product)
    return np.asarray(product - wide @ explained, dtype=np.float64)
