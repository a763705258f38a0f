"""Folds to choose settings on, and samples of a large table.

A fold trains as of a date and tests on deals signed later:

    view of the deals -> cut dates in the newer part of the observed time
          -> train: all deals signed before the date, as known on that date
             test: deals signed from the date until the next cut, each to the end of its observation

Without closing dates the folds are stratified random folds.

Effects are learned from samples of a large table, the level from all deals:

    deals -> strata of outcome and closing date -> disjoint samples with each stratum in proportion,
             so that all deals of a sample have the same weight

Settings are chosen on a sample of `effect_deals`. The ridge regression learns from `RIDGE_TIMES` as
many deals. Each bootstrap replicate, with its boosting, resamples `effect_deals` of these.
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
    from fitmodel.learning.settings import LearnerOptions

STRATA_OF_TIME = 8
RIDGE_TIMES = 5
MIN_EARLY_CHURNERS = 1_000
"""Early churners of a sample for effects; with a low rate the sample is larger accordingly."""
FIRST_CUT = 0.4  # share of the observed time that is before the first cut
MIN_FOLD_CHURNERS = 15  # in training and in test; a fold with fewer has too much sampling error


@dataclass(frozen=True, eq=False)
class Effects:
    """The deals that effects are learned from.

    `positions`: ascending positions of the deals that the ridge regression uses; None: all deals.
    `per_replicate`: number of these deals that each bootstrap replicate resamples; None: all of
        them.
    """

    positions: NDArray[np.intp] | None = None
    per_replicate: int | None = None

    def replicate_shrinkage(self, deals: int, replicates: int) -> float:
        """Factor on the replicates' deviations from their mean, at most 1.

        Replicates of m out of n deals vary as estimates from m deals do (m out of n bootstrap;
        Bickel, Goetze and van Zwet 1997). Their mean varies as an estimate from n deals, plus the
        part of the variance from choosing m deals that averaging leaves.

        `deals`: number n of deals that the ridge regression uses.
        """
        if self.per_replicate is None:
            return 1.0
        share = self.per_replicate / deals
        return float(np.sqrt(min(share + (1.0 - share) / max(replicates, 1), 1.0)))


def sample_size(training_set: TrainingSet, options: LearnerOptions) -> int:
    """Number of deals in a sample for effects: `effect_deals`, or more where few leave early."""
    churners = max(int((training_set.early_churn == 1).sum()), 1)
    return max(options.effect_deals, -(-len(training_set) * MIN_EARLY_CHURNERS // churners))


def sample_for_settings(
    training_set: TrainingSet, options: LearnerOptions
) -> NDArray[np.intp] | None:
    """Ascending positions of the deals that settings are chosen on; None means all deals.

    The same deals and seed give the same sample.
    """
    return _sample(training_set, sample_size(training_set, options), options.seed)


def sample_for_effects(training_set: TrainingSet, options: LearnerOptions) -> Effects:
    """Draw the deals that effects are learned from."""
    size = sample_size(training_set, options)
    if size >= len(training_set):
        return Effects()
    return Effects(_sample(training_set, RIDGE_TIMES * size, options.seed), size)


def _sample(training_set: TrainingSet, size: int, seed: int) -> NDArray[np.intp] | None:
    if size >= len(training_set):
        return None
    return draw_samples(training_set, size=size, seed=seed)[0]


def draw_samples(
    training_set: TrainingSet, *, size: int, seed: int, samples: int = 1
) -> list[NDArray[np.intp]]:
    """Draw disjoint samples, stratified by outcome and closing date.

    Parameters
    ----------
    training_set : TrainingSet
        Deals to draw from.
    size : int
        Number of deals in each sample.
    seed : int
        Seed of the random numbers.
    samples : int
        Number of samples.

    Returns
    -------
    list of ndarray of int
        Ascending positions of the deals in each sample: `size` each, or fewer where the table has
        not enough deals for all samples.
    """
    count = len(training_set)
    size = min(size, count // samples)
    generator = np.random.default_rng([seed, count])
    outcome = np.nan_to_num(training_set.early_churn, nan=2.0).astype(np.int64)
    signed = np.zeros(count, dtype=np.int64)
    if training_set.closed_on is not None:
        rank = training_set.closed_on.rank(method="first").to_numpy()
        signed = ((rank - 1) * STRATA_OF_TIME // count).astype(np.int64)
    # systematic sampling: every k-th deal in the order of the strata gives proportional strata
    order = np.lexsort((generator.random(count), signed, outcome))
    step = count / (samples * size)
    positions = np.floor(np.arange(samples * size) * step + generator.uniform(0, step))
    chosen = order[np.minimum(positions.astype(np.intp), count - 1)]
    return [np.sort(chosen[first::samples]) for first in range(samples)]


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

    `closed`, ndarray of datetime64[D], shape (n,): day on which each deal was signed.
    `seen`, shape (n,): months within the horizon for which each deal was observed.
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
