"""A company to try the app on: simulated deals with history, reps, a decision log and a drift.

deals -> a model trained on what was known half a year ago -> prospects, and deals signed since
      -> the decision log of both; in the last quarter marketing has bought a list of addresses
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.datasets.simulation import simulate_deals, simulate_prospects
from fitmodel.deals.history import extract_as_of
from fitmodel.monitoring.log import DecisionLog
from fitmodel.tables.atomic import write_folder
from fitmodel.training import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.model.fitmodel import FitModel

DEALS, PROSPECTS = 2_500, 150
TRAINED_UNTIL, DRIFT_FROM = "2025-12-31", "2026-04-01"
LOG_FILE = "decisions.db"
REASON = "an old customer of ours comes back"


@dataclass(frozen=True)
class Demo:
    """Files of the demonstration, and the contract that reads the deals."""

    model: Path
    pipeline: Path
    deals: Path
    log: DecisionLog
    spec: DealSpec


def make_demo(
    folder: Path,
    models: Path,
    *,
    deals: int = DEALS,
    progress: Callable[[str], None] | None = None,
) -> Demo:
    """Simulate a company, train a model for it and write what the app shows.

    Parameters
    ----------
    folder : Path
        For the tables and the decision log; a log that is there is begun anew.
    models : Path
        Folder of models.
    deals : int
        How many past deals.
    progress : callable, optional
        Told each step as it begins.
    """
    tell = progress or (lambda _step: None)
    tell("simulating deals")
    simulation = simulate_deals(deals, seed=0, drift=0.4)
    spec = simulation.spec.replace(words={"money": "€{:,.0f}"})
    known, spec_then = extract_as_of(simulation.deals, spec, TRAINED_UNTIL)
    model = train(known, spec_then, models=models, progress=tell).model
    table = _drifted(simulation.deals)
    prospects = simulate_prospects(PROSPECTS, seed=1).prospects
    tell("writing")
    shown = {"deals.csv": table, "prospects.csv": prospects}
    write_folder(folder, {name: rows.to_csv(index=False) for name, rows in shown.items()})
    (folder / LOG_FILE).unlink(missing_ok=True)
    log = DecisionLog(folder / LOG_FILE)
    later = table[table["closed_on"] > TRAINED_UNTIL].drop(columns="churned_on")
    _decide(log, model, later, by_flag=("overridden", "signed"))
    _decide(log, model, prospects.head(PROSPECTS // 5), by_flag=("declined", None))
    shipped = models / spec_then.tracking.registered_model
    return Demo(shipped, folder / "prospects.csv", folder / "deals.csv", log, spec)


def _drifted(deals: pd.DataFrame) -> pd.DataFrame:
    """The deals, with a bought list of addresses behind half of those of the last quarter."""
    is_last = deals["closed_on"].astype("datetime64[s]") >= np.datetime64(DRIFT_FROM)
    bought = is_last & (deals.index % 2 == 0)
    return deals.assign(lead_source=deals["lead_source"].mask(bought, "list"))


def _decide(
    log: DecisionLog,
    model: FitModel,
    deals: pd.DataFrame,
    *,
    by_flag: tuple[str | None, str | None],
) -> None:
    """Log what the model says of deals, and what their reps did: if flagged, and if not."""
    said = model.predict(deals, reasons=0, log=log)
    for flagged, name, rep in zip(said["poor_fit"], deals["deal_id"], deals["rep"], strict=True):
        action = by_flag[0] if flagged else by_flag[1]
        if action is not None:
            reason = REASON if action == "overridden" else None
            log.decide(str(name), action, by=str(rep), reason=reason)
