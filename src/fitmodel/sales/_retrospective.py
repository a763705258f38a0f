"""Retrospective scores: what a model trained before signing would have predicted.

deals -> quarters of signing -> for each: learn from the data known before it -> score its deals
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.decision.policy import Policy
from fitmodel.exceptions import DealsError
from fitmodel.learning.learner import check_enough, learn, regime_allowed
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.frame_scorer import code_table, predict_frame
from fitmodel.model.scorer import Scorer
from fitmodel.sales._sample import (
    BOOSTED_REPLICATES,
    choose_ridge,
    draw_samples,
    fit_on_sample,
    is_large,
    min_replicates,
)
from fitmodel.sales.people import check_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.learning.scorecard import Scorecard
    from fitmodel.learning.settings import Choice

CHOOSE_AGAIN = 1.5
"""Growth factor of the known early churners at which settings and calibration are chosen again."""


@dataclass(frozen=True, eq=False)
class AsOfSnapshot:
    """The model that would have been learned on the day before a quarter began.

    Parameters
    ----------
    as_of : Timestamp
        Day of the snapshot; nothing later is used.
    model : FitModel or None
        The model; None where there were too few deals to learn from.
    known : int
        Number of deals with a known outcome on that day.
    early_churners : int
        Number of these that left early.
    """

    as_of: pd.Timestamp
    model: FitModel | None
    known: int
    early_churners: int


@dataclass(frozen=True, eq=False)
class Retrospective:
    """Retrospective scores of every deal as of its signing.

    Parameters
    ----------
    snapshots : dict of str to AsOfSnapshot
        Snapshots by quarter of signing, such as "2025Q1".
    predictions : DataFrame
        Indexed like the deals: `quarter`, `probability`, `base_rate` (of the deals learned from)
        and `unfamiliar`; the probabilities are NaN where there were too few deals to learn from.
    contributions : DataFrame
        Same index, with a column per attribute: its contribution to the log-odds; NaN where there
        was no model. Contributions of pairs are not included.
    """

    snapshots: dict[str, AsOfSnapshot]
    predictions: pd.DataFrame
    contributions: pd.DataFrame

    def of(self, deal: Any) -> AsOfSnapshot:
        """Return the snapshot that would have scored a deal at its signing."""
        return self.snapshots[str(self.predictions.loc[deal, "quarter"])]


def score_in_retrospect(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    progress: Callable[[str], None] | None = None,
) -> Retrospective:
    """Train a model as of the day before every quarter, and score the deals signed in it.

    Parameters
    ----------
    spec : DealSpec
        A contract with dates.
    progress : callable, optional
        Function that is called with a text that names the date of each training.

    Returns
    -------
    Retrospective

    Raises
    ------
    DealsError
        If the contract has no dates, or rows share an index.

    Notes
    -----
    Settings and calibration, too, are chosen only on deals known on that day, or are kept from an
    earlier snapshot if few early churners have been added since. So nothing comes from later
    deals; at most three months of the data known at signing are not used. The contract's prior is
    left out for the same reason: it is not known when it was learned.
    """
    require_dates(spec)
    spec = spec.replace(learning={"prior": None})
    view = view_of(deals, spec)
    deals = view.deals
    check_index(deals)
    on_step = progress or (lambda _step: None)
    periods = deals[spec.deals.closed_on].dt.to_period("Q")
    snapshots, predictions, contributions = {}, [], []
    settings: _Settings | None = None
    for period in sorted(periods.unique()):
        as_of = period.start_time.normalize() - pd.Timedelta(days=1)
        on_step(f"as the model was on {as_of:%Y-%m-%d}")
        snapshot, settings = _snapshot_before(view, spec, as_of, settings)
        signed = deals[periods == period]
        snapshots[str(period)] = snapshot
        predictions.append(_predictions(snapshot, signed, str(period)))
        contributions.append(_contributions(snapshot, signed))
    return Retrospective(
        snapshots,
        pd.concat(predictions).reindex(deals.index),
        pd.concat(contributions).reindex(deals.index),
    )


def require_dates(spec: DealSpec) -> None:
    """Refuse a contract that does not give the days on which deals were signed.

    Raises DealsError if the contract names no closing date.
    """
    if spec.deals.closed_on is None:
        raise DealsError(
            "what was known at signing needs closing dates, but the contract gives a tenure. "
            "Remedy: add closed_on and churned_on."
        )


@dataclass(frozen=True, eq=False)
class _Settings:
    choice: Choice
    early_churners: int

    def is_valid_for(self, early_churners: int) -> bool:
        """Return whether too few early churners were added since to choose settings again."""
        return early_churners < CHOOSE_AGAIN * self.early_churners


def _snapshot_before(
    deals: HistoryView, spec: DealSpec, as_of: pd.Timestamp, previous: _Settings | None
) -> tuple[AsOfSnapshot, _Settings | None]:
    """Return the snapshot of a day, and the settings from which the next one starts."""
    past_view = deals.as_of(as_of)
    if not len(past_view):
        return AsOfSnapshot(as_of, None, 0, 0), previous
    training_set = past_view.training_set()
    churners, known = int((training_set.early_churn == 1).sum()), int(training_set.is_known.sum())
    try:
        check_enough(training_set)
    except DealsError:
        return AsOfSnapshot(as_of, None, known, churners), previous
    # a provisional model is never learned from a sample
    by_sample = is_large(len(deals)) and regime_allowed(training_set) == "full"
    learn_past = _learn_from_sample if by_sample else _learn_from_all
    scorecard, settings = learn_past(past_view, spec, churners, previous)
    version = f"{as_of:%Y-%m-%d}"
    scorer = Scorer(scorecard, Policy("threshold"), None, spec.deals.closed_on, version)
    return AsOfSnapshot(as_of, FitModel(scorer, {}), known, churners), settings


def _learn_from_all(
    past_view: HistoryView, spec: DealSpec, churners: int, previous: _Settings | None
) -> tuple[Scorecard, _Settings]:
    reused = previous if previous is not None and previous.is_valid_for(churners) else None
    choice = None if reused is None else reused.choice
    learned = learn(past_view, spec, choice=choice, replicates=BOOSTED_REPLICATES)
    return learned.scorecard, reused or _Settings(learned.choice, churners)


def _learn_from_sample(
    past_view: HistoryView, spec: DealSpec, _churners: int, previous: _Settings | None
) -> tuple[Scorecard, _Settings]:
    """Learn the effects from a sample of the deals known then, and the level from all of them."""
    training_set = past_view.training_set()
    (chosen,) = draw_samples(training_set, seed=spec.learning.seed, samples=1)
    sample = training_set.subset(chosen)
    churners = int((sample.early_churn == 1).sum())
    reused = previous if previous is not None and previous.is_valid_for(churners) else None
    settings = reused or _Settings(choose_ridge(sample, spec), churners)
    replicates = min_replicates(settings.choice.settings)
    fit = fit_on_sample(
        training_set, chosen, spec, settings.choice, past_view, replicates=replicates
    )
    return fit.scorecard_, settings


def _predictions(snapshot: AsOfSnapshot, signed: pd.DataFrame, quarter: str) -> pd.DataFrame:
    if snapshot.model is None:
        missing = {"probability": np.nan, "base_rate": np.nan, "unfamiliar": False}
        return pd.DataFrame({"quarter": quarter, **missing}, signed.index)
    result = predict_frame(snapshot.model.scorer, signed, reasons=0)
    return pd.DataFrame(
        {
            "quarter": quarter,
            "probability": result["early_churn_probability"],
            "base_rate": snapshot.model.scorecard.base_rate,
            "unfamiliar": result["unfamiliar"],
        }
    )


def _contributions(snapshot: AsOfSnapshot, signed: pd.DataFrame) -> pd.DataFrame:
    if snapshot.model is None:
        return pd.DataFrame(index=signed.index)
    scorecard = snapshot.model.scorecard
    codes = code_table(snapshot.model.scorer, signed, None).codes
    single: NDArray[np.float64] = scorecard.contributions(codes)[:, : len(scorecard.columns)]
    return pd.DataFrame(single, index=signed.index, columns=list(scorecard.attributes))
