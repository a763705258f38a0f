"""Test whether leavers before some day are missing (purged, or in an older system).

first day anybody left -> leavers to be expected before it -> a test -> the rate with and without
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.history import view_of
from fitmodel.deals.months import months_between

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.months import Days

    Floats = NDArray[np.float64]

MAX_CHANCE = 1e-4  # of no leaver by chance; above it nothing is said
MIN_LEAVERS = 10  # below, how customers leave is hardly known
_UNCERTAIN_START = 3.0  # leavers to be expected from the start of the month on: 5 % chance of none


@dataclass(frozen=True)
class MissingLeavers:
    """Leavers that a table does not have.

    Attributes
    ----------
    observed_from : datetime64[D]
        Day from which leavers were recorded: the first of the month of the first leaver, or that
        leaver's day where so many were to be expected in between that none cannot be chance.
    signed_before : int
        Deals signed before that day.
    expected : float
        Leavers to be expected before it, by how customers leave since.
    chance : float
        Probability that none left all the same.
    rate, rate_without : float
        Early churn by Kaplan and Meier, counting deals from that day on, and as the table is.
    """

    observed_from: np.datetime64
    signed_before: int
    expected: float
    chance: float
    rate: float
    rate_without: float


def find_missing_leavers(deals: pd.DataFrame, spec: DealSpec) -> MissingLeavers | None:
    """Test whether leavers before the first that is recorded are missing.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec

    Returns
    -------
    MissingLeavers or None
        None where the contract has no dates or says ``observed_from`` already, and where that
        nobody left before is no wonder.

    Notes
    -----
    The time to the first leaver, counted in leavers to be expected, is exponentially distributed
    with mean 1 whatever the hazard (the first event of a time-rescaled Poisson process), so the
    chance of a longer wait is exactly ``exp(-expected)``: the day is not chosen twice. The hazard
    at each age is that since the first leaver. Where early churn really was a tenth of what it is
    now, the same is found.
    """
    if not spec.has_dates or spec.deals.observed_from is not None:
        return None
    view = view_of(deals, spec)
    left, closed = view.left, view.closed
    if closed is None or left.sum() < MIN_LEAVERS:
        return None
    ends = np.where(left, view.left_on, view.watched_until)
    first = view.left_on[left].min()
    expected = _expected_before(first, closed, ends, left)
    chance = float(np.exp(-expected))
    if chance > MAX_CHANCE:
        return None
    start = first.astype("datetime64[M]").astype("datetime64[D]")
    if expected - _expected_before(start, closed, ends, left) > _UNCERTAIN_START:
        start = first
    months = months_between(closed, ends)
    entry = np.maximum(months_between(closed, np.full(len(ends), start)), 0.0)
    horizon = float(spec.label.horizon_months)
    return MissingLeavers(
        start,
        int((closed < start).sum()),
        expected,
        chance,
        rate=1 - _survival(months, left, entry, horizon),
        rate_without=1 - _survival(months, left, np.zeros(len(months)), horizon),
    )


def _expected_before(
    day: np.datetime64, closed: Days, ends: Days, left: NDArray[np.bool_]
) -> float:
    """Leavers to be expected before a day by the hazard at each age in months since."""
    moments = np.full(len(ends), day)
    months = months_between(closed, ends)
    before = np.maximum(months_between(closed, np.minimum(moments, ends)), 0.0)
    ages = np.arange(int(np.ceil(months.max())) + 1, dtype=float)
    exposure_before = np.array([np.clip(before - age, 0, 1).sum() for age in ages])
    exposure = np.array([np.clip(months - age, 0, 1).sum() for age in ages]) - exposure_before
    counted = left & (ends >= day)
    leavers = np.bincount(np.floor(months[counted]).astype(int), minlength=len(ages))[: len(ages)]
    hazard = np.divide(leavers, exposure, out=np.zeros(len(ages)), where=exposure > 0)
    return float((hazard * exposure_before).sum())


def _survival(months: Floats, left: NDArray[np.bool_], entry: Floats, horizon: float) -> float:
    """Kaplan-Meier share that stays, each deal at risk from its entry on."""
    watched = months > entry
    months, left, entry = months[watched], left[watched], entry[watched]
    times = np.unique(months[left & (months <= horizon)])
    starts, stops = np.sort(entry), np.sort(months)
    at_risk = np.searchsorted(starts, times, "left") - np.searchsorted(stops, times, "left")
    gone = np.array([(left & (months == time)).sum() for time in times])
    return float(np.prod(1 - gone / at_risk)) if len(times) else 1.0
