"""Simulated deals: log-odds of early churn, and dates of signing and leaving."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.datasets._attributes import N_PAGES, SECTIONS, Array, Raw, is_number, stream
from fitmodel.deals.months import DAYS_PER_MONTH, add_months

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

EFFECT_SIZE = 0.83  # factor on all effects below; the true probability then has an AUC near 0.78
LEVEL_EFFECTS = {
    "segment": (0.35, 0.0, -0.45),
    "lead_source": (-0.25, 0.45, -0.1, 0.15, -0.7),
    "onboarding_package": (0.45, 0.0, -0.55),
    "industry": (-0.25, 0.3, -0.1, -0.3, 0.1, -0.2, 0.6, 0.05, 0.35, -0.6),
    "has_crm_integration": (0.35, -0.3),
    "region": (0.0, -0.1, 0.05, -0.15, 0.05, 0.15),
    "competitor_in_use": (0.0, -0.15, 0.3),
    "contract_term_months": (0.5, 0.0, -0.25, -0.4),
    "plan_code": (0.0, 0.3, -0.25, 0.2, -0.3, 0.35, -0.1, 0.5),
}
SECTION_EFFECTS = dict(zip(SECTIONS, (0.05, -0.15, -0.3, 0.0, 0.2, 0.3, -0.25, 0.4), strict=True))
MONTH_END_RUSH = 0.12  # share of deals that are moved to the end of the month
# Share of the horizon that has passed, and share of its cumulative hazard; few leave at once.
_SHAPE_TIME = (0.0, 0.2, 0.6, 1.0)
_SHAPE_HAZARD = (0.0, 0.08, 0.5, 1.0)
LATER_HAZARD = 0.25  # hazard after the horizon, relative to its mean before


def attribute_log_odds(raw: Raw, names: Collection[str], age: Array, drift: float) -> Array:
    """Return the sum of the effects of a table's attributes; other attributes have no effect.

    Parameters
    ----------
    raw : dict of str to ndarray of shape (n,)
        Attributes, as returned by `draw_attributes`.
    names : collection of str
        Names of the table's attributes.
    age : ndarray of float of shape (n,)
        Closing date on a scale from 0 (first day of the extract) to 1 (its end).
    drift : float
        How much effects change with the closing date.

    Returns
    -------
    ndarray of shape (n,)
        Log-odds, not centred.
    """
    total = np.zeros(len(age))
    for name in names:
        total += _main_effect(name, raw[name]) * _drift_factor(name, age, drift)
    if {"segment", "lead_source"} <= set(names):
        total += 0.6 * ((raw["segment"] == 0) & (raw["lead_source"] == 1))
    if {"seats", "onboarding_package"} <= set(names):
        total += 0.4 * (raw["onboarding_package"] == 0) * np.maximum(np.log(raw["seats"]) - 3, 0)
    return EFFECT_SIZE * total


def _drift_factor(name: str, age: Array, drift: float) -> Array | float:
    """Return the factor on an effect: the lead source's falls with time, the discount's grows."""
    return {"lead_source": 1 - drift * age, "discount": 1 + drift * age}.get(name, 1.0)


def _main_effect(name: str, x: Array) -> Array:
    if name in LEVEL_EFFECTS:
        return np.array(LEVEL_EFFECTS[name])[x]
    if name == "landing_page":
        return _page_effects()[x]
    if name in _CURVES:
        return np.asarray(_CURVES[name](x))
    return _weak_effect(name, x)


_CURVES: dict[str, Callable[[Array], Array]] = {
    # larger customers stay longer, with a decreasing effect of each further seat
    "seats": lambda x: -0.7 * np.tanh((np.log(x) - 2.5) / 1.5),
    # customers with very small contracts leave more often
    "annual_value": lambda x: 0.3 * np.maximum(8.0 - np.log(x), 0),
    # a discount raises the risk from 20% on
    "discount": lambda x: 3.0 * np.maximum(x - 0.2, 0),
    # very short and very long sales cycles are riskier
    "first_contact_on": lambda x: 0.45 * np.minimum((np.log(x) - 4.0) ** 2, 4.0) - 0.3,
    # a longer trial lowers the risk; a missing value raises it a little
    "trial_days": lambda x: np.where(np.isnan(x), 0.25, 0.5 * np.tanh((12 - np.nan_to_num(x)) / 8)),
    "employees": lambda x: np.where(
        np.isnan(x), 0.1, 0.08 * (4.5 - np.log(np.nan_to_num(x, nan=90.0)))
    ),
}


@cache
def _page_effects() -> Array:
    """Return the effect of each landing page: that of its section plus noise (sd 0.15)."""
    section = [SECTION_EFFECTS[SECTIONS[page % len(SECTIONS)]] for page in range(N_PAGES)]
    return np.array(section) + 0.15 * stream(0, "pages").standard_normal(N_PAGES)


def _weak_effect(name: str, x: Array) -> Array:
    """Return the effect of a further attribute: weak for one in three, otherwise 0."""
    if int(name.rpartition("_")[2]) % 3:
        return np.zeros(len(x))
    return 0.1 * x if is_number(name) else 0.1 * (x - 2.0)


def probability(log_odds: Array) -> Array:
    """Return the probabilities of log-odds."""
    return 1.0 / (1.0 + np.exp(-log_odds))


def centre_at(log_odds: Array, mean: float) -> float:
    """Return the shift of the log-odds that makes their mean probability `mean` (Newton)."""
    shift = float(np.log(mean / (1 - mean)) - log_odds.mean())
    for _ in range(50):
        p = probability(log_odds + shift)
        shift -= (p.mean() - mean) / (p * (1 - p)).mean()
    return shift


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
    at_month_end = stream(seed, "month end").random(n) < MONTH_END_RUSH
    month_end = (days.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
    return np.sort(np.where(at_month_end, np.minimum(month_end, last), days))


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
    exposure = stream(seed, "churned_on").standard_exponential(len(closed_on)) / at_horizon
    window_end = add_months(closed_on, horizon_months)
    window = (window_end - closed_on).astype(np.int64)
    days_in_window = np.ceil(np.interp(exposure, _SHAPE_HAZARD, _SHAPE_TIME) * window)
    days_after = np.ceil((exposure - 1) / LATER_HAZARD * horizon_months * DAYS_PER_MONTH)
    tenure = np.where(
        exposure <= 1, np.maximum(days_in_window, 1), window + np.clip(days_after, 1, 40_000)
    )
    return np.asarray(closed_on + tenure.astype("timedelta64[D]"))
