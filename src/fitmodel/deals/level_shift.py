"""Test whether the level of early churn has changed in the last twelve months.

survival as known a year ago -> leavers expected since, at each age -> observed leavers -> test
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.months import add_months, months_between
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.history_view import HistoryView
    from fitmodel.deals.survival import SurvivalCurve

    Floats = NDArray[np.float64]

WINDOW_MONTHS = 12
MIN_LEAVERS = 20  # minimum of early leavers before the window, and of expected leavers in it
MAX_CHANCE = 1e-3  # largest p-value of a shift that is reported
MIN_RATIO = 1.2  # observed over expected, or its inverse: a smaller shift changes few decisions


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
    """

    since: np.datetime64
    observed: int
    expected: float
    chance: float

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
        )


def find_level_shift(view: HistoryView) -> LevelShift | None:
    """Test whether early churn in the last twelve months differs from before, at equal ages.

    Parameters
    ----------
    view : HistoryView
        Deals with their outcomes.

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
        if _early_leavers(before).sum() < MIN_LEAVERS:
            return None
        curve = before.survival
    except DealsError:  # leavers were not recorded yet on that day
        return None
    observed = int((_early_leavers(view) & (view.left_on > since)).sum())
    expected = _expected_since(view, since, curve)
    earlier = int(_early_leavers(before).sum())
    if not np.isfinite(expected) or expected < MIN_LEAVERS:
        return None
    share = expected / (expected + earlier)
    chance = float(binomtest(observed, observed + earlier, share).pvalue)
    shift = LevelShift(since, observed, expected, chance)
    large = shift.ratio > MIN_RATIO or shift.ratio < 1 / MIN_RATIO
    return shift if large and chance < MAX_CHANCE else None


def _early_leavers(view: HistoryView) -> NDArray[np.bool_]:
    return view.left & (view.followup_months <= view.spec.label.horizon_months)


def _expected_since(view: HistoryView, since: np.datetime64, curve: SurvivalCurve) -> float:
    """Return the number of early leavers expected from a day on, given the deals' ages."""
    horizon = float(view.spec.label.horizon_months)
    closed = np.asarray(view.closed)
    age = np.maximum(months_between(closed, np.full(len(closed), since)), 0.0)
    begin = np.minimum(np.maximum(age, view.entry_months), horizon)
    until = np.maximum(np.minimum(view.followup_months, horizon), begin)
    hazard = _cumulative(curve, until) - _cumulative(curve, begin)
    return float(np.sum(hazard[until > begin]))


def _cumulative(curve: SurvivalCurve, months: Floats) -> Floats:
    """Return the cumulative hazard of a survival curve after some months."""
    return np.asarray(-np.log(np.maximum(curve.at(months), 1e-12)))
