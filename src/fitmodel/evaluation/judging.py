"""Judge the learner on deals it did not see: signed later where there are dates.

deals -> split at a date -> learn from what was known then -> predict what was signed after it
only a tenure            -> stratified folds               -> predict each fold from the others
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import HistoryView, view_of
from fitmodel.evaluation.metrics import Metric, compare_log_loss
from fitmodel.evaluation.splits import out_of_time_split
from fitmodel.learning.challenger import unrestricted_probabilities
from fitmodel.learning.folds import random_folds
from fitmodel.learning.learner import check_enough, learn, learn_labelled
from fitmodel.learning.options import LearnerOptions
from fitmodel.learning.own_estimator import learn_own, learn_own_labelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.outcomes import LabelledDeals

JUDGING_BAGS = 2  # the interval is not judged here
JUDGING_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Judgement:
    """Predictions of deals not trained on, beside what happened.

    Parameters
    ----------
    method : {"out-of-time", "cross-validation"}
    split_date : Timestamp or None
    table : DataFrame
        Index of the deals judged; columns early_churn, probability, weight, base_rate (of the
        deals trained on) and unrestricted (HistGradientBoosting's probability).
    attributes : DataFrame
        Of the same deals.
    n_train : int
        Deals trained on (mean over folds).
    candidates : DataFrame
        The learner's table of the training that was judged.
    """

    method: str
    split_date: pd.Timestamp | None
    table: pd.DataFrame
    attributes: pd.DataFrame
    n_train: int


def judge(deals: pd.DataFrame | HistoryView, spec: DealSpec, estimator: Any = None) -> Judgement:
    """Judge the whole way of learning, choice of settings included, on deals it did not see.

    Parameters
    ----------
    deals : DataFrame or HistoryView
    spec : DealSpec
    estimator : classifier, optional
        A user's own, judged in the place of the book.

    Raises
    ------
    DealsError
        If there are too few early churners to learn from or to judge by.
    """
    view = view_of(deals, spec)
    check_enough(view.labelled())  # first of the whole: an error about a part would mislead
    way = _out_of_time if spec.has_dates else judge_on_folds
    return way(view, spec, estimator)


def _out_of_time(deals: HistoryView, spec: DealSpec, estimator: Any) -> Judgement:
    split = out_of_time_split(deals, spec)
    if estimator is None:
        learned = learn(split.train, spec, bags=JUDGING_BAGS)
    else:
        learned = learn_own(split.train, spec, estimator)
    test = split.test.labelled(learned.taught.dates)
    probability = learned.estimator.predict_proba(test.attributes)[:, 1]
    options = LearnerOptions.from_spec(spec, learned.labelled.dates)
    unrestricted = unrestricted_probabilities(learned.taught, test.attributes, options)
    table = _table(test, probability, unrestricted, learned.book.base_rate)
    return Judgement("out-of-time", split.date, table, test.attributes, len(learned.labelled))


def judge_on_folds(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, estimator: Any = None
) -> Judgement:
    """Judge on random folds, which says nothing of what comes later; as `judge` otherwise."""
    labelled = view_of(deals, spec).labelled()
    tables, attributes, sizes = [], [], []
    for fold in random_folds(labelled, seed=spec.learning.seed, n_folds=JUDGING_FOLDS):
        learned = (
            learn_labelled(fold.train, spec, bags=JUDGING_BAGS)
            if estimator is None
            else learn_own_labelled(fold.train, spec, estimator)
        )
        probability = learned.estimator.predict_proba(fold.test.attributes)[:, 1]
        options = LearnerOptions.from_spec(spec, labelled.dates)
        unrestricted = unrestricted_probabilities(fold.train, fold.test.attributes, options)
        tables.append(_table(fold.test, probability, unrestricted, learned.book.base_rate))
        attributes.append(fold.test.attributes)
        sizes.append(len(fold.train))
    table = pd.concat(tables).loc[labelled.index]
    return Judgement(
        "cross-validation", None, table, pd.concat(attributes).loc[table.index], int(np.mean(sizes))
    )


def _table(
    test: LabelledDeals,
    probability: NDArray[np.float64],
    unrestricted: NDArray[np.float64],
    base_rate: float,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "early_churn": test.early_churn,
            "probability": probability,
            "weight": test.weight,
            "base_rate": base_rate,
            "unrestricted": unrestricted,
        },
        index=test.index,
    )


def glass_box_cost(judgement: Judgement, *, seed: int = 0, n_boot: int = 500) -> Metric:
    """Log loss of the book minus that of the unrestricted learner; below 0 the book is better.

    The interval is a paired bootstrap over deals; the base is 0, no difference.
    """
    table = judgement.table
    cost = compare_log_loss(
        table["early_churn"],
        table["probability"],
        table["unrestricted"],
        weight=table["weight"],
        n_boot=n_boot,
        seed=seed,
    )
    return replace(cost, name="glass_box_cost")
