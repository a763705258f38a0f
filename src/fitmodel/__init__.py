"""fitmodel learns from past deals which prospects leave early, and says so before signing.

Everything here is loaded when it is first used: ``import fitmodel`` is light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fitmodel._old_names import install as _install_old_names

if TYPE_CHECKING:  # what type checkers and editors see; _HOMES is the same for Python
    from fitmodel.backtesting import backtest
    from fitmodel.datasets.simulation import simulate_deals
    from fitmodel.datasets.telco import load_telco
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.leakage import audit as audit_leakage
    from fitmodel.deals.reading import read_deals
    from fitmodel.exceptions import FitModelError
    from fitmodel.loading import load, predict
    from fitmodel.model.assessment import Assessment
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.scoring.batch import score_file
    from fitmodel.training import TrainingRun, train

__all__ = [
    "Assessment",
    "DealSpec",
    "FitModel",
    "FitModelError",
    "TrainingRun",
    "audit_leakage",
    "backtest",
    "load",
    "load_telco",
    "predict",
    "read_deals",
    "score_file",
    "simulate_deals",
    "train",
]

_HOMES = {
    "Assessment": "fitmodel.model.assessment:Assessment",
    "DealSpec": "fitmodel.deals.contract:DealSpec",
    "FitModel": "fitmodel.model.fitmodel:FitModel",
    "FitModelError": "fitmodel.exceptions:FitModelError",
    "TrainingRun": "fitmodel.training:TrainingRun",
    "audit_leakage": "fitmodel.deals.leakage:audit",
    "backtest": "fitmodel.backtesting:backtest",
    "load": "fitmodel.loading:load",
    "load_telco": "fitmodel.datasets.telco:load_telco",
    "predict": "fitmodel.loading:predict",
    "read_deals": "fitmodel.deals.reading:read_deals",
    "score_file": "fitmodel.scoring.batch:score_file",
    "simulate_deals": "fitmodel.datasets.simulation:simulate_deals",
    "train": "fitmodel.training:train",
}

_install_old_names()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("fitmodel")
    if name not in _HOMES:
        raise AttributeError(f"module 'fitmodel' has no attribute {name!r}")
    module, original = _HOMES[name].split(":")
    value = getattr(import_module(module), original)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
