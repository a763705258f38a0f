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

from dataclasses import dataclass
from functools import cached_property
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

    Parameters
    ----------
    step : float
        Standard deviation of a month's change.
    persistence : float
        Share of the distance from the long-run mean that is left after a month.
    slope : float
        Prior standard deviation of a steady change per month.
    """

    step: float = 0.0
    persistence: float = 1.0
    slope: float = 0.0


@dataclass(frozen=True, eq=False)
class Models:
    """Models to average; the first ones have a constant level.

    Parameters
    ----------
    moving : tuple of Movement
        How the level moves in the other models.
    deviations : tuple of float
        Standard deviations of a month's own deviation; every movement is combined with each.
    """

    moving: tuple[Movement, ...]
    deviations: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def pairs(self) -> tuple[tuple[Movement, float], ...]:
        """Movement and month's deviation of each model."""
        return tuple(product((CONSTANT, *self.moving), self.deviations))

    @cached_property
    def is_moving(self) -> NDArray[np.bool_]:
        """Whether the level moves, shape (models,)."""
        return np.array([movement != CONSTANT for movement, _ in self.pairs])

    @cached_property
    def prior(self) -> Floats:
        """Prior probability of each model, shape (models,)."""
        moving = self.is_moving
        shares = PRIOR_MOVING / moving.sum(), (1 - PRIOR_MOVING) / (~moving).sum()
        return np.asarray(np.where(moving, *shares))

    @cached_property
    def persistence(self) -> Floats:
        """Persistence of each model, shape (models,)."""
        return np.array([movement.persistence for movement, _ in self.pairs])

    @cached_property
    def step(self) -> Floats:
        """Variance of a month's change, shape (models,)."""
        return np.array([movement.step**2 for movement, _ in self.pairs])

    @cached_property
    def slope(self) -> Floats:
        """Prior variance of a steady change per month, shape (models,)."""
        return np.array([movement.slope**2 for movement, _ in self.pairs])

    @cached_property
    def noise(self) -> Floats:
        """Variance of a month's own deviation, shape (models,)."""
        return np.array([deviation**2 for _, deviation in self.pairs])


CONSTANT = Movement()
MONTHS_DIFFER = (0.0, 0.2, 0.4)  # standard deviation of a month's own deviation
# Values are rounded: benchmarks/level.py changes little between neighbouring ones.
OF_COMPANY = Models(
    (
        Movement(step=0.05),
        Movement(step=0.1),
        Movement(step=0.3, persistence=0.7),
        Movement(slope=0.02),
        Movement(step=0.03, slope=0.02),
    ),
    MONTHS_DIFFER,
)
# The customers of one group can change more abruptly than all customers together.
OF_GROUP = Models(
    (Movement(step=0.05), Movement(step=0.12), Movement(step=0.25), Movement(slope=0.02)),
    MONTHS_DIFFER,
)


class State(NamedTuple):
    """Moments of log level and slope, of each model (last axis) after each month.

    Parameters
    ----------
    level, slope : ndarray
        Means.
    variance, covariance, slope_variance : ndarray
        Variance of the log level, its covariance with the slope, variance of the slope.
    """

    level: Floats
    slope: Floats
    variance: Floats
    covariance: Floats
    slope_variance: Floats

    def next_month(self, models: Models) -> State:
        """Predict the state of the next month."""
        kept = models.persistence
        return State(
            kept * self.level + self.slope,
            self.slope,
            kept**2 * self.variance + 2 * self.covariance + self.slope_variance + models.step,
            kept * self.covariance + self.slope_variance,
            self.slope_variance,
        )

    def after(self, observed: Floats, expected: Floats, models: Models) -> State:
        """Return the state after a month's leavers are known; counts of shape (..., 1)."""
        predicted = np.maximum(self.variance + models.noise, MIN_VARIANCE)
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


def filter_levels(observed: Floats, expected: Floats, models: Models = OF_COMPANY) -> State:
    """State of each model after each month.

    Parameters
    ----------
    observed, expected : ndarray of shape (months,) or (months, groups)
        Leavers per month, and those expected at a level of 1.
    models : Models
        The models.

    Returns
    -------
    State
        Arrays of shape (months, models) or (months, groups, models).
    """
    zeros = np.zeros((*observed.shape[1:], len(models)))
    state = State(zeros, zeros, zeros + 1 / PRIOR_LEAVERS, zeros, zeros + models.slope)
    states = []
    for month, (leavers, foreseen) in enumerate(zip(observed, expected, strict=True)):
        counts = np.expand_dims(leavers, -1), np.expand_dims(foreseen, -1)
        state = (state.next_month(models) if month else state).after(*counts, models)
        states.append(state)
    return State(*(np.array(values) for values in zip(*states, strict=True)))


def forecast_scores(
    states: State,
    observed: Floats,
    expected: Floats,
    horizon: int,
    models: Models = OF_COMPANY,
) -> Floats:
    """Log score of each model's forecasts of past months, shape (models,) or (groups, models).

    Each month is forecast 1, 2, ... `horizon` months before; its score is the mean over these
    forecasts. The score is thus about the months that a new deal is followed: a cycle of a year
    forecasts the next month well, and the next half-year badly.
    """
    forecasts = np.zeros(len(observed))
    total = np.zeros((*observed.shape, len(models)))
    ahead = State(*(values[MIN_MONTHS - 1 :] for values in states))
    for lead in range(1, horizon + 1):
        ahead = State(*(values[:-1] for values in ahead)).next_month(models)
        months = slice(MIN_MONTHS - 1 + lead, None)
        total[months] += log_probability(
            np.expand_dims(observed[months], -1),
            np.expand_dims(expected[months], -1),
            ahead.level,
            ahead.variance + models.noise,
        )
        forecasts[months] += 1
    is_forecast = forecasts > 0
    shares = 1 / forecasts[is_forecast]
    return np.asarray(np.tensordot(shares, total[is_forecast], axes=1), dtype=np.float64)


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


def level_ahead(states: State, horizon: int, models: Models = OF_COMPANY) -> tuple[Floats, Floats]:
    """Mean and variance of each model's log level over the next months, shape (models,).

    The variance includes that the level moves on during these months. A constant level has the mean
    0: its uncertainty is that of the long-run rate, which is estimated elsewhere.
    """
    now = State(*(values[-1] for values in states))
    months = np.arange(1, horizon + 1)[:, None]
    kept = (models.persistence**months).mean(axis=0)
    steps = np.where(models.slope > 0, months.mean(), 0.0)
    # a change in month i is in the months i, i + 1, ... of the horizon
    effects = np.cumsum(models.persistence ** (months - 1), axis=0) / horizon
    mean = kept * now.level + steps * now.slope
    variance = (
        kept**2 * now.variance + 2 * kept * steps * now.covariance + steps**2 * now.slope_variance
        + models.step * (effects**2).sum(axis=0)
    )  # fmt: skip
    is_constant = ~models.is_moving
    mean[is_constant], variance[is_constant] = 0.0, 0.0
    return mean, variance + models.noise / horizon
