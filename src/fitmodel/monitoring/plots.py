"""Pictures of drift, and of what becomes of a model that is obeyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.monitoring.drift import TOLERATED

if TYPE_CHECKING:
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


def plot_drift_by_month(drift: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the index of each attribute in each month; a dot is drift, a ring is unclear.

    Parameters
    ----------
    drift : DataFrame
        As `compute_drift` gives it with `by`.
    ax : Axes, optional
        A new figure's without one.
    """
    rows = drift.assign(group=drift["group"].astype("object").map(str))
    index = rows.pivot_table(index="attribute", columns="group", values="index")
    index = index.loc[index.max(axis=1).sort_values(ascending=False).index[:MOST_BARS]]
    if ax is None:
        from matplotlib.figure import Figure

        size = (max(7, 2.5 + 0.25 * index.shape[1]), 1.5 + 0.28 * len(index))
        ax = Figure(figsize=size, layout="constrained").add_subplot()
    drawn = ax.imshow(index, cmap="Greys", vmin=0, vmax=5 * TOLERATED, aspect="auto")
    for verdict, face in (("drift", COLOURS["drift"]), ("unclear", "none")):
        found = rows[(rows["verdict"] == verdict) & rows["attribute"].isin(index.index)]
        months = index.columns.get_indexer(pd.Index(found["group"]))
        places = index.index.get_indexer(pd.Index(found["attribute"]))
        ax.scatter(months, places, s=22, facecolor=face, edgecolor=COLOURS[verdict], label=verdict)
    ax.set_yticks(range(len(index)), [name.replace("$", r"\$") for name in index.index])
    ax.set_xticks(range(index.shape[1]), list(index.columns), rotation=90)
    ax.figure.colorbar(drawn, ax=ax, label="population stability index", extend="max")
    ax.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return ax


def plot_selective_labels(rounds: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw observed over expected early churn among the flagged, round by round.

    Parameters
    ----------
    rounds : DataFrame
        Rows of `fitmodel.monitoring.selective_labels.replay_rounds`, with `company` and `share`:
        a line for each share, the mean of the companies, in the band from the lowest to the
        highest of them.
    ax : Axes, optional
        A new figure's without one.
    """
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7, 4), layout="constrained").add_subplot()
    for key, part in rounds.groupby("share", sort=True):
        share = float(key)  # type: ignore[arg-type]  # a column of shares
        found = part.groupby("round")["ratio"].agg(["mean", "min", "max"])
        label, colour = (
            "none of the flagged drawn: only those whom a rep knows better",
            COLOURS["drift"],
        )
        if share:
            label, colour = f"{share:.0%} of the flagged proceed, to be learned from", "#1f6f8b"
        ax.fill_between(found.index, found["min"], found["max"], color=colour, alpha=0.15, lw=0)
        ax.plot(found.index, found["mean"], marker="o", color=colour, label=label)
    ax.axhline(1, linestyle="--", linewidth=1, color="#444444")
    ax.set_yscale("log")
    ticks = [0.25, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5]
    low, high = ax.get_ylim()
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_ylim(low, high)
    ax.set_xticks(sorted(rounds["round"].unique()))
    ax.set_xlabel("retraining round")
    ax.set_ylabel("observed / expected among the flagged")
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))  # above: it hides no line
    return ax
