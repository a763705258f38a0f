"""Kaplan-Meier estimates for many bootstrap replicates at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CELLS = 4_000_000
"""Number of weights processed at once; this bounds the memory to 32 MB per array."""


def survival_replicates(
    followup_months: Floats,
    left: NDArray[np.bool_],
    weights: NDArray[np.float64],
    *,
    at: float,
    until: float,
    entry_months: Floats | None = None,
) -> tuple[Floats, Floats]:
    """
    Return survival and restricted mean of the same deals for many sets of weights.

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
        block = np.asarray(weights[rows], dtype=np.float64)
        survival[rows], mean[rows] = _replicates(followup_months, left, block, entry, at, until)
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
    watched = totals.sum(axis=1)
    if entry.any():
        at_risk = at_risk - _after(_sums(weights, np.searchsorted(times, entry), times.size))
        watched = _sums(weights, position, times.size, entry == 0).sum(axis=1)
    hazard = np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0)
    survival = np.cumprod(1 - np.minimum(hazard, 1), axis=1)
    known_until = _known_until(times, totals, at_risk, later)
    known_until[watched == 0] = -1  # nobody was observed from signing
    return _value_at(times, survival, known_until, at), _mean(times, survival, known_until, until)


def _sums(
    weights: Floats, position: NDArray[np.intp], size: int, chosen: NDArray[np.bool_] | None = None
) -> Floats:
    """Return the sum of the weights at each position per replicate, of all or chosen deals."""
    kept = slice(None) if chosen is None else np.flatnonzero(chosen)
    positions = position[kept]
    sums = np.zeros((len(weights), size))
    for row, own in zip(sums, weights, strict=True):
        row[:] = np.bincount(positions, own[kept], size)[:size]
    return sums


def _after(per_time: Floats) -> Floats:
    """Return the sum over all later times, for each replicate."""
    after = np.zeros_like(per_time)
    after[:, :-1] = np.cumsum(per_time[:, :0:-1], axis=1)[:, ::-1]
    return after


def _known_until(times: Floats, totals: Floats, at_risk: Floats, later: Floats) -> Floats:
    """Return the age up to which some deal was observed at every age, for each replicate."""
    nobody_left = at_risk - totals <= 1e-9 * (totals + later)
    stops = (totals > 0) & nobody_left
    last: Floats = np.where(stops.any(axis=1), times[stops.argmax(axis=1)], times[-1])
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
    heights = np.concatenate((np.ones((len(survival), 1)), survival[:, inside]), axis=1)
    known = ~np.isnan(_value_at(times, survival, known_until, until))
    return np.where(known, heights @ widths, np.nan)
