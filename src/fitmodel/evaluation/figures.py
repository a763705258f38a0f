"""The figures of evaluation: functions that compute a table or draw one.

A `compute_` function returns a DataFrame (or a small result), a `plot_` function takes it and
returns its axes. The names are listed in ``figures.pyi``; the modules behind them are private to
the room. Each is imported when a function of it is first used, because some import the learner.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub("fitmodel.evaluation", __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'fitmodel.evaluation.figures' has no attribute {name!r}")
    return _load(name)
