"""The company's current level of early churn: observed over expected leavers per calendar month.

expected leavers per month by the scorecard, observed leavers
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

from fitmodel.deals.months import DAYS_PER_MONTH
from fitmodel.learning._dynamic_level import (
    IS_MOVING,
    MIN_MONTHS,
    PRIOR,
    filter_levels,
    forecast_scores,
    level_ahead,
)
from fitmodel.learning._proportional_odds import (
    Floats,
    FollowUp,
    conditional_probability,
    support_points,
)

if TYPE_CHECKING:
    from fitmodel.learning._proportional_odds import Baseline


MIN_GAIN = 0.5  # least gain in log score; benchmarks/level.py measures others too
MIN_FORECASTS = 2  # least number of non-overlapping horizons to forecast in the past
MAX_TIMES = 24  # possible times of leaving per leaver


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
        """Draw factors with the uncertainty of the estimate, shape (size,).

        The draws of the logarithm have exactly its standard deviation, because the interval rests
        on few of them.
        """
        if self.deviation == 0.0 or size < 2:  # noqa: PLR2004 - one draw has no deviation
            return np.full(size, self.factor)
        normal = generator.standard_normal(size)
        normal = (normal - normal.mean()) / normal.std()
        return np.asarray(self.factor * np.exp(self.deviation * normal), dtype=np.float64)

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
    follow_up : FollowUp
        Follow-up of the deals.
    closed : ndarray of datetime64[D], shape (n,)
        Day on which each deal was signed.
    end : datetime64[D]
        Last day of the extract.
    baseline : Baseline
        Log-odds of having left by each time.
    log_odds : ndarray, shape (n,)
        Contributions of each deal's attributes, to which the baseline was fitted.
    """
    follow_up, rows = expand_unknown_days(
        follow_up, conditional_probability(follow_up, baseline, log_odds)
    )
    closed, log_odds = closed[rows], log_odds[rows]
    observed, expected, names = monthly_leavers(follow_up, closed, end, baseline, log_odds)
    level = level_of_counts(observed, expected, max(round(follow_up.horizon), 1))
    months = tuple(zip(names, observed.tolist(), expected.tolist(), strict=True))
    return replace(level, months=months)


def level_of_counts(
    observed: Floats, expected: Floats, horizon: int, least_gain: float = MIN_GAIN
) -> Level:
    """Estimate the level after the last month from observed and expected leavers per month.

    Parameters
    ----------
    observed, expected : ndarray, shape (months,)
        Leavers per month, and those expected at the long-run mean.
    horizon : int
        Months ahead that are forecast.
    least_gain : float
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
    factor = float(weight @ np.exp(mean)) if gain > least_gain else 1.0
    deviation = float(np.sqrt(weight @ (variance + (mean - np.log(factor)) ** 2)))
    return Level(factor, deviation, float(weight[IS_MOVING].sum()), gain)


def mean_score(scores: Floats) -> float:
    """Log score of the average forecast of models with equal weights."""
    return float(np.logaddexp.reduce(scores) - np.log(len(scores)))


def monthly_leavers(
    follow_up: FollowUp,
    closed: NDArray[np.datetime64],
    end: np.datetime64,
    baseline: Baseline,
    log_odds: Floats,
) -> tuple[Floats, Floats, list[str]]:
    """Observed and expected early leavers per month before the end, and the months' names.

    Parameters are those of `fit_level`; all days of leaving must be known.
    """
    # time in months relative to the end of the extract
    signed = (closed - end).astype("timedelta64[D]").astype(float) / DAYS_PER_MONTH
    count = int(np.ceil(max(-signed.min(initial=0.0), 1e-9)))
    observed, expected = np.zeros(count), np.zeros(count)
    left_on = np.where(follow_up.left, signed + follow_up.months, np.nan)
    for number in range(count):
        first, last = float(number - count), float(number - count + 1)
        start = np.clip(first - signed, follow_up.entry, follow_up.months)
        end_of_part = np.clip(last - signed, follow_up.entry, follow_up.months)
        is_exposed = end_of_part > start
        exposed = follow_up.subset(is_exposed)
        hazard = _hazard(
            baseline, end_of_part[is_exposed], exposed, log_odds[is_exposed]
        ) - _hazard(baseline, start[is_exposed], exposed, log_odds[is_exposed])
        expected[number] = exposed.weight @ hazard
        observed[number] = follow_up.weight @ ((left_on > first) & (left_on <= last))
    last_month = end.astype("datetime64[M]")
    names = [str(last_month - (count - 1 - number)) for number in range(count)]
    return observed, expected, names


def _hazard(baseline: Baseline, months: Floats, follow_up: FollowUp, log_odds: Floats) -> Floats:
    """Cumulative hazard of each deal until its entry of `months`."""
    left = baseline.left_by(months, follow_up, log_odds)
    return np.asarray(-np.log1p(-np.minimum(left, 1 - 1e-9)))


def expand_unknown_days(
    follow_up: FollowUp, probability: Floats
) -> tuple[FollowUp, NDArray[np.intp]]:
    """Expand each leaver with an unknown day into one weighted row per possible time of leaving.

    Parameters
    ----------
    follow_up : FollowUp
        Follow-up of the deals.
    probability : ndarray of shape (n,)
        Probability that each deal left within the horizon, see `conditional_probability`.

    Returns
    -------
    follow_up : FollowUp
        Follow-up in which all days are known; the rows of a deal share its weight.
    rows : ndarray of int
        Position of the deal of each row.
    """
    if follow_up.left_by is None or follow_up.leaving is None:
        return follow_up, np.arange(len(follow_up))
    dated = np.flatnonzero(np.isnan(follow_up.left_by))
    undated = np.flatnonzero(~np.isnan(follow_up.left_by))
    inside = follow_up.leaving.months <= follow_up.horizon
    times, mass = support_points(
        follow_up.leaving.months[inside], follow_up.leaving.share[inside], MAX_TIMES
    )
    is_possible = times <= follow_up.left_by[undated][:, None]
    is_possible[:, :1] = True  # a customer who left before the first time is put on it
    probabilities = mass * is_possible
    probabilities *= (probability[undated] / np.maximum(probabilities.sum(axis=1), 1e-300))[:, None]
    share = np.hstack([probabilities, 1.0 - probabilities.sum(axis=1, keepdims=True)]).ravel()
    rows = np.concatenate([dated, np.repeat(undated, len(times) + 1)])
    expanded = replace(follow_up.subset(rows), left_by=None, leaving=None)
    undated_rows = slice(len(dated), None)
    expanded.months[undated_rows] = np.tile([*times, follow_up.horizon], len(undated))
    expanded.left[undated_rows] = np.tile([*np.ones(len(times), dtype=bool), False], len(undated))
    expanded.weight[undated_rows] *= share
    weighted = expanded.weight > 0
    return expanded.subset(weighted), rows[weighted]
