"""Ridge logistic regression whose coefficients keep the signs they are told to.

Both basis values of a number grow with it, so a coefficient that is not negative on each is all
that "never falls as it grows" takes. Without bounds scikit-learn's solver is used instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.learning.calibration import expit

if TYPE_CHECKING:
    from numpy.typing import NDArray

Bounds = tuple[tuple[float | None, float | None], ...]
TOLERANCE = 1e-10  # of the loss, relative: coefficients then agree with scikit-learn's to 1e-4


def bounded_logistic(
    matrix: NDArray[np.float64],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    bounds: Bounds,
    *,
    penalty: float,
) -> tuple[float, NDArray[np.float64]]:
    """Intercept and coefficients within bounds (L-BFGS-B; Byrd et al. 1995).

    Parameters
    ----------
    matrix : ndarray, shape (deals, width)
    early_churn, weight : ndarray, shape (deals,)
    bounds : tuple of (low, high), length width
        None is no bound.
    penalty : float
        As in `fitmodel.learning.additive.fit_logistic`; the intercept has none.
    """
    from scipy.optimize import minimize

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        intercept, slopes = parameters[0], parameters[1:]
        line = intercept + matrix @ slopes
        value = weight @ (np.logaddexp(0, line) - early_churn * line)
        residual = weight * (expit(line) - early_churn)
        gradient = np.concatenate([[residual.sum()], matrix.T @ residual + penalty * slopes])
        return float(value + penalty * slopes @ slopes / 2), gradient

    fit = minimize(
        loss,
        np.zeros(matrix.shape[1] + 1),
        jac=True,
        bounds=[(None, None), *bounds],
        method="L-BFGS-B",
        options={"maxiter": 2_000, "maxfun": 10_000, "ftol": TOLERANCE, "gtol": 1e-7},
    )
    return float(fit.x[0]), np.asarray(fit.x[1:], dtype=np.float64)
