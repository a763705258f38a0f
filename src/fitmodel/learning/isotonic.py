"""Above a thousand events: steps that follow the data, where they predict better than a line.

cross-fitted log-odds -> isotonic blocks -> their centres, joined by lines -> CalibrationMap

Sigmoid and isotonic are compared fold by fold, each fitted on the folds before: where folds follow
each other in time, on deals signed later. The sigmoid, the simpler map, stays unless the isotonic
one is better by more than one standard error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.learning.calibration import CalibrationMap, fit_sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

ISOTONIC_EVENTS = 1_000  # fewer: scikit-learn's user guide advises against isotonic regression
LEAST_KNOTS = 3
EDGE_DEALS = 1.0  # drawn towards one half, so that a block without churners is not a probability 0
LEAST_GAP = 1e-6  # log-odds between two knots


def fit_calibration(
    raw: NDArray[np.float64],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    fold: NDArray[np.intp],
) -> CalibrationMap:
    """Sigmoid up to `ISOTONIC_EVENTS` events; above, isotonic where the data bear it out.

    Parameters
    ----------
    raw, early_churn, weight : ndarray, shape (deals,)
        As in `fit_sigmoid`.
    fold : ndarray of int, shape (deals,)
        Number of the fold of each deal, in the order of time where there is one.
    """
    line = fit_sigmoid(raw, early_churn, weight)
    if early_churn.sum() < ISOTONIC_EVENTS:
        return line
    steps = fit_isotonic(raw, early_churn, weight)
    if steps is None or not _bears_out(raw, early_churn, weight, fold):
        return line
    return steps


def fit_isotonic(
    raw: NDArray[np.float64], early_churn: NDArray[np.float64], weight: NDArray[np.float64]
) -> CalibrationMap | None:
    """Centred isotonic regression (Oron and Flournoy 2017): block centres joined by lines.

    None where the blocks are too few to say more than a line.
    """
    from sklearn.isotonic import IsotonicRegression

    height = IsotonicRegression().fit(raw, early_churn, sample_weight=weight).predict(raw)
    _, block = np.unique(height, return_inverse=True)
    total = np.bincount(block, weights=weight)
    centre = np.bincount(block, weights=weight * raw) / total
    churners = np.bincount(block, weights=weight * early_churn)
    rate = (churners + EDGE_DEALS / 2) / (total + EDGE_DEALS)
    value = np.maximum.accumulate(np.log(rate / (1 - rate)))
    kept = np.concatenate([[True], np.diff(centre) > LEAST_GAP])
    if kept.sum() < LEAST_KNOTS:
        return None
    return CalibrationMap(
        tuple(float(knot) for knot in centre[kept]),
        tuple(float(item) for item in value[kept]),
        "isotonic",
    )


def _bears_out(
    raw: NDArray[np.float64],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    fold: NDArray[np.intp],
) -> bool:
    """Whether isotonic beats the sigmoid by more than one standard error on later folds."""
    gain = np.zeros(len(raw))
    for later in np.unique(fold)[1:]:
        kept, held = fold < later, fold == later
        known = (raw[kept], early_churn[kept], weight[kept])
        steps = fit_isotonic(*known)
        if steps is None:
            return False
        line = fit_sigmoid(*known)
        gain[held] = _losses(line.log_odds(raw[held]), early_churn[held]) - _losses(
            steps.log_odds(raw[held]), early_churn[held]
        )
    judged = fold > fold.min()
    if not judged.any():
        return False
    gain, weight = gain[judged], weight[judged]
    mean = float(np.average(gain, weights=weight))
    error = np.sqrt(np.sum((weight * (gain - mean)) ** 2)) / weight.sum()
    return bool(mean > error)


def _losses(log_odds: NDArray[np.float64], outcome: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.logaddexp(0.0, log_odds) - outcome * log_odds, dtype=np.float64)
