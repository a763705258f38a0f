"""Comparison of two models on the same later deals.

two models -> deals signed after the training period of both, mature -> both probabilities and flags
           -> paired differences, groups and deals of disagreement, changed flags and their money
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm.prospects import open_history, open_past_deals
from fitmodel.crm.reading import read_with_history
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.deals.reading import with_unique_index
from fitmodel.deals.roles import yearly_amounts
from fitmodel.evaluation.comparison import MIN_CHURNERS, MIN_DEALS, compare_metrics
from fitmodel.evaluation.figures import (
    compute_flag_changes,
    compute_group_disagreement,
    find_disagreeing_deals,
)
from fitmodel.evaluation.metrics import compute_metrics
from fitmodel.evaluation.report import ModelComparison
from fitmodel.exceptions import BundleError, DealsError, ProspectError
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.renamed import old_parameters

if TYPE_CHECKING:
    from pathlib import Path

    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.outcomes import LabelledDeals
    from fitmodel.decision.value import Money
    from fitmodel.tables.files import FileTable

SIDES = ("a", "b")


@old_parameters(workbench="unpickle")
def compare_models(
    a: FitModel | str | Path,
    b: FitModel | str | Path,
    deals: pd.DataFrame | str | Path,
    spec: DealSpec | None = None,
    *,
    unpickle: bool = False,
    worst: int = 10,
    n_boot: int = 1000,
    seed: int = 0,
) -> ModelComparison:
    """Compare two models on the deals that were signed after the training period of both.

    Parameters
    ----------
    a, b : FitModel, str or Path
        The model in use and the new one: each a source for `fitmodel.load` (a bundle's folder, the
        folder of a model name, ``models:/...``, ``runs:/...``), or a loaded model.
    deals : DataFrame or path
        Past deals with their outcomes, as `fitmodel.read_deals` reads them.
    spec : DealSpec, optional
        Contract of the deals; default: the one that B was trained with.
    unpickle : bool, default=False
        Also load a model that is a user's own estimator, as in `fitmodel.load`.
    worst : int
        Number of deals to list: those on which the models differ most.
    n_boot, seed
        Number of bootstrap resamples of the intervals, and random seed.

    Returns
    -------
    ModelComparison
        Metrics, groups, deals and flags of both models on these deals, with their differences.

    Raises
    ------
    DealsError
        If the deals have problems, or there are fewer than 50 deals that were signed later and have
        a known outcome, or fewer than 10 early churners or stayers among them; the message has the
        numbers.
    BundleError
        If a model does not record the period of its training deals, or the two models have
        different horizons.
    ProspectError
        If a model's attribute is not in the deals; the message names the model.

    Examples
    --------
    >>> later = fitmodel.simulate_deals(600, seed=3, observed_until="2032-06-30")
    >>> compared = fitmodel.compare_models(run.model, run.model, later.deals, later.spec)
    >>> compared.better is None, compared.flags.changed
    (True, 0)
    """
    models = (_loaded(a, unpickle=unpickle), _loaded(b, unpickle=unpickle))
    contract = spec or DealSpec.from_manifest(models[1].manifest["spec"])
    opened = open_past_deals(deals, models[1].manifest, contract, is_own=spec is None)
    read = _read(*opened, is_own=spec is None)
    table, contract = with_unique_index(read.table), read.spec
    _refuse_different(models, contract)
    last_training_day = max(
        _last_signed(model, side) for model, side in zip(models, SIDES, strict=True)
    )
    view = view_of(table, contract)
    later, young = _later_deals(view, last_training_day)
    scored = _scored(models, table, later, contract)
    money, money_of = _money_of(models)
    values = {} if money is None else _values_of(money, table, scored, contract, money_of or "B")
    return ModelComparison(
        names=(_name(models[0], a), _name(models[1], b)),
        signed_after=last_training_day.date(),
        n_deals=len(scored),
        n_early_churners=int(scored["early_churn"].sum()),
        n_too_young=young,
        differences=compare_metrics(
            scored["early_churn"],
            scored["probability_b"],
            scored["probability_a"],
            weight=scored["weight"],
            n_boot=n_boot,
            seed=seed,
        ),
        metrics_a=_metrics(models[0], scored, "a", seed),
        metrics_b=_metrics(models[1], scored, "b", seed),
        groups=compute_group_disagreement(scored, later.attributes),
        deals=find_disagreeing_deals(_with_roles(scored, table, contract), worst),
        flags=compute_flag_changes(
            _with_roles(scored, table, contract), **values, n_boot=n_boot, seed=seed
        ),
        money_of=money_of,
        predictions=scored,
    )


def _read(deals: FileTable, spec: DealSpec, *, is_own: bool) -> Any:
    """Read the deals; if they do not fit B's own contract, the error mentions that it was used."""
    try:
        return read_with_history(deals, spec)
    except DealsError as error:
        if not (is_own and spec.deals.observed_until):
            raise
        raise DealsError(
            f"{error}\nThe deals were read by the contract that B was trained with "
            f"(observed_until = {spec.deals.observed_until}). Remedy: for a later extract give a "
            "contract of its own, --config on the command line or spec in Python"
        ) from error


def _loaded(given: FitModel | str | Path, *, unpickle: bool) -> FitModel:
    return given if isinstance(given, FitModel) else load(given, unpickle=unpickle)


def _refuse_different(models: tuple[FitModel, ...], spec: DealSpec) -> None:
    """Raise an error for models with different horizons, and for deals without closing dates."""
    if not spec.has_dates:
        raise DealsError(
            "deals with a tenure but no closing date cannot be distinguished from those the models "
            "learned from. Remedy: add closed_on and churned_on, and train both models on such "
            "deals."
        )
    for model, side in zip(models, SIDES, strict=True):
        horizon = model.manifest.get("spec", {}).get("label", {}).get("horizon_months")
        if horizon != spec.label.horizon_months:
            raise BundleError(
                f"model {side.upper()} ({model.version}) predicts early churn within {horizon} "
                f"months, the contract says {spec.label.horizon_months}. Remedy: compare models of "
                "one horizon, under a contract with that horizon."
            )


def _last_signed(model: FitModel, side: str) -> pd.Timestamp:
    """Return the latest closing date of the deals that a model learned from."""
    period = list(model.manifest.get("period") or [])
    last = pd.to_datetime(period[-1] if period else "", errors="coerce")
    if pd.isna(last):
        raise BundleError(
            f"model {side.upper()} ({model.version}) does not say when the deals it learned from "
            "were signed, so no deal is surely new to it. Remedy: train it again on deals with "
            "closing dates."
        )
    return pd.Timestamp(last)


def _later_deals(view: HistoryView, last: pd.Timestamp) -> tuple[LabelledDeals, int]:
    """Return the labelled deals signed after a day, and the number of those too young for a label.

    Raises DealsError if there are too few deals to compare two models.
    """
    signed_later = np.asarray(view.closed) > np.datetime64(last, "D")
    labelled = view.labelled()
    later = labelled.subset(labelled.index.isin(view.index[signed_later]))
    churners = int(later.early_churn.sum())
    stayed = len(later) - churners
    young = int(signed_later.sum()) - len(later)
    if len(later) < MIN_DEALS or min(churners, stayed) < MIN_CHURNERS:
        raise DealsError(
            f"{int(signed_later.sum()):,} deals were signed after {last:%Y-%m-%d}, the end of the "
            f"training period of both models; of these {len(later):,} are known to have left early "
            f"({churners:,}) or stayed ({stayed:,}), and {young:,} are too young to tell. "
            f"{MIN_DEALS} known deals are needed, with {MIN_CHURNERS} of either kind. Remedy: a "
            "later extract, or models that were trained on deals up to an earlier day."
        )
    return later, young


def _scored(
    models: tuple[FitModel, ...], table: pd.DataFrame, later: LabelledDeals, spec: DealSpec
) -> pd.DataFrame:
    """Return a table with outcomes, weights, and both models' probabilities and flags."""
    columns: dict[str, Any] = {"early_churn": later.early_churn, "weight": later.weight}
    prospects = table.loc[later.index].drop(columns=list(spec.outcome_columns), errors="ignore")
    for model, side in zip(models, SIDES, strict=True):
        try:
            # The table has the history of model B's contract, which may differ from that of A.
            history = open_history(model.manifest, present=prospects.columns)
            known = prospects if history is None else history.attached_to(prospects)
            predictions = model.predict(known, reasons=0)
        except ProspectError as error:
            raise ProspectError(
                f"model {side.upper()} ({model.version}) cannot score these deals: {error}"
            ) from error
        columns[f"probability_{side}"] = predictions["early_churn_probability"].to_numpy()
        columns[f"poor_fit_{side}"] = predictions["poor_fit"].to_numpy(dtype=bool)
    result = pd.DataFrame(columns, index=later.index)
    return result[result["weight"] > 0]


def _metrics(model: FitModel, scored: pd.DataFrame, side: str, seed: int) -> Any:
    return compute_metrics(
        scored["early_churn"],
        scored[f"probability_{side}"],
        weight=scored["weight"],
        base_rate=model.scorecard.base_rate,
        seed=seed,
    )


def _money_of(models: tuple[FitModel, ...]) -> tuple[Money | None, str | None]:
    """Return the money to value flags with, and its model: the new one's, else the other's."""
    for model, side in ((models[1], "B"), (models[0], "A")):
        if model.scorer.policy.money is not None:
            return model.scorer.policy.money, side
    return None, None


def _values_of(
    money: Money, table: pd.DataFrame, scored: pd.DataFrame, spec: DealSpec, side: str
) -> dict[str, Any]:
    """Return each deal's values by the customer's own survival curve and this model's money."""
    deals = table.loc[scored.index]
    probability = scored[f"probability_{side.lower()}"].to_numpy(dtype=np.float64)
    if spec.deals.amount is None:
        unknown = np.full(len(deals), np.nan)
        return {"value_if_leaves": unknown, "value_if_stays": unknown}
    amounts = np.asarray(yearly_amounts(deals, spec), dtype=np.float64)
    return {
        "value_if_leaves": money.value_if_leaves(amounts, probability),
        "value_if_stays": money.value_if_stays(amounts, probability),
    }


def _with_roles(scored: pd.DataFrame, table: pd.DataFrame, spec: DealSpec) -> pd.DataFrame:
    """Add the deals' id, closing date and amount to the predictions, so that people find them."""
    roles = {"id": spec.deals.id, "closed_on": spec.deals.closed_on, "amount": spec.deals.amount}
    known = {role: table.loc[scored.index, name] for role, name in roles.items() if name}
    return scored.assign(**known)


def _name(model: FitModel, given: FitModel | str | Path) -> str:
    return model.version if isinstance(given, FitModel) else f"{given} ({model.version})"
