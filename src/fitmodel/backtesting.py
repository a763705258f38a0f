"""Backtest: predictions of models trained at past dates, compared with the outcomes.

read -> audit -> policy as of the first cut -> at every cut: learn, score the next deals -> evaluate
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.decision.shipped import decide, predict_held_out
from fitmodel.evaluation.backtest import CUTS, compute_backtest, rolling_cuts
from fitmodel.evaluation.out_of_time import EVALUATION_REPLICATES
from fitmodel.guessing.questions import read_with_questions
from fitmodel.leakage.audit import audit_before_training
from fitmodel.learning.curve_fitting import learned_curve
from fitmodel.learning.learner import learn
from fitmodel.learning.own_estimator import learn_own
from fitmodel.pooling import with_prior

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.outcomes import LabelledDeals
    from fitmodel.evaluation.backtest import Split
    from fitmodel.evaluation.report import BacktestReport
    from fitmodel.learning.learner import Learned


def backtest(
    deals: pd.DataFrame | str | Path,
    spec: DealSpec,
    *,
    n_cuts: int = CUTS,
    allow: tuple[str, ...] = (),
    estimator: Any = None,
    progress: Callable[[str], None] | None = None,
) -> BacktestReport:
    """Train on what was known at each past date, and evaluate on the deals signed next.

    Parameters
    ----------
    deals : DataFrame or path
        Past deals, as `fitmodel.read_deals` reads them.
    spec : DealSpec
        A contract with dates; a tenure alone does not show when deals were signed.
    n_cuts : int
        Number of dates at which a new model is trained.
    allow : tuple of str
        Attributes to keep although the leakage audit rejects them.
    estimator : scikit-learn classifier, optional
        Your own classifier, used instead of the scorecard, as for `fitmodel.train`.
    progress : callable, optional
        Called with the name of each step when it begins.

    Returns
    -------
    BacktestReport
        Metrics of every cut and of all cuts together, ageing, and what the flags would have saved
        and cost, by each customer's own survival curve if the contract gives no lifetime. The
        decision policy, with these curves, is the one chosen as of the first cut.

    Raises
    ------
    DealsError
        If the deals have problems, leak the outcome, have no dates or are too few to cut.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(1200, seed=1)
    >>> report = fitmodel.backtest(sim.deals, sim.spec, n_cuts=1)
    >>> len(report.cuts), bool(report.metrics["roc_auc"].value > 0.6)
    (1, True)
    """
    report_step = progress or (lambda _step: None)
    report_step("reading")
    read = read_with_questions(deals, spec).read
    # This contract has the formats found in the table, and no constant attributes.
    spec = with_prior(read.spec, read.table)
    view = view_of(read.table.reset_index(drop=True), spec)
    audit_before_training(view, spec, allow)
    first = rolling_cuts(view, spec, n_cuts)[0]
    report_step(f"choosing the policy as of {first.date:%Y-%m-%d}")
    first_learned = _learn(first.train, spec, estimator)
    held_out = predict_held_out(first_learned, spec, estimator)
    curve = learned_curve(first_learned, held_out)
    # The policy uses no outcome from after the first cut.
    policy = decide(first.train, spec, first_learned, estimator, held_out, curve)

    def fit_predict(
        _train: LabelledDeals, attributes: pd.DataFrame, split: Split, /
    ) -> NDArray[np.float64]:
        report_step(f"training as of {split.date:%Y-%m-%d}")
        is_first = split.date == first.date
        learned = first_learned if is_first else _learn(split.train, spec, estimator)
        probability: NDArray[np.float64] = learned.estimator.predict_proba(attributes)[:, 1]
        return probability

    return compute_backtest(
        view,
        spec,
        fit_predict,
        n_cuts=n_cuts,
        flag=policy.poor_fit,
        money=policy.money,
        seed=spec.learning.seed,
    )


def _learn(known: HistoryView, spec: DealSpec, estimator: Any) -> Learned:
    """Return what was learned from the deals as known at one past date."""
    if estimator is None:
        return learn(known, spec, replicates=EVALUATION_REPLICATES)
    return learn_own(known, spec, estimator)
