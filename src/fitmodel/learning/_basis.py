"""Choose the basis functions of each number and the variance of each category of many levels.

ridge regression on all basis functions -> information matrix
  -> number: gain in log-likelihood of the value, of the rank, of both, and of a bend
  -> category of many levels: marginal likelihood of the variance of its levels' effects

A basis function that is not needed increases the log loss. A number whose effect is not monotone
needs a second one. Where value and rank explain the deals equally well, the one with the smaller
range is kept: a line fitted to the seats of many small customers would extrapolate to a few large
customers and give them contributions that no deal supports.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._design import NUMBER_BASIS, Design
from fitmodel.learning._logistic import penalised_information
from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.encoding import MANY_LEVELS

Floats = NDArray[np.float64]

# Smallest eigenvalue relative to the largest; below it two basis functions count as collinear.
MIN_EIGENVALUE = 1e-6
# Least gain in twice the log-likelihood (Akaike 1974), of both basis functions over the better one,
# and of the better one over the other where the better one has the larger range.
MIN_GAIN = 2.0
# Least gain of a bend. It extrapolates further than any line, so it has to gain twice as much.
MIN_GAIN_OF_BEND = 4.0
# Grid for the variance of the levels' effects, relative to the prior variance of the ridge penalty.
VARIANCES = np.geomspace(0.01, 3.0, 12)
LINES = ((0,), (1,), (0, 1))  # positions among the basis functions of a number: value, rank
BEND = NUMBER_BASIS  # position of the bend


def choose_basis(
    design: Design, matrix: Floats, information: Floats, coefficients: Floats, penalty: float
) -> Floats:
    """Return the factor on each column of the linear matrix, shape (width,).

    The factor is 1 for a column that is kept and 0 for one that is left out. For a category of
    many levels it lies between 0 and a little more than 1.

    Parameters
    ----------
    design : Design
        Design with all basis functions of every number.
    matrix : ndarray, shape (n, width)
        Linear matrix of the design.
    information : ndarray, shape (n,)
        Fisher information of each deal about its log-odds, see `observed_information`.
    coefficients : ndarray, shape (1 + width,)
        Coefficients of the ridge regression on `matrix`.
    penalty : float
        Penalty of that regression.

    Notes
    -----
    The gains are computed on the quadratic approximation of the log-likelihood at the fit. The
    number's own basis functions are not penalised, and all other coefficients are profiled out.
    """
    covariance = np.linalg.inv(penalised_information(matrix, information, penalty))
    factors, start = np.ones(matrix.shape[1]), 0
    for position, (column, basis) in enumerate(zip(design.columns, design.bases, strict=True)):
        number = isinstance(column, NumberColumn) and basis.shape[1] >= NUMBER_BASIS
        has_many_levels = not number and MANY_LEVELS < column.size <= basis.shape[1]
        if number or has_many_levels:
            width = NUMBER_BASIS + design.bends[position] if number else column.size
            positions = np.arange(start, start + width)
            precision = np.linalg.inv(covariance[np.ix_(positions + 1, positions + 1)])
            score = precision @ coefficients[positions + 1]
            known = precision - penalty * np.eye(width)
            if number:
                chosen = _best_subset(known, score, basis[:, :width])
                factors[positions] = np.isin(np.arange(width), chosen)
            else:
                factors[positions] = _factor_of_levels(known, score, penalty)
        start += basis.shape[1]
    return factors


def _factor_of_levels(precision: Floats, score: Floats, penalty: float) -> float:
    """Factor on the level indicators: posterior standard deviation of effects over the prior's.

    The levels' effects are independent random effects with one variance. The factor is the square
    root of its posterior mean on the grid `VARIANCES` with a uniform prior. With little evidence
    the mean is not 0, so that the interval allows for levels that may differ.
    """
    values, vectors = np.linalg.eigh(precision)
    values, projected = np.maximum(values, 0.0), (vectors.T @ score) ** 2
    variances = VARIANCES / penalty
    spread = 1 + variances[:, None] * values
    log_evidence = (variances[:, None] * projected / spread - np.log(spread)).sum(axis=1) / 2
    weight = np.exp(log_evidence - log_evidence.max())
    return float(np.sqrt(weight @ VARIANCES / weight.sum()))


def _best_subset(precision: Floats, score: Floats, basis: Floats) -> tuple[int, ...]:
    """Positions of the basis functions with the largest gain net of their required gains."""
    bend: tuple[int, ...] = (BEND,) if basis.shape[1] > BEND and basis[:, BEND].any() else ()
    net_gains: dict[tuple[int, ...], float] = {}
    for lines in LINES:
        required = MIN_GAIN * (len(lines) - 1)
        net_gains[lines] = _gain(precision, score, lines) - required
        if bend:
            net_gains[lines + bend] = (
                _gain(precision, score, lines + bend) - required - MIN_GAIN_OF_BEND
            )
    best = max(net_gains, key=lambda subset: net_gains[subset])
    if 1 in best and 0 in best:
        return best
    value, rank = ((line, *best[1:]) for line in (0, 1))
    if abs(net_gains[value] - net_gains[rank]) >= MIN_GAIN:
        return best
    largest = np.abs(basis).max(axis=0)
    return value if largest[0] <= largest[1] else rank


def _gain(precision: Floats, score: Floats, subset: tuple[int, ...]) -> float:
    """Twice the log-likelihood gained by a subset of the basis functions.

    Two collinear functions, such as those of a number with two distinct values, gain no more than
    one of them. A constant function gains nothing.
    """
    chosen = list(subset)
    inverse = np.linalg.pinv(
        precision[np.ix_(chosen, chosen)], rcond=MIN_EIGENVALUE, hermitian=True
    )
    return float(score[chosen] @ inverse @ score[chosen])
