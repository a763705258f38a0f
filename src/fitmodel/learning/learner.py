"""Learn a scorecard from deals: choose settings on folds, then fit on all known deals.

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
from fitmodel.deals.training_set import LabelledDeals
from fitmodel.exceptions import SpecError
from fitmodel.learning._changes import group_factors
from fitmodel.learning._components import check_components
from fitmodel.learning._evidence import choose_provisional
from fitmodel.learning._fitting import calendar_of, follow_up_of
from fitmodel.learning._sampling import (
    RIDGE_TIMES,
    make_folds,
    random_folds,
    sample_for_effects,
    sample_for_settings,
    sample_size,
)
from fitmodel.learning._selection import choose
from fitmodel.learning.classifier import ProspectFitClassifier
from fitmodel.learning.level import scale_hazard
from fitmodel.learning.settings import Choice, LearnerOptions, native_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.enough import Regime
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.level import Change, Level
    from fitmodel.learning.scorecard import Scorecard

FEW_REPLICATES = 2  # where no interval is wanted
CROSS_FIT_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Learned:
    """A fitted estimator with its settings and training set.

    Attributes
    ----------
    estimator : ProspectFitClassifier
        The fitted estimator.
    choice : Choice
        Chosen settings, and the candidates they were chosen from.
    training_set : TrainingSet
        Deals that the estimator was fitted to.
    """

    estimator: ProspectFitClassifier
    choice: Choice
    training_set: TrainingSet

    @property
    def scorecard(self) -> Scorecard:
        """The fitted scorecard."""
        return self.estimator.scorecard_

    @property
    def regime(self) -> Regime:
        """Whether the model is a full or a provisional one."""
        return self.choice.settings.regime

    @property
    def level(self) -> Level:
        """The current level of early churn."""
        return self.estimator.level_

    @property
    def changes(self) -> tuple[Change, ...]:
        """Groups of customers that are predicted at their own present level."""
        return getattr(self.estimator, "changes_", ())

    def change_factors(self) -> NDArray[np.float64]:
        """Hazard of each training deal's group now over that in the past, shape (n,)."""
        return group_factors(self.changes, self.scorecard.columns, self.training_set.attributes)

    @property
    def effect_deals(self) -> int:
        """Number of deals that settings were chosen on: a sample of a very large table."""
        return int(getattr(self.estimator, "effect_deals_", len(self.training_set)))

    @property
    def chosen(self) -> dict[str, Any]:
        """Chosen settings and level as plain values, for a tracked run and the manifest."""
        level, calibration = self.level, self.scorecard.calibration.method
        return {
            **self.choice.settings.to_params(),
            **({"calibration": calibration} if calibration == "link" else {}),
            "level_factor": level.factor,
            "level_weight": level.weight,
            "effect_deals": self.effect_deals,
        }


def note_on_sample(learned: Learned) -> str | None:
    """Return a note on the sample that effects were learned from, or None without a sample."""
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
    min_churners: int = enough.MIN_CHURNERS,
    regime: Regime | None = None,
) -> Learned:
    """Learn a scorecard from deals as they were known on a date.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Deals as read by ``read_deals``, or a view of them.
    as_of : Timestamp, optional
        Date as of which to learn; default: the end of the extract.
    choice : Choice, optional
        Settings to use instead of choosing them anew.
    replicates : int, optional
        Number of bootstrap replicates for the interval; default: the contract's.
    min_churners : int
        Least number of early churners, and of other deals.
    regime : {"full", "provisional"}, optional
        Kind of model; default: that of `choice`, else the one that the number of deals allows.

    Raises
    ------
    DealsError
        If there are too few early churners, or too few other deals; the message says how many are
        missing.
    SpecError
        If the contract names a prior that was not read.
    """
    _refuse_unread_prior(spec)
    view = view_of(deals, spec, as_of)
    training_set = view.training_set()
    check_enough(training_set, min_churners)
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
    """Choose settings on time-ordered folds of the deals, or of a sample of a large table."""
    sample = sample_for_settings(training_set, options)
    if sample is not None:
        view, training_set = view.subset(sample), training_set.subset(sample)
    folds = make_folds(view, training_set.dates, folds=options.folds, seed=options.seed)
    return choose(folds, training_set, options)


def learn_from_set(
    training_set: TrainingSet,
    spec: DealSpec,
    *,
    replicates: int | None = None,
    min_churners: int = enough.MIN_CHURNERS,
    regime: Regime | None = None,
) -> Learned:
    """Learn from a training set, with settings chosen on random folds; see `learn`."""
    _refuse_unread_prior(spec)
    check_enough(training_set, min_churners)
    regime = regime or regime_allowed(training_set)
    options = LearnerOptions.from_spec(spec, training_set.dates).of_regime(regime)
    check_components(options.components)
    with native_threads(options.threads):
        if regime == "provisional":
            choice = choose_provisional(training_set, options)
        else:
            positions = sample_for_settings(training_set, options)
            sample = training_set if positions is None else training_set.subset(positions)
            folds = random_folds(sample, seed=spec.learning.seed, n_folds=options.folds)
            choice = choose(folds, sample, options)
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
    """Fit the estimator: effects on all deals or a sample of a large table, the level on all.

    Parameters
    ----------
    training_set : TrainingSet
        Deals to learn from.
    choice : Choice
        Chosen settings.
    replicates : int, optional
        Number of bootstrap replicates; default: that of `options`.
    end : datetime64[D], optional
        End of the extract; without it the current level is not estimated.
    """
    replicates = options.replicates if replicates is None else replicates
    settings = choice.settings
    options = options.of_regime(settings.regime)
    if replicates < len(settings.replicates):  # no interval is wanted
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


def regime_allowed(training_set: TrainingSet) -> Regime:
    """Return the kind of model for which there are enough deals, at least a provisional one."""
    churners = int((training_set.early_churn == 1).sum())
    allowed = enough.regime_of(churners, len(training_set) - churners)
    return "full" if allowed == "full" else "provisional"


def check_enough(
    training_set: TrainingSet | LabelledDeals, min_churners: int = enough.MIN_CHURNERS
) -> None:
    """Check that there are enough early churners and other deals.

    Raises
    ------
    DealsError
        If there are too few; the message says how many there are, how many are needed and when
        there will be enough.
    """
    churners = int((training_set.early_churn == 1).sum())
    closed, months = training_set.closed_on, None
    if closed is not None and len(closed):
        months = (closed.max() - closed.min()).days / DAYS_PER_MONTH
    others = len(training_set) - churners
    rate = _rate_text(training_set, churners) if min(churners, others) < min_churners else ""
    enough.check_enough(churners, others, months, min_churners=min_churners, rate=rate)


def _refuse_unread_prior(spec: DealSpec) -> None:
    """Raise an error if the contract's prior was not read; this room reads no files itself."""
    learning = spec.learning
    if learning.prior is not None and learning.parent is None:
        raise SpecError(
            f"[learning] prior {learning.prior!r} was not read: without it the model would "
            "not be the one that the contract asks for. Remedy: give with_prior(spec, deals) of "
            "fitmodel.pooling as the contract, as fitmodel.train does"
        )


def _rate_text(deals: TrainingSet | LabelledDeals, churners: int) -> str:
    """Describe the company's rate of early churn with its interval."""
    if not len(deals):
        return ""
    if isinstance(deals, LabelledDeals):
        rate = float(np.average(deals.early_churn, weights=deals.weight))
        return enough.rate_text(churners, rate, len(deals), "early")
    known, when = int(deals.is_known.sum()), f"within {deals.horizon_months} months"
    return enough.rate_text(churners, follow_up_of(deals).rate, known, when)


def cross_fitted(
    training_set: TrainingSet,
    spec: DealSpec,
    choice: Choice,
    *,
    drop: tuple[str, ...] = (),
    n_folds: int = CROSS_FIT_FOLDS,
    factor: float | NDArray[np.float64] = 1.0,
) -> pd.Series[float]:
    """Cross-fitted probability of each deal: from a fit that did not use it; same index.

    Parameters
    ----------
    training_set : TrainingSet
        Deals to predict, and to fit on.
    choice : Choice
        Settings of the fits.
    drop : tuple of str
        Attributes to leave out, such as the rep.
    n_folds : int
        Number of folds.
    factor : float, or ndarray of shape (n,)
        Current level: the hazard is multiplied by it.
    """
    attributes = training_set.attributes.drop(
        columns=[name for name in drop if name in training_set.attributes]
    )
    deals = replace(training_set, attributes=attributes)
    options = LearnerOptions.from_spec(spec, training_set.dates)
    if 2 * sample_size(training_set, options) <= len(training_set):
        n_folds = 2  # effects are learned from a sample, and half the deals are enough for it
    probability = pd.Series(np.nan, index=training_set.index)
    with native_threads(options.threads):
        for fold in random_folds(deals, seed=spec.learning.seed, n_folds=n_folds):
            estimator = fit_estimator(fold.train, choice, options, replicates=FEW_REPLICATES)
            result = estimator.predict_proba(fold.test.attributes)[:, 1]
            probability[fold.test.index] = result
    return pd.Series(scale_hazard(np.array(probability), factor), index=probability.index)
