"""fitmodel learns from past deals which prospects leave early, and says so before signing.

Everything here is loaded when it is first used: ``import fitmodel`` is light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitmodel.datasets.simulation import simulate_deals
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.reading import read_deals
    from fitmodel.exceptions import FitModelError
    from fitmodel.model.assessment import Assessment
    from fitmodel.model.fitmodel import FitModel, load, predict
    from fitmodel.training import TrainingRun, train

__all__ = [
    "Assessment",
    "DealSpec",
    "FitModel",
    "FitModelError",
    "TrainingRun",
    "load",
    "predict",
    "read_deals",
    "simulate_deals",
    "train",
]

_HOMES = {
    "Assessment": "fitmodel.model.assessment",
    "DealSpec": "fitmodel.deals.contract",
    "FitModel": "fitmodel.model.fitmodel",
    "FitModelError": "fitmodel.exceptions",
    "TrainingRun": "fitmodel.training",
    "load": "fitmodel.model.fitmodel",
    "predict": "fitmodel.model.fitmodel",
    "read_deals": "fitmodel.deals.reading",
    "simulate_deals": "fitmodel.datasets.simulation",
    "train": "fitmodel.training",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("fitmodel")
    if name not in _HOMES:
        raise AttributeError(f"module 'fitmodel' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
