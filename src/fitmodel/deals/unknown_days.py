"""Customers who left on an unknown day: when they left, as the other deals tell.

months followed, left or not (day known) -> share that left by each age
left by an age, day unknown   ^                 |
          '---- spread over the ages up to it <-'     until the shares stand still
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.survival import kaplan_meier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.survival import SurvivalCurve

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

MAX_ROUNDS = 500
TOLERANCE = 1e-7  # largest change of a share at which they stand still
MAX_ENDS = 200  # ages by which somebody had left that get a share of their own


@dataclass(frozen=True, eq=False)
class LeavingTimes:
    """When customers leave: ages and the share of all that leaves at each.

    Attributes
    ----------
    months : ndarray of shape (k,)
        Months since closing, rising.
    share : ndarray of shape (k,)
        Share of all customers that leaves then; their sum is at most 1.
    """

    months: Floats
    share: Floats

    def left_by(self, months: Floats) -> Floats:
        """Share that has left by each age, shape as `months`."""
        summed = np.concatenate([[0.0], np.cumsum(self.share)])
        return np.asarray(summed[np.searchsorted(self.months, months, side="right")])

    def spread(self, left_by: Floats, weight: Floats) -> Floats:
        """How many of the customers who left by an age left at each time, shape (k,)."""
        return _spread(self.months, self.share, left_by, weight)


def leaving_times(
    months: Floats,
    left: Mask,
    left_by: Floats,
    *,
    weight: Floats | None = None,
    entry: Floats | None = None,
) -> LeavingTimes:
    """Estimate when customers leave where the day is unknown for some who left.

    Parameters
    ----------
    months, left : ndarray of shape (n,)
        Months followed and whether the customer left then, of deals whose day is known.
    left_by : ndarray of shape (n,)
        Age by which a customer had left whose day is unknown; NaN for all others.
    weight, entry : ndarray of shape (n,), optional
        As of `fitmodel.deals.survival.kaplan_meier`.

    Notes
    -----
    Self-consistent estimate for interval-censored times (Turnbull 1976): who left between signing
    and an age is spread over the ages before it as the estimate itself says, until it stands still.
    Assumes that whether the day was recorded says nothing about when the customer left.
    """
    weight = np.ones(len(months)) if weight is None else weight
    entry = np.zeros(len(months)) if entry is None else entry
    dated = np.isnan(left_by)
    ends, ends_weight = left_by[~dated], weight[~dated]
    exact = months[dated & left & (weight > 0)]
    quantiles = np.unique(np.quantile(ends, np.linspace(0, 1, MAX_ENDS), method="nearest"))
    at = np.unique(np.concatenate([exact, quantiles]))
    leavers = _sum_at(at, months[dated & left], weight[dated & left])
    watched = _at_least(at, months[dated], weight[dated])
    watched -= _at_least(at, entry[dated], weight[dated], strictly=True)
    share = np.full(len(at), 1.0 / (2 * len(at)))
    for _ in range(MAX_ROUNDS):
        spread = _spread(at, share, ends, ends_weight)
        still_there = np.cumsum(spread[::-1])[::-1]
        hazard = np.minimum((leavers + spread) / np.maximum(watched + still_there, 1e-300), 1.0)
        before, share = share, -np.diff(np.cumprod(1.0 - hazard), prepend=1.0)
        if np.abs(share - before).max() < TOLERANCE:
            break
    return LeavingTimes(at, np.asarray(share))


def survival_with_unknown_days(
    months: Floats, left: Mask, left_by: Floats, entry: Floats, *, at: Any = None
) -> SurvivalCurve:
    """Kaplan-Meier curve in which who left on an unknown day is spread over the days it may be.

    Parameters as of `leaving_times`; `at` as of `fitmodel.deals.survival.kaplan_meier`.
    """
    dated = np.isnan(left_by)
    if dated.all():
        return kaplan_meier(months, left, entry_months=entry, at=at)
    times = leaving_times(months, left, left_by, entry=entry)
    weight = np.ones(len(months))
    months, left, weight, entry = with_unknown_days(times, left_by, months, left, weight, entry)
    return kaplan_meier(months, left, weights=weight, entry_months=entry, at=at)


def with_unknown_days(
    times: LeavingTimes, left_by: Floats, months: Floats, left: Mask, weight: Floats, entry: Floats
) -> tuple[Floats, Mask, Floats, Floats]:
    """Months, left, weight and entry with leavers of unknown day spread over the times it may be.

    Rows of one time are one, so that the result is no longer in the order of the deals.
    """
    dated = np.isnan(left_by)
    number = times.spread(left_by[~dated], weight[~dated])
    some = number > 0
    return (
        np.concatenate([months[dated], times.months[some]]),
        np.concatenate([left[dated], np.ones(int(some.sum()), dtype=bool)]),
        np.concatenate([weight[dated], number[some]]),
        np.concatenate([entry[dated], np.zeros(int(some.sum()))]),
    )


def _spread(at: Floats, share: Floats, ends: Floats, weight: Floats) -> Floats:
    """Number of leavers at each time: each spread over the times up to its end, by the shares."""
    position = np.searchsorted(at, ends, side="right") - 1
    by_end = np.cumsum(share)[position]
    each = weight / np.maximum(by_end, 1e-300)
    later = np.cumsum(np.bincount(position, each, len(at))[::-1])[::-1]
    return np.asarray(share * later)


def _sum_at(at: Floats, values: Floats, weight: Floats) -> Floats:
    return np.bincount(np.searchsorted(at, values), weight, len(at)).astype(np.float64)


def _at_least(at: Floats, values: Floats, weight: Floats, *, strictly: bool = False) -> Floats:
    """Sum of the weights of the values at or above (strictly: above) each time."""
    order = np.argsort(values)
    later = np.concatenate([np.cumsum(weight[order][::-1])[::-1], [0.0]])
    position = np.searchsorted(values[order], at, side="right" if strictly else "left")
    return np.asarray(later[position], dtype=np.float64)
