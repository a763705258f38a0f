"""Plots of evaluation frames; each function takes a frame and returns its Axes.

Without `ax` a figure of its own is made, outside pyplot: no global state, no display, no leak.
Colours are those of Okabe and Ito (2008), told apart with any colour vision; nothing is said by
colour alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.evaluation.fonts import with_all_letters
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#6f6f6f"
MAX_LABELS = 12
"""Bars or points beyond which the counts are left off: they would overlap."""


def new_axes(width: float = 5.5, height: float = 4.5) -> Axes:
    """Return axes on a new figure."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").subplots()


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes stand on.

    Raises
    ------
    ValueError
        If they stand on none.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes stand on no figure")
    return figure


def draw_predictions(
    y: npt.ArrayLike, p: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> dict[str, Figure]:
    """Draw everything that can be drawn of predictions and outcomes.

    Parameters
    ----------
    y, p, weight : array of shape (n,)
        Outcomes, probabilities and weights.

    Returns
    -------
    dict of str to Figure
        `roc`, `precision_recall`, `calibration`, `bands` and `gains`.
    """
    from fitmodel.evaluation import curves
    from fitmodel.evaluation.calibration import compute_calibration

    drawn = {
        "roc": plot_roc(curves.compute_roc(y, p, weight)),
        "precision_recall": plot_precision_recall(curves.compute_precision_recall(y, p, weight)),
        "calibration": plot_calibration(compute_calibration(y, p, weight)),
        "bands": plot_bands(curves.compute_bands(y, p, weight)),
        "gains": plot_gains(curves.compute_gains(y, p, weight)),
    }
    return {name: figure_of(ax) for name, ax in drawn.items()}


def plot_calibration(frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw observed against predicted early churn, as `compute_calibration` gives it."""
    ax, say = ax or new_axes(), phrases(language, "plots")
    top = min(1.02, 1.08 * float(max(frame["observed_high"].max(), frame["mean_predicted"].max())))
    ax.plot([0, top], [0, top], color=GREY, linestyle="--", linewidth=1, label=say("perfect"))
    label = say("bins", deals=f"{frame['count'].sum():,}", bins=len(frame))
    ax.errorbar(
        frame["mean_predicted"],
        frame["observed"],
        yerr=_whiskers(frame),
        fmt="o",
        color=BLUE,
        markersize=5,
        linewidth=1.2,
        capsize=2.5,
        label=label,
    )
    ax.set(
        title=say("calibration"),
        xlabel=say("predicted"),
        ylabel=say("observed"),
        xlim=(0, top),
        ylim=(0, top),
    )
    in_percent(ax, x=True)
    return finished(ax, "upper left")


def plot_roc(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the receiver operating characteristic, as `compute_roc` gives it."""
    import numpy as np

    ax = ax or new_axes()
    area = np.trapezoid(frame["true_positive_rate"], frame["false_positive_rate"])
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="chance (area 0.5)")
    ax.plot(
        frame["false_positive_rate"],
        frame["true_positive_rate"],
        color=BLUE,
        label=f"model (area {area:.3f}, {frame['count'].iloc[-1]:,} deals)",
    )
    ax.set(
        title="ROC: early churners found against good deals flagged",
        xlabel="customers that stayed, flagged",
        ylabel="early churners, flagged",
        xlim=(0, 1),
        ylim=(0, 1.01),
    )
    in_percent(ax, x=True)
    return finished(ax, "lower right")


def plot_precision_recall(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw precision against recall, as `compute_precision_recall` gives it."""
    ax = ax or new_axes()
    everybody = float(frame["precision"].iloc[-1])
    ax.axhline(
        everybody, color=GREY, linestyle="--", linewidth=1, label=f"flag all ({everybody:.1%})"
    )
    ax.plot(
        frame["recall"],
        frame["precision"],
        color=BLUE,
        drawstyle="steps-pre",
        label=f"model ({frame['count'].iloc[-1]:,} deals)",
    )
    ax.set(
        title="Precision and recall of the flags",
        xlabel="recall: early churners flagged",
        ylabel="precision: flags that are right",
        xlim=(0, 1),
        ylim=(0, 1.02),
    )
    in_percent(ax, x=True)
    return finished(ax, "upper right")


def plot_gains(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw cumulative gains, as `compute_gains` gives them, and mark the riskiest tenth."""
    import numpy as np

    ax = ax or new_axes()
    tenth = float(np.interp(0.1, frame["share_flagged"], frame["share_found"]))
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="chance")
    label = f"model ({frame['count'].iloc[-1]:,} deals)"
    ax.plot(frame["share_flagged"], frame["share_found"], color=BLUE, label=label)
    label = f"the riskiest tenth holds {tenth:.0%} of early churners"
    ax.plot([0.1], [tenth], color=ORANGE, marker="D", linestyle="none", label=label)
    ax.set(
        title="Gains: early churners among the riskiest deals",
        xlabel="deals, riskiest first",
        ylabel="early churners found",
        xlim=(0, 1),
        ylim=(0, 1.01),
    )
    in_percent(ax, x=True)
    return finished(ax, "lower right")


def plot_bands(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw early churn by band of the score with counts, as `compute_bands` gives it."""
    ax = ax or new_axes(max(5.5, 0.85 * len(frame)))
    positions = range(len(frame))
    whisker = {"capsize": 3, "ecolor": "black", "elinewidth": 1}
    label = "observed, 95 % interval"
    ax.bar(
        positions,
        frame["observed"],
        yerr=_whiskers(frame),
        color=BLUE,
        error_kw=whisker,
        label=label,
    )
    ax.plot(
        positions,
        frame["mean_predicted"],
        "D",
        color=ORANGE,
        markeredgecolor="white",
        label="predicted",
    )
    names = [
        f"{low}\nto {high}\n{count:,} deals"
        for (low, high), count in zip(frame["band"].str.split(" to "), frame["count"], strict=True)
    ]
    ax.set_xticks(list(positions), names, fontsize=8 if len(frame) <= MAX_LABELS else 6)
    ax.set(
        title="Early churn by band of the score",
        xlabel="predicted early churn",
        ylabel="left early",
    )
    ax.set_ylim(0, min(1.05, 1.15 * float(frame["observed_high"].max())))
    in_percent(ax)
    return finished(ax, "upper left")


def plot_stability(
    frame: pd.DataFrame, ax: Axes | None = None, *, metric: str = "log_loss_skill"
) -> Axes:
    """Draw a metric over the cuts of a backtest.

    Parameters
    ----------
    frame : DataFrame
        `BacktestReport.cuts`.
    ax : Axes, optional
    metric : str
        One of the metrics in the frame; its base rate's value is drawn where it is there.
    """
    from fitmodel.evaluation.metrics import METRIC_NAMES

    ax = ax or new_axes(max(6.5, 0.8 * len(frame)))
    whiskers = [frame[metric] - frame[f"{metric}_low"], frame[f"{metric}_high"] - frame[metric]]
    ax.errorbar(
        frame["date"],
        frame[metric],
        yerr=[side.clip(lower=0) for side in whiskers],
        fmt="o-",
        color=BLUE,
        capsize=3,
        linewidth=1.2,
        label="trained at the date, judged on deals signed next",
    )
    ax.plot(
        frame["date"], frame[f"{metric}_base"], "s--", color=ORANGE, markersize=4, linewidth=1,
        label="base rate alone",
    )  # fmt: skip
    names = [
        f"{date:%Y-%m-%d}\n{count:,} deals\n{left:,} early"
        for date, count, left in zip(
            frame["date"], frame["n_test"], frame["early_churners"], strict=True
        )
    ]
    ax.set_xticks(list(frame["date"]), names, fontsize=8 if len(frame) <= MAX_LABELS else 6)
    ax.set(
        title="Stability over time",
        xlabel="trained on what was known at",
        ylabel=METRIC_NAMES[metric],
    )
    ax.margins(x=0.1, y=0.25)
    return finished(ax, "best")


def plot_ageing(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the loss by not retraining, as `BacktestReport.ageing` gives it."""
    ax = ax or new_axes()
    whiskers = [frame["loss"] - frame["loss_low"], frame["loss_high"] - frame["loss"]]
    label = f"{int(frame['n_test'].max()):,} deals or fewer each, 95 % intervals"
    ax.axhline(0, color=GREY, linestyle="--", linewidth=1, label="no difference")
    ax.errorbar(
        frame["months_old"],
        frame["loss"],
        yerr=[side.clip(lower=0) for side in whiskers],
        fmt="o",
        color=BLUE,
        capsize=3,
        label=label,
    )
    ax.set(
        title="What it costs not to retrain",
        xlabel="months the old model is older than the new one",
        ylabel="log loss of the old model above the new one's",
    )
    ax.margins(x=0.1, y=0.25)
    return finished(ax, "best")


def _whiskers(frame: pd.DataFrame) -> list[pd.Series[float]]:
    below, above = (
        frame["observed"] - frame["observed_low"],
        frame["observed_high"] - frame["observed"],
    )
    return [below.clip(lower=0), above.clip(lower=0)]


def in_percent(ax: Axes, *, x: bool = False) -> None:
    """Write the vertical axis, and the horizontal one if asked for, in per cent."""
    from matplotlib.ticker import PercentFormatter

    for axis in (ax.xaxis, ax.yaxis) if x else (ax.yaxis,):
        axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def finished(ax: Axes, location: Any) -> Axes:
    """Give axes the grid, the legend and the bare frame that all plots have."""
    ax.grid(visible=True, color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc=location, fontsize=8, framealpha=0.85, edgecolor="none")
    return with_all_letters(ax)
