"""Calibration of the slope of the log-odds; the level is estimated in `fitmodel.learning.level`.

held-out log-odds, fold by fold
  -> one slope for all folds, and one shift per fold, which is discarded
  -> with very many leavers: isotonic regression, where it predicts later folds better than a line

The shift of a fold shows the level at the time of its deals, which is not the level now.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.calibration import CalibrationMap, expit

Floats = NDArray[np.float64]

PRIOR_SLOPE_SD = 0.25  # the slope of cross-fitted log-odds is rarely below 0.5 or above 1.5
# The same where the penalty was chosen on these folds. The penalty then sets the spread of the
# predictions already, and a fold's smaller training set would bias the slope downwards.
SETTLED_SLOPE_SD = 0.05
PRIOR_SHIFT_SD = 2.0
NEWTON_STEPS, STEP_TOLERANCE = 30, 1e-9
MIN_EVENTS_FOR_ISOTONIC = 1_000  # as scikit-learn's user guide advises
MIN_KNOTS = 3
EDGE_DEALS = 1.0  # prior deals with rate one half, so that a block without churners is not 0
MIN_GAP = 1e-6  # log-odds between two knots


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Outcomes of held-out deals, which no fit used that predicts them.

    Parameters
    ----------
    early_churn : ndarray, shape (n,)
        1.0 where the customer had left by the end of the deal's observation, else 0.0.
    weight : ndarray, shape (n,)
        Weight of each deal.
    fold : ndarray of int, shape (n,)
        Fold of each deal, from 0, ordered in time where deals have dates.
    offset : ndarray, shape (n,)
        Baseline log-odds at the end of observation minus those at the horizon; 0 for deals
        observed for the whole horizon.
    """

    early_churn: Floats
    weight: Floats
    fold: NDArray[np.intp]
    offset: Floats

    def __len__(self) -> int:
        return len(self.early_churn)

    def weighted(self, times: Floats) -> HeldOut:
        """The same deals with their weights multiplied by `times`."""
        return HeldOut(self.early_churn, self.weight * times, self.fold, self.offset)

    def subset(self, inside: NDArray[np.bool_]) -> HeldOut:
        """The deals for which `inside` is true."""
        return HeldOut(
            self.early_churn[inside], self.weight[inside], self.fold[inside], self.offset[inside]
        )

    def total(self, values: Floats) -> Floats:
        """Sum of the values per fold."""
        return np.asarray(np.bincount(self.fold, weights=values), dtype=np.float64)

    def mean(self, values: Floats) -> Floats:
        """Weighted mean of the values per fold."""
        mass = np.maximum(self.total(self.weight), 1e-300)
        return np.asarray(self.total(self.weight * values) / mass, dtype=np.float64)


def fit_slope(
    log_odds: Floats, held_out: HeldOut, prior_slope: float = 1.0, prior_sd: float = PRIOR_SLOPE_SD
) -> tuple[float, Floats]:
    """Fit the calibration slope of held-out log-odds, and the shift of each fold.

    Parameters
    ----------
    log_odds : ndarray, shape (n,)
        Predicted log-odds of the held-out deals.
    held_out : HeldOut
        Outcomes of the same deals.
    prior_slope, prior_sd : float
        Mean and standard deviation of the slope's prior.

    Returns
    -------
    slope : float
        At least 0.05.
    shift : ndarray, shape (folds,)
        Shift of each fold at its mean log-odds.

    Notes
    -----
    Maximum a posteriori estimate (Platt 1999 with a prior): slope ~ N(prior_slope, prior_sd^2), so
    that with few leavers it stays near its prior mean; shifts ~ N(0, 2^2).
    """
    centred = log_odds - held_out.mean(log_odds)[held_out.fold]
    base = held_out.offset + log_odds - centred
    return _map_estimate(centred, base, held_out, (prior_slope, prior_sd))


def level_adjusted_losses(log_odds: Floats, held_out: HeldOut) -> Floats:
    """Log loss of each held-out deal after a shift is fitted per fold, shape (n,)."""
    shifted_odds = held_out.offset + log_odds
    shift = np.zeros(int(held_out.fold.max(initial=0)) + 1)
    for _ in range(NEWTON_STEPS):
        p = expit(shifted_odds + shift[held_out.fold])
        gradient = (
            held_out.total(held_out.weight * (p - held_out.early_churn)) + shift / PRIOR_SHIFT_SD**2
        )
        curvature = held_out.total(held_out.weight * p * (1 - p)) + 1 / PRIOR_SHIFT_SD**2
        step = np.clip(gradient / curvature, -1.0, 1.0)
        shift -= step
        if np.abs(step).max() < STEP_TOLERANCE:
            break
    return log_losses(shifted_odds + shift[held_out.fold], held_out.early_churn)


def log_losses(log_odds: Floats, early_churn: Floats) -> Floats:
    """Log loss of each deal, shape (n,)."""
    return np.asarray(np.logaddexp(0.0, log_odds) - early_churn * log_odds, dtype=np.float64)


def fit_isotonic(log_odds: Floats, held_out: HeldOut) -> CalibrationMap | None:
    """Isotonic calibration map, where it predicts clearly better than a line.

    Parameters
    ----------
    log_odds : ndarray, shape (n,)
        Predicted log-odds of held-out deals that were observed for the whole horizon (offset 0).
    held_out : HeldOut
        Outcomes of the same deals.

    Returns
    -------
    CalibrationMap or None
        None with fewer than `MIN_EVENTS_FOR_ISOTONIC` leavers, or where the map does not predict
        later folds better than the line by more than one standard error.
    """
    if held_out.early_churn.sum() < MIN_EVENTS_FOR_ISOTONIC:
        return None
    slope, shift = fit_slope(log_odds, held_out)
    mean = held_out.mean(log_odds)
    intercept = (shift + (1 - slope) * mean)[held_out.fold]
    mean_intercept = float(np.average(intercept, weights=held_out.weight))
    # With the adjustment all folds have the same line.
    level_adjusted = log_odds + (intercept - mean_intercept) / slope
    result = centred_isotonic(level_adjusted, held_out.early_churn, held_out.weight)
    if result is None or not _predicts_better(level_adjusted, (mean_intercept, slope), held_out):
        return None
    return result


def centred_isotonic(
    log_odds: Floats, early_churn: Floats, weight: Floats
) -> CalibrationMap | None:
    """Centred isotonic regression (Oron and Flournoy 2017): linear between the block centres.

    None where there are fewer than `MIN_KNOTS` blocks.
    """
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression().fit(log_odds, early_churn, sample_weight=weight).predict(log_odds)
    _, block = np.unique(fitted, return_inverse=True)
    total = np.bincount(block, weights=weight)
    centre = np.bincount(block, weights=weight * log_odds) / total
    churners = np.bincount(block, weights=weight * early_churn)
    rate = (churners + EDGE_DEALS / 2) / (total + EDGE_DEALS)
    value = np.maximum.accumulate(np.log(rate / (1 - rate)))
    distinct = np.concatenate([[True], np.diff(centre) > MIN_GAP])
    if distinct.sum() < MIN_KNOTS:
        return None
    return CalibrationMap(
        tuple(float(knot) for knot in centre[distinct]),
        tuple(float(item) for item in value[distinct]),
        "isotonic",
    )


def _predicts_better(log_odds: Floats, linear: tuple[float, float], held_out: HeldOut) -> bool:
    """Whether isotonic regression beats a line by more than one standard error on later folds.

    Parameters
    ----------
    log_odds : ndarray, shape (n,)
        Held-out log-odds from which the differences between the folds' levels were removed.
    linear : (float, float)
        Intercept and slope of the line.
    held_out : HeldOut
        Outcomes of the same deals.
    """
    linear_log_odds = linear[0] + linear[1] * log_odds
    gain = np.zeros(len(held_out))
    for fold in np.unique(held_out.fold)[1:]:
        train, test = held_out.fold < fold, held_out.fold == fold
        training = held_out.subset(train)
        result = centred_isotonic(log_odds[train], training.early_churn, training.weight)
        if result is None:
            return False
        gain[test] = log_losses(linear_log_odds[test], held_out.early_churn[test]) - log_losses(
            result.log_odds(log_odds[test]), held_out.early_churn[test]
        )
    evaluated = held_out.fold > held_out.fold.min()
    if not evaluated.any():
        return False
    gain, weight = gain[evaluated], held_out.weight[evaluated]
    mean = float(np.average(gain, weights=weight))
    error = np.sqrt(np.sum((weight * (gain - mean)) ** 2)) / weight.sum()
    return bool(mean > error)


def _map_estimate(
    centred: Floats, base: Floats, held_out: HeldOut, prior: tuple[float, float]
) -> tuple[float, Floats]:
    """Maximum a posteriori slope and shifts of ``base + shift[fold] + slope * centred``."""
    from scipy.optimize import minimize

    folds = int(held_out.fold.max(initial=0)) + 1

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, shift = parameters[0], parameters[1:]
        line = base + shift[held_out.fold] + slope * centred
        z = (slope - prior[0]) / prior[1]
        value = held_out.weight @ log_losses(line, held_out.early_churn) + z**2 / 2
        value += shift @ shift / PRIOR_SHIFT_SD**2 / 2
        residual = held_out.weight * (expit(line) - held_out.early_churn)
        gradient = np.concatenate(
            [
                [residual @ centred + z / prior[1]],
                held_out.total(residual) + shift / PRIOR_SHIFT_SD**2,
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
