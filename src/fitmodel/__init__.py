"""fitmodel predicts which prospects will leave early, before the deal is signed.

The public names are listed once, in ``__init__.pyi``. Each is loaded when it is first used, so
that ``import fitmodel`` is light.
"""

from __future__ import annotations

from typing import Any

<<<<<<< HEAD
import lazy_loader

_load, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
=======
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
>>>>>>> house


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("fitmodel")
    if name not in __all__:
        raise AttributeError(f"module 'fitmodel' has no attribute {name!r}")
    return _load(name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
