"""Expected early churn of each rep's deals, from fits that saw no deal of the rep.

reps -> folds of whole reps -> a fit on the deals of the other folds, with replicates
     -> probabilities of the fold's deals, on one common level
     -> expected number of each rep by replicate
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.enough import regime_of
from fitmodel.learning.calibration import expit, logit
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import fit_estimator
from fitmodel.learning.settings import LearnerOptions, native_threads
from fitmodel.learning.stages import choose_provisional, shift_to_rate
from fitmodel.sales._rep_figures import expected_numbers
from fitmodel.sales._rep_tests import DRAWS
from fitmodel.sales._sample import min_replicates
from fitmodel.sales.people import NO_NAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.classifier import ProspectFitClassifier
    from fitmodel.learning.settings import Choice

    Floats = NDArray[np.float64]

WIDER_PRIOR = 4.0
"""Divisor of the penalty of fits without a rep: their prior is twice as wide. The penalty suits the
average attribute. Where a rep signs most deals of a very risky segment, it would draw the segment's
effect, learned from the others' few deals, so far towards 0 that the rep looks guilty."""
MAX_FOLDS = 6
FOLDS_OF_SAMPLE = 3
"""Folds of a large table: two thirds of its samples are still more deals than most tables have."""
SMALLEST = 1e-9
LEVEL_DEALS = 20_000
"""Deals from which the level of a replicate is set."""
PART = 20_000
"""Deals whose replicates are held in memory at once."""


def predict_over_reps(
    view: HistoryView,
    spec: DealSpec,
    choice: Choice,
    training_set: TrainingSet,
    who: pd.Series[str],
    probability: pd.Series[float],
) -> tuple[pd.Series[float], pd.DataFrame]:
    """Return the probability of every deal from a fit that saw no deal of its rep, and its draws.

    The draws are the expected numbers of each rep, see `Expected`.

    `view`: view of all deals; its contract has no rep among the attributes.
    `training_set`: deals to learn from: all deals, or a sample of a large table.
    `who`: rep (or team) of each deal; deals without a name are together in one fold.
    `probability`: probability that is kept for a rep without whose deals too little is left to
        learn from; its mean is the common level.

    A rep who oversells is thus not compared with an expectation learned from that rep's own
    customers. All fits are shifted in log-odds to one level, that of all deals: a fit without the
    overselling rep has a lower level, and comparing reps across levels would count the difference
    twice. An attribute that only this rep sells has no effect here, because the fits never saw it.
    """
    # a rep's past deals are compared with the past, so no group is set to its present level
    options = replace(LearnerOptions.from_spec(spec, training_set.dates), changes=False)
    attributes = view.attributes(training_set.dates).frame
    max_folds = MAX_FOLDS if len(training_set) == len(view) else FOLDS_OF_SAMPLE
    who = who.fillna(NO_NAME)
    folds = fold_of_reps(who, max_folds)
    trained_on = folds.reindex(training_set.index).to_numpy()
    level, result = float(probability.mean()), probability.copy()
    draws = pd.DataFrame(np.nan, index=sorted(set(who)), columns=range(DRAWS))
    for fold in range(int(folds.max()) + 1):
        other_deals = training_set.subset(trained_on != fold)
        churners = int((other_deals.early_churn == 1).sum())
        regime = regime_of(churners, len(other_deals) - churners)
        if regime == "base_rate":
            continue
        fitted = _with_wider_prior(choice)
        with native_threads(options.threads):
            if regime == "provisional":
                fitted = choose_provisional(other_deals, options.of_regime(regime))
            fits = _with_and_without_replicates(other_deals, fitted, options, view.extract_end)
        predicted = fits[0].predict_proba(attributes)[:, 1]
        in_fold = (folds == fold).to_numpy()
        result[in_fold] = with_mean(predicted, level)[in_fold]
        drawn = _numbers_by_replicate(view, attributes, fits[1], predicted, in_fold, level, who)
        draws.loc[drawn.index] = drawn
    return result, draws


def _numbers_by_replicate(
    view: HistoryView,
    attributes: pd.DataFrame,
    fit: ProspectFitClassifier,
    predicted: Floats,
    in_fold: NDArray[np.bool_],
    level: float,
    who: pd.Series[str],
) -> pd.DataFrame:
    """Return the expected number of each rep of a fold by replicate, all on the same level.

    Deals are summed up in parts: the replicates of a million deals would take 288 MB.
    """
    scorecard, scores = fit.scorecard_, logit(np.clip(predicted, SMALLEST, 1 - SMALLEST))

    def deviations(rows: NDArray[np.intp]) -> Floats:
        return scorecard.deviations(encode(scorecard.columns, attributes.iloc[rows]))

    rows = np.unique(np.linspace(0, len(scores) - 1, min(len(scores), LEVEL_DEALS)).astype(np.intp))
    ones, drawn = np.ones(len(rows)), scores[rows, None] + deviations(rows)
    shifts = np.array([shift_to_rate(each, ones, level) for each in drawn.T])
    own, names = np.flatnonzero(in_fold), sorted(set(who[in_fold]))
    codes, sums = pd.Index(names).get_indexer(pd.Index(who)), np.zeros((len(names), DRAWS))
    for part in np.array_split(own, max(len(own) // PART, 1)):
        probability = expit(scores[part, None] + deviations(part) + shifts)
        np.add.at(sums, codes[part], expected_numbers(view, probability, part))
    return pd.DataFrame(sums, index=names)


def _with_wider_prior(choice: Choice) -> Choice:
    """Return the settings with penalties divided by `WIDER_PRIOR`."""
    settings = choice.settings
    replicates = tuple(
        replace(each, penalty=each.penalty / WIDER_PRIOR) for each in settings.replicates
    )
    penalty = settings.penalty / WIDER_PRIOR
    return replace(choice, settings=replace(settings, penalty=penalty, replicates=replicates))


def _with_and_without_replicates(
    deals: TrainingSet, choice: Choice, options: LearnerOptions, end: np.datetime64
) -> tuple[ProspectFitClassifier, ProspectFitClassifier]:
    """Return the fit that predicts, and one with bootstrap replicates.

    They are the same for a ridge regression. Replicates of boosting would take too long, so the
    second is then a ridge regression.
    """
    replicates = min_replicates(choice.settings)
    if not replicates:
        fit = fit_estimator(deals, choice, options, replicates=DRAWS, end=end)
        return fit, fit
    ridge = replace(choice.settings, shares=(("logistic", 1.0),), pairs=0, isotonic=None)
    return (
        fit_estimator(deals, choice, options, replicates=replicates, end=end),
        fit_estimator(deals, replace(choice, settings=ridge), options, replicates=DRAWS, end=end),
    )


def fold_of_reps(who: pd.Series[str], max_folds: int = MAX_FOLDS) -> pd.Series[int]:
    """Return the fold of each deal; a rep's deals share one fold, and folds are similar in size."""
    sizes = who.value_counts()
    largest_first = sorted(sizes.index, key=lambda name: (-int(sizes[name]), name))
    fold_sizes = np.zeros(min(max_folds, len(sizes)))
    folds = {}
    for name in largest_first:
        folds[name] = int(np.argmin(fold_sizes))
        fold_sizes[folds[name]] += sizes[name]
    return who.map(folds).astype(int)


def with_mean(probability: Floats, mean: float) -> Floats:
    """Return probabilities whose log-odds are shifted so that their mean equals `mean`."""
    clipped = np.clip(probability, SMALLEST, 1 - SMALLEST)
    log_odds = logit(clipped)
    return expit(log_odds + shift_to_rate(log_odds, np.ones(len(log_odds)), mean))
