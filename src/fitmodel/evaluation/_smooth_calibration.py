"""Calibration as a smooth curve with its band, and the distribution of the probabilities.

outcomes and probabilities -> logistic regression on a natural spline of the log-odds -> curve, band
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.evaluation._calibration import NORMAL_95
from fitmodel.evaluation.drawing import BLUE, GREY, ORANGE, finished, in_percent
from fitmodel.evaluation.sample import Sample
from fitmodel.language.catalogue import phrases
from fitmodel.learning.calibration import expit, logit

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from fitmodel.evaluation.sample import Matrix, Vector
    from fitmodel.language.catalogue import Say

ENOUGH_FOR_FOUR_KNOTS = 100
"""Minimum number of early churners, and of others, for four knots; with fewer there are three."""
KNOTS = {3: (0.1, 0.5, 0.9), 4: (0.05, 0.35, 0.65, 0.95)}
"""Quantiles at which the knots are placed, by number of knots (Harrell 2015, table 2.3)."""
POINTS = 60
RIDGE = 1e-3  # keeps the fit finite if the probabilities separate the outcomes
MIN_PROBABILITY = 1e-4
BINS = 25


def compute_smooth_calibration(
    y: npt.ArrayLike, p: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Fit observed early churn as a smooth function of the predicted probability.

    Parameters
    ----------
    y : array of shape (n,)
        1 for early churn, 0 for a customer that stayed.
    p : array of shape (n,)
        Predicted probabilities.
    weight : array of shape (n,), optional
        Weights for censoring; deals of weight 0 are left out.

    Returns
    -------
    DataFrame
        60 rows from the 1st to the 99th percentile of the probabilities: `predicted`, `observed`
        (fitted), and its 95% band `low`, `high`.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values, or all outcomes are the same.

    Notes
    -----
    Logistic regression of the outcome on a natural cubic spline of the log-odds (Harrell 2015,
    section 2.4; Austin and Steyerberg 2014). The band is pointwise, with the sandwich variance,
    which takes the weights into account. If the probabilities have fewer than three distinct knots,
    the log-odds enter linearly.

    Examples
    --------
    >>> import numpy as np
    >>> from fitmodel.evaluation.figures import compute_smooth_calibration
    >>> p = np.linspace(0.05, 0.6, 2000)
    >>> y = np.random.default_rng(0).uniform(size=2000) < p
    >>> curve = compute_smooth_calibration(y, p)
    >>> float((curve["observed"] - curve["predicted"]).abs().max()) < 0.1
    True
    """
    sample = Sample.of(y, p, weight).require_both()
    x = _log_odds(sample.probability)
    churners = int(sample.outcome.sum())
    is_large = min(churners, len(sample) - churners) >= ENOUGH_FOR_FOUR_KNOTS
    knots = np.unique(np.quantile(x, KNOTS[4 if is_large else 3]))
    coefficients, covariance = _fit(_spline(x, knots), sample.outcome, sample.weight)
    first, last = np.quantile(sample.probability, (0.01, 0.99)).tolist()
    grid = np.linspace(first, last, POINTS)
    rows = _spline(_log_odds(grid), knots)
    fitted = rows @ coefficients
    error = np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows))
    return pd.DataFrame(
        {
            "predicted": grid,
            "observed": expit(fitted),
            "low": expit(fitted - NORMAL_95 * error),
            "high": expit(fitted + NORMAL_95 * error),
        }
    )


def compute_probability_distribution(
    y: npt.ArrayLike, p: npt.ArrayLike, weight: npt.ArrayLike | None = None, *, bins: int = BINS
) -> pd.DataFrame:
    """Count probabilities in bins of equal width, separately for early churners and stayers.

    Parameters
    ----------
    y, p, weight : array of shape (n,)
        Outcomes, probabilities and weights; deals of weight 0 are left out.
    bins : int
        Number of bins from 0 to the largest probability.

    Returns
    -------
    DataFrame
        One row per bin: `low`, `high`, `left_early` and `stayed` (numbers of deals).
    """
    sample = Sample.of(y, p, weight)
    edges = np.linspace(0.0, max(float(sample.probability.max()), 1e-6), bins + 1)
    left = sample.outcome == 1
    counts = [np.histogram(sample.probability[rows], edges)[0] for rows in (left, ~left)]
    return pd.DataFrame(
        {"low": edges[:-1], "high": edges[1:], "left_early": counts[0], "stayed": counts[1]}
    )


def plot_smooth_calibration(
    frame: pd.DataFrame,
    distribution: pd.DataFrame | None = None,
    ax: Axes | None = None,
    *,
    language: str = "en",
) -> Axes:
    """Draw the smooth calibration curve, with the distribution of probabilities below it.

    Parameters
    ----------
    frame : DataFrame
        Table of `compute_smooth_calibration`.
    distribution : DataFrame, optional
        Table of `compute_probability_distribution`: early churners are drawn upwards, customers
        that stayed downwards.
    ax : Axes, optional
        Axes of the curve. Without it a new figure is made, with axes below for the distribution;
        with it the distribution is not drawn.
    language : {"en", "zh"}
        Language of the labels.
    """
    say, below = phrases(language, "plots"), None
    if ax is None:
        ax, below = _two_axes(with_distribution=distribution is not None)
    top = min(1.0, 1.1 * float(max(frame["high"].max(), frame["predicted"].max())))
    ax.plot([0, top], [0, top], color=GREY, linestyle="--", linewidth=1, label=say("perfect"))
    ax.fill_between(frame["predicted"], frame["low"], frame["high"], color=BLUE, alpha=0.18, lw=0)
    ax.plot(frame["predicted"], frame["observed"], color=BLUE, label=say("band_95"))
    ax.set(title=say("calibration"), ylabel=say("observed"))
    ax.set(xlim=(0, top), ylim=(0, top))
    in_percent(ax, x=True)
    if below is None or distribution is None:
        ax.set_xlabel(say("predicted"))
    else:
        _plot_distribution(distribution, below, top, say)
    return finished(ax, "upper left")


def _two_axes(*, with_distribution: bool) -> tuple[Axes, Axes | None]:
    from matplotlib.figure import Figure

    if not with_distribution:
        return Figure(figsize=(5.5, 4.5), layout="constrained").subplots(), None
    figure = Figure(figsize=(5.5, 5.6), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(4, 1))
    return upper, lower


def _plot_distribution(frame: pd.DataFrame, ax: Axes, top: float, say: Say) -> None:
    """Draw early churners upwards and customers that stayed downwards, as shares of each group."""
    from matplotlib.ticker import NullLocator

    width = (frame["high"] - frame["low"]).to_numpy()
    style: dict[str, Any] = {"width": 0.9 * width, "align": "edge"}
    for name, colour, sign in (("left_early", ORANGE, 1), ("stayed", GREY, -1)):
        share = frame[name] / max(int(frame[name].sum()), 1)
        label = say(name, deals=f"{int(frame[name].sum()):,}")
        ax.bar(frame["low"], sign * share, color=colour, label=label, **style)
    ax.axhline(0, color="black", linewidth=0.6)
    ax.set(xlabel=say("predicted"), xlim=(0, top))
    ax.yaxis.set_major_locator(NullLocator())
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.legend(fontsize=8, framealpha=0.85, edgecolor="none", ncols=2, loc="best")
    in_percent(ax, x=True)
    ax.set_yticks([])


def _log_odds(probability: Vector) -> Vector:
    return logit(np.clip(probability, MIN_PROBABILITY, 1 - MIN_PROBABILITY))


def _spline(x: Vector, knots: Vector) -> Matrix:
    """Return the natural cubic spline basis: intercept, x, a column per knot but two (Harrell)."""
    columns = [np.ones_like(x), x]
    if len(knots) > 2:  # noqa: PLR2004 - two knots are a straight line
        last, before = knots[-1], knots[-2]
        scale = (last - knots[0]) ** 2
        for knot in knots[:-2]:
            column = _cube(x - knot)
            column -= _cube(x - before) * (last - knot) / (last - before)
            column += _cube(x - last) * (before - knot) / (last - before)
            columns.append(column / scale)
    return np.column_stack(columns)


def _cube(x: Vector) -> Vector:
    return np.asarray(np.maximum(x, 0.0) ** 3)


def _fit(rows: Matrix, outcome: Vector, weight: Vector) -> tuple[Vector, Matrix]:
    """Return coefficients and sandwich covariance of a weighted logistic regression (Newton)."""
    penalty = RIDGE * np.diag([0.0, *np.ones(rows.shape[1] - 1)])
    coefficients = np.zeros(rows.shape[1])
    for _ in range(50):
        p = expit(rows @ coefficients)
        gradient = rows.T @ (weight * (outcome - p)) - penalty @ coefficients
        hessian = (rows * (weight * p * (1 - p))[:, None]).T @ rows + penalty
        step = np.linalg.solve(hessian + 1e-9 * np.eye(len(hessian)), gradient)
        coefficients = coefficients + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:  # noqa: PLR2004 - converged
            break
    p = expit(rows @ coefficients)
    hessian = (rows * (weight * p * (1 - p))[:, None]).T @ rows + penalty
    scores = rows * (weight * (outcome - p))[:, None]
    inverse = np.linalg.pinv(hessian)
    return coefficients, inverse @ (scores.T @ scores) @ inverse
