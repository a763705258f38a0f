"""How a number acts, and how far many levels differ: the data choose for each attribute.

ridge regression on all basis values -> information matrix
  -> number: gain in log-likelihood of value, rank, both, and of a bend
  -> category of many levels: marginal likelihood of how far its levels differ

A basis value that is not needed costs log loss; a number whose effect turns needs a second one.
Where value and rank explain the deals alike, the one that reaches less far is kept: on a line
through the seats of many small customers a few large ones would get contributions that no deal has
shown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._design import NUMBER_BASIS, Design
from fitmodel.learning._logistic import penalised_information
from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.encoding import MANY_LEVELS

Floats = NDArray[np.float64]

SMALLEST = 1e-6  # of the largest information: below it, two values are one line
# In twice the log-likelihood (Akaike 1974): of both values over the better one, and of that one
# over the other where it reaches further.
MIN_GAIN = 2.0
# Of a bend. It reaches further than any line, so it has to gain twice as much.
MIN_GAIN_OF_BEND = 4.0
# Of the deviation of many levels' effects, squared, over that which the ridge penalty expects.
VARIANCES = np.geomspace(0.01, 3.0, 12)
LINES = ((0,), (1,), (0, 1))  # positions among the basis values of a number: value, rank
BEND = NUMBER_BASIS  # position of the bend


def choose_basis(
    design: Design, matrix: Floats, information: Floats, coefficients: Floats, penalty: float
) -> Floats:
    """Return the factor on each column of the linear matrix, shape (width,).

    1 where a column is kept and 0 where not; between, or a little above, for many levels.

    Parameters
    ----------
    design : Design
        With all basis values of every number.
    matrix : ndarray, shape (n, width)
        Its linear matrix.
    information : ndarray, shape (n,)
        What each deal says of its log-odds, see `observed_information`.
    coefficients : ndarray, shape (1 + width,)
        Of the ridge regression on it.
    penalty : float
        Of that regression.

    Notes
    -----
    On the quadratic approximation of the log-likelihood at the fit, without the penalty on the
    number's own values, all other coefficients at their best for each alternative.
    """
    covariance = np.linalg.inv(penalised_information(matrix, information, penalty))
    factors, start = np.ones(matrix.shape[1]), 0
    for position, (column, basis) in enumerate(zip(design.columns, design.bases, strict=True)):
        number = isinstance(column, NumberColumn) and basis.shape[1] >= NUMBER_BASIS
        many = not number and MANY_LEVELS < column.size <= basis.shape[1]
        if number or many:
            width = NUMBER_BASIS + design.bends[position] if number else column.size
            inside = np.arange(start, start + width)
            precision = np.linalg.inv(covariance[np.ix_(inside + 1, inside + 1)])
            score = precision @ coefficients[inside + 1]
            known = precision - penalty * np.eye(width)
            if number:
                chosen = _best_subset(known, score, basis[:, :width])
                factors[inside] = np.isin(np.arange(width), chosen)
            else:
                factors[inside] = _factor_of_levels(known, score, penalty)
        start += basis.shape[1]
    return factors


def _factor_of_levels(precision: Floats, score: Floats, penalty: float) -> float:
    """Factor on the indicators of many levels: how far they differ, over what the penalty expects.

    The levels' effects are independent with one variance (a random effect). Its posterior mean
    over `VARIANCES` is taken, each as likely beforehand: where the deals say little it is not 0,
    so that the interval knows of levels that may differ.
    """
    values, vectors = np.linalg.eigh(precision)
    values, along = np.maximum(values, 0.0), (vectors.T @ score) ** 2
    variances = VARIANCES / penalty
    spread = 1 + variances[:, None] * values
    log_evidence = (variances[:, None] * along / spread - np.log(spread)).sum(axis=1) / 2
    weight = np.exp(log_evidence - log_evidence.max())
    return float(np.sqrt(weight @ VARIANCES / weight.sum()))


def _best_subset(precision: Floats, score: Floats, basis: Floats) -> tuple[int, ...]:
    """Positions of the basis values whose gain, less what each has to gain, is largest."""
    bend: tuple[int, ...] = (BEND,) if basis.shape[1] > BEND and basis[:, BEND].any() else ()
    net: dict[tuple[int, ...], float] = {}
    for lines in LINES:
        cost = MIN_GAIN * (len(lines) - 1)
        net[lines] = _gain(precision, score, lines) - cost
        if bend:
            net[lines + bend] = _gain(precision, score, lines + bend) - cost - MIN_GAIN_OF_BEND
    best = max(net, key=lambda subset: net[subset])
    if 1 in best and 0 in best:
        return best
    value, rank = ((line, *best[1:]) for line in (0, 1))
    if abs(net[value] - net[rank]) >= MIN_GAIN:
        return best
    reach = np.abs(basis).max(axis=0)
    return value if reach[0] <= reach[1] else rank


def _gain(precision: Floats, score: Floats, subset: tuple[int, ...]) -> float:
    """Twice the log-likelihood gained by some of the basis values, the others left out.

    Two that are the same line, as those of a number with two different values, gain no more than
    one; a constant value gains nothing.
    """
    chosen = list(subset)
    inside = np.linalg.pinv(precision[np.ix_(chosen, chosen)], rcond=SMALLEST, hermitian=True)
    return float(score[chosen] @ inside @ score[chosen])
