"""Learning curve: how the loss falls with more training deals, extended to twice as many.

out-of-time split -> random shares of the training deals -> learn -> predict the same later deals
                  -> loss by number of deals -> fitted curve a + b / n -> twice the deals
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.enough import MIN_CHURNERS_OF_A_PART
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.evaluation._splits import latest_possible_split
from fitmodel.evaluation.drawing import BLUE, GREY, ORANGE, finished, new_axes
from fitmodel.evaluation.metrics import compute_metrics
from fitmodel.evaluation.out_of_time import EVALUATION_REPLICATES
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.learning.learner import learn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from fitmodel.deals.contract import DealSpec

SHARES = (0.2, 0.35, 0.5, 0.7, 1.0)
MIN_POINTS = 3
COLUMNS = (
    "n_train",
    "early_churners",
    "log_loss",
    "log_loss_low",
    "log_loss_high",
    "roc_auc",
    "fitted",
    "extrapolated",
)


def compute_learning_curve(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
) -> pd.DataFrame:
    """Learn from growing shares of the training deals and evaluate each on the same later deals.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by `fitmodel.read_deals`.
    spec : DealSpec
        A contract with dates.
    shares : sequence of float
        Shares of the training deals, drawn at random so that all cover the same period. Each takes
        one training.
    seed : int
        Random seed of the choice of deals.
    progress : callable, optional
        Called with each share when it begins.

    Returns
    -------
    DataFrame
        One row per share with enough early churners, and a last row, with `extrapolated` true, for
        twice the deals: `n_train`, `early_churners`, `log_loss` with its 95% interval
        `log_loss_low`, `log_loss_high`, `roc_auc`, and `fitted` (the curve).

    Raises
    ------
    DealsError
        If there are no dates, or fewer than 3 shares have enough early churners to learn from.

    Notes
    -----
    The curve is ``log loss = a + b / n`` with b >= 0, by least squares: the estimation error of a
    model of fixed size falls as 1 / n. The curve is not valid beyond twice the deals.

    Examples
    --------
    >>> from fitmodel.evaluation.figures import compute_learning_curve
    >>> sim = fitmodel.simulate_deals(1500, seed=1)
    >>> curve = compute_learning_curve(sim.deals, sim.spec, shares=(0.4, 0.7, 1.0))
    >>> len(curve), bool(curve["extrapolated"].iloc[-1])
    (4, True)
    """
    view = view_of(deals, spec)
    split = latest_possible_split(view, spec)
    order = np.random.default_rng(seed).permutation(len(split.train))
    rows = []
    for share in sorted(shares):
        if progress is not None:
            progress(share)
        chosen = np.sort(order[: max(1, round(share * len(order)))])
        row = _measured(split.train.subset(chosen), split.test, spec)
        if row is not None:
            rows.append(row)
    if len(rows) < MIN_POINTS:
        raise DealsError(
            f"{len(rows)} of {len(shares)} shares of {len(order):,} training deals have the "
            f"{MIN_CHURNERS_OF_A_PART} early churners needed; {MIN_POINTS} are needed for a curve. "
            "Remedy: larger shares, or more deals."
        )
    return _with_extrapolation(pd.DataFrame(rows))


def _measured(train: HistoryView, test: HistoryView, spec: DealSpec) -> dict[str, Any] | None:
    """Return the metrics of a model of some deals; None if they are too few to learn from."""
    churners = int((train.early_churn == 1).sum())
    if min(churners, len(train) - churners) < MIN_CHURNERS_OF_A_PART:
        return None
    learned = learn(
        train, spec, replicates=EVALUATION_REPLICATES, min_churners=MIN_CHURNERS_OF_A_PART
    )
    later = test.labelled(learned.training_set.dates)
    metrics = compute_metrics(
        later.early_churn,
        learned.estimator.predict_proba(later.attributes)[:, 1],
        weight=later.weight,
        base_rate=learned.scorecard.base_rate,
        n_boot=200,
    )
    loss = metrics["log_loss"]
    return {
        "n_train": len(train),
        "early_churners": churners,
        "log_loss": loss.value,
        "log_loss_low": loss.low,
        "log_loss_high": loss.high,
        "roc_auc": metrics["roc_auc"].value,
    }


def _with_extrapolation(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the fitted curve, and the row of twice the deals."""
    level, slope = fit_curve(frame["n_train"].to_numpy(), frame["log_loss"].to_numpy())
    measured = frame.assign(fitted=level + slope / frame["n_train"], extrapolated=False)
    last = frame.iloc[-1]
    extrapolated = {
        "n_train": 2 * int(last["n_train"]),
        "early_churners": 2 * int(last["early_churners"]),
        "fitted": level + slope / (2 * last["n_train"]),
        "extrapolated": True,
    }
    return pd.concat([measured, pd.DataFrame([extrapolated])], ignore_index=True)[list(COLUMNS)]


def fit_curve(n: Any, loss: Any) -> tuple[float, float]:
    """Return a and b of ``loss = a + b / n`` by least squares, b at least 0."""
    x = 1 / np.asarray(n, dtype=np.float64)
    y = np.asarray(loss, dtype=np.float64)
    slope = max(float(np.cov(x, y, bias=True)[0, 1] / np.var(x)), 0.0)
    return float(y.mean() - slope * x.mean()), slope


def plot_learning_curve(
    frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw `compute_learning_curve`'s frame, extended to twice the deals."""
    ax, say = ax or new_axes(), phrases(language, "plots")
    measured, extrapolated = frame[~frame["extrapolated"]], frame[frame["extrapolated"]]
    whiskers = [
        measured["log_loss"] - measured["log_loss_low"],
        measured["log_loss_high"] - measured["log_loss"],
    ]
    ax.errorbar(
        measured["n_train"],
        measured["log_loss"],
        yerr=[side.clip(lower=0) for side in whiskers],
        fmt="o",
        color=BLUE,
        capsize=3,
        label=say("same_later_deals"),
    )
    ax.plot(frame["n_train"], frame["fitted"], color=GREY, linestyle="--", label="a + b / n")
    gain = float(measured["fitted"].iloc[-1] - extrapolated["fitted"].iloc[0])
    label = say("twice", gain=f"{gain:.4f}")
    ax.plot(extrapolated["n_train"], extrapolated["fitted"], "D", color=ORANGE, label=label)
    ax.set(title=say("learning_curve"), xlabel=say("learned_from"), ylabel=say("log_loss"))
    return finished(ax, "upper right")
