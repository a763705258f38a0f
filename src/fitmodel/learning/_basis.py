"""Whether a number acts by its value, by its rank, or by both: the data choose for each number.

ridge regression on both -> information matrix -> gain in log-likelihood of either and of both

A second basis value that is not needed costs log loss; a number whose effect turns needs it. Where
value and rank explain the deals alike, the one that reaches less far is kept: on a line through the
seats of many small customers a few large ones would get contributions that no deal has shown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._design import NUMBER_BASIS, Design
from fitmodel.learning._logistic import penalised_information
from fitmodel.learning.columns import NumberColumn

Floats = NDArray[np.float64]

SMALLEST = 1e-6  # of a determinant, beside the product of the diagonal: below it, one line
# In twice the log-likelihood (Akaike 1974): of both values over the better one, and of that one
# over the other where it reaches further.
MIN_GAIN = 2.0


def choose_basis(
    design: Design, matrix: Floats, information: Floats, coefficients: Floats, penalty: float
) -> Floats:
    """1 for each column of the linear matrix that is kept, 0 for the others, shape (width,).

    Parameters
    ----------
    design : Design
        With both basis values of every number.
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
    On the quadratic approximation of the log-likelihood at the fit, without the penalty on the two
    values, all other coefficients at their best for each alternative.
    """
    covariance = np.linalg.inv(penalised_information(matrix, information, penalty))
    kept, start = np.ones(matrix.shape[1]), 0
    for column, basis in zip(design.columns, design.bases, strict=True):
        if isinstance(column, NumberColumn) and basis.shape[1] >= NUMBER_BASIS:
            positions = np.arange(start, start + NUMBER_BASIS) + 1
            precision = np.linalg.inv(covariance[np.ix_(positions, positions)])
            score = precision @ coefficients[positions]
            alone, both = _gains(precision - penalty * np.eye(NUMBER_BASIS), score)
            if both - alone.max() < MIN_GAIN:
                reach = np.abs(basis[:, :NUMBER_BASIS]).max(axis=0)
                alike = alone > alone.max() - MIN_GAIN
                best = int(np.where(alike, reach, np.inf).argmin())
                kept[start : start + NUMBER_BASIS] = np.arange(NUMBER_BASIS) == best
        start += basis.shape[1]
    return kept


def _gains(precision: Floats, score: Floats) -> tuple[Floats, float]:
    """Twice the log-likelihood gained by each of two values, and by both.

    Where they are the same line, as those of a number with two different values, or where a value
    is constant, both gain no more than the better one.
    """
    sizes = np.maximum(np.diag(precision), 0.0)
    alone = np.divide(score**2, sizes, out=np.zeros_like(sizes), where=sizes > SMALLEST)
    determinant = float(np.linalg.det(precision))
    if determinant <= SMALLEST * max(float(sizes.prod()), SMALLEST):
        return alone, float(alone.max())
    return alone, float(score @ np.linalg.solve(precision, score))
