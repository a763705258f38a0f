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
import pandas as pd

from fitmodel.deals.outcomes import LabelledDeals, label_deals, outcomes
from fitmodel.deals.training_deals import training_deals

if TYPE_CHECKING:
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
    deals: pd.DataFrame, spec: DealSpec, *, as_of: pd.Timestamp | None = None
) -> list[Fold]:
    """Time-ordered folds where deals have closing dates and enough early churners, else random.

    Parameters
    ----------
    deals : DataFrame
    spec : DealSpec
    as_of : Timestamp, optional
        Nothing after this date is known.
    """
    if spec.has_dates:
        folds = [fold for fold in _time_ordered(deals, spec, as_of) if _is_enough(fold)]
        if len(folds) > 1:
            return folds
    taught = training_deals(deals, spec, as_of=as_of)
    folds = random_folds(label_deals(deals, spec, as_of=as_of), seed=spec.learning.seed)
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


def _time_ordered(deals: pd.DataFrame, spec: DealSpec, as_of: pd.Timestamp | None) -> list[Fold]:
    found = outcomes(deals, spec, as_of=as_of)
    closed = deals.loc[found.index, spec.deals.closed_on]
    mature = closed[found["mature"]].sort_values()
    if len(mature) == 0:
        return []
    everything = label_deals(deals, spec, as_of=as_of)
    places = np.linspace(FIRST_CUT, 1, FOLDS + 1) * (len(mature) - 1)
    dates = sorted(set(mature.iloc[places.astype(int)]))
    closing = everything.closed_on.to_numpy() if everything.closed_on is not None else None
    folds = []
    for start, end in pairwise(dates):
        last = end == dates[-1]
        inside = (closing >= start) & ((closing <= end) if last else (closing < end))
        before = deals.loc[found.index[(closed < start).to_numpy()]]
        train = training_deals(before, spec, as_of=start)
        folds.append(Fold(train, everything.subset(inside)))
    return folds


def _is_enough(fold: Fold) -> bool:
    sides = (fold.train.early_churn, fold.test.early_churn)
    return all(min(side.sum(), len(side) - side.sum()) >= LEAST_FOLD_CHURNERS for side in sides)
