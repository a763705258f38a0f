"""Calibration: the map from log-odds to calibrated log-odds, and the fit of its slope.

The map is a table of knots. Scoring a single prospect needs it, so this module imports numpy only.

held-out log-odds, fold by fold
  -> one slope for all folds, and one shift per fold, which is discarded
  -> with very many leavers: isotonic regression, where it predicts later folds better than a line

The shift of a fold shows the level at the time of its deals, which is not the level now. That is
estimated in `fitmodel.learning.level`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIGHEST_LOG_ODDS = 35.0  # beyond it a probability is 0 or 1 in floating point
PRIOR_SLOPE_SD = 0.25  # the slope of cross-fitted log-odds is rarely below 0.5 or above 1.5
# The same where the penalty was chosen on these folds. The penalty then sets the spread of the
# predictions already, and a fold's smaller training set would bias the slope downwards.
SETTLED_SLOPE_SD = 0.05
PRIOR_SHIFT_SD = 2.0
SLOPE_BOUNDS = 0.05, 5.0
NEWTON_STEPS, LARGEST_STEP, STEP_TOLERANCE = 30, 1.0, 1e-9  # of Newton's method, in log-odds
MIN_EVENTS_FOR_ISOTONIC = 1_000  # as scikit-learn's user guide advises
MIN_KNOTS = 3
EDGE_DEALS = 1.0  # prior deals with rate one half, so that a block without churners is not 0
MIN_GAP = 1e-6  # log-odds between two knots


def expit(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert log-odds to probabilities, without overflow."""
    bounded = np.clip(log_odds, -HIGHEST_LOG_ODDS, HIGHEST_LOG_ODDS)
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-bounded))
    return result


def logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert probabilities to log-odds, which stay finite at 0 and 1."""
    edge = 1e-15
    bounded = np.clip(probability, edge, 1 - edge)
    result: NDArray[np.float64] = np.log(bounded) - np.log1p(-bounded)
    return result


@dataclass(frozen=True)
class CalibrationMap:
    """A piecewise linear, nondecreasing map, extrapolated with the slopes of its outer segments.

    Parameters
    ----------
    knots : tuple of float
        Ascending log-odds before calibration, at least two.
    values : tuple of float
        Calibrated log-odds at the knots.
    method : str
        Name of the calibration method, for the model card.
    """

    knots: tuple[float, ...]
    values: tuple[float, ...]
    method: str

    def __post_init__(self) -> None:
        ascending = all(a < b for a, b in zip(self.knots, self.knots[1:], strict=False))
        rising = all(a <= b for a, b in zip(self.values, self.values[1:], strict=False))
        if len(self.knots) < 2 or len(self.knots) != len(self.values) or not (ascending and rising):  # noqa: PLR2004
            raise ValueError(
                "a calibration map needs two or more ascending knots and rising values"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            slopes = np.diff(self.values) / np.diff(self.knots)
        if not np.isfinite([*self.knots, *self.values, *slopes]).all():
            raise ValueError("a calibration map needs finite knots, values and slopes")

    @classmethod
    def linear(cls, slope: float, intercept: float, method: str) -> CalibrationMap:
        """Straight line in log-odds (Platt's sigmoid)."""
        return cls((-1.0, 1.0), (intercept - slope, intercept + slope), method)

    def shifted(self, shift: float) -> CalibrationMap:
        """The same map with `shift` added to all calibrated log-odds."""
        return replace(self, values=tuple(value + shift for value in self.values))

    @classmethod
    def identity(cls) -> CalibrationMap:
        """Return the map that changes nothing."""
        return cls.linear(1.0, 0.0, "none")

    def log_odds(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated log-odds of log-odds before calibration."""
        knots, values = np.asarray(self.knots), np.asarray(self.values)
        segment = np.clip(np.searchsorted(knots, raw) - 1, 0, len(knots) - 2)
        slope = (values[segment + 1] - values[segment]) / (knots[segment + 1] - knots[segment])
        result: NDArray[np.float64] = values[segment] + slope * (raw - knots[segment])
        return result

    def probability(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probability of log-odds before calibration."""
        return expit(self.log_odds(raw))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {"knots": list(self.knots), "values": list(self.values), "method": self.method}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CalibrationMap:
        """Rebuild from the JSON form."""
        knots = tuple(float(knot) for knot in data["knots"])
        return cls(knots, tuple(float(value) for value in data["values"]), str(data["method"]))


Floats = NDArray[np.float64]


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
    shift = _fit_shifts(shifted_odds, held_out)
    return log_losses(shifted_odds + shift[held_out.fold], held_out.early_churn)


def _fit_shifts(log_odds: Floats, held_out: HeldOut) -> Floats:
    """Maximum a posteriori shift of each fold, by Newton's method, shape (folds,)."""
    shift = np.zeros(int(held_out.fold.max(initial=0)) + 1)
    for _ in range(NEWTON_STEPS):
        p = expit(log_odds + shift[held_out.fold])
        gradient = (
            held_out.total(held_out.weight * (p - held_out.early_churn)) + shift / PRIOR_SHIFT_SD**2
        )
        curvature = held_out.total(held_out.weight * p * (1 - p)) + 1 / PRIOR_SHIFT_SD**2
        step = np.clip(gradient / curvature, -LARGEST_STEP, LARGEST_STEP)
        shift -= step
        if np.abs(step).max() < STEP_TOLERANCE:
            break
    return shift


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

    `log_odds`, shape (n,): held-out log-odds from which the differences between the folds' levels
        were removed.
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
    """Maximum a posteriori slope and shifts of ``base + shift[fold] + slope * centred``.

    The loss is convex, so that a slope outside the bounds is moved to the nearer bound.
    """
    slope, shift = _newton_slope(centred, base, held_out, prior)
    bounded = float(np.clip(slope, *SLOPE_BOUNDS))
    if bounded != slope:
        shift = _fit_shifts(base + bounded * centred, held_out)
    return bounded, shift


def _newton_slope(
    centred: Floats, base: Floats, held_out: HeldOut, prior: tuple[float, float]
) -> tuple[float, Floats]:
    """Slope without bounds, and shifts, by Newton's method.

    The Hessian is diagonal but for the row and the column of the slope, so that the step of the
    slope is found first and those of the shifts follow from it.
    """
    mean, deviation = prior
    slope, shift = 1.0, np.zeros(int(held_out.fold.max(initial=0)) + 1)
    for _ in range(NEWTON_STEPS):
        p = expit(base + shift[held_out.fold] + slope * centred)
        residual = held_out.weight * (p - held_out.early_churn)
        information = held_out.weight * p * (1 - p)
        gradient = residual @ centred + (slope - mean) / deviation**2
        shift_gradient = held_out.total(residual) + shift / PRIOR_SHIFT_SD**2
        mixed = held_out.total(information * centred)
        curvature = information @ centred**2 + deviation**-2
        shift_curvature = held_out.total(information) + PRIOR_SHIFT_SD**-2
        per_slope = mixed / shift_curvature
        step = float(gradient - per_slope @ shift_gradient) / float(curvature - per_slope @ mixed)
        shift_step = shift_gradient / shift_curvature - per_slope * step
        longest = max(abs(step), float(np.abs(shift_step).max()))
        scale = min(1.0, LARGEST_STEP / max(longest, STEP_TOLERANCE))
        slope, shift = slope - scale * step, shift - scale * shift_step
        if longest < STEP_TOLERANCE:
            break
    return slope, shift
