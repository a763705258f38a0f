"""How far the truth may lie from any scorecard of these attributes: effects that tables leave out.

residuals of the fitted scorecard -> products of basis values of two attributes, main effects out
  -> how much more the residuals go along with them than by chance -> variance of pairs left out
  -> and a fixed part for what no pair shows

Refits on resampled deals say nothing of it, and no number of deals mends it: without it the
interval goes on narrowing while the error does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.calibration import expit

if TYPE_CHECKING:
    from fitmodel.learning.imputation import Imputed

Floats = NDArray[np.float64]

# What is believed beforehand, as a share of how far the scorecard tells deals apart: where nothing
# tells, nothing is left out. Mean and deviation of the variance are the same.
PRIOR_MISFIT = 0.22
# What pairs of attributes do not show: a bent link, the shape of one attribute's effect. As a share
# of the same; no data say how large it is. Chosen with the spread of the interval over the laws of
# benchmarks/known_truth.py and growing.py (docs/concepts/learning.md).
SHAPE_MISFIT = 0.12
MAX_PAIRS, MAX_DEALS = 300, 5_000  # of which the estimate is made; more change it little
MIN_EVIDENCE = 1.0  # deals' worth of information on a product; fewer say nothing


def misfit(imputed: Imputed, log_odds: Floats, spread: float, *, seed: int) -> float:
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

    Notes
    -----
    A variance component by the method of moments, as in the score test of Lin (1997): the products
    have independent random effects of one variance. Its estimate is weighed with the prior by
    their variances, because with few deals and many attributes the estimate says nothing.
    """
    shape = (SHAPE_MISFIT * spread) ** 2
    return float(np.sqrt(shape + _misfit_of_pairs(imputed, log_odds, spread, seed)))


def _misfit_of_pairs(imputed: Imputed, log_odds: Floats, spread: float, seed: int) -> float:
    """Variance of the effects of pairs that are left out: estimated, and believed beforehand."""
    believed = (PRIOR_MISFIT * spread) ** 2
    estimate = left_out_variance(imputed, log_odds, seed=seed)
    if estimate is None or believed == 0:
        return believed
    variance, error = estimate
    weight = believed**2 / (believed**2 + error**2)
    return max(weight * variance + (1 - weight) * believed, 0.0)


def left_out_variance(
    imputed: Imputed, log_odds: Floats, *, seed: int
) -> tuple[float, float] | None:
    """Variance of the effects of pairs of attributes that are left out, and its standard error.

    Negative where the residuals go along with the products less than by chance. None where there
    are no two attributes.
    """
    generator = np.random.default_rng(seed)
    first, second = _products(imputed)
    if not len(first):
        return None
    used = np.arange(len(log_odds))
    if len(used) > MAX_DEALS:
        used = np.sort(generator.choice(used, MAX_DEALS, replace=False))
    matrix, chance, weight = imputed.matrix[used], expit(log_odds[used]), imputed.weight[used]
    residual = weight * (imputed.early_churn[used] - chance)
    chosen = np.arange(len(first))
    if len(chosen) > MAX_PAIRS:
        chosen = generator.choice(chosen, MAX_PAIRS, replace=False)
    product = matrix[:, first[chosen]] * matrix[:, second[chosen]]
    product = _without_main_effects(product, matrix, weight * chance * (1 - chance))
    scaled = product * residual[:, None]
    evidence = (scaled**2).sum(axis=0)
    told = evidence > MIN_EVIDENCE
    if not told.any():
        return None
    scaled = scaled[:, told] / np.sqrt(evidence[told])
    excess = float((scaled.sum(axis=0) ** 2 - 1).mean())
    squares = (scaled.T @ scaled) ** 2
    overlap = squares.mean()
    factor = told.mean() / (_overlap_of_all(squares, len(first)) * (residual @ residual))
    return float(excess * factor), float(np.sqrt(2 * overlap) * factor)


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
    first, second = (live[place] for place in np.triu_indices(len(live), 1))
    apart = owner[first] != owner[second]
    return first[apart], second[apart]


def _without_main_effects(product: Floats, matrix: Floats, information: Floats) -> Floats:
    """Products less what single columns explain of them (weighted least squares)."""
    wide = np.hstack([np.ones((len(matrix), 1)), matrix])
    weighted = wide * information[:, None]
    explained = np.linalg.pinv(weighted.T @ wide, hermitian=True) @ (weighted.T @ product)
    return np.asarray(product - wide @ explained, dtype=np.float64)
