"""Choose the decision policy for the model that is shipped.

probability of deals left out -> which flags are right (precision), what they are worth
shipped model's own scores    -> which share of prospects is flagged (capacity)
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
    """Cross-fitted probability of each deal at today's level, with the shipped settings.

    With its outcome it tells how often flags are right. Which share of prospects is flagged it does
    not tell: the fits without a deal are other models, see `predict_alike`.
    """
    if estimator is not None:
        return cross_fitted_own(learned.training_set, spec, learned)
    return cross_fitted(learned.training_set, spec, learned.choice, factor=learned.level.factor)


def predict_alike(learned: Learned, predicted: pd.Series[float]) -> pd.Series[float]:
    """Probability that the shipped model gives each of its training deals.

    A table has one value for a deal learned from and for a prospect alike, so these are spread as
    those of new prospects are. Fits that each leave out deals are drawn together more, and have
    other levels: a tenth of their predictions is not a tenth of the shipped model's. Only a user's
    own estimator may know its deals by heart; of it, the predictions of deals left out are taken.

    Parameters
    ----------
    learned : Learned
    predicted : Series
        As `predict_held_out` returns it.
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

    What flags are worth, and how many are right, is judged on predictions of deals left out of the
    fit; the share that is flagged is one of the model's own scores.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        What the model learned from.
    spec : DealSpec
    learned : Learned
    estimator : classifier, optional
        A user's own.
    predicted : Series, optional
        As `predict_held_out` returns it.
    curve : ChurnCurve, optional
        How long customers stay by their own risk, see `learned_curve`.
    """
    view = view_of(deals, spec)
    if predicted is None:
        predicted = predict_held_out(learned, spec, estimator)
    known = view.labelled(learned.training_set.dates)
    yearly = None if spec.deals.amount is None else yearly_amounts(view.deals, spec)
    return choose_policy(
        spec,
        predicted[known.index].to_numpy(),
        known.early_churn,
        at_level(known.early_churn, known.weight, learned),
        None if yearly is None else yearly.loc[known.index].to_numpy(),
        curve=view.survival,
        population=predict_alike(learned, predicted).to_numpy(),
        level=learned.scorecard.base_rate,
        customer_amounts=None if yearly is None else yearly.to_numpy(),
        own_months=None if curve is None else OwnMonths.of(curve),
    )


def at_level(
    early_churn: NDArray[np.float64], weight: NDArray[np.float64], learned: Learned
) -> NDArray[np.float64]:
    """Return weights that bring past outcomes to today's level.

    Early churners count as many times more as the odds of early churn are higher today (prior
    shift; Saerens, Latinne and Decaestecker 2002).
    """
    if not len(weight) or not learned.level.is_applied:
        return weight
    past = float(np.average(early_churn, weights=weight))
    today = float(scale_hazard(np.array([past]), learned.level.factor)[0])
    odds = today * (1 - past) / max(past * (1 - today), 1e-12)
    return np.where(early_churn == 1, weight * odds, weight)


def evaluated_policy(
    evaluation: Evaluation, policy: Policy, spec: DealSpec, view: HistoryView
) -> Policy | None:
    """Policy chosen from the training deals of the evaluated model only.

    None where the shipped policy does not depend on the deals' predictions, or where the deals
    were evaluated in parts: the shipped one then counts its flags among deals left out in turn.
    """
    learned = evaluation.learned
    if policy.kind not in {"capacity", "precision"} or learned is None:
        return None
    if evaluation.split_date is None or isinstance(learned.estimator, OwnClassifier):
        return None
    then = view.as_of(evaluation.split_date).signed_before(evaluation.split_date)
    return decide(then, spec, learned)


def share_flagged(
    policy: Policy, alike: pd.Series[float], table: pd.DataFrame, spec: DealSpec
) -> float:
    """Share of prospects that the shipped model will flag, if they are like the training deals.

    `alike` is as `predict_alike` returns it.
    """
    given = spec.deals.amount is not None
    amount = yearly_amounts(table, spec).loc[alike.index].to_numpy() if given else None
    return float(policy.poor_fit(alike.to_numpy(), amount).mean())
