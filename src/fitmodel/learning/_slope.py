"""Calibration of the slope only; the level is estimated elsewhere.

log-odds of deals not trained on, fold by fold
  -> a slope that all folds share, and a shift of each fold's own that is thrown away
  -> with very many leavers: isotonic regression, where it predicts later folds better than a line

What a fold's deals did on the whole says what the level was then, not what it is now.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.calibration import CalibrationMap, expit

Floats = NDArray[np.float64]

PRIOR_SLOPE_SD = 0.25  # cross-fitted log-odds are rarely off by more than half their slope
PRIOR_SHIFT_SD = 2.0
NEWTON_STEPS, STEP_TOLERANCE = 30, 1e-9
MIN_EVENTS_FOR_ISOTONIC = 1_000  # as scikit-learn's user guide advises
MIN_KNOTS = 3
EDGE_DEALS = 1.0  # drawn towards one half, so that a block without churners is not a probability 0
MIN_GAP = 1e-6  # log-odds between two knots


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Deals that the fits did not see.

    Parameters
    ----------
    early_churn : ndarray, shape (n,)
        1.0 left by the time up to which the deal could be seen, 0.0 did not.
    weight : ndarray, shape (n,)
    fold : ndarray of int, shape (n,)
        From 0, in the order of time where there is one.
    offset : ndarray, shape (n,)
        Baseline at that time minus baseline at the horizon; 0 for deals seen for the whole
        horizon.
    """

    early_churn: Floats
    weight: Floats
    fold: NDArray[np.intp]
    offset: Floats

    def __len__(self) -> int:
        return len(self.early_churn)

    def weighted(self, times: Floats) -> HeldOut:
        """The same deals, each counted so many times."""
        return HeldOut(self.early_churn, self.weight * times, self.fold, self.offset)

    def subset(self, inside: NDArray[np.bool_]) -> HeldOut:
        """Some of the deals."""
        return HeldOut(
            self.early_churn[inside], self.weight[inside], self.fold[inside], self.offset[inside]
        )

    def total(self, values: Floats) -> Floats:
        """Sum of values per fold."""
        return np.asarray(np.bincount(self.fold, weights=values), dtype=np.float64)

    def mean(self, values: Floats) -> Floats:
        """Weighted mean per fold."""
        mass = np.maximum(self.total(self.weight), 1e-300)
        return np.asarray(self.total(self.weight * values) / mass, dtype=np.float64)


def fit_slope(log_odds: Floats, held: HeldOut, prior_slope: float = 1.0) -> tuple[float, Floats]:
    """Slope of the outcome on log-odds, and the shift of each fold.

    Parameters
    ----------
    log_odds : ndarray, shape (n,)
    held : HeldOut
    prior_slope : float
        Mean of the slope's prior.

    Returns
    -------
    slope : float
        Not below 0.05.
    shift : ndarray, shape (folds,)
        At the mean log-odds of the fold.

    Notes
    -----
    Maximum a posteriori (Platt 1999 with a prior): slope ~ N(prior_slope, 0.25^2), so that with few
    leavers it stays near 1; shifts ~ N(0, 2^2).
    """
    away = log_odds - held.mean(log_odds)[held.fold]
    base = held.offset + log_odds - away
    return _map_estimate(away, base, held, prior_slope)


def level_free_losses(log_odds: Floats, held: HeldOut) -> Floats:
    """Log loss of each deal after each fold's shift is taken out, shape (n,)."""
    line = held.offset + log_odds
    shift = np.zeros(int(held.fold.max(initial=0)) + 1)
    for _ in range(NEWTON_STEPS):
        chance = expit(line + shift[held.fold])
        gradient = held.total(held.weight * (chance - held.early_churn)) + shift / PRIOR_SHIFT_SD**2
        curvature = held.total(held.weight * chance * (1 - chance)) + 1 / PRIOR_SHIFT_SD**2
        step = np.clip(gradient / curvature, -1.0, 1.0)
        shift -= step
        if np.abs(step).max() < STEP_TOLERANCE:
            break
    return losses(line + shift[held.fold], held.early_churn)


def losses(log_odds: Floats, early_churn: Floats) -> Floats:
    """Log loss of each deal, shape (n,)."""
    return np.asarray(np.logaddexp(0.0, log_odds) - early_churn * log_odds, dtype=np.float64)


def fit_isotonic(log_odds: Floats, held: HeldOut) -> CalibrationMap | None:
    """Isotonic map of level-free log-odds, where the data show that a line is not enough.

    Parameters
    ----------
    log_odds : ndarray, shape (n,)
        Only of deals seen for the whole horizon (offset 0).
    held : HeldOut

    Returns
    -------
    CalibrationMap or None
        None below `MIN_EVENTS_FOR_ISOTONIC` leavers, or where the map does not predict later
        folds better than the slope by more than one standard error.
    """
    if held.early_churn.sum() < MIN_EVENTS_FOR_ISOTONIC:
        return None
    slope, shift = fit_slope(log_odds, held)
    mean = held.mean(log_odds)
    intercept = (shift + (1 - slope) * mean)[held.fold]
    middle = float(np.average(intercept, weights=held.weight))
    level_free = log_odds + (intercept - middle) / slope  # where every fold has one line
    result = centred_isotonic(level_free, held.early_churn, held.weight)
    if result is None or not _predicts_better(level_free, (middle, slope), held):
        return None
    return result


def centred_isotonic(
    log_odds: Floats, early_churn: Floats, weight: Floats
) -> CalibrationMap | None:
    """Centred isotonic regression (Oron and Flournoy 2017): block centres joined by lines.

    None where the blocks are too few to say more than a line.
    """
    from sklearn.isotonic import IsotonicRegression

    height = IsotonicRegression().fit(log_odds, early_churn, sample_weight=weight).predict(log_odds)
    _, block = np.unique(height, return_inverse=True)
    total = np.bincount(block, weights=weight)
    centre = np.bincount(block, weights=weight * log_odds) / total
    churners = np.bincount(block, weights=weight * early_churn)
    rate = (churners + EDGE_DEALS / 2) / (total + EDGE_DEALS)
    value = np.maximum.accumulate(np.log(rate / (1 - rate)))
    kept = np.concatenate([[True], np.diff(centre) > MIN_GAP])
    if kept.sum() < MIN_KNOTS:
        return None
    return CalibrationMap(
        tuple(float(knot) for knot in centre[kept]),
        tuple(float(item) for item in value[kept]),
        "isotonic",
    )


def _predicts_better(log_odds: Floats, straight: tuple[float, float], held: HeldOut) -> bool:
    """Whether isotonic regression beats a line by more than one standard error on later folds.

    Parameters
    ----------
    log_odds : ndarray, shape (n,)
        Level-free.
    straight : (float, float)
        Intercept and slope of the line.
    held : HeldOut
    """
    line = straight[0] + straight[1] * log_odds
    gain = np.zeros(len(held))
    for later in np.unique(held.fold)[1:]:
        before, now = held.fold < later, held.fold == later
        known = held.subset(before)
        result = centred_isotonic(log_odds[before], known.early_churn, known.weight)
        if result is None:
            return False
        gain[now] = losses(line[now], held.early_churn[now]) - losses(
            result.log_odds(log_odds[now]), held.early_churn[now]
        )
    judged = held.fold > held.fold.min()
    if not judged.any():
        return False
    gain, weight = gain[judged], held.weight[judged]
    mean = float(np.average(gain, weights=weight))
    error = np.sqrt(np.sum((weight * (gain - mean)) ** 2)) / weight.sum()
    return bool(mean > error)


def _map_estimate(
    away: Floats, base: Floats, held: HeldOut, prior_slope: float
) -> tuple[float, Floats]:
    """Most likely slope and shifts: base + shift of the fold + slope * away."""
    from scipy.optimize import minimize

    folds = int(held.fold.max(initial=0)) + 1

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, shift = parameters[0], parameters[1:]
        line = base + shift[held.fold] + slope * away
        off = (slope - prior_slope) / PRIOR_SLOPE_SD
        value = held.weight @ losses(line, held.early_churn) + off**2 / 2
        value += shift @ shift / PRIOR_SHIFT_SD**2 / 2
        residual = held.weight * (expit(line) - held.early_churn)
        gradient = np.concatenate(
            [
                [residual @ away + off / PRIOR_SLOPE_SD],
                held.total(residual) + shift / PRIOR_SHIFT_SD**2,
            ]
        )
        return float(value), gradient

    fit = minimize(
        loss,
        np.concatenate([[1.0], np.zeros(folds)]),
        jac=True,
        bounds=[(0.05, 5.0), *[(-10.0, 10.0)] * folds],
        method="L-BFGS-B",
    )
    return float(fit.x[0]), np.asarray(fit.x[1:], dtype=np.float64)
