"""What retraining would have predicted: models of past dates, tested on the outcomes that followed.

end of the champion's extract -> some dates after it
each date -> a model of what was known on it
          -> customers of that date, and those signed until the next one: who left before the next?
          -> probability of that by the model, and by any other model

A model in use is compared in this way with the models that would have replaced it. Outcomes count
from the day on which they are known, so a change shows months before the deals are mature.

Prequential evaluation: Dawid (1984), Present position and potential developments, JRSS A 147.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.months import months_between
from fitmodel.evaluation.out_of_time import EVALUATION_REPLICATES
from fitmodel.exceptions import DealsError
from fitmodel.learning.encoding import column_codes
from fitmodel.learning.learner import learn
from fitmodel.learning.own_estimator import learn_own

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.learning.churn_curve import ChurnCurve
    from fitmodel.learning.learner import Learned

    Floats = NDArray[np.float64]

RETRAININGS = 3


@dataclass(frozen=True, eq=False)
class OutcomesSince:
    """Outcomes between dates, with what models of those dates predicted for them.

    A row is a customer between two dates; one that stays is in the next period again.

    Parameters
    ----------
    table : DataFrame
        Columns `deal` (row label of the deal), `early_churn` (1 if it left in the period, within
        the horizon), `probability` (of the model of the period's first day), `base_rate` (of the
        same level without attributes) and `weight`.
    attributes : DataFrame
        Attributes of the deals of `table`, in the same order.
    start, end : ndarray of shape (rows,)
        Age in months at which the period begins and ends for the customer.
    curve : ChurnCurve
        Timing of leaving, the same for all models that are compared.
    stratum : ndarray of int of shape (rows,) or None
        Row of the curve of each customer.
    """

    table: pd.DataFrame
    attributes: pd.DataFrame
    start: Floats
    end: Floats
    curve: ChurnCurve
    stratum: NDArray[np.intp] | None

    @property
    def deals(self) -> int:
        """Number of customers."""
        return int(self.table["deal"].nunique())

    @property
    def churners(self) -> int:
        """Number of early churners in these periods."""
        return int(self.table["early_churn"].sum())

    def conditional(self, probability: Floats) -> Floats:
        """Probability of leaving in each row's period, from the one at the horizon, shape (rows,).

        It is conditional on still being a customer when the period begins.
        """
        return _conditional(self.curve, probability, self.start, self.end, self.stratum)


def outcomes_since(
    view: HistoryView,
    spec: DealSpec,
    since: np.datetime64,
    newest: Learned,
    curve: ChurnCurve,
    estimator: Any = None,
) -> OutcomesSince | None:
    """Retrain at dates after a day, and predict the outcomes between these dates.

    Parameters
    ----------
    view : HistoryView
        All deals.
    spec : DealSpec
        A contract with dates.
    since : datetime64[D]
        Last day that the model in use knows.
    newest : Learned
        The new model, which learned from all deals. Its predictions are not used.
    curve : ChurnCurve
        Its churn curve: when customers leave who leave within the horizon.
    estimator : classifier, optional
        The user's own classifier, trained instead of the scorecard.

    Returns
    -------
    OutcomesSince or None
        None if days of leaving are unknown, or too little was known at the dates to learn from.
        Without a day after `since`, a result without rows.
    """
    if not np.isnan(view.left_by_months).all():
        return None
    end = view.extract_end
    days = _retraining_days(since, end)
    if not days:
        return OutcomesSince(*_no_rows(), curve, None)
    periods = []
    for first, last in pairwise([*days, end]):
        try:
            learned = _learn(view.as_of(first), spec, estimator)
        except DealsError:  # too little was known on that day
            continue
        periods.append(_period(view, learned, first, last))
    if not periods:
        return None
    position, start, stop, left, probability, base_rate = map(
        np.concatenate, zip(*periods, strict=True)
    )
    attributes = view.attributes().frame.iloc[position]
    stratum = _stratum(curve, newest, attributes)
    table = pd.DataFrame(
        {
            "deal": view.index[position],
            "early_churn": left.astype(np.float64),
            "probability": _conditional(curve, probability, start, stop, stratum),
            "base_rate": _conditional(curve, base_rate, start, stop, stratum),
            "weight": view.training_set().weight[position],
        }
    )
    return OutcomesSince(table, attributes, start, stop, curve, stratum)


def _retraining_days(since: np.datetime64, end: np.datetime64) -> list[np.datetime64]:
    """Return the days of retraining: they cut the time since a day into equal parts."""
    length = (end - since).astype("timedelta64[D]").astype(int)
    parts = np.arange(1, RETRAININGS + 1) * length // (RETRAININGS + 1)
    return [since + np.timedelta64(int(days), "D") for days in np.unique(parts) if days > 0]


def _learn(view: HistoryView, spec: DealSpec, estimator: Any) -> Learned:
    if estimator is None:
        return learn(view, spec, replicates=EVALUATION_REPLICATES)
    return learn_own(view, spec, estimator)


def _period(
    view: HistoryView, learned: Learned, first: np.datetime64, last: np.datetime64
) -> tuple[Any, ...]:
    """Return position, ages, outcome and predictions of the customers between two days."""
    closed, horizon = np.asarray(view.closed), view.spec.label.horizon_months
    watched = np.where(view.left, last, np.minimum(view.watched_until, last))
    start = np.maximum(months_between(closed, np.full(len(view), first)), 0.0)
    stop = np.minimum(months_between(closed, watched), horizon)
    gone = view.left & (view.left_on <= first)
    position = np.flatnonzero((stop > start) & ~gone)
    left_in_period = view.left & (view.left_on <= last) & (view.followup_months <= horizon)
    chosen = view.attributes(learned.training_set.dates).frame.iloc[position]
    probability = learned.estimator.predict_proba(chosen)[:, 1]
    base_rate = np.full(len(position), learned.scorecard.base_rate)
    return (
        *(position, start[position], stop[position]),
        *(left_in_period[position], probability, base_rate),
    )


def _conditional(
    curve: ChurnCurve, probability: Floats, start: Floats, end: Floats, stratum: Any
) -> Floats:
    before, after = (curve.survival_at(probability, age, stratum) for age in (start, end))
    return np.asarray(np.clip(1.0 - after / np.maximum(before, 1e-12), 0.0, 1.0))


def _stratum(
    curve: ChurnCurve, newest: Learned, attributes: pd.DataFrame
) -> NDArray[np.intp] | None:
    """Return the curve's row of each deal; None if it has only one."""
    if curve.attribute is None:
        return None
    column = newest.scorecard.columns[newest.scorecard.attributes.index(curve.attribute)]
    return np.asarray(curve.strata[column_codes(column, attributes[curve.attribute])[0]])


def _no_rows() -> tuple[pd.DataFrame, pd.DataFrame, Floats, Floats]:
    names = ("deal", "early_churn", "probability", "base_rate", "weight")
    table = pd.DataFrame({name: np.empty(0) for name in names})
    return table, pd.DataFrame(), np.empty(0), np.empty(0)
