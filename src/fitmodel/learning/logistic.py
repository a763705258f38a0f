"""Ridge logistic regression as tables, and how its bags scatter.

Design -> fit_logistic     -> Additive (a table per attribute)
Design -> scatter_logistic -> Additive per bag
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fitmodel.deals.training_deals import in_whole
from fitmodel.learning.additive import Additive
from fitmodel.learning.bounded import Bounds, bounded_logistic
from fitmodel.learning.calibration import expit
from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.design import NUMBER_BASIS, Design


def fit_logistic(
    design: Design,
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    penalty: float,
    monotone: tuple[int, ...] = (),
) -> Additive:
    """Ridge logistic regression on the bases.

    Parameters
    ----------
    design : Design
    early_churn, weight : ndarray, shape (deals,)
    penalty : float
        Inverse of scikit-learn's ``C``: how many units of squared coefficient one unit of
        log-likelihood buys.
    monotone : tuple of int
        As in `BoostingOptions`; of numbers only.
    """
    matrix = design.linear_matrix()
    return _as_tables(design, [_ridge(design, matrix, early_churn, weight, penalty, monotone)])


def scatter_logistic(
    design: Design,
    early_churn: NDArray[np.float64],
    weights: Sequence[NDArray[np.float64]],
    *,
    penalties: Sequence[float],
    monotone: tuple[int, ...] = (),
    seed: int = 0,
) -> Additive:
    """Ridge logistic regressions that scatter as the posterior does, one per weights (bag).

    Each bag is fitted on its own weights with its own penalty and drawn towards its own draw from
    the prior (`_prior_step`).
    """
    matrix = design.linear_matrix()
    generator = np.random.default_rng(seed)
    fits = []
    for weight, penalty in zip(weights, penalties, strict=True):
        fit = _ridge(design, matrix, early_churn, weight, penalty, monotone)
        line = fit[0] + matrix @ fit[1:]
        fits.append(fit + _prior_step(matrix, weight, line, penalty=penalty, generator=generator))
    return _as_tables(design, fits)


def _prior_step(
    matrix: NDArray[np.float64],
    weight: NDArray[np.float64],
    line: NDArray[np.float64],
    *,
    penalty: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Intercept's and coefficients' move when they are drawn towards a draw from the ridge prior.

    Parameters
    ----------
    matrix : ndarray, shape (deals, width)
    weight, line : ndarray, shape (deals,)
        Of the bag; `line` are its fitted log-odds.
    penalty : float
    generator : Generator

    Returns
    -------
    ndarray, shape (1 + width,)

    Notes
    -----
    A ridge fit draws towards 0 whatever the resample, so bags agree on what the penalty decided.
    Its Bayesian reading is a prior N(0, 1 / penalty); drawing the prior's centre per bag adds
    penalty * H^-2 to the bags' covariance, and refits and prior together scatter as the
    posterior, H^-1 (randomise, then optimise; Bardsley et al. 2014). One Newton step.
    """
    chance = expit(line)
    information = weight * chance * (1 - chance)
    wide = np.hstack([np.ones((len(matrix), 1)), matrix])
    hessian = (wide * information[:, None]).T @ wide
    places = np.arange(1, len(hessian))
    hessian[places, places] += penalty
    pull = np.concatenate([[0.0], np.sqrt(penalty) * generator.standard_normal(matrix.shape[1])])
    return np.asarray(np.linalg.solve(hessian, pull), dtype=np.float64)


def _ridge(
    design: Design,
    matrix: NDArray[np.float64],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    penalty: float,
    monotone: tuple[int, ...],
) -> NDArray[np.float64]:
    """Intercept and coefficients, shape (1 + width,)."""
    used = weight > 0
    if matrix.shape[1] == 0:
        rate = np.average(early_churn, weights=weight)
        return np.array([np.log(rate / (1 - rate))])
    known = (matrix[used], early_churn[used], weight[used])
    if any(monotone):
        intercept, slopes = bounded_logistic(*known, _bounds(design, monotone), penalty=penalty)
    else:
        intercept, slopes = _free_logistic(*known, penalty=penalty)
    return np.concatenate([[intercept], slopes])


def _as_tables(design: Design, fits: Sequence[NDArray[np.float64]]) -> Additive:
    stacked = np.stack(fits, axis=1)
    splits = np.cumsum([basis.shape[1] for basis in design.bases])[:-1]
    parts = np.split(stacked[1:], splits)
    singles = tuple(basis @ part for basis, part in zip(design.bases, parts, strict=True))
    return Additive(stacked[0], singles)


def _free_logistic(
    matrix: NDArray[np.float64],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    penalty: float,
) -> tuple[float, NDArray[np.float64]]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / penalty, solver="newton-cholesky", max_iter=100)
    rows, outcome, share = in_whole(early_churn)
    model.fit(matrix[rows], outcome, sample_weight=weight[rows] * share)
    return float(model.intercept_[0]), model.coef_[0]


def _bounds(design: Design, monotone: tuple[int, ...]) -> Bounds:
    """Signs of the coefficients: of a number's own basis, not of its missing indicator."""
    bounds: list[tuple[float | None, float | None]] = []
    for column, basis, direction in zip(design.columns, design.bases, monotone, strict=True):
        is_number = isinstance(column, NumberColumn)
        kept = NUMBER_BASIS if is_number and direction and basis.shape[1] >= NUMBER_BASIS else 0
        sign: tuple[float | None, float | None] = (0.0, None) if direction > 0 else (None, 0.0)
        bounds += [sign] * kept + [(None, None)] * (basis.shape[1] - kept)
    return tuple(bounds)
