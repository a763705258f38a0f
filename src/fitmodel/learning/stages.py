"""The stages of learning, one by one, for what needs a single one: evaluation, sales, benchmarks.

`fitmodel.learning.learner.learn` runs all of them. The names are listed in ``stages.pyi``; the
modules behind them are private to the room. Each is imported when it is first used.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub("fitmodel.learning", __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'fitmodel.learning.stages' has no attribute {name!r}")
    return _load(name)
