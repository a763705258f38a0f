"""Plots of drift: by attribute, and by attribute and month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.evaluation.fonts import with_all_letters
from fitmodel.language.catalogue import phrases
from fitmodel.monitoring.drift import TOLERATED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"drift": "#c0392b", "unclear": "#d4a017", "stable": "#7f8c8d"}
MAX_BARS = 25


def plot_drift(drift: pd.DataFrame, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the index of each attribute (its largest, where there are groups), largest on top.

    Parameters
    ----------
    drift : DataFrame
        As `compute_drift` gives it.
    ax : Axes, optional
        A new figure's without one.
    language : {"en", "zh"}
    """
    worst = drift.sort_values("index").groupby("attribute", sort=False).last()
    shown = worst.sort_values("index").tail(MAX_BARS)
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7, 1 + 0.28 * len(shown)), layout="constrained").add_subplot()
    height = np.arange(len(shown))
    colours = [COLOURS[verdict] for verdict in shown["verdict"]]
    ax.barh(height, shown["index"], xerr=shown["deviation"], color=colours, ecolor="#444444")
    ax.axvline(TOLERATED, linestyle="--", linewidth=1, color="#444444")
    ax.set_yticks(height, [name.replace("$", r"\$") for name in shown.index])
    ax.set_xlim(left=0)
    ax.set_xlabel(phrases(language, "plots")("stability_index"))
    return with_all_letters(ax)


def plot_drift_by_month(
    drift: pd.DataFrame, ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw the index of each attribute in each month; a dot is drift, a ring is unclear.

    Parameters
    ----------
    drift : DataFrame
        As `compute_drift` gives it with `by`.
    ax : Axes, optional
        A new figure's without one.
    language : {"en", "zh"}
    """
    say = phrases(language, "plots")
    rows = drift.assign(group=drift["group"].astype("object").map(str))
    index = rows.pivot_table(index="attribute", columns="group", values="index")
    index = index.loc[index.max(axis=1).sort_values(ascending=False).index[:MAX_BARS]]
    if ax is None:
        from matplotlib.figure import Figure

        size = (max(7, 2.5 + 0.25 * index.shape[1]), 1.5 + 0.28 * len(index))
        ax = Figure(figsize=size, layout="constrained").add_subplot()
    drawn = ax.imshow(index, cmap="Greys", vmin=0, vmax=5 * TOLERATED, aspect="auto")
    for verdict, face in (("drift", COLOURS["drift"]), ("unclear", "none")):
        result = rows[(rows["verdict"] == verdict) & rows["attribute"].isin(index.index)]
        months = index.columns.get_indexer(pd.Index(result["group"]))
        positions = index.index.get_indexer(pd.Index(result["attribute"]))
        edge, words = COLOURS[verdict], say(f"drift_{verdict}")
        ax.scatter(months, positions, s=22, facecolor=face, edgecolor=edge, label=words)
    ax.set_yticks(range(len(index)), [name.replace("$", r"\$") for name in index.index])
    ax.set_xticks(range(index.shape[1]), list(index.columns), rotation=90)
    ax.figure.colorbar(drawn, ax=ax, label=say("stability_index"), extend="max")
    ax.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return with_all_letters(ax)
