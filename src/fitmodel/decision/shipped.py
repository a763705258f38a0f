"""Choice of the decision policy for the model that is shipped.

probability of held-out deals -> share of right flags (precision), money of the flags
shipped model's own scores    -> share of prospects that is flagged (capacity)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import HistoryView, view_of
from fitmodel.deals.roles import yearly_amounts
from fitmodel.decision.choice import choose_policy
from fitmodel.decision.own_months import OwnMonths
from fitmodel.learning.learner import cross_fitted
from fitmodel.learning.level import scale_hazard
from fitmodel.learning.own_estimator import OwnClassifier, cross_fitted_own

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.decision.policy import Policy
    from fitmodel.evaluation.out_of_time import Evaluation
    from fitmodel.learning.churn_curve import ChurnCurve
    from fitmodel.learning.learner import Learned


def predict_held_out(learned: Learned, spec: DealSpec, estimator: Any = None) -> pd.Series[float]:
    """Return the cross-fitted probability of each deal at today's level, with the shipped settings.

    Together with the outcomes it shows how often flags are right. It does not show which share of
    prospects is flagged, because the fits without a deal are other models, see
    `predict_training_deals`.
    """
    if estimator is not None:
        return cross_fitted_own(learned.training_set, spec, learned)
    factors = _present_factors(learned)
    return cross_fitted(learned.training_set, spec, learned.choice, factor=factors)


def _present_factors(learned: Learned) -> NDArray[np.float64]:
    """Return today's hazard of leaving of each training deal over the past one, shape (n,)."""
    return learned.level.factor * learned.change_factors()


def predict_training_deals(learned: Learned, predicted: pd.Series[float]) -> pd.Series[float]:
    """Return the probability that the shipped model gives each of its training deals.

    A table gives the same value to a training deal and to a prospect like it, so these
    probabilities are distributed like those of new prospects. Cross-fitted predictions are shrunk
    more, and their models have other levels: their top tenth is not the top tenth of the shipped
    model. Only a user's own estimator may have memorised its training deals; for it the held-out
    predictions are returned.

    Parameters
    ----------
    learned : Learned
        The shipped model.
    predicted : Series
        Held-out predictions, as `predict_held_out` returns them.
    """
    if isinstance(learned.estimator, OwnClassifier):
        return predicted
    deals = learned.training_set
    probability = learned.estimator.predict_proba(deals.attributes)[:, 1]
    return pd.Series(probability, index=deals.index)


def decide(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    learned: Learned,
    estimator: Any = None,
    predicted: pd.Series[float] | None = None,
    curve: ChurnCurve | None = None,
) -> Policy:
    """Choose the decision policy for a model.

    The share of right flags and their money are estimated from predictions of held-out deals; the
    share that is flagged is computed from the model's own scores.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Deals that the model learned from.
    learned : Learned
        The model.
    estimator : classifier, optional
        The user's own classifier, if the model is one.
    predicted : Series, optional
        Held-out predictions, as `predict_held_out` returns them.
    curve : ChurnCurve, optional
        Churn curve that gives each customer's lifetime by its own risk, see `learned_curve`.
    """
    view = view_of(deals, spec)
    if predicted is None:
        predicted = predict_held_out(learned, spec, estimator)
    known = view.labelled(learned.training_set.dates)
    factor = pd.Series(_present_factors(learned), index=learned.training_set.index)
    yearly = None if spec.deals.amount is None else yearly_amounts(view.deals, spec)
    return choose_policy(
        spec,
        predicted[known.index].to_numpy(),
        known.early_churn,
        adjust_to_level(known.early_churn, known.weight, np.array(factor[known.index])),
        None if yearly is None else yearly.loc[known.index].to_numpy(),
        curve=view.survival,
        population=predict_training_deals(learned, predicted).to_numpy(),
        level=learned.scorecard.base_rate,
        customer_amounts=None if yearly is None else yearly.to_numpy(),
        own_months=None if curve is None else OwnMonths.of(curve),
    )


def adjust_to_level(
    early_churn: NDArray[np.float64], weight: NDArray[np.float64], factor: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return weights that adjust past outcomes to today's level, and to that of changed groups.

    The weights of early churners are multiplied by today's odds of early churn over the past odds
    (prior shift; Saerens, Latinne and Decaestecker 2002). `factor` is today's hazard of leaving of
    each deal over the past one; all deals with the same factor are one group.
    """
    adjusted = weight.copy()
    for value in np.unique(factor[factor != 1.0]):
        group = factor == value
        past_rate = float(np.average(early_churn[group], weights=weight[group]))
        current_rate = float(scale_hazard(np.array([past_rate]), float(value))[0])
        odds_ratio = current_rate * (1 - past_rate) / max(past_rate * (1 - current_rate), 1e-12)
        adjusted[group & (early_churn == 1)] *= odds_ratio
    return adjusted


def evaluated_policy(
    evaluation: Evaluation, policy: Policy, spec: DealSpec, view: HistoryView
) -> Policy | None:
    """Return the policy chosen only from the training deals of the evaluated model, or None.

    None if the shipped policy does not depend on the deals' predictions, if the model is a user's
    own estimator, or if the deals were evaluated in parts. Then the shipped policy is evaluated.
    """
    learned = evaluation.learned
    if policy.kind not in {"capacity", "precision"} or learned is None:
        return None
    if evaluation.split_date is None or isinstance(learned.estimator, OwnClassifier):
        return None
    past_view = view.as_of(evaluation.split_date).signed_before(evaluation.split_date)
    return decide(past_view, spec, learned)


def share_flagged(
    policy: Policy, probability: pd.Series[float], table: pd.DataFrame, spec: DealSpec
) -> float:
    """Return the share of prospects that the shipped model flags if they are like training deals.

    `probability` has the probabilities that `predict_training_deals` returns.
    """
    given = spec.deals.amount is not None
    amount = yearly_amounts(table, spec).loc[probability.index].to_numpy() if given else None
    return float(policy.poor_fit(probability.to_numpy(), amount).mean())
