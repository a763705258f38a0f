"""Ridge logistic regression on the bases of a design, as tables per attribute.

design, soft labels, weights -> coefficients (within bounds where a direction is given) -> tables
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._additive import Additive
from fitmodel.learning._design import NUMBER_BASIS, Design
from fitmodel.learning.calibration import expit
from fitmodel.learning.columns import NumberColumn

Floats = NDArray[np.float64]
Bounds = tuple[tuple[float | None, float | None], ...]

TOLERANCE = 1e-10  # of the loss, relative: coefficients then agree with scikit-learn's to 1e-4
MAX_NEWTON_STEPS, MAX_HALVINGS = 100, 30
MISSING_SHARE = 0.3  # of the information if all labels were known, in a step; 1 is EM
MIN_INFORMATION = 1e-9  # of a deal: chances of 0 and 1 would make the system singular


def fit_ridge(
    design: Design,
    matrix: Floats,
    early_churn: Floats,
    weight: Floats,
    penalty: float,
    directions: Sequence[int] = (),
    start: Floats | None = None,
    centre: Floats | float = 0.0,
) -> Floats:
    """Intercept and coefficients of a ridge logistic regression, shape (1 + width,).

    Parameters
    ----------
    design : Design
    matrix : ndarray, shape (deals, width)
        ``design.linear_matrix()``, made once for many fits.
    early_churn, weight : ndarray, shape (deals,)
        Labels from 0 to 1.
    penalty : float
        Inverse of scikit-learn's ``C``: how many units of squared coefficient one unit of
        log-likelihood buys; the intercept has none.
    directions : sequence of int
        Per attribute: 1 where risk never falls as it grows, -1 where it never rises, 0 free.
    start : ndarray, shape (1 + width,), optional
        Coefficients to begin with: those of nearly the same labels save steps.
    centre : ndarray, shape (width,), or float
        Coefficients towards which the penalty draws; columns beyond the design's own are free.
    """
    used = weight > 0
    if matrix.shape[1] == 0:
        rate = np.average(early_churn, weights=weight)
        return np.array([np.log(rate / (1 - rate))])
    known = (matrix, early_churn, weight)
    if not used.all():
        known = (matrix[used], early_churn[used], weight[used])
    if any(directions):
        bounds = coefficient_bounds(design, directions)
        free: Bounds = ((None, None),) * (matrix.shape[1] - len(bounds))
        return bounded_logistic(*known, bounds + free, penalty=penalty, centre=centre)
    return newton_logistic(*known, penalty=penalty, start=start, centre=centre)


def as_tables(design: Design, fits: Sequence[Floats]) -> Additive:
    """Coefficients of one or more fits as tables over the design's codes."""
    stacked = np.stack(fits, axis=1)
    splits = np.cumsum([basis.shape[1] for basis in design.bases])[:-1]
    parts = np.split(stacked[1:], splits)
    singles = tuple(basis @ part for basis, part in zip(design.bases, parts, strict=True))
    return Additive(stacked[0], singles)


def prior_step(
    matrix: Floats,
    information: Floats,
    *,
    penalty: float,
    spread: float,
    generator: np.random.Generator,
) -> Floats:
    """Move of the coefficients when they are drawn towards a draw from a prior.

    Parameters
    ----------
    matrix : ndarray, shape (deals, width)
    information : ndarray, shape (deals,)
        Of the bootstrap replicate, see `observed_information`.
    penalty : float
    spread : float
        Standard deviation of the prior, over that of the ridge penalty, ``1 / sqrt(penalty)``.
    generator : Generator

    Returns
    -------
    ndarray, shape (1 + width,)

    Notes
    -----
    A ridge fit draws towards 0 whatever the resample, so replicates agree on what the penalty
    decided. Its Bayesian reading is a prior N(0, 1 / penalty); drawing the prior's centre per
    replicate adds spread^2 * penalty * H^-2 to the replicates' covariance. With a spread of 1,
    refits and prior together scatter as the posterior, H^-1 (randomise, then optimise; Bardsley et
    al. 2014). One Newton step.
    """
    hessian = penalised_information(matrix, information, penalty)
    draw = generator.standard_normal(matrix.shape[1])
    pull = np.concatenate([[0.0], spread * np.sqrt(penalty) * draw])
    return np.asarray(np.linalg.solve(hessian, pull), dtype=np.float64)


def bounded_logistic(
    matrix: Floats,
    early_churn: Floats,
    weight: Floats,
    bounds: Bounds,
    *,
    penalty: float,
    centre: Floats | float = 0.0,
) -> Floats:
    """Intercept and coefficients within bounds, shape (1 + width,) (L-BFGS-B; Byrd et al. 1995).

    Parameters
    ----------
    matrix : ndarray, shape (deals, width)
    early_churn, weight : ndarray, shape (deals,)
    bounds : tuple of (low, high), length width
        None is not a bound.
    penalty, centre
        As in `fit_ridge`.

    Notes
    -----
    Both basis values of a number grow with it, so a coefficient that is not negative on each is
    all that "never falls as it grows" takes.
    """
    from scipy.optimize import minimize

    def loss(parameters: Floats) -> tuple[float, Floats]:
        intercept, slopes = parameters[0], parameters[1:]
        line = intercept + matrix @ slopes
        value = weight @ (np.logaddexp(0, line) - early_churn * line)
        residual = weight * (expit(line) - early_churn)
        away = slopes - centre
        gradient = np.concatenate([[residual.sum()], matrix.T @ residual + penalty * away])
        return float(value + penalty * away @ away / 2), gradient

    fit = minimize(
        loss,
        np.zeros(matrix.shape[1] + 1),
        jac=True,
        bounds=[(None, None), *bounds],
        method="L-BFGS-B",
        options={"maxiter": 2_000, "maxfun": 10_000, "ftol": TOLERANCE, "gtol": 1e-7},
    )
    return np.asarray(fit.x, dtype=np.float64)


def coefficient_bounds(design: Design, directions: Sequence[int]) -> Bounds:
    """Signs of the coefficients: of a number's own basis, not of its missing indicator."""
    bounds: list[tuple[float | None, float | None]] = []
    for column, basis, direction in zip(design.columns, design.bases, directions, strict=True):
        is_number = isinstance(column, NumberColumn)
        kept = NUMBER_BASIS if is_number and direction and basis.shape[1] >= NUMBER_BASIS else 0
        sign: tuple[float | None, float | None] = (0.0, None) if direction > 0 else (None, 0.0)
        bounds += [sign] * kept + [(None, None)] * (basis.shape[1] - kept)
    return tuple(bounds)


def newton_logistic(
    matrix: Floats,
    early_churn: Floats,
    weight: Floats,
    *,
    penalty: float,
    start: Floats | None = None,
    centre: Floats | float = 0.0,
) -> Floats:
    """Intercept and coefficients by Newton's method on soft labels, shape (1 + width,)."""
    beta = np.zeros(matrix.shape[1] + 1) if start is None else start
    value, line = _penalised_loss(matrix, early_churn, weight, penalty, beta, centre)
    for _ in range(MAX_NEWTON_STEPS):
        chance = expit(line)
        residual = weight * (chance - early_churn)
        gradient = np.concatenate(
            [[residual.sum()], matrix.T @ residual + penalty * (beta[1:] - centre)]
        )
        information = weight * np.maximum(chance * (1 - chance), MIN_INFORMATION)
        step = np.linalg.solve(penalised_information(matrix, information, penalty), gradient)
        gain = float(gradient @ step)
        for halving in range(MAX_HALVINGS):
            tried = beta - step / 2**halving
            after, line = _penalised_loss(matrix, early_churn, weight, penalty, tried, centre)
            if after <= value:
                break
        beta, value = tried, after
        if gain <= TOLERANCE * max(abs(value), 1.0):
            break
    return beta


def penalised_information(matrix: Floats, information: Floats, penalty: float) -> Floats:
    """Second derivative of the penalised loss, shape (1 + width, 1 + width).

    Parameters
    ----------
    matrix : ndarray, shape (deals, width)
    information : ndarray, shape (deals,)
        What each deal says of its own log-odds.
    penalty : float
    """
    scaled = matrix * np.sqrt(information)[:, None]
    hessian = np.empty((matrix.shape[1] + 1,) * 2)
    hessian[1:, 1:] = scaled.T @ scaled  # of one matrix with itself, half the work
    hessian[0, 1:] = hessian[1:, 0] = information @ matrix
    hessian[0, 0] = information.sum()
    positions = np.arange(1, len(hessian))
    hessian[positions, positions] += penalty
    return hessian


def em_step(
    matrix: Floats,
    early_churn: Floats,
    weight: Floats,
    coefficients: Floats,
    penalty: float,
    centre: Floats | float = 0.0,
) -> Floats:
    """Coefficients after a step of Newton's method towards those of the deals as observed.

    Parameters
    ----------
    matrix : ndarray, shape (deals, width)
    early_churn, weight : ndarray, shape (deals,)
        Soft labels that the coefficients themselves give, and weights.
    coefficients : ndarray, shape (1 + width,)
    penalty : float

    Notes
    -----
    The gradient is that of the observed likelihood (Lange 1995). The information lies between the
    observed one and that of known labels, so that a step never goes far beyond that of EM.
    """
    chance = expit(coefficients[0] + matrix @ coefficients[1:])
    residual = weight * (early_churn - chance)
    gradient = np.concatenate(
        [[residual.sum()], matrix.T @ residual - penalty * (coefficients[1:] - centre)]
    )
    whole = chance * (1 - chance)
    observed = whole - early_churn * (1 - early_churn)
    damped = MISSING_SHARE * whole + (1 - MISSING_SHARE) * np.maximum(observed, 0.0)
    system = penalised_information(matrix, weight * np.maximum(damped, MIN_INFORMATION), penalty)
    return np.asarray(coefficients + np.linalg.solve(system, gradient), dtype=np.float64)


def observed_information(early_churn: Floats, weight: Floats, log_odds: Floats) -> Floats:
    """What each deal says of its own log-odds, shape (deals,).

    That of a known label, less what is missing of a soft one (Louis 1982): a deal signed today has
    the model's own chance as its label, and says nothing.
    """
    chance = expit(log_odds)
    known = chance * (1 - chance) - early_churn * (1 - early_churn)
    return np.asarray(weight * np.maximum(known, MIN_INFORMATION))


def log_evidence(
    matrix: Floats,
    outcome: Floats,
    weight: Floats,
    log_odds: Floats,
    coefficients: Floats,
    penalty: float,
) -> float:
    """Log marginal likelihood of a penalty, but for a constant (Laplace's approximation).

    Parameters
    ----------
    matrix : ndarray, shape (deals, width)
    outcome, weight : ndarray, shape (deals,)
        0.0 or 1.0, and weights that sum to the effective sample size.
    log_odds : ndarray, shape (deals,)
        Of that outcome.
    coefficients : ndarray, shape (1 + width,)
        Of the ridge regression with this penalty.
    penalty : float
        The ridge penalty is the prior N(0, 1 / penalty) of each coefficient (MacKay 1992).
    """
    live = matrix.any(axis=0)
    beta = coefficients[1:][live]
    chance = expit(log_odds)
    information = weight * np.maximum(chance * (1 - chance), MIN_INFORMATION)
    curvature = np.linalg.slogdet(penalised_information(matrix[:, live], information, penalty))[1]
    likelihood = weight @ (outcome * log_odds - np.logaddexp(0, log_odds))
    prior = (live.sum() * np.log(penalty) - penalty * (beta @ beta)) / 2
    return float(likelihood + prior - curvature / 2)


def _penalised_loss(
    matrix: Floats,
    early_churn: Floats,
    weight: Floats,
    penalty: float,
    beta: Floats,
    centre: Floats | float = 0.0,
) -> tuple[float, Floats]:
    line = beta[0] + matrix @ beta[1:]
    value = weight @ (np.logaddexp(0, line) - early_churn * line)
    away = beta[1:] - centre
    return float(value + penalty * away @ away / 2), line
