"""Return the fit band of each past deal, predicted by models that did not learn from it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.roles import per_year, yearly_amounts
from fitmodel.decision.choice import choose_policy
from fitmodel.decision.policy import Policy
from fitmodel.learning.folds import random_folds
from fitmodel.learning.learner import fit_estimator, learn
from fitmodel.learning.settings import LearnerOptions
from fitmodel.learning.threads import native_threads
from fitmodel.model.frame_scorer import predict_frame
from fitmodel.model.scorer import Scorer

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.outcomes import LabelledDeals
    from fitmodel.learning.scorecard import Scorecard

BANDS = ("good", "watch", "poor")
FOLDS = 5


def cross_fitted_bands(
    deals: pd.DataFrame | HistoryView, spec: DealSpec
) -> tuple[pd.Series[str], Policy]:
    """Band of every deal, as the scorecard file would have shown it, and the policy behind it.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``.
    spec : DealSpec

    Returns
    -------
    bands : Series of {"good", "watch", "poor"}
        Deals that are learned from by a fit on the other folds; the others by the fit on all of
        these.
    policy : Policy
        Chosen on the cross-fitted probabilities.

    Raises
    ------
    DealsError
        If there is too little to learn from.
    SpecError
        If the contract's policy cannot be followed.
    """
    view = view_of(deals, spec)
    table = view.deals
    learned = learn(view, spec)
    labelled, training_set = view.labelled(learned.training_set.dates), learned.training_set
    options = LearnerOptions.from_spec(spec, training_set.dates)
    with native_threads(options.threads):
        scorecards = [
            (fit_estimator(fold.train, learned.choice, options).scorecard_, fold.test.index)
            for fold in random_folds(training_set, seed=spec.learning.seed, n_folds=FOLDS)
        ]
    scorecards.append((learned.scorecard, table.index.difference(training_set.index)))
    unflagged = _scored(scorecards[:-1], Policy("threshold"), table, spec)
    policy = _policy(view, spec, labelled, unflagged["early_churn_probability"])
    return _scored(scorecards, policy, table, spec)["fit"].reindex(table.index), policy


def _scored(
    scorecards: list[tuple[Scorecard, pd.Index[Any]]],
    policy: Policy,
    deals: pd.DataFrame,
    spec: DealSpec,
) -> pd.DataFrame:
    """Each scorecard's own deals through the scorer."""
    amount, closing = spec.deals.amount, spec.deals.closed_on
    scorer = partial(
        Scorer,
        policy=policy,
        amount=amount,
        closed_on=closing,
        version="",
        per_year=per_year(spec),
    )
    return pd.concat(
        [
            predict_frame(scorer(scorecard), deals.loc[index], 0)
            for scorecard, index in scorecards
            if len(index)
        ]
    )


def _policy(
    view: HistoryView, spec: DealSpec, labelled: LabelledDeals, probability: pd.Series[float]
) -> Policy:
    yearly = None if spec.deals.amount is None else yearly_amounts(view.deals, spec)
    return choose_policy(
        spec,
        probability.loc[labelled.index].to_numpy(),
        labelled.early_churn,
        labelled.weight,
        None if yearly is None else yearly.loc[labelled.index].to_numpy(),
        curve=view.survival,
        customer_amounts=None if yearly is None else yearly.to_numpy(),
    )
