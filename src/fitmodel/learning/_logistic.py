"""Ridge logistic regression on the bases of a design, converted to a table per attribute.

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

TOLERANCE = 1e-10  # relative change of the loss; coefficients agree with scikit-learn's to 1e-4
MAX_NEWTON_STEPS, MAX_HALVINGS = 100, 30
MISSING_SHARE = 0.3  # weight of the complete-data information in `em_step`; 1 is plain EM
MAX_CHANGE = 2.0  # of a deal's log-odds in `em_step`; longer steps diverged with delayed entry
MIN_INFORMATION = 1e-9  # of a deal; probabilities of 0 and 1 would make the system singular


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

    `design`: design of the deals; it says which columns a direction applies to.
    `matrix`, shape (deals, width): ``design.linear_matrix()``, computed once for many fits. It may
        have further columns.
    `early_churn`, `weight`, shape (deals,): soft labels from 0 to 1, and weights.
    `penalty`: ridge penalty, the inverse of scikit-learn's ``C``. The intercept is not penalised.
    `directions`: per attribute: 1 where risk must not fall as it grows, -1 where it must not rise,
        0 free.
    `start`, shape (1 + width,): initial coefficients; those of a fit to similar labels save
        iterations.
    `centre`, shape (width,), or float: coefficients towards which the penalty shrinks. Columns
        beyond the design's own have no bounds.
    """
    used = weight > 0
    if matrix.shape[1] == 0:
        rate = np.average(early_churn, weights=weight)
        return np.array([np.log(rate / (1 - rate))])
    data = (matrix, early_churn, weight)
    if not used.all():
        data = (matrix[used], early_churn[used], weight[used])
    if any(directions):
        bounds = coefficient_bounds(design, directions)
        free: Bounds = ((None, None),) * (matrix.shape[1] - len(bounds))
        return bounded_logistic(*data, bounds + free, penalty=penalty, centre=centre)
    return newton_logistic(*data, penalty=penalty, start=start, centre=centre)


def as_tables(design: Design, fits: Sequence[Floats]) -> Additive:
    """Convert the coefficients of one or more fits to tables over the design's codes."""
    stacked = np.stack(fits, axis=1)
    ends = np.cumsum([basis.shape[1] for basis in design.bases])[:-1]
    coefficients = np.split(stacked[1:], ends)
    singles = tuple(basis @ part for basis, part in zip(design.bases, coefficients, strict=True))
    return Additive(stacked[0], singles)


def prior_step(
    matrix: Floats,
    information: Floats,
    *,
    penalty: float,
    spread: float,
    generator: np.random.Generator,
) -> Floats:
    """Change of the coefficients when they are shrunk towards a random prior mean instead of 0.

    `matrix`, shape (deals, width): linear matrix of the bootstrap replicate.
    `information`, shape (deals,): Fisher information of each deal in the replicate, see
        `observed_information`.
    `spread`: standard deviation of the random prior mean, in units of the standard deviation that
        the ridge penalty implies, ``1 / sqrt(penalty)``.
    `generator`: source of random numbers.
    Returns, shape (1 + width,): change of the intercept and the coefficients: one Newton step.

    A ridge fit shrinks towards 0 in every resample, so the replicates do not show the uncertainty
    about what the penalty decided. Ridge regression is Bayesian with a prior N(0, 1 / penalty).
    Drawing the prior mean anew for each replicate adds spread^2 * penalty * H^-2 to the replicates'
    covariance. With a spread of 1 the replicates have the covariance of the posterior, H^-1
    (randomise-then-optimise; Bardsley et al. 2014).
    """
    hessian = penalised_information(matrix, information, penalty)
    draw = generator.standard_normal(matrix.shape[1])
    gradient = np.concatenate([[0.0], spread * np.sqrt(penalty) * draw])
    return np.asarray(np.linalg.solve(hessian, gradient), dtype=np.float64)


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

    `matrix`, shape (deals, width): linear matrix of the deals.
    `early_churn`, `weight`, shape (deals,): soft labels and weights.
    `bounds`: bounds of each coefficient; None means no bound.
    `centre`, shape (width,), or float: coefficients towards which the penalty shrinks.

    Both basis functions of a number increase with it, so nonnegative coefficients are enough for a
    contribution that never decreases.
    """
    from scipy.optimize import minimize

    def loss(parameters: Floats) -> tuple[float, Floats]:
        intercept, slopes = parameters[0], parameters[1:]
        log_odds = intercept + matrix @ slopes
        value = weight @ (np.logaddexp(0, log_odds) - early_churn * log_odds)
        residual = weight * (expit(log_odds) - early_churn)
        deviation = slopes - centre
        gradient = np.concatenate([[residual.sum()], matrix.T @ residual + penalty * deviation])
        return float(value + penalty * deviation @ deviation / 2), gradient

    optimum = minimize(
        loss,
        np.zeros(matrix.shape[1] + 1),
        jac=True,
        bounds=[(None, None), *bounds],
        method="L-BFGS-B",
        options={"maxiter": 2_000, "maxfun": 10_000, "ftol": TOLERANCE, "gtol": 1e-7},
    )
    return np.asarray(optimum.x, dtype=np.float64)


def coefficient_bounds(design: Design, directions: Sequence[int]) -> Bounds:
    """Bounds that fix the signs of a number's coefficients; its missing indicator stays free."""
    bounds: list[tuple[float | None, float | None]] = []
    for column, basis, direction in zip(design.columns, design.bases, directions, strict=True):
        is_number = isinstance(column, NumberColumn)
        bounded = NUMBER_BASIS if is_number and direction and basis.shape[1] >= NUMBER_BASIS else 0
        sign: tuple[float | None, float | None] = (0.0, None) if direction > 0 else (None, 0.0)
        bounds += [sign] * bounded + [(None, None)] * (basis.shape[1] - bounded)
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
    """Intercept and coefficients by Newton's method, shape (1 + width,); see `fit_ridge`."""
    beta = np.zeros(matrix.shape[1] + 1) if start is None else start
    value, log_odds = _penalised_loss(matrix, early_churn, weight, penalty, beta, centre)
    for _ in range(MAX_NEWTON_STEPS):
        probability = expit(log_odds)
        residual = weight * (probability - early_churn)
        gradient = np.concatenate(
            [[residual.sum()], matrix.T @ residual + penalty * (beta[1:] - centre)]
        )
        information = weight * np.maximum(probability * (1 - probability), MIN_INFORMATION)
        step = np.linalg.solve(penalised_information(matrix, information, penalty), gradient)
        gain = float(gradient @ step)
        for halving in range(MAX_HALVINGS):
            proposal = beta - step / 2**halving
            new_value, log_odds = _penalised_loss(
                matrix, early_churn, weight, penalty, proposal, centre
            )
            if new_value <= value:
                break
        beta, value = proposal, new_value
        if gain <= TOLERANCE * max(abs(value), 1.0):
            break
    return beta


def penalised_information(matrix: Floats, information: Floats, penalty: float) -> Floats:
    """Hessian of the penalised loss, shape (1 + width, 1 + width).

    `matrix`, shape (deals, width): linear matrix of the deals.
    `information`, shape (deals,): Fisher information of each deal about its log-odds.
    """
    scaled = matrix * np.sqrt(information)[:, None]
    hessian = np.empty((matrix.shape[1] + 1,) * 2)
    hessian[1:, 1:] = scaled.T @ scaled  # BLAS computes only half of a symmetric product
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
    """Coefficients after one accelerated EM step on the observed-data likelihood.

    `matrix`, shape (deals, width): linear matrix of the deals.
    `early_churn`, `weight`, shape (deals,): soft labels that `coefficients` imply, and weights.
    `coefficients`, shape (1 + width,): intercept and coefficients before the step.
    `centre`, shape (width,), or float: coefficients towards which the penalty shrinks.

    A Newton step with the gradient of the observed-data likelihood (Lange 1995). Its information
    lies between the observed-data and the complete-data information, so that a step is never much
    longer than an EM step; and no log-odds change by more than `MAX_CHANGE`.
    """
    probability = expit(coefficients[0] + matrix @ coefficients[1:])
    residual = weight * (early_churn - probability)
    gradient = np.concatenate(
        [[residual.sum()], matrix.T @ residual - penalty * (coefficients[1:] - centre)]
    )
    complete = probability * (1 - probability)
    observed = complete - early_churn * (1 - early_churn)
    mixed_information = MISSING_SHARE * complete + (1 - MISSING_SHARE) * np.maximum(observed, 0.0)
    hessian = penalised_information(
        matrix, weight * np.maximum(mixed_information, MIN_INFORMATION), penalty
    )
    step = np.linalg.solve(hessian, gradient)
    largest = max(float(np.abs(step[0] + matrix @ step[1:]).max()), 1e-300)
    return np.asarray(coefficients + step * min(1.0, MAX_CHANGE / largest), dtype=np.float64)


def observed_information(early_churn: Floats, weight: Floats, log_odds: Floats) -> Floats:
    """Observed-data Fisher information of each deal about its log-odds, shape (deals,).

    It is the complete-data information minus the missing information of a soft label (Louis 1982).
    The soft label of a deal signed today is its predicted probability, so it has no information.
    """
    probability = expit(log_odds)
    observed = probability * (1 - probability) - early_churn * (1 - early_churn)
    return np.asarray(weight * np.maximum(observed, MIN_INFORMATION))


def log_evidence(
    matrix: Floats,
    outcome: Floats,
    weight: Floats,
    log_odds: Floats,
    coefficients: Floats,
    penalty: float,
) -> float:
    """Log marginal likelihood of a penalty up to a constant (Laplace approximation).

    `matrix`, shape (deals, width): linear matrix of the deals.
    `outcome`, `weight`, shape (deals,): outcomes (0.0 or 1.0), and weights that sum to the
        effective sample size.
    `log_odds`, shape (deals,): predicted log-odds of the outcome.
    `coefficients`, shape (1 + width,): intercept and coefficients of the ridge regression with this
        penalty.
    `penalty`: ridge penalty; each coefficient has the prior N(0, 1 / penalty) (MacKay 1992).
    """
    nonzero = matrix.any(axis=0)
    beta = coefficients[1:][nonzero]
    probability = expit(log_odds)
    information = weight * np.maximum(probability * (1 - probability), MIN_INFORMATION)
    hessian = penalised_information(matrix[:, nonzero], information, penalty)
    curvature = np.linalg.slogdet(hessian)[1]
    likelihood = weight @ (outcome * log_odds - np.logaddexp(0, log_odds))
    prior = (nonzero.sum() * np.log(penalty) - penalty * (beta @ beta)) / 2
    return float(likelihood + prior - curvature / 2)


def _penalised_loss(
    matrix: Floats,
    early_churn: Floats,
    weight: Floats,
    penalty: float,
    beta: Floats,
    centre: Floats | float = 0.0,
) -> tuple[float, Floats]:
    """Penalised loss, and the linear predictor of each deal."""
    log_odds = beta[0] + matrix @ beta[1:]
    value = weight @ (np.logaddexp(0, log_odds) - early_churn * log_odds)
    deviation = beta[1:] - centre
    return float(value + penalty * deviation @ deviation / 2), log_odds
