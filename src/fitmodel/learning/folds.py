"""Folds to choose on: each trains on what was known at a cut date and judges what was signed next.

    deals -> cut dates over the newer part of the mature deals
          -> train: deals re-cut at the date, the young in parts
             test: mature deals signed until the next cut

Where only a tenure is known there is no order in time; the folds are then stratified at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.history import HistoryView, view_of
from fitmodel.deals.labelled import LabelledDeals
from fitmodel.deals.training_deals import training_deals

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec

FOLDS = 4
FIRST_CUT = 0.4  # of the mature deals are always trained on
LEAST_FOLD_CHURNERS = 15  # on either side; a fold with fewer says more about chance than choice


@dataclass(frozen=True, eq=False)
class Fold:
    """Deals to train on and deals to judge by; no deal is in both."""

    train: LabelledDeals
    test: LabelledDeals


def make_folds(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, *, as_of: pd.Timestamp | None = None
) -> list[Fold]:
    """Time-ordered folds where deals have closing dates and enough early churners, else random.

    Parameters
    ----------
    deals : DataFrame or HistoryView
    spec : DealSpec
    as_of : Timestamp, optional
        Nothing after this date is known.
    """
    view = view_of(deals, spec, as_of)
    if spec.has_dates:
        folds = [fold for fold in _time_ordered(view) if _is_enough(fold)]
        if len(folds) > 1:
            return folds
    taught = training_deals(view, spec)
    folds = random_folds(view.labelled(), seed=spec.learning.seed)
    return [Fold(taught.subset(~taught.index.isin(f.test.index)), f.test) for f in folds]


def random_folds(labelled: LabelledDeals, *, seed: int, n_folds: int = FOLDS) -> list[Fold]:
    """Stratified folds at random; the same deals give the same folds."""
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    is_churner = labelled.early_churn == 1
    return [
        Fold(labelled.subset(train), labelled.subset(test))
        for train, test in splitter.split(is_churner, is_churner)
    ]


def _time_ordered(view: HistoryView) -> list[Fold]:
    everything = view.labelled()
    if view.closed is None or everything.closed_on is None:
        return []
    mature = np.sort(view.closed[view.mature & view.from_signing])
    if len(mature) == 0:
        return []
    positions = np.linspace(FIRST_CUT, 1, FOLDS + 1) * (len(mature) - 1)
    dates = np.unique(mature[positions.astype(int)])
    closing = everything.closed_on.to_numpy().astype("datetime64[D]")
    folds = []
    for start, end in pairwise(dates):
        last = end == dates[-1]
        inside = (closing >= start) & ((closing <= end) if last else (closing < end))
        then = view.as_of(start).signed_before(start)
        if not (then.early_churn == 0).any():
            continue  # nobody was seen to stay by then: no chance can be given to the young
        folds.append(Fold(training_deals(then, view.spec), everything.subset(inside)))
    return folds


def _is_enough(fold: Fold) -> bool:
    sides = (fold.train.early_churn, fold.test.early_churn)
    return all(min(side.sum(), len(side) - side.sum()) >= LEAST_FOLD_CHURNERS for side in sides)
