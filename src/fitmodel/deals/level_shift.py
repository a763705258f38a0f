"""Test whether the level of early churn has moved in the last twelve months.

survival as known a year ago -> leavers to be expected since, age for age -> those seen -> a test
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
MIN_LEAVERS = 20  # early leavers before the window, and leavers to be expected in it
MAX_CHANCE = 1e-3  # of a difference as large by chance; above it nothing is said
MIN_RATIO = 1.2  # observed over expected, or its inverse: a smaller shift changes few decisions


@dataclass(frozen=True)
class LevelShift:
    """Early leavers of the last twelve months against what was to be expected.

    Attributes
    ----------
    since : datetime64[D]
        First day of the window.
    observed, expected : float
        Early leavers in the window, and those to be expected at the ages of the deals if the level
        were the one before.
    chance : float
        Two-sided probability of a difference as large if the level had not moved.
    """

    since: np.datetime64
    observed: int
    expected: float
    chance: float

    @property
    def ratio(self) -> float:
        """Observed over expected."""
        return self.observed / self.expected

    def __str__(self) -> str:
        more = "more" if self.ratio > 1 else "fewer"
        return (
            f"since {self.since} {self.observed:,} customers left early where "
            f"{self.expected:,.0f} were to be expected at the level before ({self.ratio:.2f} "
            f"times; a difference as large has a chance of {self.chance:.0e}): {more} leave early "
            "now than the older deals say. Remedy: look for what changed, and retrain often"
        )


def find_level_shift(view: HistoryView) -> LevelShift | None:
    """Test whether early churn in the last twelve months differs from before, age for age.

    Parameters
    ----------
    view : HistoryView

    Returns
    -------
    LevelShift or None
        None where there are no dates, too few leavers to tell, or no shift beyond chance.

    Notes
    -----
    Indirect standardisation: each deal brings the hazard that deals had at its ages up to a year
    ago (Kaplan-Meier as of that day). Given the sum of leavers before and since, those since are
    binomial if the level has not moved (Przyborowski and Wilenski 1940). Attributes are not looked
    at: a change of who is sold to moves the level too.
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
    except DealsError:  # nothing was recorded then
        return None
    observed = int((_early_leavers(view) & (view.left_on > since)).sum())
    expected = _expected_since(view, since, curve)
    earlier = int(_early_leavers(before).sum())
    if not np.isfinite(expected) or expected < MIN_LEAVERS:
        return None
    share = expected / (expected + earlier)
    chance = float(binomtest(observed, observed + earlier, share).pvalue)
    shift = LevelShift(since, observed, expected, chance)
    moved = shift.ratio > MIN_RATIO or shift.ratio < 1 / MIN_RATIO
    return shift if moved and chance < MAX_CHANCE else None


def _early_leavers(view: HistoryView) -> NDArray[np.bool_]:
    return view.left & (view.followup_months <= view.spec.label.horizon_months)


def _expected_since(view: HistoryView, since: np.datetime64, curve: SurvivalCurve) -> float:
    """Leavers to be expected from a day on within the horizon, at each deal's ages."""
    horizon = float(view.spec.label.horizon_months)
    closed = np.asarray(view.closed)
    age = np.maximum(months_between(closed, np.full(len(closed), since)), 0.0)
    begin = np.minimum(np.maximum(age, view.entry_months), horizon)
    until = np.maximum(np.minimum(view.followup_months, horizon), begin)
    hazard = _cumulative(curve, until) - _cumulative(curve, begin)
    return float(np.sum(hazard[until > begin]))


def _cumulative(curve: SurvivalCurve, months: Floats) -> Floats:
    """Cumulative hazard of a survival curve."""
    return np.asarray(-np.log(np.maximum(curve.at(months), 1e-12)))
