"""Columns of simulated deals that are known only after closing, to test the leakage audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.datasets._attributes import Array, stream
from fitmodel.deals.months import DAYS_PER_MONTH

if TYPE_CHECKING:
    from typing import Any

LEAKS = ("csat_90d", "cancellation_reason", "support_tickets_90d", "last_login_on", "total_paid")
REASONS = ("did not need it", "missing feature", "price", "support", "went to a competitor")
SURVEY_DAY = 90


def leak_columns(
    closed_on: Array, left_on: Array, last: np.datetime64, annual_value: Array, seed: int
) -> dict[str, Any]:
    """Make the columns of `LEAKS`, as they stand on the day the extract ends.

    Parameters
    ----------
    closed_on, left_on : ndarray of datetime64[D], shape (n,)
        Closing day and the day the customer leaves, whether or not that was seen.
    last : datetime64[D]
        Day the extract ends.
    annual_value : ndarray of shape (n,)
    seed : int

    Returns
    -------
    dict of str to column
        `csat_90d` is filled mostly by those who stay, `cancellation_reason` only for those who
        left, `support_tickets_90d` counts the first 90 days, `last_login_on` is a day after
        closing, `total_paid` is the tenure in disguise.
    """
    tenure = (left_on - closed_on).astype(np.int64)
    watched = np.minimum(tenure, (last - closed_on).astype(np.int64))
    return {
        "csat_90d": _satisfaction(tenure, watched, stream(seed, "csat_90d")),
        "cancellation_reason": _reason(left_on <= last, stream(seed, "cancellation_reason")),
        "support_tickets_90d": _tickets(tenure, watched, stream(seed, "support_tickets_90d")),
        "last_login_on": _last_login(closed_on, watched, stream(seed, "last_login_on")),
        "total_paid": np.round(annual_value / 12 * watched / DAYS_PER_MONTH, 2),
    }


def _satisfaction(tenure: Array, watched: Array, random: np.random.Generator) -> Array:
    """Answer of 1 to 10 on day 90, by most of those who will stay and few of those who will not."""
    soon = tenure < 2 * SURVEY_DAY
    answered = (watched >= SURVEY_DAY) & (random.random(len(tenure)) < np.where(soon, 0.25, 0.85))
    mark = np.clip(
        np.rint(np.where(soon, 5.0, 7.8) + 1.6 * random.standard_normal(len(tenure))), 1, 10
    )
    return np.where(answered, mark, np.nan)


def _reason(left: Array, random: np.random.Generator) -> Any:
    drawn = random.integers(0, len(REASONS), len(left))
    return pd.array(list(REASONS), dtype="str").take(np.where(left, drawn, -1), allow_fill=True)


def _tickets(tenure: Array, watched: Array, random: np.random.Generator) -> Array:
    rate = np.where(tenure < 2 * SURVEY_DAY, 4.0, 1.2)
    return random.poisson(rate * np.minimum(watched, SURVEY_DAY) / SURVEY_DAY)


def _last_login(closed_on: Array, watched: Array, random: np.random.Generator) -> Array:
    idle = np.minimum(random.poisson(3.0, len(watched)), watched)
    return np.asarray(
        (closed_on + (watched - idle).astype("timedelta64[D]")).astype("datetime64[us]")
    )
