"""Calibration map from log-odds to calibrated log-odds, stored as a table of knots.

This module imports numpy only, because it is needed to score a single prospect.
`fitmodel.learning._slope` fits the maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIGHEST_LOG_ODDS = 35.0  # beyond it a probability is 0 or 1 in floating point


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
