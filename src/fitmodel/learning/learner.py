"""From deals to a fitted book: label, choose on folds, fit on everything that is known.

deals -> label -> folds -> choice
deals -> the mature and, in parts, the young -> ProspectFitClassifier with that choice
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals import enough
from fitmodel.deals.outcomes import LabelledDeals, label_deals
from fitmodel.deals.training_deals import training_deals
from fitmodel.learning.classifier import ProspectFitClassifier
from fitmodel.learning.fitting import age_weights
from fitmodel.learning.folds import make_folds, random_folds
from fitmodel.learning.options import (
    BAGS,
    Choice,
    LearnerOptions,
)
from fitmodel.learning.selection import age_in_months, choose
from fitmodel.learning.threads import native_threads

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.learning.book import Book


FEW_BAGS = 2  # where no interval is asked for


@dataclass(frozen=True, eq=False)
class Learned:
    """A fitted estimator and how it came about.

    Attributes
    ----------
    estimator : ProspectFitClassifier
    choice : Choice
    labelled : LabelledDeals
        Deals with a known outcome.
    taught : LabelledDeals
        What was learned from: these, and the young in parts.
    """

    estimator: ProspectFitClassifier
    choice: Choice
    labelled: LabelledDeals
    taught: LabelledDeals

    @property
    def book(self) -> Book:
        """The tables."""
        return self.estimator.book_


def learn(
    deals: pd.DataFrame,
    spec: DealSpec,
    *,
    as_of: pd.Timestamp | None = None,
    choice: Choice | None = None,
    bags: int = BAGS,
) -> Learned:
    """Learn the book from deals as they were known on a date.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``, or re-cut.
    spec : DealSpec
    as_of : Timestamp, optional
        Nothing after this date is known; default: the end of the extract.
    choice : Choice, optional
        Settings to use instead of choosing them anew.
    bags : int
        Refits for the interval.

    Raises
    ------
    DealsError
        If there are too few early churners, or too few who stayed; the message says how many are
        missing.
    """
    enough.check_enough(*enough.known_outcomes(deals, spec, as_of=as_of))
    labelled = label_deals(deals, spec, as_of=as_of)
    taught = training_deals(deals, spec, as_of=as_of)
    options = LearnerOptions.from_spec(spec, labelled.dates)
    with native_threads(options.threads):
        if choice is None:
            choice = choose(make_folds(deals, spec, as_of=as_of), options)
        estimator = fit_estimator(taught, choice, options, bags=bags)
    return Learned(estimator, choice, labelled, taught)


def learn_labelled(labelled: LabelledDeals, spec: DealSpec, *, bags: int = BAGS) -> Learned:
    """Learn from labelled deals alone, choosing on random folds (no order in time is known)."""
    check_enough(labelled)
    options = LearnerOptions.from_spec(spec, labelled.dates)
    with native_threads(options.threads):
        choice = choose(random_folds(labelled, seed=spec.learning.seed), options)
        estimator = fit_estimator(labelled, choice, options, bags=bags)
    return Learned(estimator, choice, labelled, labelled)


def fit_estimator(
    taught: LabelledDeals, choice: Choice, options: LearnerOptions, *, bags: int = BAGS
) -> ProspectFitClassifier:
    """Fit the chosen settings on all deals to learn from."""
    weight = age_weights(taught.weight, age_in_months(taught), choice.half_life_months)
    estimator = ProspectFitClassifier(
        penalty=choice.penalty,
        boosting_share=choice.boosting_share,
        pairs=choice.pairs,
        calibration=choice.calibration,
        doubt=choice.doubt if bags >= len(choice.doubt) else (),  # fewer: no interval is asked for
        bags=bags,
        options=options,
    )
    return estimator.fit_chances(taught.attributes, taught.early_churn, weight)


def check_enough(labelled: LabelledDeals) -> None:
    """Refuse to learn from too little.

    Raises
    ------
    DealsError
        Saying how many early churners there are, how many are needed and when that would be.
    """
    churners = int(labelled.early_churn.sum())
    months = float(age_in_months(labelled).max(initial=0.0))
    enough.check_enough(churners, len(labelled) - churners, months)


def cross_fitted(
    taught: LabelledDeals,
    spec: DealSpec,
    choice: Choice,
    *,
    drop: tuple[str, ...] = (),
    n_folds: int = 5,
) -> pd.Series[float]:
    """Probability of each deal from a fit that did not see it.

    Parameters
    ----------
    taught : LabelledDeals
    spec : DealSpec
    choice : Choice
        Settings of the fits.
    drop : tuple of str
        Attributes to leave out, such as the rep.

    Returns
    -------
    Series with the index of `taught`
    """
    kept = taught.attributes.drop(columns=[name for name in drop if name in taught.attributes])
    deals = replace(taught, attributes=kept)
    options = LearnerOptions.from_spec(spec, taught.dates)
    probability = pd.Series(np.nan, index=taught.index)
    with native_threads(options.threads):
        for fold in random_folds(deals, seed=spec.learning.seed, n_folds=n_folds):
            estimator = fit_estimator(fold.train, choice, options, bags=FEW_BAGS)
            probability[fold.test.index] = estimator.predict_proba(fold.test.attributes)[:, 1]
    return probability
