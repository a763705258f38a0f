"""Drift as a picture: one bar per attribute, and the line of what is tolerated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.monitoring.drift import TOLERATED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLOURS = {"drift": "#c0392b", "unclear": "#d4a017", "stable": "#7f8c8d"}
MOST_BARS = 25


def plot_drift(drift: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the index of each attribute (its largest, where there are groups), largest on top.

    Parameters
    ----------
    drift : DataFrame
        As `compute_drift` gives it.
    ax : Axes, optional
        A new figure's without one.
    """
    worst = drift.sort_values("index").groupby("attribute", sort=False).last()
    shown = worst.sort_values("index").tail(MOST_BARS)
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7, 1 + 0.28 * len(shown)), layout="constrained").add_subplot()
    height = np.arange(len(shown))
    colours = [COLOURS[verdict] for verdict in shown["verdict"]]
    ax.barh(height, shown["index"], xerr=shown["deviation"], color=colours, ecolor="#444444")
    ax.axvline(TOLERATED, linestyle="--", linewidth=1, color="#444444")
    ax.set_yticks(height, [name.replace("$", r"\$") for name in shown.index])
    ax.set_xlim(left=0)
    ax.set_xlabel("population stability index")
    return ax
