"""From deals to a fitted scorecard: choose settings on folds, fit on everything that is known.

view of the deals -> folds -> settings
view of the deals -> training set (mature, young, exited) -> ProspectFitClassifier
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals import enough
from fitmodel.deals.history import view_of
from fitmodel.deals.months import DAYS_PER_MONTH
from fitmodel.exceptions import SpecError
from fitmodel.learning._evidence import evidence_by_penalty
from fitmodel.learning._provisional import choose_provisional
from fitmodel.learning.classifier import ProspectFitClassifier
from fitmodel.learning.components import check_components
from fitmodel.learning.fitting import calendar_of, follow_up_of
from fitmodel.learning.folds import make_folds, random_folds
from fitmodel.learning.sampling import (
    RIDGE_TIMES,
    sample_for_effects,
    sample_for_settings,
    sample_size,
)
from fitmodel.learning.selection import choose
from fitmodel.learning.settings import Choice, LearnerOptions, Settings, native_threads

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.enough import Regime
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.level import Level
    from fitmodel.learning.scorecard import Scorecard

FEW_REPLICATES = 2  # where no interval is asked for
CROSS_FIT_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Learned:
    """A fitted estimator and how it came about.

    Attributes
    ----------
    estimator : ProspectFitClassifier
    choice : Choice
    training_set : TrainingSet
        What was learned from.
    """

    estimator: ProspectFitClassifier
    choice: Choice
    training_set: TrainingSet

    @property
    def scorecard(self) -> Scorecard:
        """The tables."""
        return self.estimator.scorecard_

    @property
    def regime(self) -> Regime:
        """Whether the model is a provisional one."""
        return self.choice.settings.regime

    @property
    def level(self) -> Level:
        """Today's level of early churn."""
        return self.estimator.level_

    @property
    def effect_deals(self) -> int:
        """Deals that settings were chosen on: a sample where there are very many."""
        return int(getattr(self.estimator, "effect_deals_", len(self.training_set)))

    @property
    def chosen(self) -> dict[str, Any]:
        """What the data chose, as plain values for a tracked run and the manifest."""
        level = self.level
        return {
            **self.choice.settings.to_params(),
            "level_factor": level.factor,
            "level_discount": level.discount,
            "level_pull": level.pull,
            "effect_deals": self.effect_deals,
        }


def note_on_sample(learned: Learned) -> str | None:
    """Say from how many deals effects were learned, where it is a sample."""
    deals, sample = len(learned.training_set), learned.effect_deals
    if sample == deals:
        return None
    ridge = min(RIDGE_TIMES * sample, deals)
    return (
        f"of {deals:,} deals, settings were chosen on a stratified sample of {sample:,} "
        f"([learning] effect_deals); effects come from {ridge:,} in the ridge regression and from "
        f"{sample:,} in each bootstrap replicate; the level, and the rates quoted in reasons, come "
        "from all"
    )


def learn(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    as_of: pd.Timestamp | None = None,
    choice: Choice | None = None,
    replicates: int | None = None,
    least: int = enough.MIN_CHURNERS,
    regime: Regime | None = None,
) -> Learned:
    """Learn the scorecard from deals as they were known on a date.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``, or a view of them.
    spec : DealSpec
    as_of : Timestamp, optional
        Nothing after this date is known; default: the end of the extract.
    choice : Choice, optional
        Settings to use instead of choosing them anew.
    replicates : int, optional
        Bootstrap replicates for the interval; default: as the contract says.
    least : int
        Early churners, and other deals, needed to learn from.
    regime : {"full", "provisional"}, optional
        Way of learning; default: that of `choice`, else what the deals allow.

    Raises
    ------
    DealsError
        If there are too few early churners, or too few who stayed; the message says how many are
        missing.
    SpecError
        If the contract names a prior that was not read.
    """
    _refuse_unread_prior(spec)
    view = view_of(deals, spec, as_of)
    training_set = view.training_set()
    check_enough(training_set, least)
    if regime is None:
        regime = regime_allowed(training_set) if choice is None else choice.settings.regime
    options = LearnerOptions.from_spec(spec, training_set.dates).of_regime(regime)
    check_components(options.components)
    with native_threads(options.threads):
        if choice is None and regime == "provisional":
            choice = choose_provisional(training_set, options)
        elif choice is None:
            choice = _choose_on_folds(view, training_set, options)
        estimator = fit_estimator(
            training_set, choice, options, replicates=replicates, end=view.extract_end
        )
    return Learned(estimator, choice, training_set)


def _choose_on_folds(
    view: HistoryView, training_set: TrainingSet, options: LearnerOptions
) -> Choice:
    """Choose settings on folds in time, of the deals that effects are learned from."""
    chosen = sample_for_settings(training_set, options)
    if chosen is not None:
        view, training_set = view.subset(chosen), training_set.subset(chosen)
    folds = make_folds(view, training_set.dates, folds=options.folds, seed=options.seed)
    return choose(folds, training_set, options)


def learn_from_set(
    training_set: TrainingSet,
    spec: DealSpec,
    *,
    replicates: int | None = None,
    least: int = enough.MIN_CHURNERS,
    regime: Regime | None = None,
) -> Learned:
    """Learn from a training set, choosing on random folds; parameters and errors as of `learn`."""
    _refuse_unread_prior(spec)
    check_enough(training_set, least)
    regime = regime or regime_allowed(training_set)
    options = LearnerOptions.from_spec(spec, training_set.dates).of_regime(regime)
    with native_threads(options.threads):
        if regime == "provisional":
            choice = choose_provisional(training_set, options)
        else:
            chosen = sample_for_settings(training_set, options)
            small = training_set if chosen is None else training_set.subset(chosen)
            folds = random_folds(small, seed=spec.learning.seed, n_folds=options.folds)
            choice = choose(folds, small, options)
        estimator = fit_estimator(training_set, choice, options, replicates=replicates)
    return Learned(estimator, choice, training_set)


def fit_estimator(
    training_set: TrainingSet,
    choice: Choice,
    options: LearnerOptions,
    *,
    replicates: int | None = None,
    end: np.datetime64 | None = None,
) -> ProspectFitClassifier:
    """Fit the chosen settings: effects on all deals or a sample of many, the level on all.

    Parameters
    ----------
    training_set : TrainingSet
    choice : Choice
    options : LearnerOptions
    replicates : int, optional
    end : datetime64[D], optional
        End of the extract: from it today's level is looked for.
    """
    replicates = options.replicates if replicates is None else replicates
    settings = choice.settings
    options = options.of_regime(settings.regime)
    if replicates < len(settings.replicates):  # no interval is asked for
        settings = replace(settings, replicates=())
    estimator = ProspectFitClassifier(
        penalty=settings.penalty,
        boosting_share=settings.boosting_share,
        pairs=settings.pairs,
        replicates=replicates,
        spread=settings.spread,
        settings=settings,
        options=options,
    )
    return estimator.fit_follow_up(
        training_set.attributes,
        follow_up_of(training_set),
        calendar_of(training_set, end),
        effects=sample_for_effects(training_set, options),
    )


def choose_by_evidence(training_set: TrainingSet, options: LearnerOptions) -> Choice:
    """Choose the penalty with the most evidence, of a ridge regression alone: no folds are fitted.

    Enough where there are thousands of deals and only their mean expectation is used.
    """
    evidence = evidence_by_penalty(training_set, options, None)
    penalty = max(evidence, key=lambda each: evidence[each])
    table = pd.DataFrame({"penalty": list(evidence), "log_evidence": list(evidence.values())})
    return Choice(Settings(penalty=penalty), table.assign(chosen=table["penalty"] == penalty))


def regime_allowed(training_set: TrainingSet) -> Regime:
    """Tell which model the deals allow; a part of a larger table is never less than provisional."""
    churners = int((training_set.early_churn == 1).sum())
    found = enough.regime_of(churners, len(training_set) - churners)
    return "full" if found == "full" else "provisional"


def check_enough(training_set: TrainingSet, least: int = enough.MIN_CHURNERS) -> None:
    """Refuse to learn from too little.

    Raises
    ------
    DealsError
        Saying how many early churners there are, how many are needed and when that would be.
    """
    churners = int((training_set.early_churn == 1).sum())
    closed, months = training_set.closed_on, None
    if closed is not None and len(closed):
        months = (closed.max() - closed.min()).days / DAYS_PER_MONTH
    others = len(training_set) - churners
    short = min(churners, others) < least and hasattr(training_set, "followup_months")
    rate = _rate_in_words(training_set, churners) if short else ""
    enough.check_enough(churners, others, months, least=least, rate=rate)


def _refuse_unread_prior(spec: DealSpec) -> None:
    """Refuse to learn without the prior that the contract asks for; this room reads no files."""
    learning = spec.learning
    if learning.prior is not None and learning.parent is None:
        raise SpecError(
            f"[learning] prior {learning.prior!r} was not read: learned without it, the model "
            "would be another than the contract asks for. Remedy: give with_prior(spec, deals) of "
            "fitmodel.pooling as the contract, as fitmodel.train does"
        )


def _rate_in_words(training_set: TrainingSet, churners: int) -> str:
    """The company's rate of early churn with its interval, which needs no model."""
    rate = follow_up_of(training_set).rate if len(training_set) else 0.0
    known = int(training_set.is_known.sum())
    if not known:
        return ""
    low, high = enough.base_rate_interval(churners, rate, known)
    return (
        f"{rate:.1%} leave within {training_set.horizon_months} months (80 % interval {low:.1%} "
        f"to {high:.1%})"
    )


def cross_fitted(
    training_set: TrainingSet,
    spec: DealSpec,
    choice: Choice,
    *,
    drop: tuple[str, ...] = (),
    n_folds: int = CROSS_FIT_FOLDS,
    factor: float = 1.0,
) -> pd.Series[float]:
    """Probability of each deal from a fit that did not see it.

    Parameters
    ----------
    training_set : TrainingSet
    spec : DealSpec
    choice : Choice
        Settings of the fits.
    drop : tuple of str
        Attributes to leave out, such as the rep.
    n_folds : int
    factor : float
        Level at which the probabilities are given: the hazard is multiplied by it.

    Returns
    -------
    Series with the index of `training_set`
    """
    from fitmodel.learning.level import raised

    kept = training_set.attributes.drop(
        columns=[name for name in drop if name in training_set.attributes]
    )
    deals = replace(training_set, attributes=kept)
    options = LearnerOptions.from_spec(spec, training_set.dates)
    if 2 * sample_size(training_set, options) <= len(training_set):
        n_folds = 2  # half the deals hold as large a sample for effects as all of them
    probability = pd.Series(np.nan, index=training_set.index)
    with native_threads(options.threads):
        for fold in random_folds(deals, seed=spec.learning.seed, n_folds=n_folds):
            estimator = fit_estimator(fold.train, choice, options, replicates=FEW_REPLICATES)
            result = estimator.predict_proba(fold.test.attributes)[:, 1]
            probability[fold.test.index] = result if factor == 1.0 else raised(result, factor)
    return probability
