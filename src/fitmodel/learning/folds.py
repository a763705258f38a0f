"""Folds to choose settings on: each trains on what was known at a date and tests on later deals.

    view of the deals -> cut dates over the newer part of what was seen
          -> train: all deals signed before the date, as known on it
             test: deals signed from it until the next cut, each up to the time it could be seen

Where only a tenure is known there is no order in time; the folds are then stratified at random.
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

FIRST_CUT = 0.4  # of what is known of early churn is always trained on
MIN_FOLD_CHURNERS = 15  # on either side; a fold with fewer says more about chance than choice


@dataclass(frozen=True, eq=False)
class Fold:
    """Deals to train on and deals to test on; no deal is in both."""

    train: TrainingSet
    test: TrainingSet


def make_folds(view: HistoryView, dates: tuple[str, ...], *, folds: int, seed: int) -> list[Fold]:
    """Time-ordered folds where deals have closing dates and enough early churners, else random.

    Parameters
    ----------
    view : HistoryView
        Deals as of a day.
    dates : tuple of str
        Attributes that are dates.
    folds, seed : int
    """
    deals = view.training_set(dates=dates)
    if view.closed is not None:
        made = [fold for fold in _time_ordered(view, deals, folds) if _is_enough(fold)]
        if len(made) > 1:
            return made
    return random_folds(deals, seed=seed, n_folds=folds)


def random_folds(deals: TrainingSet, *, seed: int, n_folds: int) -> list[Fold]:
    """Stratified folds at random; the same deals give the same folds."""
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
    made = []
    for start, end in pairwise(dates):
        last = end == dates[-1]
        inside = (closed >= start) & ((closed <= end) if last else (closed < end))
        if start <= view.history.observed_from:
            continue  # no leaver was recorded by then
        train = view.as_of(start).signed_before(start).training_set(dates=deals.dates)
        made.append(Fold(train, deals.subset(inside)))
    return made


def cut_dates(
    closed: NDArray[np.datetime64], seen: NDArray[np.float64], folds: int
) -> list[np.datetime64]:
    """Closing days that share what is known of early churn evenly among folds.

    Parameters
    ----------
    closed : ndarray of datetime64[D], shape (n,)
    seen : ndarray, shape (n,)
        Months of the horizon for which each deal could be seen.
    folds : int
    """
    order = np.argsort(closed, kind="stable")
    known = np.cumsum(seen[order])
    if not len(order) or known[-1] <= 0:
        return []
    positions = np.searchsorted(known, np.linspace(FIRST_CUT, 1, folds + 1) * known[-1])
    return sorted(set(closed[order][np.minimum(positions, len(order) - 1)]))


def _is_enough(fold: Fold) -> bool:
    if not len(fold.train) or fold.train.followup_months.max() < fold.train.horizon_months:
        return False  # nobody was seen to stay: no chance can be given to the young
    sides = (fold.train.early_churn, fold.test.early_churn)
    return all(min((side == 1).sum(), (side != 1).sum()) >= MIN_FOLD_CHURNERS for side in sides)
