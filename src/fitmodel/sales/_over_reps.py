"""
Expected early churn of each rep's deals from models that saw no deal of that rep.

reps -> folds of whole reps -> a fit on the other folds' deals -> probabilities of all deals,
     on one common level -> those of the fold's own deals
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
"""Of a large table: two thirds of its samples are still more deals than most tables have."""
SMALLEST = 1e-9
STEPS = 60
"""Halvings of the interval in which the common level is looked for."""


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
        Of all deals; its contract holds no rep among the attributes.
    spec : DealSpec
    choice : Choice
        Settings of the fits.
    training_set : TrainingSet
        Deals to learn from: all, or a sample of a large table.
    who : Series of str
        Rep (or team) of each deal; those without a name are one fold's together.
    probability : Series of float
        Used for reps without whom too little is left to learn from; its mean is the common level.

    Notes
    -----
    What an overseller has done to his own customers is not in what they are compared with. All
    fits are put on one level (a shift of the log-odds), that of all deals: a fit without the
    overseller has a lower one, and comparing reps across levels would count the difference twice.
    An attribute that only this rep sells says nothing here: the fits never saw it.
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
    """Fold of each deal: all deals of a rep are in one, and folds are about equally large."""
    sizes = who.value_counts()
    largest_first = sorted(sizes.index, key=lambda name: (-int(sizes[name]), name))
    loads = np.zeros(min(most, len(sizes)))
    folds = {}
    for name in largest_first:
        folds[name] = int(np.argmin(loads))
        loads[folds[name]] += sizes[name]
    return who.map(folds).astype(int)


def with_mean(probability: Floats, mean: float) -> Floats:
    """Probabilities with their log-odds shifted so that their mean is the one given."""
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
