"""Evaluation of the learning procedure on deals it did not see: later ones if there are dates.

deals -> split at a date -> learn from what was known then -> predict the deals signed after it
no date can split them, or the model is provisional
                         -> blocks of neighbouring months  -> predict each block from the others
only a tenure            -> stratified folds               -> predict each fold from the others
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.enough import (
    FULL_CHURNERS,
    MIN_CHURNERS,
    MIN_CHURNERS_OF_A_PART,
    MIN_CHURNERS_OF_A_SMALL_PART,
)
from fitmodel.deals.history import view_of
from fitmodel.evaluation._splits import TEST_SHARE, blocks_in_time, latest_possible_split
from fitmodel.evaluation.metrics import Metric, compare_log_loss
from fitmodel.exceptions import DealsError
from fitmodel.learning.calibration import expit, logit
from fitmodel.learning.learner import check_enough, learn, learn_from_set, regime_allowed
from fitmodel.learning.own_estimator import learn_own, learn_own_from_set
from fitmodel.learning.settings import LearnerOptions
from fitmodel.learning.stages import black_box_probabilities, follow_up_of, random_folds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.enough import Regime
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.outcomes import LabelledDeals
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.learner import Learned

EVALUATION_REPLICATES = 2  # few, because the evaluation does not use the interval
EVALUATION_FOLDS = 5

EARLIER_SPLIT = (
    "evaluated on the newest {share:.0%} of the mature deals instead of the newest {usual:.0%}, "
    "which have too few early churners: the model that was evaluated learned from fewer deals than "
    "the one shipped"
)
IN_BLOCKS = (
    "no date leaves enough early churners on both sides, so each block of neighbouring months was "
    "predicted by a model of the other blocks, later ones too: a change of the company's level of "
    "early churn over time would not be seen"
)
IN_SMALL_BLOCKS = (
    "with so few early churners each block of neighbouring months was predicted by a model of the "
    "other blocks, later ones too, all on the level of all deals: this says how deals are told "
    "apart, and a change of the company's level of early churn over time would not be seen"
)
IN_FOLDS = (
    "only a tenure is known, no closing dates: evaluated by stratified cross-validation, not out "
    "of time, so a change over the years would not be seen"
)


IN_FOLDS_ALTHOUGH_DATED = (
    "the early churners were signed in too few months to leave any of these out, so the evaluation "
    "is stratified cross-validation, not out of time: a change over time would not be seen"
)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions of deals that the model was not trained on, with their outcomes.

    Parameters
    ----------
    method : {"out-of-time", "blocks in time", "cross-validation"}
        How the deals were split into training and test deals.
    split_date : Timestamp or None
        First closing date of the test deals; None unless the method is "out-of-time".
    table : DataFrame
        One row per evaluated deal, with its index; columns early_churn, probability, weight,
        base_rate (the prediction of a model that knows the level and no attributes) and black_box
        (probability of the black-box reference).
    attributes : DataFrame
        Attributes of the same deals.
    n_train : int
        Number of deals trained on (mean over folds).
    notes : tuple of str
        Limits of this evaluation.
    learned : Learned or None
        The model that was evaluated; None if there was one per block or fold.
    """

    method: str
    split_date: pd.Timestamp | None
    table: pd.DataFrame
    attributes: pd.DataFrame
    n_train: int
    notes: tuple[str, ...] = ()
    learned: Learned | None = field(default=None, repr=False)


def evaluate(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, estimator: Any = None
) -> Evaluation:
    """Evaluate the learning procedure, choice of settings included, on deals it did not see.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        All deals, as read by ``read_deals``, or a view of them.
    estimator : classifier, optional
        The user's own classifier, evaluated instead of the scorecard.

    Raises
    ------
    DealsError
        If there are too few early churners to learn from or to evaluate on.
    """
    view = view_of(deals, spec)
    # The full table is checked first, so that the error counts all deals.
    check_enough(view.training_set(), MIN_CHURNERS if estimator is None else FULL_CHURNERS)
    if not spec.has_dates:
        return evaluate_on_folds(view, spec, estimator)
    provisional = regime_allowed(view.training_set()) == "provisional"
    # Blocks in time use every early churner; a later part alone would have too few of them.
    for method in (evaluate_on_blocks,) if provisional else (_out_of_time, evaluate_on_blocks):
        try:
            return method(view, spec, estimator)
        except DealsError:  # too few early churners in a part: the next method needs fewer
            continue
    return evaluate_on_folds(view, spec, estimator)


def _out_of_time(view: HistoryView, spec: DealSpec, estimator: Any) -> Evaluation:
    split = latest_possible_split(view, spec)
    if estimator is None:
        learned = learn(split.train, spec, **options_of_a_part("full"))
    else:
        learned = learn_own(split.train, spec, estimator, min_churners=MIN_CHURNERS_OF_A_PART)
    test = split.test.labelled(learned.training_set.dates)
    table = _predict(learned, test, spec)
    share = len(split.test) / max(int(view.mature.sum()), 1)
    notes: tuple[str, ...] = ()
    if share > TEST_SHARE + 0.05:
        notes = (EARLIER_SPLIT.format(share=share, usual=TEST_SHARE),)
    return Evaluation(
        "out-of-time", split.date, table, test.attributes, len(learned.training_set), notes, learned
    )


def evaluate_on_blocks(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, estimator: Any = None
) -> Evaluation:
    """Evaluate as `evaluate` does, predicting each block of months by a model of the others."""
    view = view_of(deals, spec)
    parts = [
        (np.setdiff1d(np.arange(len(view)), inside), inside)
        for inside in blocks_in_time(view, EVALUATION_FOLDS)
    ]
    is_provisional = regime_allowed(view.training_set()) == "provisional"
    note = IN_SMALL_BLOCKS if is_provisional else IN_BLOCKS
    return _evaluate_parts(view, parts, spec, estimator, "blocks in time", note)


def evaluate_on_folds(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, estimator: Any = None
) -> Evaluation:
    """Evaluate as `evaluate` does, but on random folds, which cannot show changes over time."""
    view = view_of(deals, spec)
    number = pd.Series(np.arange(len(view)), index=view.index)
    parts = []
    for fold in random_folds(
        view.training_set(), seed=spec.learning.seed, n_folds=EVALUATION_FOLDS
    ):
        inside = number[fold.test.index].to_numpy()
        parts.append((np.setdiff1d(number.to_numpy(), inside), inside))
    note = IN_FOLDS_ALTHOUGH_DATED if spec.has_dates else IN_FOLDS
    return _evaluate_parts(view, parts, spec, estimator, "cross-validation", note)


def _evaluate_parts(
    view: HistoryView,
    parts: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    spec: DealSpec,
    estimator: Any,
    method: str,
    note: str,
) -> Evaluation:
    training_set = view.training_set()
    labelled = view.labelled(training_set.dates)
    regime = regime_allowed(training_set)
    position = pd.Series(np.arange(len(view)), index=view.index)[labelled.index].to_numpy()
    tables, attributes, sizes = [], [], []
    for trained, evaluated in parts:
        test = labelled.subset(np.isin(position, evaluated))
        if not len(test):
            continue
        learned = _learn_from_set(training_set.subset(trained), spec, estimator, regime)
        predicted = _predict(learned, test, spec)
        if regime == "provisional":
            predicted = _shift_to_rate(predicted, follow_up_of(training_set).rate)
        tables.append(predicted)
        attributes.append(test.attributes)
        sizes.append(len(trained))
    table = pd.concat(tables).loc[labelled.index]
    result = pd.concat(attributes).loc[table.index]
    return Evaluation(method, None, table, result, int(np.mean(sizes)), (note,))


def _shift_to_rate(predicted: pd.DataFrame, rate: float) -> pd.DataFrame:
    """Shift a part's predictions, and those of the level alone, to the level of all deals.

    If a part contains many of the few early churners, the model of the other parts has a level
    that is too low for it. Without the shift the parts would be ranked in the wrong order.
    """
    own_rate = predicted["base_rate"].to_numpy(dtype=np.float64)
    shift = logit(np.array(rate)) - logit(own_rate)
    shifted = {
        name: expit(logit(predicted[name].to_numpy(dtype=np.float64)) + shift)
        for name in ("probability", "black_box")
    }
    return predicted.assign(**shifted, base_rate=rate)


def _learn_from_set(
    training_set: TrainingSet, spec: DealSpec, estimator: Any, regime: Regime
) -> Learned:
    """Learn from a part of the deals in the regime of all deals, even if the part is too small."""
    if estimator is not None:
        return learn_own_from_set(
            training_set, spec, estimator, min_churners=MIN_CHURNERS_OF_A_PART
        )
    return learn_from_set(training_set, spec, **options_of_a_part(regime))


def options_of_a_part(regime: Regime) -> dict[str, Any]:
    """Return options of `learn` for a part of the deals, in the regime of all deals."""
    is_full = regime == "full"
    return {
        "replicates": EVALUATION_REPLICATES,
        "min_churners": MIN_CHURNERS_OF_A_PART if is_full else MIN_CHURNERS_OF_A_SMALL_PART,
        "regime": regime,
    }


def _predict(learned: Learned, test: LabelledDeals, spec: DealSpec) -> pd.DataFrame:
    options = LearnerOptions.from_spec(spec, learned.training_set.dates)
    return pd.DataFrame(
        {
            "early_churn": test.early_churn,
            "probability": learned.estimator.predict_proba(test.attributes)[:, 1],
            "weight": test.weight,
            "base_rate": learned.scorecard.base_rate,
            "black_box": black_box_probabilities(learned.training_set, test.attributes, options),
        },
        index=test.index,
    )


def gap_to_black_box(evaluation: Evaluation, *, seed: int = 0, n_boot: int = 500) -> Metric:
    """Return log loss of the scorecard minus that of the black-box reference.

    Below 0 the scorecard is better. The interval is a paired bootstrap over deals; the base is 0,
    no difference.
    """
    table = evaluation.table
    gap = compare_log_loss(
        table["early_churn"],
        table["probability"],
        table["black_box"],
        weight=table["weight"],
        n_boot=n_boot,
        seed=seed,
    )
    return replace(gap, name="black_box_gap")
