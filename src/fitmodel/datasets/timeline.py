"""Draw when simulated deals are signed and when their customers leave."""

from __future__ import annotations

import numpy as np

from fitmodel.datasets._attributes import Array, stream
from fitmodel.deals.months import DAYS_PER_MONTH, add_months

MONTH_END_RUSH = 0.12  # share of deals that are moved to the end of the month
# Share of the horizon that has passed, and share of its cumulative hazard; few leave at once.
_SHAPE_TIME = (0.0, 0.2, 0.6, 1.0)
_SHAPE_HAZARD = (0.0, 0.08, 0.5, 1.0)
LATER_HAZARD = 0.25  # hazard after the horizon, relative to its mean before


def closing_dates(
    n: int, seed: int, *, first: np.datetime64, last: np.datetime64, growth: float
) -> Array:
    """Draw ascending closing dates in (first, last]; some are moved to the end of the month.

    The number of deals grows as exp(growth x t) with t from 0 (`first`) to 1 (`last`).
    """
    u = stream(seed, "closed_on").random(n)
    t = u if growth == 0 else np.log1p(u * np.expm1(growth)) / growth
    span = int((last - first).astype(int))
    days = first + np.clip(np.ceil(t * span), 1, span).astype("timedelta64[D]")
    rush = stream(seed, "month end").random(n) < MONTH_END_RUSH
    month_end = (days.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
    return np.sort(np.where(rush, np.minimum(month_end, last), days))


def growth_for(recent_share: float, recent: float) -> float:
    """Return the growth with which the last part `recent` of the time has `recent_share`."""
    low, high = -60.0, 60.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _recent(middle, recent) < recent_share else (low, middle)
    return (low + high) / 2


def _recent(growth: float, recent: float) -> float:
    """Return the share of deals signed in the last part `recent` of the time, for a growth."""
    if abs(growth) < 1e-9:  # noqa: PLR2004 (the limit of the formula below is `recent`)
        return recent
    return float(np.expm1(-growth * recent) / np.expm1(-growth))


def churn_dates(closed_on: Array, probability: Array, horizon_months: int, seed: int) -> Array:
    """Draw the day on which each customer leaves; early churn has exactly the given probability.

    The cumulative hazard at the horizon h is H(h) = -log(1 - probability). Before h it has a fixed
    shape; after h the hazard is a quarter of its mean before. A unit exponential random number E
    per deal gives the day: the customer leaves early if and only if E <= H(h).

    Returns
    -------
    ndarray of datetime64[D] of shape (n,)
        Day after the closing day; at most h calendar months after closing for early churn.
    """
    at_horizon = -np.log1p(-probability)
    spent = stream(seed, "churned_on").standard_exponential(len(closed_on)) / at_horizon
    window_end = add_months(closed_on, horizon_months)
    window = (window_end - closed_on).astype(np.int64)
    within = np.ceil(np.interp(spent, _SHAPE_HAZARD, _SHAPE_TIME) * window)
    after = np.ceil((spent - 1) / LATER_HAZARD * horizon_months * DAYS_PER_MONTH)
    tenure = np.where(spent <= 1, np.maximum(within, 1), window + np.clip(after, 1, 40_000))
    return np.asarray(closed_on + tenure.astype("timedelta64[D]"))
