"""Leavers that are missing before the end of an extract: all of them, or those recorded late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.history import view_of
from fitmodel.deals.months import months_between

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals._history_view import HistoryView
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.months import Days

    Floats = NDArray[np.float64]

MAX_MISSING_P_VALUE = 1e-4  # largest p-value (probability of no leaver by chance) that is reported
MIN_LEAVERS = 10  # with fewer leavers the hazard is too uncertain
MIN_QUIET_DAYS, TIMES_THE_LONGEST = 45, 2  # where contracts end with a month, a month is quiet
RECENT_DAYS = 730  # of which the longest time without a leaver is taken
PERIOD_DAYS = (30, 61, 91)  # before the end of the extract; in each of them contracts end
MAX_RATIO, MIN_COMPLETE = 0.6, 0.8  # of the expected leavers: too few; as many as expected
MIN_EXPECTED, MIN_TO_COMPARE, MIN_PERIODS = 8.0, 2.0, 6
MAX_ALIKE_P_VALUE = 0.005  # of an earlier period having so many more leavers by chance
MAX_COMPLETE_P_VALUE = 0.15  # of a month having so few leavers by chance
MAX_MONTHS = 6  # most months before the end that are found incomplete


@dataclass(frozen=True)
class Period:
    """Leavers of some days: how many are recorded, and how many were expected."""

    observed: int
    expected: float

    @property
    def ratio(self) -> float:
        """Recorded leavers divided by expected leavers; infinite if none were expected."""
        return self.observed / self.expected if self.expected > 0 else float("inf")


class Leavers:
    """Leavers of a view by calendar time and age; the deals must have dates."""

    def __init__(self, view: HistoryView, rows: NDArray[np.bool_] | None = None) -> None:
        chosen = slice(None) if rows is None else rows
        self.view, self.left = view, view.left[chosen]
        self.closed = np.asarray(view.closed)[chosen]
        self.last_days = np.where(view.left, view.left_on, view.watched_until)[chosen]
        self.months = np.maximum(months_between(self.closed, self.last_days), 0.0)
        self.ages = np.arange(int(np.ceil(self.months.max())) + 1, dtype=float)

    @classmethod
    def of(cls, deals: pd.DataFrame, spec: DealSpec) -> Leavers | None:
        """Return the leavers of a table; None if it has no dates, or too few leavers for a test."""
        if not spec.has_dates:
            return None
        view = view_of(deals, spec)
        if view.closed is None or view.left.sum() < MIN_LEAVERS:
            return None
        return cls(view)

    def among(self, rows: NDArray[np.bool_]) -> Leavers:
        """Return the leavers among some deals."""
        return Leavers(self.view, rows)

    def by_cohort(
        self, cohorts: NDArray[np.int_]
    ) -> tuple[NDArray[np.int_], Floats, NDArray[np.int_]]:
        """Return by cohort and month of age: the leavers, the months spent, and the last months."""
        shape = int(cohorts.max()) + 1, len(self.ages)
        counts, last = np.zeros(shape, dtype=int), np.zeros(shape, dtype=int)
        ages = np.floor(self.months).astype(int)
        np.add.at(counts, (cohorts[self.left], ages[self.left]), 1)
        np.add.at(last, (cohorts, ages), 1)
        exposure = [
            np.bincount(cohorts, np.clip(self.months - age, 0, 1), minlength=shape[0])
            for age in self.ages
        ]
        return counts, np.stack(exposure, axis=1), last

    def expected_around(self, day: np.datetime64) -> tuple[float, float]:
        """Return the leavers expected before a day and after it, if all left on the other side.

        Each number is the hazard at each month of age on one side, times the exposure on the other.
        """
        before = self._months_by_age(self._months_until(day))
        after = self._months_by_age(self.months) - before
        leavers = self._counts(self.left)
        return (
            float(np.minimum(_rates(leavers, after), 1.0) @ before),
            float(np.minimum(_rates(leavers, before), 1.0) @ after),
        )

    def expected_after(self, day: np.datetime64) -> float:
        """Return how many of those who were there on a day should have left since.

        The hazard at each month of age is that before the day. Unlike `expected_around`, nobody can
        leave twice, which counts if the time is long.
        """
        until = self._months_until(day)
        hazard = _rates(self._counts(self.left), self._months_by_age(until))
        total, ages = np.append(0.0, np.cumsum(hazard)), np.append(self.ages, len(self.ages))
        more = np.interp(self.months, ages, total) - np.interp(until, ages, total)
        return float((1 - np.exp(-more)).sum())

    def hazard(self, start: np.datetime64, end: np.datetime64) -> Floats:
        """Return the hazard at each month of age, from the leavers between two days."""
        return _rates(self._counts(self._left_between(start, end)), self._exposure(start, end))

    def between(self, start: np.datetime64, end: np.datetime64, hazard: Floats) -> Period:
        """Return the leavers recorded between two days, and those expected from a hazard."""
        observed = int(self._left_between(start, end).sum())
        return Period(observed, float(np.minimum(hazard, 1.0) @ self._exposure(start, end)))

    def _left_between(self, start: np.datetime64, end: np.datetime64) -> NDArray[np.bool_]:
        return self.left & (self.last_days > start) & (self.last_days <= end)

    def _counts(self, chosen: NDArray[np.bool_]) -> NDArray[np.int_]:
        """Return how many of the chosen customers left at each month of age."""
        return np.bincount(np.floor(self.months[chosen]).astype(int), minlength=len(self.ages))

    def _exposure(self, start: np.datetime64, end: np.datetime64) -> Floats:
        """Return the months that all customers spent at each month of age between two days."""
        until_start, until_end = (
            self._months_by_age(self._months_until(day)) for day in (start, end)
        )
        return until_end - until_start

    def _months_until(self, day: np.datetime64) -> Floats:
        """Return the months of each customer until a day, or until the last one if it is before."""
        last = np.minimum(np.full_like(self.last_days, day), self.last_days)
        return np.maximum(months_between(self.closed, last), 0.0)

    def _months_by_age(self, months: Floats) -> Floats:
        """Return the months that all customers spent at each month of age."""
        return np.array([np.clip(months - age, 0, 1).sum() for age in self.ages])


def _rates(leavers: NDArray[np.int_], exposure: Floats) -> Floats:
    """Return leavers by month of exposure; 0 where nobody was exposed."""
    return np.divide(leavers, exposure, out=np.zeros(len(exposure)), where=exposure > 0)


@dataclass(frozen=True)
class QuietEnd:
    """Evidence that leavers of the last months before the end of the extract are not in the table.

    `last_leaver`, `extract_end`, datetime64[D]: the last day on which a customer left, and the end
        of the extract.
    `expected`: number of leavers expected between them, from the hazard observed before.
    `chance`: p-value: probability that nobody left, given the expected number.
    `unknown`: number of customers whose label rests on this time: without it, it is not known
        whether they left early.
    """

    last_leaver: np.datetime64
    extract_end: np.datetime64
    expected: float
    chance: float
    unknown: int


def find_quiet_end(deals: pd.DataFrame, spec: DealSpec) -> QuietEnd | None:
    """Test whether leavers are missing between the last one and the end of the extract.

    Returns
    -------
    QuietEnd or None
        None if the contract has no dates, and if few leavers were expected.

    Notes
    -----
    As `find_missing_leavers`, for the other end of the table. The time without a leaver must also
    be twice the longest in the two years before: some companies end contracts with the quarter.
    """
    leavers = Leavers.of(deals, spec)
    if leavers is None:
        return None
    view = leavers.view
    days = np.unique(view.left_on[view.left])
    last, end = days[-1], view.extract_end
    if not quiet_time(days, end):
        return None
    _, expected = leavers.expected_around(last)
    p_value = float(np.exp(-expected))
    if p_value > MAX_MISSING_P_VALUE:
        return None
    seen_until = np.minimum(view.watched_until, last)
    horizon = float(spec.label.horizon_months)
    unknown = ~view.left & view.mature & (months_between(leavers.closed, seen_until) < horizon)
    return QuietEnd(last, end, expected, p_value, int(unknown.sum()))


def quiet_time(days: Days, end: np.datetime64) -> bool:
    """Return whether the time after the last of some days of leaving is unusually long."""
    last = days[-1]
    quiet = int((end - last).astype("timedelta64[D]").astype(int))
    return quiet > max(MIN_QUIET_DAYS, TIMES_THE_LONGEST * _longest_gap(days, last))


def _longest_gap(days: Days, last: np.datetime64) -> int:
    """Return the longest time in days between two leavers in the time before the last one."""
    recent = days[days >= last - np.timedelta64(RECENT_DAYS, "D")]
    gaps = np.diff(recent).astype("timedelta64[D]").astype(int)
    return int(gaps.max()) if len(gaps) else 0


@dataclass(frozen=True)
class SparseEnd:
    """Evidence that some leavers of the last weeks are not in the table yet.

    `days`: number of days before the end of the extract in which too few left.
    `observed`: number of customers recorded to have left in these days.
    `expected`: number expected, from the hazard at equal age in the two years before.
    `chance`: p-value: probability of so few or fewer, given the expected number.
    `complete_until`, datetime64[D]: the day until which leavers are probably complete: a month
        before the last months in a row, of 30 days each, that have less than `MIN_COMPLETE` of the
        expected leavers.
    `extract_end`, datetime64[D]: the end of the extract.
    """

    days: int
    observed: int
    expected: float
    chance: float
    complete_until: np.datetime64
    extract_end: np.datetime64


def find_sparse_end(deals: pd.DataFrame, spec: DealSpec) -> SparseEnd | None:
    """Test whether far fewer leavers than usual are recorded just before the extract ends.

    Returns
    -------
    SparseEnd or None
        None if the contract has no dates, the history is short, and if the end is not unusual.

    Notes
    -----
    If a date of leaving is entered some weeks after the customer left, the newest leavers are
    missing. So they are if customers really leave less often now; the table alone cannot tell. The
    last 30, 61 and 91 days are compared with the two years before them, at equal ages. They must
    have less than `MAX_RATIO` of the expected leavers, beyond chance, and beyond chance less than
    the lowest of the earlier periods of the same length: seasons and contracts that end with the
    quarter are then not reported, and a slow decline is not either.
    """
    leavers = Leavers.of(deals, spec)
    if leavers is None:
        return None
    end = leavers.view.extract_end
    for days in PERIOD_DAYS:
        start = end - np.timedelta64(days, "D")
        ages = leavers.hazard(start - np.timedelta64(RECENT_DAYS, "D"), start)
        recent = leavers.between(start, end, ages)
        if recent.expected < MIN_EXPECTED:
            continue
        chance = _at_most(recent)
        if chance > MAX_MISSING_P_VALUE or recent.ratio > MAX_RATIO:
            continue
        moments = [end - np.timedelta64(days * k, "D") for k in range(1 + RECENT_DAYS // days)]
        earlier = [leavers.between(*pair, ages) for pair in zip(moments[1:], moments, strict=False)]
        compared = [each for each in earlier[1:] if each.expected >= MIN_TO_COMPARE]
        if len(compared) < MIN_PERIODS or any(_may_be_alike(recent, each) for each in compared):
            continue
        complete_until = _complete_until(leavers, ages, end)
        return SparseEnd(days, recent.observed, recent.expected, chance, complete_until, end)
    return None


def _at_most(period: Period) -> float:
    """Return the probability of so few leavers, given the expected number (Poisson)."""
    from scipy.stats import poisson

    return float(poisson.cdf(period.observed, period.expected))


def _may_be_alike(recent: Period, earlier: Period) -> bool:
    """Return whether two periods may have the same ratio (Przyborowski and Wilenski 1940)."""
    from scipy.stats import binomtest

    total = recent.observed + earlier.observed
    if total == 0:
        return True
    share = recent.expected / (recent.expected + earlier.expected)
    p_value = binomtest(recent.observed, total, share, alternative="less").pvalue
    return bool(p_value > MAX_ALIKE_P_VALUE)


def _complete_until(leavers: Leavers, ages: Floats, end: np.datetime64) -> np.datetime64:
    """Return the day one month before the last months in a row with too few leavers.

    That month is left out too: some dates are entered later than most.
    """
    month = np.timedelta64(PERIOD_DAYS[0], "D")
    day = end
    for _ in range(MAX_MONTHS):
        period = leavers.between(day - month, day, ages)
        if period.ratio >= MIN_COMPLETE or _at_most(period) > MAX_COMPLETE_P_VALUE:
            break
        day -= month
    return day - month
