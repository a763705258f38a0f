"""Samples of a large table: contributions are learned from a sample, and the level from all deals.

deals -> strata by outcome and signing date -> two samples that share no deal
      -> a ridge regression on each sample -> shifted to the level of all deals
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fitmodel.learning import stages
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import fit_estimator
from fitmodel.learning.settings import LearnerOptions, native_threads
from fitmodel.learning.stages import choose_by_evidence, level_only_rate, shift_to_rate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.classifier import ProspectFitClassifier
    from fitmodel.learning.settings import Choice, Settings

SAMPLE_DEALS = 3_000
"""Maximum number of deals in one sample, and in a table that is not sampled. From so many deals the
effects of attributes are known to a few per cent of the odds, which is small compared with the
differences between reps. Learning them from all of 100,000 deals would take the report an hour. The
level, rates, tests and money always use all deals."""


BOOSTED_REPLICATES = 2
"""Bootstrap replicates of a boosted fit without an interval: the fit is their mean."""


def min_replicates(settings: Settings) -> int:
    """Return the bootstrap replicates of a fit without an interval: 0 for a ridge regression."""
    return BOOSTED_REPLICATES if settings.boosting_share > 0 else 0


def is_large(deals: int) -> bool:
    """Return whether a table of this many deals is sampled instead of divided into folds."""
    return deals > SAMPLE_DEALS


def draw_samples(
    training_set: TrainingSet, *, seed: int, samples: int = 2
) -> list[NDArray[np.intp]]:
    """Draw samples of `SAMPLE_DEALS` deals each, or equal parts of a table with fewer deals."""
    return stages.draw_samples(training_set, size=SAMPLE_DEALS, seed=seed, samples=samples)


def choose_ridge(sample: TrainingSet, spec: DealSpec) -> Choice:
    """Return settings of a ridge regression whose penalty has the highest evidence."""
    options = LearnerOptions.from_spec(spec, sample.dates)
    with native_threads(options.threads):
        return choose_by_evidence(sample, options)


def fit_on_sample(
    training_set: TrainingSet,
    chosen: NDArray[np.intp],
    spec: DealSpec,
    choice: Choice,
    view: HistoryView,
    *,
    replicates: int | None,
) -> ProspectFitClassifier:
    """Fit an estimator on some of the deals, and set its level to that of all deals.

    `chosen`: positions of the deals from which the effects are learned.
    `replicates`: number of bootstrap replicates; None for the number in the contract.
    """
    # a rep's past deals are compared with the past, so no group is set to its present level
    options = replace(LearnerOptions.from_spec(spec, training_set.dates), changes=False)
    with native_threads(options.threads):
        sample, end = training_set.subset(chosen), view.extract_end
        estimator = fit_estimator(sample, choice, options, replicates=replicates, end=end)
        rate = level_only_rate(training_set, end)
    scorecard = estimator.scorecard_
    codes = encode(scorecard.columns, training_set.attributes)
    calibrated = scorecard.calibration.log_odds(scorecard.scores(codes)[0])
    shift = shift_to_rate(calibrated, training_set.weight, rate)
    estimator.scorecard_ = replace(
        scorecard, calibration=scorecard.calibration.shifted(shift), base_rate=float(rate)
    )
    return estimator
