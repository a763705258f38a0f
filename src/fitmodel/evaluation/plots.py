"""Plots of evaluation frames; each takes a frame and an Axes, and returns the Axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#7f7f7f"  # Okabe and Ito: told apart by everybody


def new_axes() -> Axes:
    """Axes on a figure of their own, without touching pyplot's global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(5.5, 4.5), layout="constrained").subplots()


def plot_roc(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Receiver operating characteristic, beside chance."""
    axes = ax or new_axes()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="chance")
    axes.plot(frame["false_positive_rate"], frame["true_positive_rate"], color=BLUE, label="model")
    axes.set(
        xlabel="share of stayers flagged", ylabel="share of early churners flagged", title="ROC"
    )
    axes.legend(frameon=False)
    return axes


def plot_precision_recall(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Precision against recall, beside flagging everybody."""
    axes = ax or new_axes()
    everybody = frame["precision"].iloc[0]
    axes.axhline(everybody, color=GREY, linestyle="--", label=f"flag all ({everybody:.0%})")
    axes.step(frame["recall"], frame["precision"], color=BLUE, where="post", label="model")
    axes.set(
        xlabel="recall: share of early churners flagged",
        ylabel="precision: share of flags that are right",
        title="Precision and recall",
        ylim=(0, 1.02),
    )
    axes.legend(frameon=False)
    return axes


def plot_calibration(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Observed against predicted early churn in bins of equal mass, with 95 % intervals."""
    axes = ax or new_axes()
    top = float(max(frame["high"].max(), frame["mean_predicted"].max())) * 1.05
    axes.plot([0, top], [0, top], color=GREY, linestyle="--", label="perfect")
    below = (frame["observed"] - frame["low"]).clip(lower=0)
    above = (frame["high"] - frame["observed"]).clip(lower=0)
    axes.errorbar(
        frame["mean_predicted"], frame["observed"], yerr=[below, above], fmt="o", color=BLUE,
        capsize=2, label=f"{int(frame['count'].sum()):,} deals in {len(frame)} bins",
    )
    axes.set(
        xlabel="predicted early churn", ylabel="observed early churn", title="Calibration",
        xlim=(0, top), ylim=(0, top),
    )
    axes.legend(frameon=False)
    return axes


def plot_bands(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Observed early churn per band, with counts, beside what was predicted."""
    axes = ax or new_axes()
    places = range(len(frame))
    below = (frame["observed"] - frame["low"]).clip(lower=0)
    above = (frame["high"] - frame["observed"]).clip(lower=0)
    axes.bar(places, frame["observed"], yerr=[below, above], color=BLUE, capsize=3, label="observed")
    axes.plot(places, frame["predicted"], "D", color=ORANGE, label="predicted")
    labels = [f"{band}\n{count:,} deals" for band, count in zip(frame["band"], frame["count"], strict=True)]
    axes.set_xticks(list(places), labels, fontsize=8)
    axes.set(ylabel="early churn", title="Early churn by band of the score")
    axes.legend(frameon=False)
    return axes
