"""The company's current level of early churn: observed over expected leavers per calendar month.

expected leavers per month by the scorecard, observed leavers -> discounted Gamma-Poisson filter
  -> discount and pull with the best past forecasts of the next `horizon` months -> current level

The level is estimated separately from the contributions, so that a change of the rate of all
customers is not attributed to an attribute.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitmodel.deals.months import DAYS_PER_MONTH
from fitmodel.learning._proportional_odds import (
    Floats,
    FollowUp,
    conditional_probability,
    support_points,
)

if TYPE_CHECKING:
    from fitmodel.learning._proportional_odds import Baseline


DISCOUNTS = (0.97, 0.95, 0.9, 0.85, 0.8, 0.7)  # weight of a month relative to the next month
PULLS = (0.25, 0.5, 0.75, 1.0)  # exponent of the filtered level; 0 gives the long-run mean
PRIOR_LEAVERS = 10.0  # prior expected and observed leavers: the filter starts at a level of 1
MIN_MONTHS = 6  # before the first forecast
MIN_FORECASTS = 2  # least number of non-overlapping horizons to forecast in the past
EXACT_LEAVERS = 1e6  # leavers behind a long-run mean that is treated as known exactly
MAX_TIMES = 24  # possible times of leaving per leaver


@dataclass(frozen=True, eq=False)
class Level:
    """Current level of early churn, relative to the mean over all training deals.

    Parameters
    ----------
    factor : float
        Current hazard of leaving over the long-run hazard of the same customers; 1 where no trend
        was detected.
    leavers : float
        Effective number of leavers behind the estimate: its relative standard error is
        ``1 / sqrt(leavers)``.
    discount : float
        Discount of the filter per month.
    pull : float
        Exponent of the filtered level; 0 gives the long-run mean.
    gain : float
        Gain in log score of past forecasts over the long-run mean, summed over non-overlapping
        horizons; a level is applied if it is above 0.
    months : tuple of (str, float, float)
        Month, observed and expected leavers, for the report.
    """

    factor: float = 1.0
    leavers: float = np.inf
    discount: float = 1.0
    pull: float = 0.0
    gain: float = 0.0
    months: tuple[tuple[str, float, float], ...] = field(default=(), repr=False)

    @property
    def is_applied(self) -> bool:
        """Whether the probabilities use a level other than the long-run mean."""
        return self.pull > 0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "factor": self.factor,
            "discount": self.discount,
            "pull": self.pull,
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
            f"{self.factor:.2f} times the long-run hazard of leaving is applied: it forecast the "
            f"leavers of past months better (log score {self.gain:+.1f})"
        )

    def draws(self, size: int, generator: np.random.Generator) -> Floats:
        """Draw factors with the uncertainty of the estimate, shape (size,)."""
        if not self.is_applied:
            return np.full(size, self.factor)
        scatter = generator.gamma(self.leavers, 1 / self.leavers, size) ** self.pull
        return np.asarray(self.factor * scatter, dtype=np.float64)

    def rate_of_resample(self, rate: float, long_run: float) -> float:
        """Rate of a resample, shrunk towards the long-run rate by the weight of the level.

        Parameters
        ----------
        rate : float
            Rate of early churn in the resample.
        long_run : float
            Rate of early churn of all deals.

        Notes
        -----
        The current hazard is ``rate * (recent / (rate * exposure)) ** pull``. It depends on the
        rate with the exponent ``1 - pull``, and on the recent leavers, who are a part of all
        leavers. With N leavers in all and n recent ones, its relative variance is
        ``(1 - pull**2) / N + pull**2 / n``. The resamples give the first term, `draws` the second.
        """
        if not self.is_applied or not 0.0 < rate < 1.0 or not 0.0 < long_run < 1.0:
            return rate
        hazard, mean_hazard = -np.log1p(-rate), -np.log1p(-long_run)
        share = np.sqrt(1.0 - self.pull**2)
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

    Notes
    -----
    Gamma-Poisson filter with a discount (West and Harrison 1997, section 10.8; Smith and Miller
    1986): every month the earlier evidence is multiplied by `discount`. The forecast is the
    filtered level to the power of `pull`. Both are chosen by the negative binomial log score of
    past forecasts of the leavers within the next horizon.
    """
    follow_up, rows = expand_unknown_days(
        follow_up, conditional_probability(follow_up, baseline, log_odds)
    )
    closed, log_odds = closed[rows], log_odds[rows]
    observed, expected, names = monthly_leavers(follow_up, closed, end, baseline, log_odds)
    level = level_of_counts(observed, expected, max(round(follow_up.horizon), 1))
    months = tuple(zip(names, observed.tolist(), expected.tolist(), strict=True))
    return replace(level, months=months)


def level_of_counts(observed: Floats, expected: Floats, horizon: int) -> Level:
    """Estimate the level after the last month from observed and expected leavers per month.

    Parameters
    ----------
    observed, expected : ndarray, shape (months,)
        Leavers per month, and those expected at the long-run mean.
    horizon : int
        Months ahead that are forecast.

    Notes
    -----
    A filter is used if it forecast better at all: ``benchmarks/level.py`` measures that a larger
    least gain leaves most changes unnoticed, and saves next to nothing where the level is constant.
    """
    if len(observed) < MIN_MONTHS + MIN_FORECASTS * horizon:
        return Level()
    # The reference is the long-run mean with the uncertainty of the best filter: where the rate
    # fluctuates without a trend, a mean without uncertainty would be beaten by any filter.
    constant = max(
        forecast_score(observed, expected, horizon, discount, 0.0) for discount in (1.0, *DISCOUNTS)
    )
    gain, discount, pull = max(
        (forecast_score(observed, expected, horizon, discount, pull) - constant, discount, pull)
        for discount, pull in product(DISCOUNTS, PULLS)
    )
    if gain <= 0:
        return Level(gain=gain)
    shape, rate = (values[-1] for values in filter_level(observed, expected, discount))
    return Level(float((shape / rate) ** pull), float(shape), discount, pull, gain)


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


def filter_level(observed: Floats, expected: Floats, discount: float) -> tuple[Floats, Floats]:
    """Shape and rate of the Gamma posterior of the level after each month."""
    shape = rate = PRIOR_LEAVERS
    shapes, rates = np.empty(len(observed)), np.empty(len(observed))
    for month, (o, e) in enumerate(zip(observed, expected, strict=True)):
        shape, rate = discount * shape + o, discount * rate + e
        shapes[month], rates[month] = shape, rate
    return shapes, rates


def forecast_score(
    observed: Floats, expected: Floats, horizon: int, discount: float, pull: float
) -> float:
    """Log score of past forecasts of the leavers within the next horizon.

    With pull 0 the forecast is the long-run mean with the uncertainty of the filter. With discount
    1 too the mean is treated as known exactly.

    The horizons of neighbouring months overlap. The sum over months is therefore divided by the
    horizon, which gives the sum over non-overlapping horizons.
    """
    from scipy.special import gammaln

    shapes, rates = filter_level(observed, expected, discount)
    cumulative_observed, cumulative_expected = (
        np.concatenate([[0.0], np.cumsum(values)]) for values in (observed, expected)
    )
    month = np.arange(MIN_MONTHS - 1, len(observed) - horizon)
    observed_ahead = cumulative_observed[month + 1 + horizon] - cumulative_observed[month + 1]
    expected_ahead = cumulative_expected[month + 1 + horizon] - cumulative_expected[month + 1]
    shape = shapes[month] if discount < 1 else np.full(len(month), EXACT_LEAVERS)
    level = (shapes[month] / rates[month]) ** pull
    share = expected_ahead / np.maximum(shape / level + expected_ahead, 1e-300)
    score = (
        gammaln(shape + observed_ahead) - gammaln(shape) - gammaln(observed_ahead + 1)
        + shape * np.log1p(-share) + observed_ahead * np.log(np.maximum(share, 1e-300))
    )  # fmt: skip
    return float(score[expected_ahead > 0].sum()) / horizon


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
