"""The company's current level of early churn: observed over expected leavers per calendar month.

expected leavers per month by the scorecard, observed leavers
  -> groups of customers that changed apart from the others (`changes`)
  -> models in which the level is constant, wanders, returns to its mean, or follows a trend
  -> weight of each model by its forecasts of past months -> level over the next `horizon` months

The level is estimated separately from the contributions, so that a change of the rate of all
customers is not attributed to an attribute.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._dynamic_level import (
    IS_MOVING,
    MIN_MONTHS,
    PRIOR,
    filter_levels,
    forecast_scores,
    level_ahead,
)
from fitmodel.learning._exposure import Exposure, exposure_by_month
from fitmodel.learning._proportional_odds import Floats, FollowUp

if TYPE_CHECKING:
    from fitmodel.learning._proportional_odds import Baseline


MIN_GAIN = 0.5  # least gain in log score; benchmarks/level.py measures others too
MIN_FORECASTS = 2  # least number of non-overlapping horizons to forecast in the past


@dataclass(frozen=True, eq=False)
class Level:
    """Current level of early churn, relative to the mean over all training deals.

    Parameters
    ----------
    factor : float
        Hazard of leaving over the next horizon, over the long-run hazard of the same customers; 1
        where no level is applied.
    deviation : float
        Standard deviation of its logarithm: of each model, between the models, and of what changes
        until the horizon ends.
    weight : float
        Weight of the models in which the level moves.
    gain : float
        Gain in log score of the forecasts of past months by these models over a constant level; a
        level is applied if it is above 0.5.
    months : tuple of (str, float, float)
        Month, observed and expected leavers, for the report.
    """

    factor: float = 1.0
    deviation: float = 0.0
    weight: float = 0.0
    gain: float = 0.0
    months: tuple[tuple[str, float, float], ...] = field(default=(), repr=False)

    @property
    def is_applied(self) -> bool:
        """Whether the probabilities use a level other than the long-run mean."""
        return self.factor != 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "factor": self.factor,
            "deviation": self.deviation,
            "weight": self.weight,
            "gain": self.gain,
            "months": [list(month) for month in self.months],
        }

    def describe(self) -> str:
        """Return a sentence on the level that the probabilities use, and why."""
        if not self.is_applied:
            return (
                "no trend shown: the long-run mean is applied (a varying level did not "
                "forecast past months better)"
                if self.months
                else "not estimated: there are no closing dates"
            )
        return (
            f"{self.factor:.2f} times the long-run hazard of leaving is applied: a varying level "
            f"forecast the leavers of past months better (weight {self.weight:.0%})"
        )

    def draws(self, size: int, generator: np.random.Generator) -> Floats:
        """Draw factors with the uncertainty of the estimate, shape (size,)."""
        return draw_factors(self.factor, self.deviation, size, generator)

    def rate_of_resample(self, rate: float, long_run: float) -> float:
        """Rate of a resample, shrunk towards the long-run rate by the weight of a moving level.

        Parameters
        ----------
        rate : float
            Rate of early churn in the resample.
        long_run : float
            Rate of early churn of all deals.

        Notes
        -----
        With a constant level the hazard is as uncertain as the long-run rate, of which the
        resamples are. With a moving level it rests on the recent leavers, and `deviation` includes
        their number. So the variance over resamples counts by the weight of a constant level.
        """
        if not self.is_applied or not 0.0 < rate < 1.0 or not 0.0 < long_run < 1.0:
            return rate
        hazard, mean_hazard = -np.log1p(-rate), -np.log1p(-long_run)
        share = np.sqrt(1.0 - self.weight)
        return float(-np.expm1(-mean_hazard * (hazard / mean_hazard) ** share))


@dataclass(frozen=True, eq=False)
class Change:
    """A group of customers whose early churn changed apart from that of the others.

    Parameters
    ----------
    attribute : str
        Attribute by which the group is defined.
    codes : tuple of int
        Codes of the attribute that belong to the group.
    label : str
        The group's values, such as "= software" or "< 12".
    since : str
        First month, such as "2026-01", after the most probable change.
    times : float
        Hazard of leaving since then over the one before, apart from the change of the others.
    factor : float
        Hazard of leaving now over the group's mean in the whole past, apart from the change of the
        others: predictions of the group are at this level.
    deviation : float
        Standard deviation of the logarithm of `factor`.
    gain : float
        Logarithm of the Bayes factor for a change of this group.
    """

    attribute: str
    codes: tuple[int, ...]
    label: str
    since: str
    times: float
    factor: float
    deviation: float
    gain: float

    def describe(self) -> str:
        """Return a sentence on the change."""
        return (
            f"{self.attribute} {self.label}: since about {self.since} customers leave "
            f"{self.times:.1f} times as often as before, apart from any change of the others; "
            "prospects of this group are predicted at its present level"
        )

    def draws(self, size: int, generator: np.random.Generator) -> Floats:
        """Draw factors with the uncertainty of the estimate, shape (size,)."""
        return draw_factors(self.factor, self.deviation, size, generator)


def draw_factors(
    factor: float, deviation: float, size: int, generator: np.random.Generator
) -> Floats:
    """Draw factors whose logarithms have exactly this standard deviation, shape (size,).

    It is exact because the interval rests on few draws.
    """
    if deviation == 0.0 or size < 2:  # noqa: PLR2004 - one draw has no deviation
        return np.full(size, factor)
    normal = generator.standard_normal(size)
    normal = (normal - normal.mean()) / normal.std()
    return np.asarray(factor * np.exp(deviation * normal), dtype=np.float64)


def scale_hazard(probability: Floats, factor: float | Floats) -> Floats:
    """Probability of leaving after the cumulative hazard is multiplied by a factor."""
    return np.asarray(-np.expm1(factor * np.log1p(-np.minimum(probability, 1 - 1e-12))))


def fit_level(
    follow_up: FollowUp,
    closed: NDArray[np.datetime64],
    end: np.datetime64,
    baseline: Baseline,
    log_odds: Floats,
) -> Level:
    """Estimate the level of early churn at the end of the extract.

    Parameters
    ----------
    closed : ndarray of datetime64[D], shape (n,)
        Day on which each deal was signed.
    end : datetime64[D]
        Last day of the extract.
    baseline : Baseline
        Log-odds of having left by each time.
    log_odds : ndarray, shape (n,)
        Contributions of each deal's attributes, to which the baseline was fitted.
    """
    exposure = exposure_by_month(follow_up, closed, end, baseline, log_odds)
    return level_of_exposure(exposure, max(round(follow_up.horizon), 1))


def level_of_exposure(exposure: Exposure, horizon: int) -> Level:
    """Estimate the level from the deals by month; see `fit_level`."""
    observed, expected = exposure.by_month()
    months = tuple(zip(exposure.names, observed.tolist(), expected.tolist(), strict=True))
    return replace(level_of_counts(observed, expected, horizon), months=months)


def level_of_counts(
    observed: Floats, expected: Floats, horizon: int, min_gain: float = MIN_GAIN
) -> Level:
    """Estimate the level after the last month from observed and expected leavers per month.

    Parameters
    ----------
    observed, expected : ndarray, shape (months,)
        Leavers per month, and those expected at the long-run mean.
    horizon : int
        Months ahead that are forecast.
    min_gain : float
        Gain in log score above which a level is applied.

    Notes
    -----
    Bayesian model averaging (Hoeting et al. 1999), with the forecasts of past months as evidence.
    Without a gain the constant level is applied: the mean prediction is then the Kaplan-Meier rate.
    The uncertainty is that of all models in either case.
    """
    if len(observed) < MIN_MONTHS + MIN_FORECASTS * horizon:
        return Level()
    states = filter_levels(observed, expected)
    scores = forecast_scores(states, observed, expected, horizon)
    gain = mean_score(scores[IS_MOVING]) - mean_score(scores[~IS_MOVING])
    weight = PRIOR * np.exp(scores - scores.max())
    weight /= weight.sum()
    mean, variance = level_ahead(states, horizon)
    factor = float(weight @ np.exp(mean)) if gain > min_gain else 1.0
    deviation = float(np.sqrt(weight @ (variance + (mean - np.log(factor)) ** 2)))
    return Level(factor, deviation, float(weight[IS_MOVING].sum()), gain)


def mean_score(scores: Floats) -> float:
    """Log score of the average forecast of models with equal weights."""
    return float(np.logaddexp.reduce(scores) - np.log(len(scores)))
