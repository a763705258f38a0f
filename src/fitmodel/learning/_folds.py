"""Folds to choose settings on: each trains as of a date and tests on deals signed later.

    view of the deals -> cut dates in the newer part of the observed time
          -> train: all deals signed before the date, as known on that date
             test: deals signed from the date until the next cut, each to the end of its observation

Without closing dates the folds are stratified random folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.training_set import TrainingSet

FIRST_CUT = 0.4  # share of the observed time that is before the first cut
MIN_FOLD_CHURNERS = 15  # in training and in test; a fold with fewer has too much sampling error


@dataclass(frozen=True, eq=False)
class Fold:
    """A training set and a test set that share no deal."""

    train: TrainingSet
    test: TrainingSet


def make_folds(view: HistoryView, dates: tuple[str, ...], *, folds: int, seed: int) -> list[Fold]:
    """Make time-ordered folds, or random ones without closing dates or enough early churners.

    Parameters
    ----------
    view : HistoryView
        Deals as of a day.
    dates : tuple of str
        Attributes that are dates.
    folds : int
        Number of folds.
    seed : int
        Seed of random folds.
    """
    deals = view.training_set(dates=dates)
    if view.closed is not None:
        ordered = [fold for fold in _time_ordered(view, deals, folds) if _is_enough(fold)]
        if len(ordered) > 1:
            return ordered
    return random_folds(deals, seed=seed, n_folds=folds)


def random_folds(deals: TrainingSet, *, seed: int, n_folds: int) -> list[Fold]:
    """Make stratified random folds; the same deals and seed give the same folds."""
    from sklearn.model_selection import StratifiedKFold

    left = deals.early_churn == 1
    rarer = int(min(left.sum(), (~left).sum()))
    splitter = StratifiedKFold(max(2, min(n_folds, rarer)), shuffle=True, random_state=seed)
    return [
        Fold(deals.subset(train), deals.subset(test)) for train, test in splitter.split(left, left)
    ]


def _time_ordered(view: HistoryView, deals: TrainingSet, folds: int) -> list[Fold]:
    closed = np.asarray(view.closed)
    dates = cut_dates(closed, np.minimum(deals.observable_months, deals.horizon_months), folds)
    result = []
    for start, end in pairwise(dates):
        is_last = end == dates[-1]
        inside = (closed >= start) & ((closed <= end) if is_last else (closed < end))
        if start <= view.history.observed_from:
            continue  # leavers were not recorded before
        train = view.as_of(start).signed_before(start).training_set(dates=deals.dates)
        result.append(Fold(train, deals.subset(inside)))
    return result


def cut_dates(
    closed: NDArray[np.datetime64], seen: NDArray[np.float64], folds: int
) -> list[np.datetime64]:
    """Closing days that divide the observed time equally among the folds.

    Parameters
    ----------
    closed : ndarray of datetime64[D], shape (n,)
        Day on which each deal was signed.
    seen : ndarray, shape (n,)
        Months within the horizon for which each deal was observed.
    folds : int
        Number of folds.
    """
    order = np.argsort(closed, kind="stable")
    cumulative = np.cumsum(seen[order])
    if not len(order) or cumulative[-1] <= 0:
        return []
    positions = np.searchsorted(cumulative, np.linspace(FIRST_CUT, 1, folds + 1) * cumulative[-1])
    return sorted(set(closed[order][np.minimum(positions, len(order) - 1)]))


def _is_enough(fold: Fold) -> bool:
    """Whether both sets have enough early churners and other deals."""
    if not len(fold.train) or fold.train.followup_months.max() < fold.train.horizon_months:
        return False  # no deal was followed to the horizon: no soft label can be estimated
    parts = (fold.train.early_churn, fold.test.early_churn)
    return all(
        min((labels == 1).sum(), (labels != 1).sum()) >= MIN_FOLD_CHURNERS for labels in parts
    )
