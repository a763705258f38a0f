"""All plots, and the functions that compute their data, in one place for notebooks.

Each `compute_` function returns a DataFrame (or a small result). Each `plot_` function takes it and
returns matplotlib axes, on a new figure unless `ax` is given (`plot_table` takes the scorecard,
`plot_survival` curves by their names). `figure_of(ax)` returns the figure.
The names are listed in ``plots.pyi``. Each function is imported when it is first used.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub("fitmodel", __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'fitmodel.plots' has no attribute {name!r}")
    return _load(name)
