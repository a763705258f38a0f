"""
Expected early churn of each rep's deals from models that saw no deal of that rep.

reps -> folds of whole reps -> a fit on the deals of the other folds
     -> probabilities of all deals, on one common level -> kept for the fold's own deals
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.enough import FULL_CHURNERS
from fitmodel.learning.learner import fit_estimator
from fitmodel.learning.settings import LearnerOptions, native_threads
from fitmodel.sales._sample import fewest_replicates
from fitmodel.sales.people import NO_NAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.settings import Choice

    Floats = NDArray[np.float64]

MAX_FOLDS = 6
FOLDS_OF_SAMPLE = 3
"""Folds of a large table: two thirds of its samples are still more deals than most tables have."""
SMALLEST = 1e-9
STEPS = 60
"""Bisection steps in the search for the common level."""


def predict_over_reps(
    view: HistoryView,
    spec: DealSpec,
    choice: Choice,
    training_set: TrainingSet,
    who: pd.Series[str],
    probability: pd.Series[float],
) -> pd.Series[float]:
    """
    Return the probability of every deal from a fit that saw no deal of its rep.

    Parameters
    ----------
    view : HistoryView
        View of all deals; its contract has no rep among the attributes.
    spec : DealSpec
        Contract of the deals.
    choice : Choice
        Settings of the fits.
    training_set : TrainingSet
        Deals to learn from: all deals, or a sample of a large table.
    who : Series of str
        Rep (or team) of each deal; deals without a name are together in one fold.
    probability : Series of float
        Probability that is kept for a rep without whose deals too little is left to learn from;
        its mean is the common level.

    Notes
    -----
    A rep who oversells is thus not compared with an expectation learned from that rep's own
    customers. All fits are shifted in log-odds to one level, that of all deals: a fit without the
    overselling rep has a lower level, and comparing reps across levels would count the difference
    twice. An attribute that only this rep sells has no effect here, because the fits never saw it.
    """
    options = LearnerOptions.from_spec(spec, training_set.dates)
    every = view.attributes(training_set.dates).frame
    most = MAX_FOLDS if len(training_set) == len(view) else FOLDS_OF_SAMPLE
    folds = fold_of_reps(who.fillna(NO_NAME), most)
    trained_on = folds.reindex(training_set.index).to_numpy()
    level, result = float(probability.mean()), probability.copy()
    replicates = fewest_replicates(choice.settings)
    for fold in range(int(folds.max()) + 1):
        others = training_set.subset(trained_on != fold)
        churners = int((others.early_churn == 1).sum())
        if min(churners, len(others) - churners) < FULL_CHURNERS:
            continue
        with native_threads(options.threads):
            fit = fit_estimator(
                others, choice, options, replicates=replicates, end=view.extract_end
            )
        on_level = with_mean(fit.predict_proba(every)[:, 1], level)
        own = (folds == fold).to_numpy()
        result[own] = on_level[own]
    return result


def fold_of_reps(who: pd.Series[str], most: int = MAX_FOLDS) -> pd.Series[int]:
    """Return the fold of each deal; a rep's deals share one fold, and folds are similar in size."""
    sizes = who.value_counts()
    largest_first = sorted(sizes.index, key=lambda name: (-int(sizes[name]), name))
    loads = np.zeros(min(most, len(sizes)))
    folds = {}
    for name in largest_first:
        folds[name] = int(np.argmin(loads))
        loads[folds[name]] += sizes[name]
    return who.map(folds).astype(int)


def with_mean(probability: Floats, mean: float) -> Floats:
    """Return probabilities whose log-odds are shifted so that their mean equals `mean`."""
    inside = np.clip(probability, SMALLEST, 1 - SMALLEST)
    odds = inside / (1 - inside)
    low, high = -40.0, 40.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        shifted = odds * np.exp(middle)
        low, high = (
            (middle, high) if float((shifted / (1 + shifted)).mean()) < mean else (low, middle)
        )
    shifted = odds * np.exp((low + high) / 2)
    return np.asarray(shifted / (1 + shifted), dtype=np.float64)
