"""The tables of deals on which `horizons.py` compares survival curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from quality import SME, lapse_spec

import fitmodel
from fitmodel.datasets.telco import load_telco


@dataclass(frozen=True)
class Table:
    """A table of deals: its contract, the months evaluated at and how many rows are used.

    With a `cut` it is learned from what was known on that day, and evaluated on deals signed later.
    """

    load: Callable[[Path | None], tuple[pd.DataFrame, fitmodel.DealSpec]]
    months: tuple[int, ...]
    until: int
    rows: int
    cut: str | None = None


def _simulated(_data: Path | None) -> tuple[pd.DataFrame, fitmodel.DealSpec]:
    sim = fitmodel.simulate_deals(2_000, seed=11, rep_effects=False)
    return sim.deals, sim.spec


def _telco(_data: Path | None) -> tuple[pd.DataFrame, fitmodel.DealSpec]:
    deals, spec = load_telco()
    return fitmodel.read_deals(deals, spec), spec


def _sme(data: Path | None) -> tuple[pd.DataFrame, fitmodel.DealSpec]:
    spec = fitmodel.DealSpec(
        deals={"tenure_months": "months_active", "churned": "churned"},
        label={"horizon_months": 5},
        attributes={"include": SME},
    )
    return fitmodel.read_deals(_folder(data) / "saas_sme" / "deals.csv", spec), spec


def _lapse(data: Path | None) -> tuple[pd.DataFrame, fitmodel.DealSpec]:
    spec = lapse_spec(12)
    return fitmodel.read_deals(_folder(data) / "us_lapse" / "deals.csv", spec), spec


def _folder(data: Path | None) -> Path:
    if data is None:
        raise SystemExit("give --data, the folder with this table")
    return data


TABLES = {
    "simulated": Table(_simulated, (3, 5, 12), 18, 2_000),
    "telco": Table(_telco, (3, 5, 12), 24, 2_000),
    "saas_sme": Table(_sme, (3, 5, 10), 10, 1_600),
    "us_lapse": Table(_lapse, (3, 12, 24), 24, 3_000),
    "us_lapse, later": Table(_lapse, (3, 12, 24), 24, 3_000, cut="2002-12-31"),
}
