"""Further survival estimates: unknown days of leaving, and bootstrap replicates.

Turnbull's self-consistent estimate, with customers who left on an unknown day:

months of follow-up, left or not (day known) -> share that left at each age
left by an age, day unknown   ^                     |
          '---- spread over the ages up to it <-----'     repeat until the shares converge

Kaplan-Meier estimates are computed for many bootstrap replicates at once.
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
TOLERANCE = 1e-7  # converged if no share changes by more than this
MAX_ENDS = 200  # number of ages (quantiles of `left_by`) at which leavers without a day may leave
CELLS = 4_000_000
"""Number of weights processed at once; this bounds the memory to 32 MB per array."""


@dataclass(frozen=True, eq=False)
class LeavingTimes:
    """When customers leave: ages, and the share of all customers that leaves at each.

    Attributes
    ----------
    months : ndarray of float of shape (k,)
        Months since closing, in ascending order.
    share : ndarray of float of shape (k,)
        Share of all customers that leaves at each age; the sum is at most 1.
    """

    months: Floats
    share: Floats

    def left_by(self, months: Floats) -> Floats:
        """Return the share that has left by each age, in the shape of `months`."""
        summed = np.concatenate([[0.0], np.cumsum(self.share)])
        return np.asarray(summed[np.searchsorted(self.months, months, side="right")])

    def spread(self, left_by: Floats, weight: Floats) -> Floats:
        """Return the weight of undated leavers at each time, of shape (k,), by the shares."""
        return _spread(self.months, self.share, left_by, weight)


def leaving_times(
    months: Floats,
    left: Mask,
    left_by: Floats,
    *,
    weight: Floats | None = None,
    entry: Floats | None = None,
) -> LeavingTimes:
    """Estimate when customers leave if the day is unknown for some leavers.

    Parameters
    ----------
    months : ndarray of float of shape (n,)
        Months of follow-up; not used for leavers whose day is unknown.
    left : ndarray of bool of shape (n,)
        Whether the customer left at the end of the follow-up.
    left_by : ndarray of float of shape (n,)
        For leavers whose day is unknown: age in months by which they had left; NaN for all others.
    weight, entry : ndarray of float of shape (n,), optional
        Weights and entry ages; see `fitmodel.deals.survival.kaplan_meier`.

    Returns
    -------
    LeavingTimes
        Ages and the share of customers that leaves at each.

    Notes
    -----
    Self-consistent estimate for interval-censored times (Turnbull 1976): a customer that left
    between signing and an age is spread over the ages in between by the current estimate, and this
    is repeated until the estimate converges. Assumes that whether the day was recorded is
    independent of when the customer left.
    """
    weight = np.ones(len(months)) if weight is None else weight
    entry = np.zeros(len(months)) if entry is None else entry
    dated = np.isnan(left_by)
    limits, limit_weight = left_by[~dated], weight[~dated]
    exact = months[dated & left & (weight > 0)]
    quantiles = np.unique(np.quantile(limits, np.linspace(0, 1, MAX_ENDS), method="nearest"))
    ages = np.unique(np.concatenate([exact, quantiles]))
    leavers = _sum_at(ages, months[dated & left], weight[dated & left])
    at_risk = _weight_from(ages, months[dated], weight[dated])
    at_risk -= _weight_from(ages, entry[dated], weight[dated], strictly=True)
    share = np.full(len(ages), 1.0 / (2 * len(ages)))
    for _ in range(MAX_ROUNDS):
        spread = _spread(ages, share, limits, limit_weight)
        unknown_at_risk = np.cumsum(spread[::-1])[::-1]
        hazard = np.minimum((leavers + spread) / np.maximum(at_risk + unknown_at_risk, 1e-300), 1.0)
        previous, share = share, -np.diff(np.cumprod(1.0 - hazard), prepend=1.0)
        if np.abs(share - previous).max() < TOLERANCE:
            break
    return LeavingTimes(ages, np.asarray(share))


def survival_with_unknown_days(
    months: Floats,
    left: Mask,
    left_by: Floats,
    entry: Floats,
    *,
    weight: Floats | None = None,
    at: Any = None,
) -> SurvivalCurve:
    """Return the Kaplan-Meier curve, with undated leavers spread over their possible ages.

    For the parameters see `leaving_times`, for `at` see `kaplan_meier`.
    """
    weight = np.ones(len(months)) if weight is None else weight
    if np.isnan(left_by).all():
        return kaplan_meier(months, left, weights=weight, entry_months=entry, at=at)
    times = leaving_times(months, left, left_by, weight=weight, entry=entry)
    months, left, weight, entry = with_unknown_days(times, left_by, months, left, weight, entry)
    return kaplan_meier(months, left, weights=weight, entry_months=entry, at=at)


def with_unknown_days(
    times: LeavingTimes, left_by: Floats, months: Floats, left: Mask, weight: Floats, entry: Floats
) -> tuple[Floats, Mask, Floats, Floats]:
    """Return months, left, weight and entry with undated leavers as weighted rows per age.

    The rows are no longer in the order of the deals: dated deals come first.
    """
    dated = np.isnan(left_by)
    expected = times.spread(left_by[~dated], weight[~dated])
    used = expected > 0
    return (
        np.concatenate([months[dated], times.months[used]]),
        np.concatenate([left[dated], np.ones(int(used.sum()), dtype=bool)]),
        np.concatenate([weight[dated], expected[used]]),
        np.concatenate([entry[dated], np.zeros(int(used.sum()))]),
    )


def _spread(ages: Floats, share: Floats, limits: Floats, weight: Floats) -> Floats:
    """Return the weight of leavers at each time, each spread over the times up to its end."""
    position = np.searchsorted(ages, limits, side="right") - 1
    left_by_limit = np.cumsum(share)[position]
    rate = weight / np.maximum(left_by_limit, 1e-300)
    rates = np.cumsum(np.bincount(position, rate, len(ages))[::-1])[::-1]
    return np.asarray(share * rates)


def _sum_at(ages: Floats, values: Floats, weight: Floats) -> Floats:
    """Return the sum of the weights of the values equal to each time."""
    return np.bincount(np.searchsorted(ages, values), weight, len(ages)).astype(np.float64)


def _weight_from(ages: Floats, values: Floats, weight: Floats, *, strictly: bool = False) -> Floats:
    """Return the sum of the weights of the values at or above (strictly: above) each time."""
    order = np.argsort(values)
    sums = np.concatenate([np.cumsum(weight[order][::-1])[::-1], [0.0]])
    position = np.searchsorted(values[order], ages, side="right" if strictly else "left")
    return np.asarray(sums[position], dtype=np.float64)


def survival_replicates(
    followup_months: Floats,
    left: NDArray[np.bool_],
    weights: NDArray[np.float64],
    *,
    at: float,
    until: float,
    entry_months: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Return survival and restricted mean of the same deals for many sets of weights.

    Parameters
    ----------
    followup_months, left, entry_months : arrays of shape (n,)
        The same as for `fitmodel.deals.survival.kaplan_meier`.
    weights : ndarray of float of shape (replicates, n)
        Weight of each deal in each replicate, not negative.
    at : float
        Months since closing at which survival is evaluated.
    until : float
        Months since closing up to which the restricted mean counts.

    Returns
    -------
    survival, restricted_mean : ndarray of float of shape (replicates,)
        ``kaplan_meier(..., weights=weights[b])`` evaluated with ``at(at)`` and
        ``restricted_mean(until)``; NaN if the value is unknown, or all weights are 0.
    """
    entry = np.zeros(len(left)) if entry_months is None else np.asarray(entry_months)
    survival, mean = np.full((2, len(weights)), np.nan)
    step = max(1, CELLS // max(len(left), 1))
    for start in range(0, len(weights) if len(left) else 0, step):
        rows = slice(start, start + step)
        chunk = np.asarray(weights[rows], dtype=np.float64)
        survival[rows], mean[rows] = _replicates(followup_months, left, chunk, entry, at, until)
    return survival, mean


def _replicates(
    months: Floats, left: NDArray[np.bool_], weights: Floats, entry: Floats, at: float, until: float
) -> tuple[Floats, Floats]:
    """Return survival and restricted mean for one block of replicates."""
    times, position = np.unique(months, return_inverse=True)
    totals = _sums(weights, position, times.size)
    events = _sums(weights, position, times.size, left)
    later = _after(totals)
    at_risk = totals + later
    observed = totals.sum(axis=1)
    if entry.any():
        at_risk = at_risk - _after(_sums(weights, np.searchsorted(times, entry), times.size))
        observed = _sums(weights, position, times.size, entry == 0).sum(axis=1)
    hazard = np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0)
    survival = np.cumprod(1 - np.minimum(hazard, 1), axis=1)
    known_until = _known_until(times, totals, at_risk, later)
    known_until[observed == 0] = -1  # nobody was observed from signing
    return _value_at(times, survival, known_until, at), _mean(times, survival, known_until, until)


def _sums(
    weights: Floats, position: NDArray[np.intp], size: int, chosen: NDArray[np.bool_] | None = None
) -> Floats:
    """Return the sum of the weights at each position per replicate, of all or chosen deals."""
    rows = slice(None) if chosen is None else np.flatnonzero(chosen)
    positions = position[rows]
    sums = np.zeros((len(weights), size))
    for row, replicate in zip(sums, weights, strict=True):
        row[:] = np.bincount(positions, replicate[rows], size)[:size]
    return sums


def _after(per_time: Floats) -> Floats:
    """Return the sum over all later times, for each replicate."""
    after = np.zeros_like(per_time)
    after[:, :-1] = np.cumsum(per_time[:, :0:-1], axis=1)[:, ::-1]
    return after


def _known_until(times: Floats, totals: Floats, at_risk: Floats, later: Floats) -> Floats:
    """Return the age up to which some deal was observed at every age, for each replicate."""
    is_last = at_risk - totals <= 1e-9 * (totals + later)
    ends = (totals > 0) & is_last
    last: Floats = np.where(ends.any(axis=1), times[ends.argmax(axis=1)], times[-1])
    return last


def _value_at(times: Floats, survival: Floats, known_until: Floats, at: float) -> Floats:
    """Return the value of each step function at one time; NaN beyond the longest follow-up."""
    end = np.searchsorted(times, np.minimum(at, known_until), side="right")
    padded = np.concatenate((np.ones((len(survival), 1)), survival), axis=1)
    values = padded[np.arange(len(survival)), end]
    unknown = (known_until < 0) | ((at > known_until) & (values > 0))
    return np.where(unknown, np.nan, values)


def _mean(times: Floats, survival: Floats, known_until: Floats, until: float) -> Floats:
    """Return the area under each step function up to a time."""
    inside = times < until
    widths = np.diff(np.concatenate(([0.0], times[inside], [until])))
    shares = np.concatenate((np.ones((len(survival), 1)), survival[:, inside]), axis=1)
    known = ~np.isnan(_value_at(times, survival, known_until, until))
    return np.where(known, shares @ widths, np.nan)
