"""Dynamic Poisson models of the company's level: past forecasts, and the next months.

leavers observed and expected per month
  -> each model filters the logarithm of the level month by month
  -> log score of its forecasts of past months -> weight of the model
  -> mean and variance of the level over the next `horizon` months

The filter is the one of West, Harrison and Migon (1985): the level of a month has a Gamma
distribution with the mean and the variance that the model predicts, which the Poisson number of
leavers updates exactly; the state follows linearly.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIOR_LEAVERS = 10.0  # prior expected and observed leavers: every model starts at a level of 1
PRIOR_MOVING = 0.2  # prior probability that the level moves at all
MIN_MONTHS = 6  # before the first forecast
MIN_VARIANCE = 1e-9  # a forecast's variance is never 0


class Movement(NamedTuple):
    """How the logarithm of the level changes from month to month.

    `step`: standard deviation of a month's change.
    `persistence`: share of the distance from the long-run mean that is left after a month.
    `slope`: prior standard deviation of a steady change per month.
    """

    step: float = 0.0
    persistence: float = 1.0
    slope: float = 0.0


# Values are rounded: benchmarks/level.py changes little between neighbouring ones.
CONSTANT = Movement()
MOVING = (
    Movement(step=0.05),
    Movement(step=0.1),
    Movement(step=0.3, persistence=0.7),
    Movement(slope=0.02),
    Movement(step=0.03, slope=0.02),
)
MONTHS_DIFFER = (0.0, 0.2, 0.4)  # standard deviation of a month's own deviation
MODELS = tuple(product((CONSTANT, *MOVING), MONTHS_DIFFER))
IS_MOVING = np.array([movement != CONSTANT for movement, _ in MODELS])
PRIOR = np.where(IS_MOVING, PRIOR_MOVING / IS_MOVING.sum(), (1 - PRIOR_MOVING) / (~IS_MOVING).sum())

_PERSISTENCE = np.array([movement.persistence for movement, _ in MODELS])
_STEP = np.array([movement.step**2 for movement, _ in MODELS])
_SLOPE = np.array([movement.slope**2 for movement, _ in MODELS])
_NOISE = np.array([noise**2 for _, noise in MODELS])


class State(NamedTuple):
    """Moments of log level and slope, of each model (last axis) after each month.

    `level`, `slope`: means.
    `variance`, `covariance`, `slope_variance`: variance of the log level, its covariance with the
        slope, variance of the slope.
    """

    level: Floats
    slope: Floats
    variance: Floats
    covariance: Floats
    slope_variance: Floats

    def next_month(self) -> State:
        """Predict the state of the next month."""
        return State(
            _PERSISTENCE * self.level + self.slope,
            self.slope,
            _PERSISTENCE**2 * self.variance + 2 * self.covariance + self.slope_variance + _STEP,
            _PERSISTENCE * self.covariance + self.slope_variance,
            self.slope_variance,
        )

    def after(self, observed: float, expected: float) -> State:
        """Return the state after a month's leavers are known."""
        predicted = np.maximum(self.variance + _NOISE, MIN_VARIANCE)
        shape = 1 / predicted + observed
        change = np.log(shape / (np.exp(-self.level) / predicted + expected)) - self.level
        gain = 1 / predicted
        shrinkage = (1 - 1 / (shape * predicted)) / predicted
        return State(
            self.level + self.variance * gain * change,
            self.slope + self.covariance * gain * change,
            self.variance - self.variance**2 * shrinkage,
            self.covariance - self.variance * self.covariance * shrinkage,
            self.slope_variance - self.covariance**2 * shrinkage,
        )


def filter_levels(observed: Floats, expected: Floats) -> State:
    """State of each model after each month, arrays of shape (months, models)."""
    zeros = np.zeros(len(MODELS))
    state = State(zeros, zeros, zeros + 1 / PRIOR_LEAVERS, zeros, _SLOPE)
    states = []
    for month, (leavers, foreseen) in enumerate(zip(observed, expected, strict=True)):
        state = (state.next_month() if month else state).after(leavers, foreseen)
        states.append(state)
    return State(*(np.array(values) for values in zip(*states, strict=True)))


def forecast_scores(states: State, observed: Floats, expected: Floats, horizon: int) -> Floats:
    """Log score of each model's forecasts of past months, shape (models,).

    Each month is forecast 1, 2, ... `horizon` months before; its score is the mean over these
    forecasts. The score is thus about the months that a new deal is followed: a cycle of a year
    forecasts the next month well, and the next half-year badly.
    """
    forecasts = np.zeros(len(observed))
    total = np.zeros((len(observed), len(MODELS)))
    ahead = State(*(values[MIN_MONTHS - 1 :] for values in states))
    for lead in range(1, horizon + 1):
        ahead = State(*(values[:-1] for values in ahead)).next_month()
        months = slice(MIN_MONTHS - 1 + lead, None)
        total[months] += log_probability(
            observed[months, None], expected[months, None], ahead.level, ahead.variance + _NOISE
        )
        forecasts[months] += 1
    is_forecast = forecasts > 0
    scores = total[is_forecast] / forecasts[is_forecast, None]
    return np.asarray(scores.sum(axis=0), dtype=np.float64)


def log_probability(
    observed: Floats, expected: Floats, log_level: Floats, variance: Floats
) -> Floats:
    """Log probability of the leavers of a month: negative binomial."""
    from scipy.special import gammaln

    shape = 1 / np.maximum(variance, MIN_VARIANCE)
    share = expected / np.maximum(shape * np.exp(-log_level) + expected, 1e-300)
    return np.asarray(
        gammaln(shape + observed) - gammaln(shape) - gammaln(observed + 1)
        + shape * np.log1p(-share) + observed * np.log(np.maximum(share, 1e-300))
    )  # fmt: skip


def level_ahead(states: State, horizon: int) -> tuple[Floats, Floats]:
    """Mean and variance of each model's log level over the next months, shape (models,).

    The variance includes that the level moves on during these months. A constant level has the mean
    0: its uncertainty is that of the long-run rate, which is estimated elsewhere.
    """
    now = State(*(values[-1] for values in states))
    months = np.arange(1, horizon + 1)[:, None]
    kept = (_PERSISTENCE**months).mean(axis=0)
    steps = np.where(_SLOPE > 0, months.mean(), 0.0)
    # a change in month i is in the months i, i + 1, ... of the horizon
    effects = np.cumsum(_PERSISTENCE ** (months - 1), axis=0) / horizon
    mean = kept * now.level + steps * now.slope
    variance = (
        kept**2 * now.variance + 2 * kept * steps * now.covariance + steps**2 * now.slope_variance
        + _STEP * (effects**2).sum(axis=0)
    )  # fmt: skip
    is_constant = ~IS_MOVING
    mean[is_constant], variance[is_constant] = 0.0, 0.0
    return mean, variance + _NOISE / horizon
