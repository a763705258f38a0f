"""Example deals: simulated ones with known true probabilities, and the Telco table."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["load_telco", "simulate_deals", "simulate_prospects"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'fitmodel.datasets' has no attribute {name!r}")
    module = "telco" if name == "load_telco" else "simulation"
    return getattr(import_module(f"fitmodel.datasets.{module}"), name)
