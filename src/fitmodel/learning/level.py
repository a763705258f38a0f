"""The company's level of early churn now: observed over expected leavers per calendar month.

scorecard's expected leavers per month, leavers observed -> discounted Gamma-Poisson filter
  -> discount and pull that forecast the next `horizon` months best in the past -> level now

The level is learned apart from the contributions: what a month's rate says of all customers must
not be told as an effect of one attribute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitmodel.deals.months import DAYS_PER_MONTH
from fitmodel.learning._unknown_days import dated_rows
from fitmodel.learning.proportional_odds import own_chance

if TYPE_CHECKING:
    from fitmodel.learning.proportional_odds import Baseline, FollowUp

Floats = NDArray[np.float64]

DISCOUNTS = (0.97, 0.95, 0.9, 0.85, 0.8, 0.7)  # weight of a month against the month after it
PULLS = (0.25, 0.5, 0.75, 1.0)  # exponent of the level now; 0 is the long-run mean
PRIOR_LEAVERS = 10.0  # expected and observed: the filter starts at 1
MIN_MONTHS = 6  # before the first forecast
MIN_FORECASTS = 2  # horizons that do not overlap, forecast in the past
# Log score that the filter must gain on the long-run mean, per horizon that does not overlap.
MIN_GAIN = 1.0
CERTAIN = 1e6  # leavers behind a long-run mean that is taken to be known


@dataclass(frozen=True, eq=False)
class Level:
    """Level of early churn now, against the mean over all deals learned from.

    Parameters
    ----------
    factor : float
        Hazard of leaving now over the long-run hazard of the same customers; 1: no trend shown.
    leavers : float
        Leavers that the estimate rests on: its relative standard deviation is
        ``1 / sqrt(leavers)``.
    discount, pull : float
        Of the filter; pull 0: the long-run mean.
    gain : float
        Log score gained on the long-run mean when forecasting, per horizon that does not overlap
        summed; below `MIN_GAIN` no level is applied.
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
        """Whether a level other than the long-run mean is in the probabilities."""
        return self.pull > 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "factor": self.factor,
            "discount": self.discount,
            "pull": self.pull,
            "gain": self.gain,
            "months": [list(month) for month in self.months],
        }

    def describe(self) -> str:
        """Say which level is in the probabilities, and why, in one sentence."""
        if not self.is_applied:
            return (
                "no trend shown: the long-run mean is applied (a moving level forecast the past "
                "no better)"
                if self.months
                else "not looked for: no closing dates"
            )
        return (
            f"{self.factor:.2f} times the long-run hazard of leaving is applied: it forecast the "
            f"leavers of past months better (log score {self.gain:+.1f})"
        )

    def draws(self, size: int, generator: np.random.Generator) -> Floats:
        """Factors as uncertain as the estimate, shape (size,)."""
        if not self.is_applied:
            return np.full(size, self.factor)
        scatter = generator.gamma(self.leavers, 1 / self.leavers, size) ** self.pull
        return np.asarray(self.factor * scatter, dtype=np.float64)

    def damped(self, rate: float, long_run: float) -> float:
        """Rate of a resample, as far from the long-run rate as the level leaves it uncertain.

        Notes
        -----
        Today's hazard is ``rate * (recent / (rate * exposure)) ** pull``: to the power of
        ``1 - pull`` it depends on the rate, else on the recent leavers, some of whom are in both.
        With N leavers in all and n recent ones the relative variance is
        ``(1 - pull**2) / N + pull**2 / n``. `draws` has the second part, the resamples the first.
        """
        if not self.is_applied or not 0.0 < rate < 1.0 or not 0.0 < long_run < 1.0:
            return rate
        hazard, usual = -np.log1p(-rate), -np.log1p(-long_run)
        share = np.sqrt(1.0 - self.pull**2)
        return float(-np.expm1(-usual * (hazard / usual) ** share))


def raised(probability: Floats, factor: float | Floats) -> Floats:
    """Probability of leaving when the hazard is multiplied by a factor."""
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
    closed : ndarray of datetime64[D], shape (n,)
    end : datetime64[D]
        Last day known.
    baseline : Baseline
    log_odds : ndarray, shape (n,)
        Of the same deals: contributions to which the baseline was fitted.

    Notes
    -----
    Gamma-Poisson filter with a discount (West and Harrison 1997, section 10.8; Smith and Miller
    1986): each month the evidence of all before counts `discount` times as much. The forecast is
    the filtered level to the power of `pull`. Both are chosen by the negative binomial log score
    of the leavers of the next horizon, forecast at each month in the past.
    """
    follow_up, rows = dated_rows(follow_up, own_chance(follow_up, baseline, log_odds))
    closed, log_odds = closed[rows], log_odds[rows]
    observed, expected, names = monthly_leavers(follow_up, closed, end, baseline, log_odds)
    months = tuple(zip(names, observed.tolist(), expected.tolist(), strict=True))
    horizon = max(round(follow_up.horizon), 1)
    if len(observed) < MIN_MONTHS + MIN_FORECASTS * horizon:
        return Level(months=months)
    # the long-run mean may be as uncertain as any filter: a company whose rate swings to and fro
    # is forecast badly by a mean that is called certain, but no better by its latest months
    constant = max(
        forecast_score(observed, expected, horizon, discount, 0.0) for discount in (1.0, *DISCOUNTS)
    )
    best = max(
        (forecast_score(observed, expected, horizon, discount, pull) - constant, discount, pull)
        for discount, pull in product(DISCOUNTS, PULLS)
    )
    gain, discount, pull = best
    if gain < MIN_GAIN:
        return Level(gain=gain, months=months)
    shape, rate = (values[-1] for values in filtered(observed, expected, discount))
    return Level(float((shape / rate) ** pull), float(shape), discount, pull, gain, months)


def monthly_leavers(
    follow_up: FollowUp,
    closed: NDArray[np.datetime64],
    end: np.datetime64,
    baseline: Baseline,
    log_odds: Floats,
) -> tuple[Floats, Floats, list[str]]:
    """Observed and expected early leavers per month back from the end, and the months' names."""
    born = (closed - end).astype("timedelta64[D]").astype(float) / DAYS_PER_MONTH  # before the end
    count = int(np.ceil(max(-born.min(initial=0.0), 1e-9)))
    observed, expected = np.zeros(count), np.zeros(count)
    left_on = np.where(follow_up.left, born + follow_up.months, np.nan)
    for number in range(count):
        first, last = float(number - count), float(number - count + 1)
        begin = np.clip(first - born, follow_up.entry, follow_up.months)
        until = np.clip(last - born, follow_up.entry, follow_up.months)
        inside = until > begin
        part = follow_up.subset(inside)
        hazard = _hazard(baseline, until[inside], part, log_odds[inside]) - _hazard(
            baseline, begin[inside], part, log_odds[inside]
        )
        expected[number] = part.weight @ hazard
        observed[number] = follow_up.weight @ ((left_on > first) & (left_on <= last))
    days = end - np.round((count - 1 - np.arange(count)) * DAYS_PER_MONTH).astype("timedelta64[D]")
    return observed, expected, [str(day)[:7] for day in days]


def _hazard(baseline: Baseline, months: Floats, follow_up: FollowUp, log_odds: Floats) -> Floats:
    """Cumulative hazard of leaving by a time of each deal's own."""
    left = baseline.left_by(months, follow_up, log_odds)
    return np.asarray(-np.log1p(-np.minimum(left, 1 - 1e-9)))


def filtered(observed: Floats, expected: Floats, discount: float) -> tuple[Floats, Floats]:
    """Shape and rate of the Gamma distribution of the level after each month."""
    shape = rate = PRIOR_LEAVERS
    shapes, rates = np.empty(len(observed)), np.empty(len(observed))
    for month, (seen, foreseen) in enumerate(zip(observed, expected, strict=True)):
        shape, rate = discount * shape + seen, discount * rate + foreseen
        shapes[month], rates[month] = shape, rate
    return shapes, rates


def forecast_score(
    observed: Floats, expected: Floats, horizon: int, discount: float, pull: float
) -> float:
    """Log score of the leavers of the next horizon, forecast at each month, per horizon.

    With pull 0 the forecast is the long-run mean, as uncertain as the filter of that discount;
    with discount 1 too it is taken to be known.

    Forecasts of neighbouring months overlap: their sum is divided by the horizon, so that it
    counts horizons that do not.
    """
    from scipy.special import gammaln

    shapes, rates = filtered(observed, expected, discount)
    seen, foreseen = (np.concatenate([[0.0], np.cumsum(values)]) for values in (observed, expected))
    month = np.arange(MIN_MONTHS - 1, len(observed) - horizon)
    o = seen[month + 1 + horizon] - seen[month + 1]
    x = foreseen[month + 1 + horizon] - foreseen[month + 1]
    shape = shapes[month] if discount < 1 else np.full(len(month), CERTAIN)
    level = (shapes[month] / rates[month]) ** pull
    share = x / np.maximum(shape / level + x, 1e-300)
    score = (
        gammaln(shape + o) - gammaln(shape) - gammaln(o + 1)
        + shape * np.log1p(-share) + o * np.log(np.maximum(share, 1e-300))
    )  # fmt: skip
    return float(score[x > 0].sum()) / horizon
