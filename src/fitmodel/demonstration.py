"""A simulated company to try the app on: deals, history, reps, a decision log, drift.

deals and the CRM's records of them -> a model trained on what was known half a year ago
      -> a challenger trained on what is known now; both compared on the deals signed in between
      -> the last deals as prospects that are not signed yet, and deals signed since the training
      -> one open poor fit becomes a big contract: the main use case of the app
      -> the decision log of both; in the last quarter marketing has bought a list of addresses
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.crm.prospects import add_history
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import extract_as_of
from fitmodel.monitoring.log import DecisionLog
from fitmodel.sales.plans import EXAMPLE, read_plan
from fitmodel.tables.atomic import write_folder
from fitmodel.training import train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fitmodel.deals.contract import DealSpec
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.sales.plans import Plan

DEALS, PROSPECTS = 2_500, 150
TRAINED_UNTIL = "2025-12-31"
CHALLENGER = {"components": ("logistic",), "penalties": (30.0,), "replicates": 3, "folds": 3}
"""Section ``[learning]`` of the challenger: a logistic model, which is trained in seconds."""
LOG_FILE, PLAN_FILE = "decisions.db", "plan.toml"
N_DECIDED = PROSPECTS // 5  # first prospects of the pipeline, which already have a decision
BIG_DEAL_FACTOR = 1.5  # multiple of the amount from which on a manager decides
LABELS = {"has_crm_integration": "CRM integration", "contract_term_months": "Contract months"}
REASON = "an old customer of ours comes back"


@dataclass(frozen=True)
class Demo:
    """Files of the demonstration, and the contract for its deals.

    Attributes
    ----------
    model : Path
        Folder of the model.
    pipeline, deals : Path
        Files of the open prospects and of the past deals.
    log : DecisionLog
        Decision log with predictions and decisions.
    spec : DealSpec
        Contract of the deals, with the history tables.
    plan : Plan
        Commission plan.
    """

    model: Path
    pipeline: Path
    deals: Path
    log: DecisionLog
    spec: DealSpec
    plan: Plan


def make_demo(
    folder: Path, models: Path, *, deals: int = DEALS, progress: Callable[[str], None] | None = None
) -> Demo:
    """Simulate a company, train a model for it, and write the files that the app shows.

    Parameters
    ----------
    folder : Path
        Folder for the tables and the decision log; an existing log is replaced.
    models : Path
        Folder of models to write the bundles to.
    deals : int
        Number of past deals.
    """
    report_step = progress or (lambda _step: None)
    report_step("simulating deals")
    simulation = simulate_deals(deals + PROSPECTS, seed=0, drift=0.4, history=True)
    table = _drifted(simulation.deals, last=deals - 1)
    past = table.head(deals)
    prospects = table.tail(PROSPECTS).drop(columns="churned_on")
    tables = {name: _until_closing(rows, prospects) for name, rows in simulation.tables.items()}
    shown = {f"{name}.csv": rows for name, rows in tables.items()}
    shown |= {"deals.csv": past, "prospects.csv": prospects}
    (folder / LOG_FILE).unlink(missing_ok=True)
    files = {name: rows.to_csv(index=False) for name, rows in shown.items()}
    write_folder(folder, files | {PLAN_FILE: EXAMPLE})
    words = {"money": "€{:,.0f}", "labels": LABELS}
    spec = _with_tables(simulation.spec, folder).replace(words=words)
    known, past_spec = extract_as_of(past, spec, TRAINED_UNTIL)
    model = train(known, past_spec, models=models, progress=report_step).model
    train(past, spec.replace(learning=CHALLENGER), models=models, progress=report_step)
    report_step("writing")
    prospects = _with_a_big_poor_fit(prospects, model)
    write_folder(folder, {"prospects.csv": prospects.to_csv(index=False)})
    log = DecisionLog(folder / LOG_FILE)
    later = past[past["closed_on"] > TRAINED_UNTIL].drop(columns="churned_on")
    _decide(log, model, later, by_flag=("overridden", "signed"))
    _decide(log, model, prospects.head(N_DECIDED), by_flag=("declined", None))
    model_folder = models / past_spec.tracking.registered_model
    plan = read_plan(folder / PLAN_FILE)
    return Demo(model_folder, folder / "prospects.csv", folder / "deals.csv", log, spec, plan)


def _with_tables(spec: DealSpec, folder: Path) -> DealSpec:
    """Return the contract with the paths of the history tables that the demonstration writes."""

    def with_paths(tables: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
        return {
            name: {
                **table.model_dump(exclude_none=True),
                **settings,
                "table": str((folder / f"{name}.csv").resolve()),
            }
            for name, table in tables.items()
        }

    # One window and no sums, so that few attributes are derived.
    events = with_paths(spec.events, windows_days=[90], amount=None)
    return spec.replace(history=with_paths(spec.history), events=events)


def _until_closing(rows: pd.DataFrame, prospects: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a history table; of prospects only those from before their closing."""
    moment = "changed_at" if "changed_at" in rows else "happened_at"
    closing = rows["deal_id"].map(prospects.set_index("deal_id")["closed_on"])
    is_early = rows[moment].astype("datetime64[us]") < closing.astype("datetime64[us]")
    return rows[closing.isna() | is_early]


def _drifted(deals: pd.DataFrame, last: int) -> pd.DataFrame:
    """Return the deals with the lead source "list" in every second deal after the training.

    It applies to deals of the three months before the deal in row `last`, and to all later ones.
    """
    closed = deals["closed_on"].astype("datetime64[s]")
    since = max(closed.iloc[last] - pd.DateOffset(months=3), pd.Timestamp(TRAINED_UNTIL))
    from_list = (closed > since) & (deals.index % 2 == 0)
    return deals.assign(lead_source=deals["lead_source"].mask(from_list, "list"))


def _with_a_big_poor_fit(prospects: pd.DataFrame, model: FitModel) -> pd.DataFrame:
    """Return the prospects with one big contract: the riskiest undecided one that is a poor fit."""
    amount, big = model.scorer.amount, model.scorer.policy.big_deal
    if amount is None or big is None:
        return prospects
    undecided = prospects.iloc[N_DECIDED:].assign(**{amount: round(BIG_DEAL_FACTOR * big, -2)})
    predictions = model.predict(add_history(undecided, model), reasons=0)
    predictions = predictions[predictions["escalate"].to_numpy(dtype=bool)].sort_values(
        "early_churn_probability"
    )
    if predictions.empty:
        return prospects
    changed = prospects.copy()
    changed.loc[predictions.index[-1], amount] = round(BIG_DEAL_FACTOR * big, -2)
    return changed


def _decide(
    log: DecisionLog,
    model: FitModel,
    deals: pd.DataFrame,
    *,
    by_flag: tuple[str | None, str | None],
) -> None:
    """Log the predictions of deals and their reps' decisions.

    `by_flag` has the action for flagged deals and for all others; None for no decision.
    """
    predictions = model.predict(add_history(deals, model), reasons=0, log=log)
    for flagged, name, rep in zip(
        predictions["poor_fit"], deals["deal_id"], deals["rep"], strict=True
    ):
        action = by_flag[0] if flagged else by_flag[1]
        if action is not None:
            reason = REASON if action == "overridden" else None
            log.decide(str(name), action, by=str(rep), reason=reason)
