"""Plots of drift: per attribute, and per attribute and month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.evaluation.drawing import new_axes, short_name, with_all_letters
from fitmodel.language.catalogue import phrases
from fitmodel.monitoring.drift import TOLERATED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"drift": "#c0392b", "moved": "#0072b2", "unclear": "#d4a017", "stable": "#7f8c8d"}
MARKS = {
    "drift": ("o", COLOURS["drift"]),
    "moved": ("D", COLOURS["moved"]),
    "unclear": ("o", "none"),
}
"""Marker shape and fill colour per verdict of a month; a stable month has no marker."""
MAX_BARS = 25
MAX_NAME = 30
"""Characters of an attribute's name beside its bar."""


def plot_drift(drift: pd.DataFrame, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the stability index of each attribute (with groups, the largest), largest on top.

    Parameters
    ----------
    drift : DataFrame
        Table of `compute_drift`.
    ax : Axes, optional
        Axes to draw on; default: those of a new figure.
    language : {"en", "zh"}
        Language of the labels.
    """
    largest = drift.sort_values("index").groupby("attribute", sort=False).last()
    shown = largest.sort_values("index").tail(MAX_BARS)
    ax = ax or new_axes(7, 1 + 0.28 * len(shown))
    height, say = np.arange(len(shown)), phrases(language, "plots")
    for verdict, colour in COLOURS.items():
        has_verdict = (shown["verdict"] == verdict).to_numpy()
        if has_verdict.any():
            bars, label = shown[has_verdict], say(f"drift_{verdict}")
            ax.barh(
                height[has_verdict], bars["index"], xerr=bars["deviation"], color=colour,
                ecolor="#444444", label=label,
            )  # fmt: skip
    ax.axvline(TOLERATED, linestyle="--", linewidth=1, color="#444444")
    ax.set_yticks(height, _names(shown.index), fontsize=9, parse_math=False)
    ax.set_xlim(left=0)
    ax.set_xlabel(say("stability_index"))
    ax.legend(frameon=False, loc="lower right")
    return with_all_letters(ax)


def plot_drift_by_month(
    drift: pd.DataFrame, ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw the stability index of each attribute in each month, with its verdict.

    A dot is drift, a diamond is moved, a ring is unclear; a stable month has no marker.

    Parameters
    ----------
    drift : DataFrame
        Table of `compute_drift` with `by`.
    ax : Axes, optional
        Axes to draw on; default: those of a new figure.
    language : {"en", "zh"}
        Language of the labels.
    """
    say = phrases(language, "plots")
    rows = drift.assign(group=drift["group"].astype("object").map(str))
    index = rows.pivot_table(index="attribute", columns="group", values="index")
    index = index.loc[index.max(axis=1).sort_values(ascending=False).index[:MAX_BARS]]
    ax = ax or new_axes(max(7, 2.5 + 0.25 * index.shape[1]), 1.5 + 0.28 * len(index))
    drawn = ax.imshow(index, cmap="Greys", vmin=0, vmax=5 * TOLERATED, aspect="auto")
    for verdict, (marker, face) in MARKS.items():
        result = rows[(rows["verdict"] == verdict) & rows["attribute"].isin(index.index)]
        months = index.columns.get_indexer(pd.Index(result["group"]))
        positions = index.index.get_indexer(pd.Index(result["attribute"]))
        edge, label = COLOURS[verdict], say(f"drift_{verdict}")
        ax.scatter(
            months, positions, s=22, marker=marker, facecolor=face, edgecolor=edge, label=label
        )
    ax.set_yticks(range(len(index)), _names(index.index), parse_math=False)
    ax.set_xticks(range(index.shape[1]), list(index.columns), rotation=90)
    ax.figure.colorbar(drawn, ax=ax, label=say("stability_index"), extend="max")
    ax.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
    return with_all_letters(ax)


def _names(attributes: pd.Index) -> list[str]:
    return [short_name(name, MAX_NAME) for name in attributes]
