"""From log-odds to calibrated log-odds: a map kept as a table of knots.

Up to some hundreds of events two numbers (slope and intercept) are all that data can tell, and
they are drawn towards "leave it as it is" (slope 1, intercept 0) by a weak prior; isotonic steps
need thousands of events (scikit-learn's user guide, "Probability calibration").
numpy only when the map is used; fitting imports scipy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PRIOR_SLOPE_SD = 0.25  # a book from cross-fitted deals is rarely off by more than half its slope
PRIOR_SHIFT_SD = 1.0
CHANCES = 2  # a shift is a difference of two rates: of the deals judged and of those trained on
HIGHEST_LOG_ODDS = 35.0  # beyond it a float probability is 0 or 1 to the last digit


def expit(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of log-odds, without overflow."""
    bounded = np.clip(log_odds, -HIGHEST_LOG_ODDS, HIGHEST_LOG_ODDS)
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-bounded))
    return result


def logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of a probability, kept finite at 0 and 1."""
    edge = 1e-15
    bounded = np.clip(probability, edge, 1 - edge)
    result: NDArray[np.float64] = np.log(bounded) - np.log1p(-bounded)
    return result


@dataclass(frozen=True)
class CalibrationMap:
    """Piecewise linear, never falling, and continued with its outer slopes.

    Parameters
    ----------
    knots : tuple of float
        Ascending log-odds before calibration, at least two.
    values : tuple of float
        Calibrated log-odds at the knots.
    method : str
        How it was made, for the model card.
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

    @property
    def coefficients(self) -> tuple[float, float]:
        """Slope and intercept of the line through the outer knots: all there is of a sigmoid."""
        slope = (self.values[-1] - self.values[0]) / (self.knots[-1] - self.knots[0])
        return slope, self.values[0] - slope * self.knots[0]

    @classmethod
    def identity(cls) -> CalibrationMap:
        """Leave the log-odds as they are."""
        return cls.linear(1.0, 0.0, "none")

    def log_odds(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated log-odds."""
        knots, values = np.asarray(self.knots), np.asarray(self.values)
        segment = np.clip(np.searchsorted(knots, raw) - 1, 0, len(knots) - 2)
        slope = (values[segment + 1] - values[segment]) / (knots[segment + 1] - knots[segment])
        result: NDArray[np.float64] = values[segment] + slope * (raw - knots[segment])
        return result

    def probability(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probability."""
        return expit(self.log_odds(raw))

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {"knots": list(self.knots), "values": list(self.values), "method": self.method}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CalibrationMap:
        """Rebuild from the JSON form."""
        knots = tuple(float(knot) for knot in data["knots"])
        return cls(knots, tuple(float(value) for value in data["values"]), str(data["method"]))


def fit_sigmoid(
    raw: NDArray[np.float64],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    prior_slope: float = 1.0,
) -> CalibrationMap:
    """Slope and shift that make cross-fitted log-odds honest (Platt 1999).

    Parameters
    ----------
    raw, early_churn, weight : ndarray, shape (deals,)
        Log-odds from fits that did not see the deal, its outcome (0 or 1) and its weight.
    prior_slope : float
        Where the prior of the slope is centred.

    Notes
    -----
    Maximum a posteriori with slope ~ N(1, 0.25^2): with few events the line stays near the
    identity rather than following noise. The shift, at the mean of `raw`, is drawn towards none
    by the share of it that chance explains (positive-part James-Stein): the deals that are judged
    and those trained on each bring their own chance, and the book is fitted on both, so that an
    unshrunken shift would correct it for a rate that it has already learned. The slope is kept
    positive.
    """
    centre = float(np.average(raw, weights=weight))
    away = raw - centre
    slope, shift = _slope_and_shift(away, centre, early_churn, weight, prior_slope)
    chance = expit(centre + shift + slope * away)
    variance = CHANCES / max(float(weight @ (chance * (1 - chance))), 1e-9)
    kept = max(0.0, 1.0 - variance / shift**2) if shift else 0.0
    return CalibrationMap.linear(slope, centre + kept * shift - slope * centre, "sigmoid")


def _slope_and_shift(
    away: NDArray[np.float64],
    centre: float,
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    prior_slope: float,
) -> tuple[float, float]:
    """Most likely line: centre + shift + slope * away, with the slope's prior."""
    from scipy.optimize import minimize

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, shift = parameters
        line = centre + shift + slope * away
        off = np.array([(slope - prior_slope) / PRIOR_SLOPE_SD, shift / PRIOR_SHIFT_SD])
        value = float(weight @ (np.logaddexp(0, line) - early_churn * line)) + float(off @ off) / 2
        residual = weight * (expit(line) - early_churn)
        gradient = np.array([residual @ away, residual.sum()]) + off / [
            PRIOR_SLOPE_SD,
            PRIOR_SHIFT_SD,
        ]
        return value, gradient

    fit = minimize(
        loss, np.array([1.0, 0.0]), jac=True, bounds=[(0.05, 5), (-10, 10)], method="L-BFGS-B"
    )
    return float(fit.x[0]), float(fit.x[1])
