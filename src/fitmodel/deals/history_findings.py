"""What a history of deals shows before anything is learned from it.

A level that has shifted, leavers missing at the start of a table, and values that only the newest
deals have are found here; `_horizons`, `_last_leavers` and `_cohort_leavers` find the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals._censoring import cumulative_incidence
from fitmodel.deals._cohort_leavers import find_quiet_group, find_young_without_leavers
from fitmodel.deals._deleted_leavers import DeletedLeavers, find_deleted
from fitmodel.deals._horizons import (
    MIN_DEALS,
    candidate_columns,
    compare_horizons,
    contract_warnings,
    find_bound_deals,
    horizons_text,
    note_on_exits,
    questions_about_horizon,
    terms_of,
)
from fitmodel.deals._last_leavers import (
    MAX_MISSING_P_VALUE,
    Leavers,
    find_quiet_end,
    find_sparse_end,
)
from fitmodel.deals.months import add_months, months_between
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals._history_view import HistoryView
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.survival import SurvivalCurve

    Floats = NDArray[np.float64]

__all__ = [
    "MIN_DEALS",
    "candidate_columns",
    "compare_horizons",
    "contract_warnings",
    "cumulative_incidence",
    "find_bound_deals",
    "find_level_shift",
    "find_missing_leavers",
    "find_new_values",
    "find_quiet_end",
    "find_quiet_group",
    "find_sparse_end",
    "find_young_without_leavers",
    "horizons_text",
    "note_on_exits",
    "questions_about_horizon",
    "terms_of",
]
NEWEST_DAYS, MIN_SHARE_NEW = 60, 0.3  # days before the end; share of new values in these deals
MIN_WITH_NEW_VALUE, MIN_MATURE = 10, 50  # deals with each new value; deals with known outcomes
# Expected leavers from the start of the month on; the chance of none is then 5%.
MAX_EXPECTED_IN_MONTH = 3.0
WINDOW_MONTHS = 12
MIN_EARLY_LEAVERS = 20  # minimum of early leavers before the window, and of expected leavers in it
MAX_P_VALUE = 1e-3  # largest p-value of a shift that is reported
MIN_RATIO = 1.2  # observed over expected, or its inverse: a smaller shift changes few decisions


@dataclass(frozen=True)
class MissingLeavers:
    """Evidence that leavers before some day are missing from a table.

    Attributes
    ----------
    observed_from : datetime64[D]
        Day from which leavers were recorded: the first day of the month in which the first customer
        left. If many leavers were expected between that day and the first leaver, it is the day of
        the first leaver instead.
    signed_before : int
        Number of deals signed before that day.
    expected : float
        Number of leavers expected before it, from the hazard observed since.
    chance : float
        p-value: probability that nobody left before that day, given the expected number.
    rate, rate_without : float
        Kaplan-Meier estimates of early churn: with deals observed from that day on (delayed entry),
        and from the table as it is.
    """

    observed_from: np.datetime64
    signed_before: int
    expected: float
    chance: float
    rate: float
    rate_without: float


def find_missing_leavers(deals: pd.DataFrame, spec: DealSpec) -> MissingLeavers | None:
    """Test whether leavers before the first recorded leaver are missing.

    Returns
    -------
    MissingLeavers or None
        None if the contract has no dates or already gives ``observed_from``, and if few leavers
        were expected before the first one.

    Notes
    -----
    The expected number of leavers before the first one has an exponential distribution with mean 1,
    whatever the hazard (first event of a time-rescaled Poisson process). The p-value is therefore
    exactly ``exp(-expected)``, and needs no correction for choosing the day from the data. The
    hazard at each age is estimated from the time since the first leaver. If early churn really was
    a tenth of its present level before, the test reports missing leavers too.
    """
    leavers = None if spec.deals.observed_from is not None else Leavers.of(deals, spec)
    if leavers is None:
        return None
    left, closed = leavers.left, leavers.closed
    first_leaver = leavers.view.left_on[left].min()
    expected, _ = leavers.expected_around(first_leaver)
    p_value = float(np.exp(-expected))
    if p_value > MAX_MISSING_P_VALUE:
        return None
    start = first_leaver.astype("datetime64[M]").astype("datetime64[D]")
    if expected - leavers.expected_around(start)[0] > MAX_EXPECTED_IN_MONTH:
        start = first_leaver
    months = months_between(closed, leavers.last_days)
    entry = np.maximum(months_between(closed, np.full(len(closed), start)), 0.0)
    horizon = float(spec.label.horizon_months)
    return MissingLeavers(
        start,
        int((closed < start).sum()),
        expected,
        p_value,
        rate=1 - _survival(months, left, entry, horizon),
        rate_without=1 - _survival(months, left, np.zeros(len(months)), horizon),
    )


def _survival(months: Floats, left: NDArray[np.bool_], entry: Floats, horizon: float) -> float:
    """Return the Kaplan-Meier survival at the horizon; each deal is at risk from its entry on."""
    observed = months > entry
    months, left, entry = months[observed], left[observed], entry[observed]
    times = np.unique(months[left & (months <= horizon)])
    starts, stops = np.sort(entry), np.sort(months)
    at_risk = np.searchsorted(starts, times, "left") - np.searchsorted(stops, times, "left")
    leavers = np.array([(left & (months == time)).sum() for time in times])
    return float(np.prod(1 - leavers / at_risk)) if len(times) else 1.0


@dataclass(frozen=True)
class LevelShift:
    """Observed early leavers of the last twelve months, compared with the expected number.

    Attributes
    ----------
    since : datetime64[D]
        First day of the window.
    observed : int
        Number of early leavers in the window.
    expected : float
        Number expected in the window, given the ages of the deals and the level before it.
    chance : float
        Two-sided p-value: probability of so large a difference if the level had not changed.
    deleted : DeletedLeavers or None
        The other explanation of a rise: earlier leavers are missing. None if there are fewer now,
        or if running numbers of the deals show that no row is missing.
    """

    since: np.datetime64
    observed: int
    expected: float
    chance: float
    deleted: DeletedLeavers | None = None

    @property
    def ratio(self) -> float:
        """Observed leavers divided by expected leavers."""
        return self.observed / self.expected

    def __str__(self) -> str:
        more = "more" if self.ratio > 1 else "fewer"
        return (
            f"since {self.since} {self.observed:,} customers left early, while "
            f"{self.expected:,.0f} were expected at the earlier level ({self.ratio:.2f} "
            f"times; the chance of so large a difference is {self.chance:.0e}): {more} customers "
            "leave early now than before. Remedy: find out what changed, and retrain often"
            f"{self.deleted or ''}"
        )


def find_level_shift(view: HistoryView) -> LevelShift | None:
    """Test whether early churn in the last twelve months differs from before, at equal ages.

    Returns
    -------
    LevelShift or None
        None if there are no dates, too few leavers for a test, or no significant shift.

    Notes
    -----
    Indirect standardisation: the expected number of leavers comes from the hazard that deals of the
    same age had up to a year ago (Kaplan-Meier as of that day). Given the sum of leavers before and
    since, the number since is binomial if the level has not changed (Przyborowski and Wilenski
    1940). Attributes are not used: selling to other customers changes the level too.
    """
    from scipy.stats import binomtest

    if not view.spec.has_dates or not len(view):
        return None
    since = add_months(np.array([view.extract_end]), -WINDOW_MONTHS)[0]
    try:
        before = view.as_of(since)
        observed_before = int(_early_leavers(before).sum())
        if observed_before < MIN_EARLY_LEAVERS:
            return None
        expected = _expected_since(view, since, before.survival)
    except DealsError:  # leavers were not recorded yet on that day
        return None
    observed = int((_early_leavers(view) & (view.left_on > since)).sum())
    if not np.isfinite(expected) or expected < MIN_EARLY_LEAVERS:
        return None
    share = expected / (expected + observed_before)
    p_value = float(binomtest(observed, observed + observed_before, share).pvalue)
    shift = LevelShift(since, observed, expected, p_value)
    if p_value >= MAX_P_VALUE or 1 / MIN_RATIO <= shift.ratio <= MIN_RATIO:
        return None
    has_start = view.spec.deals.observed_from is not None
    return shift if shift.ratio < 1 or has_start else replace(shift, deleted=find_deleted(view))


def _early_leavers(view: HistoryView) -> NDArray[np.bool_]:
    return view.left & (view.followup_months <= view.spec.label.horizon_months)


def _expected_since(view: HistoryView, since: np.datetime64, curve: SurvivalCurve) -> float:
    """Return the number of early leavers expected from a day on, given the deals' ages."""
    horizon = float(view.spec.label.horizon_months)
    closed = np.asarray(view.closed)
    age = np.maximum(months_between(closed, np.full(len(closed), since)), 0.0)
    start = np.minimum(np.maximum(age, view.entry_months), horizon)
    end = np.maximum(np.minimum(view.followup_months, horizon), start)
    hazard = _cumulative(curve, end) - _cumulative(curve, start)
    return float(np.sum(hazard[end > start]))


def _cumulative(curve: SurvivalCurve, months: Floats) -> Floats:
    """Return the cumulative hazard of a survival curve after some months."""
    return np.asarray(-np.log(np.maximum(curve.at(months), 1e-12)))


@dataclass(frozen=True)
class NewValue:
    """An attribute of which many of the newest deals have values never seen in mature deals.

    Attributes
    ----------
    value : str
        The new level, or the numbers above or below all earlier ones.
    deals, newest : int
        Deals of the last days with such a value, and all deals of these days.
    """

    attribute: str
    value: str
    deals: int
    newest: int

    def __str__(self) -> str:
        return (
            f"{self.attribute}: {self.deals:,} of the {self.newest:,} deals signed in the last "
            f"{NEWEST_DAYS} days have {self.value}, and no deal that is old enough for its outcome "
            "to be known. Nothing has been learned about such deals yet, so probabilities of "
            "prospects like them are guesses with wide intervals. Remedy: train again when they "
            "are older; or exclude the attribute, if such deals are like the earlier ones otherwise"
        )


def find_new_values(view: HistoryView) -> Iterator[NewValue]:
    """Yield the attributes of which many of the newest deals have values without known outcome."""
    if view.closed is None:
        return
    newest = np.asarray(view.extract_end - view.closed) < np.timedelta64(NEWEST_DAYS, "D")
    mature = np.asarray(view.mature)
    if mature.sum() < MIN_MATURE or newest.sum() < MIN_WITH_NEW_VALUE:
        return
    frame = view.attributes().frame
    min_deals = max(MIN_WITH_NEW_VALUE, MIN_SHARE_NEW * newest.sum())
    for name in frame:
        for value, count in _counts(frame[name][newest & ~mature], frame[name][mature]):
            if count >= min_deals:
                yield NewValue(str(name), value, count, int(newest.sum()))
                break


def _counts(recent: pd.Series[Any], before: pd.Series[Any]) -> Iterator[tuple[str, int]]:
    """Yield what is new in recent values, with the number of deals."""
    if pd.api.types.is_numeric_dtype(recent) and not pd.api.types.is_bool_dtype(recent):
        if not before.notna().any():
            yield "a number", int(recent.notna().sum())
        else:
            yield f"a value above {before.max():g}", int((recent > before.max()).sum())
            yield f"a value below {before.min():g}", int((recent < before.min()).sum())
        return
    known = set(before.dropna())
    for level, count in recent.value_counts().items():
        if level not in known:
            yield f"the value {level!r}", int(count)
