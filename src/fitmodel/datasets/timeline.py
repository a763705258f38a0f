"""Dates on which simulated deals are signed and their customers leave, in calendar months."""

from __future__ import annotations

import numpy as np

from fitmodel.datasets._attributes import Array, stream
from fitmodel.deals.months import DAYS_PER_MONTH, add_months

MONTH_END_RUSH = 0.12
# shares of the window's time and of its cumulative hazard: few customers leave at the start
_SHAPE_TIME = (0.0, 0.2, 0.6, 1.0)
_SHAPE_HAZARD = (0.0, 0.08, 0.5, 1.0)
LATER_HAZARD = 0.25


def closing_dates(
    n: int, seed: int, *, first: np.datetime64, last: np.datetime64, growth: float
) -> Array:
    """Draw ascending closing dates in (first, last]; some are moved to the end of the month.

    The density of deals is proportional to exp(growth x t), with t from 0 (`first`) to 1 (`last`).
    """
    u = stream(seed, "closed_on").random(n)
    t = u if growth == 0 else np.log1p(u * np.expm1(growth)) / growth
    span = int((last - first).astype(int))
    days = first + np.clip(np.ceil(t * span), 1, span).astype("timedelta64[D]")
    rush = stream(seed, "month end").random(n) < MONTH_END_RUSH
    month_end = (days.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
    return np.sort(np.where(rush, np.minimum(month_end, last), days))


def growth_for(recent_share: float, recent: float) -> float:
    """Return the growth for which the last part `recent` of the time has this share of deals."""
    low, high = -60.0, 60.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _recent(middle, recent) < recent_share else (low, middle)
    return (low + high) / 2


def _recent(growth: float, recent: float) -> float:
    """Return the share of deals signed in the last part `recent` of the time, given `growth`."""
    if abs(growth) < 1e-9:  # noqa: PLR2004 (the limit of the formula below is `recent`)
        return recent
    return float(np.expm1(-growth * recent) / np.expm1(-growth))


def churn_dates(closed_on: Array, probability: Array, horizon_months: int, seed: int) -> Array:
    """Draw the day on which each customer leaves; early churn has exactly the given probability.

    The cumulative hazard is H(h) = -log(1 - probability) at the horizon h and has a fixed shape
    within the window; after it the hazard is a quarter of the window's mean. A unit exponential E
    per deal gives the day: the customer leaves early exactly if E <= H(h).

    Returns
    -------
    ndarray of datetime64[D], shape (n,)
        Day of leaving: always after the closing day, and for early churn at most h calendar months
        after it.
    """
    at_horizon = -np.log1p(-probability)
    spent = stream(seed, "churned_on").standard_exponential(len(closed_on)) / at_horizon
    window_end = add_months(closed_on, horizon_months)
    window = (window_end - closed_on).astype(np.int64)
    within = np.ceil(np.interp(spent, _SHAPE_HAZARD, _SHAPE_TIME) * window)
    after = np.ceil((spent - 1) / LATER_HAZARD * horizon_months * DAYS_PER_MONTH)
    tenure = np.where(spent <= 1, np.maximum(within, 1), window + np.clip(after, 1, 40_000))
    return np.asarray(closed_on + tenure.astype("timedelta64[D]"))
