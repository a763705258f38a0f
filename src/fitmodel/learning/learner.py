"""From deals to a fitted book: label, choose on folds, fit on everything that is known.

deals -> label -> folds -> choice -> ProspectFitClassifier
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.horizons import LEAST_CHURNERS
from fitmodel.deals.outcomes import LabelledDeals, label_deals
from fitmodel.exceptions import DealsError
from fitmodel.learning.classifier import ProspectFitClassifier
from fitmodel.learning.fitting import age_weights
from fitmodel.learning.folds import Fold, make_folds, random_folds
from fitmodel.learning.options import (
    BAGS,
    Choice,
    LearnerOptions,
)
from fitmodel.learning.selection import age_in_months, choose
from fitmodel.learning.threads import native_threads

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.learning.book import Book


FEW_BAGS = 2  # where no interval is asked for


@dataclass(frozen=True, eq=False)
class Learned:
    """A fitted estimator and how it came about."""

    estimator: ProspectFitClassifier
    choice: Choice
    labelled: LabelledDeals

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
    labelled = label_deals(deals, spec, as_of=as_of)
    check_enough(labelled)
    options = LearnerOptions.from_spec(spec, labelled.dates)
    with native_threads(options.threads):
        if choice is None:
            choice = choose(make_folds(deals, spec, labelled, as_of=as_of), options)
        return Learned(fit_estimator(labelled, choice, options, bags=bags), choice, labelled)


def learn_labelled(labelled: LabelledDeals, spec: DealSpec, *, bags: int = BAGS) -> Learned:
    """Learn from labelled deals alone, choosing on random folds (no order in time is known)."""
    check_enough(labelled)
    options = LearnerOptions.from_spec(spec, labelled.dates)
    with native_threads(options.threads):
        choice = choose(random_folds(labelled, seed=spec.learning.seed), options)
        return Learned(fit_estimator(labelled, choice, options, bags=bags), choice, labelled)


def fit_estimator(
    labelled: LabelledDeals, choice: Choice, options: LearnerOptions, *, bags: int = BAGS
) -> ProspectFitClassifier:
    """Fit the chosen settings on all labelled deals."""
    weight = age_weights(labelled.weight, age_in_months(labelled), choice.half_life_months)
    estimator = ProspectFitClassifier(
        penalty=choice.penalty,
        boosting_share=choice.boosting_share,
        pairs=choice.pairs,
        calibration=choice.calibration,
        doubt=choice.doubt if bags >= len(choice.doubt) else (),  # fewer: no interval is asked for
        bags=bags,
        options=options,
    )
    return estimator.fit(labelled.attributes, labelled.early_churn, weight)


def check_enough(labelled: LabelledDeals) -> None:
    """Refuse to learn from too little.

    Raises
    ------
    DealsError
        Saying how many early churners there are, how many are needed and when that would be.
    """
    churners = int(labelled.early_churn.sum())
    stayers = len(labelled) - churners
    if churners < LEAST_CHURNERS:
        raise DealsError(
            f"too little to learn from: {churners} early churner(s); {LEAST_CHURNERS} needed"
            f"{_waiting(labelled, churners)}. Remedy: add older deals, or a longer horizon_months."
        )
    if stayers < LEAST_CHURNERS:
        raise DealsError(
            f"too little to learn from: {stayers} deal(s) known to have stayed; {LEAST_CHURNERS} "
            "needed. Remedy: add deals of customers who stayed beyond the horizon."
        )


def _waiting(labelled: LabelledDeals, churners: int) -> str:
    """How long until enough early churners are seen, at the rate so far."""
    months = float(age_in_months(labelled).max(initial=0.0))
    if churners == 0 or months < 1:
        return ""
    wait = int(np.ceil((LEAST_CHURNERS - churners) / (churners / months)))
    return f"; at your rate that is about {wait} more month(s)"


def cross_fitted(
    labelled: LabelledDeals,
    spec: DealSpec,
    choice: Choice,
    *,
    drop: tuple[str, ...] = (),
    n_folds: int = 5,
) -> NDArray[np.float64]:
    """Probability of each labelled deal from a fit that did not see it.

    Parameters
    ----------
    labelled : LabelledDeals
    spec : DealSpec
    choice : Choice
        Settings of the fits.
    drop : tuple of str
        Attributes to leave out, such as the rep.

    Returns
    -------
    ndarray, shape (deals,)
    """
    kept = labelled.attributes.drop(columns=[name for name in drop if name in labelled.attributes])
    deals = LabelledDeals(
        kept, labelled.early_churn, labelled.weight, labelled.closed_on, labelled.dates
    )
    options = LearnerOptions.from_spec(spec, labelled.dates)
    probability = np.empty(len(deals))
    with native_threads(options.threads):
        for fold, out in _folds_with_places(deals, spec.learning.seed, n_folds):
            estimator = fit_estimator(fold.train, choice, options, bags=FEW_BAGS)
            probability[out] = estimator.predict_proba(fold.test.attributes)[:, 1]
    return probability


def _folds_with_places(
    deals: LabelledDeals, seed: int, n_folds: int
) -> list[tuple[Fold, NDArray[np.intp]]]:
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    return [
        (Fold(deals.subset(train), deals.subset(test)), test)
        for train, test in splitter.split(deals.early_churn, deals.early_churn)
    ]
