"""Plots of evaluation tables; each function takes a DataFrame and returns its Axes.

Without `ax` a new figure is made, outside pyplot: no global state, no display, no memory leak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.evaluation.drawing import (
    BLUE,
    GREY,
    MAX_LABELS,
    ORANGE,
    figure_of,
    finished,
    in_percent,
    new_axes,
)
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_predictions(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    language: str = "en",
) -> dict[str, Figure]:
    """Draw all plots that need only predictions and outcomes.

    Parameters
    ----------
    y, p, weight : array of shape (n,)
        Outcomes, probabilities and weights.
    language : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    dict of str to Figure
        `roc`, `precision_recall`, `calibration`, `bands` and `gains`.
    """
    from fitmodel.evaluation._calibration import compute_calibration
    from fitmodel.evaluation._curves import (
        compute_bands,
        compute_gains,
        compute_precision_recall,
        compute_roc,
    )

    plotted: dict[str, tuple[Callable[..., Axes], pd.DataFrame]] = {
        "roc": (plot_roc, compute_roc(y, p, weight)),
        "precision_recall": (plot_precision_recall, compute_precision_recall(y, p, weight)),
        "calibration": (plot_calibration, compute_calibration(y, p, weight)),
        "bands": (plot_bands, compute_bands(y, p, weight)),
        "gains": (plot_gains, compute_gains(y, p, weight)),
    }
    drawn = {name: plot(frame, language=language) for name, (plot, frame) in plotted.items()}
    return {name: figure_of(ax) for name, ax in drawn.items()}


def plot_calibration(frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw observed against predicted early churn, from the table of `compute_calibration`."""
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


def plot_roc(frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the receiver operating characteristic, from the table of `compute_roc`."""
    import numpy as np

    ax, say = ax or new_axes(), phrases(language, "plots")
    area = np.trapezoid(frame["true_positive_rate"], frame["false_positive_rate"])
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label=say("chance_area"))
    ax.plot(
        frame["false_positive_rate"],
        frame["true_positive_rate"],
        color=BLUE,
        label=say("model_area", area=f"{area:.3f}", deals=_deals(frame)),
    )
    ax.set(
        title=say("roc"),
        xlabel=say("stayers_flagged"),
        ylabel=say("churners_flagged"),
        xlim=(0, 1),
        ylim=(0, 1.01),
    )
    in_percent(ax, x=True)
    return finished(ax, "lower right")


def plot_precision_recall(
    frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw precision against recall, from the table of `compute_precision_recall`."""
    ax, say = ax or new_axes(), phrases(language, "plots")
    base_precision = float(frame["precision"].iloc[-1])
    label = say("flag_all", share=f"{base_precision:.1%}")
    ax.axhline(base_precision, color=GREY, linestyle="--", linewidth=1, label=label)
    ax.plot(
        frame["recall"],
        frame["precision"],
        color=BLUE,
        drawstyle="steps-pre",
        label=say("model", deals=_deals(frame)),
    )
    ax.set(
        title=say("precision_recall"),
        xlabel=say("recall"),
        ylabel=say("precision"),
        xlim=(0, 1),
        ylim=(0, 1.02),
    )
    in_percent(ax, x=True)
    return finished(ax, "upper right")


def plot_gains(frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw cumulative gains, from the table of `compute_gains`, and mark the riskiest tenth."""
    import numpy as np

    ax, say = ax or new_axes(), phrases(language, "plots")
    found_in_tenth = float(np.interp(0.1, frame["share_flagged"], frame["share_found"]))
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label=say("chance"))
    label = say("model", deals=_deals(frame))
    ax.plot(frame["share_flagged"], frame["share_found"], color=BLUE, label=label)
    label = say("riskiest_tenth", share=f"{found_in_tenth:.0%}")
    ax.plot([0.1], [found_in_tenth], color=ORANGE, marker="D", linestyle="none", label=label)
    ax.set(
        title=say("gains"),
        xlabel=say("riskiest_first"),
        ylabel=say("found"),
        xlim=(0, 1),
        ylim=(0, 1.01),
    )
    in_percent(ax, x=True)
    return finished(ax, "lower right")


def plot_bands(frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw early churn and number of deals by score band, from the table of `compute_bands`."""
    ax, say = ax or new_axes(max(5.5, 0.85 * len(frame))), phrases(language, "plots")
    positions = range(len(frame))
    whisker = {"capsize": 3, "ecolor": "black", "elinewidth": 1}
    label = say("band_observed")
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
        label=say("band_predicted"),
    )
    names = [
        say("band", low=low, high=high, deals=f"{count:,}")
        for (low, high), count in zip(frame["band"].str.split(" to "), frame["count"], strict=True)
    ]
    ax.set_xticks(list(positions), names, fontsize=8 if len(frame) <= MAX_LABELS else 6)
    ax.set(
        title=say("bands"),
        xlabel=say("predicted"),
        ylabel=say("observed"),
    )
    ax.set_ylim(0, min(1.05, 1.15 * float(frame["observed_high"].max())))
    in_percent(ax)
    return finished(ax, "upper left")


def plot_stability(
    frame: pd.DataFrame,
    ax: Axes | None = None,
    *,
    metric: str = "log_loss_skill",
    language: str = "en",
) -> Axes:
    """Draw a metric over the cuts of a backtest.

    Parameters
    ----------
    frame : DataFrame
        Table of the cuts, `BacktestReport.cuts`.
    ax : Axes, optional
        Axes to draw on; default: those of a new figure.
    metric : str
        One of the metrics in the table; the value of the base rate is drawn too.
    language : {"en", "zh"}
        Language of the labels.
    """
    ax, say = ax or new_axes(max(6.5, 0.8 * len(frame))), phrases(language, "plots")
    whiskers = [frame[metric] - frame[f"{metric}_low"], frame[f"{metric}_high"] - frame[metric]]
    ax.errorbar(
        frame["date"],
        frame[metric],
        yerr=[side.clip(lower=0) for side in whiskers],
        fmt="o-",
        color=BLUE,
        capsize=3,
        linewidth=1.2,
        label=say("evaluated_next"),
    )
    ax.plot(
        frame["date"], frame[f"{metric}_base"], "s--", color=ORANGE, markersize=4, linewidth=1,
        label=say("base_rate_alone"),
    )  # fmt: skip
    names = [
        say("cut", date=f"{date:%Y-%m-%d}", deals=f"{count:,}", early=f"{left:,}")
        for date, count, left in zip(
            frame["date"], frame["n_test"], frame["early_churners"], strict=True
        )
    ]
    ax.set_xticks(list(frame["date"]), names, fontsize=8 if len(frame) <= MAX_LABELS else 6)
    ax.set(
        title=say("stability"),
        xlabel=say("known_at"),
        ylabel=say(f"metric_{metric}"),
    )
    ax.margins(x=0.1, y=0.25)
    return finished(ax, "best")


def plot_ageing(frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the loss caused by not retraining, from the table `BacktestReport.ageing`."""
    ax, say = ax or new_axes(), phrases(language, "plots")
    whiskers = [frame["loss"] - frame["loss_low"], frame["loss_high"] - frame["loss"]]
    label = say("or_fewer", deals=f"{int(frame['n_test'].max()):,}")
    ax.axhline(0, color=GREY, linestyle="--", linewidth=1, label=say("no_difference"))
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
        title=say("ageing"),
        xlabel=say("months_older"),
        ylabel=say("loss_above"),
    )
    ax.margins(x=0.1, y=0.25)
    return finished(ax, "best")


def _deals(frame: pd.DataFrame) -> str:
    """Return the number of deals behind a curve, as text."""
    return f"{frame['count'].iloc[-1]:,}"


def _whiskers(frame: pd.DataFrame) -> list[pd.Series[float]]:
    below, above = (
        frame["observed"] - frame["observed_low"],
        frame["observed_high"] - frame["observed"],
    )
    return [below.clip(lower=0), above.clip(lower=0)]
