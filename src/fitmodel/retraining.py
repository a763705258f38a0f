"""Retraining on a schedule: train a challenger, and promote it only if it is better.

same deals, contract and estimator as the challenger's -> nothing new
otherwise: train -> promote if the evidence supports it -> promoted, or champion stays
if no model has ever shown skill -> no champion
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fitmodel.bundle.reading import open_bundle
from fitmodel.crm.reading import read_with_history
from fitmodel.exceptions import FitModelError, TrackingError
from fitmodel.tracking.promotion import PromotionRefusedError, follow_champion, promote
from fitmodel.tracking.registry import CHALLENGER, CHAMPION, get_alias, resolve
from fitmodel.tracking.runs import deals_digest
from fitmodel.training import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.training import TrainingRun

Outcome = Literal["promoted", "champion stays", "nothing new", "no champion"]


@dataclass(frozen=True, eq=False)
class Retraining:
    """Outcome of a scheduled training.

    Parameters
    ----------
    outcome : {"promoted", "champion stays", "nothing new", "no champion"}
        Result; "no champion" if no model is in use because none has shown skill yet.
    why : str
        Reason of the outcome, in one sentence.
    run : TrainingRun or None
        The new training; None if nothing was new.
    """

    outcome: Outcome
    why: str
    run: TrainingRun | None = None


def retrain(
    deals: pd.DataFrame | str | Path,
    spec: DealSpec,
    *,
    models: str | Path = "models",
    allow: tuple[str, ...] = (),
    estimator: Any = None,
    progress: Callable[[str], None] | None = None,
) -> Retraining:
    """Train a challenger if there are new data, and promote it if it is better.

    Parameters
    ----------
    deals, spec, models, allow, estimator, progress
        As for `fitmodel.train`.

    Returns
    -------
    Retraining
        Outcome, its reason, and the new training.

    Raises
    ------
    DealsError
        If the deals have problems, leak the outcome, or are too few to learn from.
    TrackingError
        If the store does not answer: without it no model can be compared or promoted.

    Examples
    --------
    >>> spec = fitmodel.DealSpec.from_toml("fitmodel.toml")
    >>> retrain("deals.csv", spec).outcome
    'nothing new'
    """
    read = read_with_history(deals, spec)
    table, spec = read.table, read.spec  # with the formats found, as in the last training's spec
    name, store = spec.tracking.registered_model, spec.tracking.uri
    if not _has_changed(table, spec, estimator):
        outcome = _unless_none(name, store, "nothing new")
        why = "the same deals, contract and estimator as the last training"
        if outcome == "no champion":
            why += ", which was not put in use: it showed no skill"
        return Retraining(outcome, why)
    run = train(deals, spec, models=models, allow=allow, estimator=estimator, progress=progress)
    if run.run_id is None:
        raise TrackingError(f"the model was trained but not registered: {'; '.join(run.warnings)}")
    try:
        promotion = promote(name, store=store)
    except PromotionRefusedError as refusal:
        return Retraining(_unless_none(name, store, "champion stays"), str(refusal), run)
    follow_champion(models, name, store)
    is_first = promotion.previous in {None, promotion.version}  # training puts the first in use
    before = "the first" if is_first else f"before: {promotion.previous}"
    return Retraining("promoted", f"version {promotion.version} of {name} ({before})", run)


def _unless_none(name: str, store: str | None, outcome: Outcome) -> Outcome:
    """Return the outcome, or "no champion" if no model is in use."""
    return outcome if get_alias(name, CHAMPION, store) is not None else "no champion"


def _has_changed(table: pd.DataFrame, spec: DealSpec, estimator: Any) -> bool:
    name, store = spec.tracking.registered_model, spec.tracking.uri
    newest = get_alias(name, CHALLENGER, store)
    if newest is None:
        return True
    try:
        manifest = open_bundle(resolve(f"models:/{name}/{newest}", store)).manifest
    except FitModelError:  # its bundle is missing or damaged, so a new one is needed
        return True
    known = tuple(manifest.get(name) for name in ("deals_digest", "spec", "estimator_settings"))
    settings = None if estimator is None else repr(estimator)
    return known != (deals_digest(table), spec.to_dict(), settings)
