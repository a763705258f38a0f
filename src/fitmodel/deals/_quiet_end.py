"""Test whether leavers are missing from the end of a table: nobody left before the extract ends."""

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

MAX_P_VALUE = 1e-4  # largest probability of no leaver by chance that is reported
MIN_LEAVERS = 10  # with fewer leavers the hazard is too uncertain
MIN_QUIET_DAYS, TIMES_THE_LONGEST = 45, 2  # where contracts end with a month, a month is quiet
RECENT_DAYS = 730  # of which the longest time without a leaver is taken


@dataclass(frozen=True)
class QuietEnd:
    """Evidence that leavers of the last months before the end of the extract are not in the table.

    Attributes
    ----------
    last_leaver, extract_end : datetime64[D]
        The last day on which a customer left, and the end of the extract.
    expected : float
        Number of leavers expected between them, from the hazard observed before.
    chance : float
        p-value: probability that nobody left, given the expected number.
    unknown : int
        Number of customers whose label rests on this time: without it, it is not known whether they
        left early.
    """

    last_leaver: np.datetime64
    extract_end: np.datetime64
    expected: float
    chance: float
    unknown: int


def find_quiet_end(deals: pd.DataFrame, spec: DealSpec) -> QuietEnd | None:
    """Test whether leavers are missing between the last one and the end of the extract.

    Parameters
    ----------
    deals : DataFrame
        Past deals, as returned by ``read_deals``.
    spec : DealSpec
        The contract of these deals.

    Returns
    -------
    QuietEnd or None
        None if the contract has no dates, and if few leavers were expected.

    Notes
    -----
    The mirror of `find_missing_leavers`. The time without a leaver must also be longer than any
    in the two years before, since some companies end contracts with the quarter.
    """
    if not spec.has_dates:
        return None
    view = view_of(deals, spec)
    left, closed = view.left, view.closed
    if closed is None or left.sum() < MIN_LEAVERS:
        return None
    days = np.unique(view.left_on[left])
    last, end = days[-1], view.extract_end
    quiet = int((end - last).astype("timedelta64[D]").astype(int))
    if quiet <= max(MIN_QUIET_DAYS, TIMES_THE_LONGEST * _longest_gap(days, last)):
        return None
    expected = _expected_after(last, closed, view.watched_until, view.left_on, left)
    p_value = float(np.exp(-expected))
    if p_value > MAX_P_VALUE:
        return None
    seen_until = np.minimum(view.watched_until, last)
    horizon = float(spec.label.horizon_months)
    unknown = ~left & view.mature & (months_between(closed, seen_until) < horizon)
    return QuietEnd(last, end, expected, p_value, int(unknown.sum()))


def _longest_gap(days: Days, last: np.datetime64) -> int:
    """Return the longest time in days between two leavers in the time before the last one."""
    recent = days[days >= last - np.timedelta64(RECENT_DAYS, "D")]
    gaps = np.diff(recent).astype("timedelta64[D]").astype(int)
    return int(gaps.max()) if len(gaps) else 0


def _expected_after(
    last: np.datetime64, closed: Days, watched: Days, left_on: Days, left: NDArray[np.bool_]
) -> float:
    """Return the leavers expected after a day, from the hazard at each month of age before it."""
    ends = np.where(left, left_on, watched)
    moments = np.full(len(ends), last)
    months = np.maximum(months_between(closed, ends), 0.0)
    before = np.maximum(months_between(closed, np.minimum(ends, moments)), 0.0)
    ages = np.arange(int(np.ceil(months.max())) + 1, dtype=float)
    exposure = np.array([np.clip(before - age, 0, 1).sum() for age in ages])
    exposure_after = np.array([np.clip(months - age, 0, 1).sum() for age in ages]) - exposure
    leavers = np.bincount(np.floor(months[left]).astype(int), minlength=len(ages))[: len(ages)]
    hazard = np.divide(leavers, exposure, out=np.zeros(len(ages)), where=exposure > 0)
    return float((np.minimum(hazard, 1.0) * exposure_after).sum())
