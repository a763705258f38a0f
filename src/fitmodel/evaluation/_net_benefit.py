"""Decision curves: net benefit and money of flagging deals from a threshold probability on.

A flagged deal is declined. A flagged early churner is a benefit (a loss avoided), a flagged
customer that would have stayed is a harm (a good deal lost); signing every deal (``flag_none``)
is the zero point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.evaluation.drawing import BLUE, GREY, ORANGE, finished, new_axes
from fitmodel.evaluation.sample import Sample
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from fitmodel.evaluation.sample import Vector
    from fitmodel.language.catalogue import Say


def compute_net_benefit(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    thresholds: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Compute the decision curve (Vickers & Elkin 2006, Medical Decision Making 26, page 565).

    ``net benefit(t) = share of deals that are flagged early churners - share that are flagged
    good customers * t / (1 - t)``: flagging from probability t on means that one loss avoided is
    valued as much as (1 - t) / t good deals. The unit is early churners avoided per deal.

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape (n,).
    p
        Early-churn probabilities of deals that the model was not fitted on, shape (n,).
    weight
        Inverse-probability-of-censoring weights, shape (n,); deals of weight 0 are left out.
    thresholds
        Probabilities in [0, 1), shape (m,); 0.01 to 0.99 by default.

    Returns
    -------
    DataFrame
        One row per threshold, with columns ``threshold`` and the net benefit of the ``model``, of
        flagging all deals (``flag_all``) and of flagging none (``flag_none``, 0); m rows.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values.
    SpecError
        If a threshold is outside [0, 1).
    """
    sample = Sample.of(y, p, weight)
    limits = _limits(thresholds)
    odds = limits / (1.0 - limits)
    right, wrong = _flagged_shares(sample, limits)
    base_rate = float(np.average(sample.outcome, weights=sample.weight))
    return pd.DataFrame(
        {
            "threshold": limits,
            "model": right - wrong * odds,
            "flag_all": base_rate - (1.0 - base_rate) * odds,
            "flag_none": 0.0,
        }
    )


def compute_money_curve(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    value_if_leaves: npt.ArrayLike,
    value_if_stays: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    thresholds: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Compute the money made by declining every deal from a threshold probability on.

    Parameters
    ----------
    y, p, weight
        As in `compute_net_benefit`.
    value_if_leaves, value_if_stays
        Value of signing each deal, in money, if its customer leaves early, or stays, shape (n,);
        NaN where the amount is not known: such deals are left out.
    thresholds
        As in `compute_net_benefit`.

    Returns
    -------
    DataFrame
        One row per threshold, with columns ``threshold`` and the money per deal (flagged or not) of
        the ``model``, ``flag_all``, ``flag_none`` (0) and ``perfect`` (outcomes known in advance);
        empty if no deal has an amount.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values.
    SpecError
        If a threshold is outside [0, 1).
    """
    limits = _limits(thresholds)
    outcome, leaves, stays = (
        np.asarray(values, dtype=np.float64) for values in (y, value_if_leaves, value_if_stays)
    )
    if leaves.shape != outcome.shape or stays.shape != outcome.shape:
        raise DealsError("Money needs value_if_leaves and value_if_stays, one number per deal.")
    mass = np.ones(outcome.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    has_money = np.isfinite(leaves) & np.isfinite(stays) & (mass > 0)
    if not has_money.any():
        return pd.DataFrame(columns=["threshold", "model", "flag_all", "flag_none", "perfect"])
    probability = np.asarray(p, dtype=np.float64)[has_money]
    Sample.of(outcome[has_money], probability, mass[has_money])
    gains = -np.where(outcome == 1, leaves, stays)[has_money]
    total = float(mass[has_money].sum())
    order = np.argsort(-probability, kind="stable")
    cumulative = np.concatenate([[0.0], np.cumsum((gains * mass[has_money])[order])]) / total
    flagged = np.searchsorted(-probability[order], -limits, side="right")  # p >= limit
    return pd.DataFrame(
        {
            "threshold": limits,
            "model": cumulative[flagged],
            "flag_all": cumulative[-1],
            "flag_none": 0.0,
            "perfect": float(np.maximum(gains, 0.0) @ mass[has_money]) / total,
        }
    )


def _limits(thresholds: npt.ArrayLike | None) -> Vector:
    limits = np.arange(1, 100) / 100.0 if thresholds is None else np.asarray(thresholds, float)
    if not ((limits >= 0.0) & (limits < 1.0)).all():
        raise SpecError("A threshold of the decision curve lies outside 0 to 1 (1 excluded).")
    return limits


def _flagged_shares(sample: Sample, limits: Vector) -> tuple[Vector, Vector]:
    """Return the shares of all deals that are flagged correctly and wrongly at each limit."""
    total = sample.weight.sum()
    right = np.concatenate([[0.0], np.cumsum(sample.weight * sample.outcome)]) / total
    wrong = np.concatenate([[0.0], np.cumsum(sample.weight * (1.0 - sample.outcome))]) / total
    flagged = np.searchsorted(-sample.probability, -limits, side="right")  # p >= limit
    return right[flagged], wrong[flagged]


def plot_decision_curve(
    frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw the table of `compute_net_benefit`, on axes of a new figure if none are given."""
    say = phrases(language, "plots")
    ax = _draw_curves(frame, ax, say)
    highest = max(float(frame["model"].max()), float(frame["flag_all"].max()), 0.01)
    ax.set_ylim(-0.25 * highest, 1.1 * highest)  # the curve of "flag all" falls without limit
    ax.set(title=say("decision_curve"), ylabel=say("net_benefit"))
    return finished(ax, "upper right")


def plot_money_curve(frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the table of `compute_money_curve`, on axes of a new figure if none are given."""
    say = phrases(language, "plots")
    ax = _draw_curves(frame, ax, say)
    highest = max(float(frame["model"].max()), float(frame["perfect"].max()), 1e-9)
    best = float(frame["perfect"].max())
    ax.axhline(best, color=GREY, linewidth=1.0, linestyle=":", label=say("foresight"))
    ax.set_ylim(-0.5 * highest, 1.15 * highest)
    ax.set(title=say("money_curve"), ylabel=say("money_made"))
    return finished(ax, "lower right")


def _draw_curves(frame: pd.DataFrame, ax: Axes | None, say: Say) -> Axes:
    from matplotlib.ticker import PercentFormatter

    ax = ax or new_axes(6.0, 4.0)
    ax.plot(frame["threshold"], frame["model"], label=say("curve_model"), color=BLUE)
    all_label, none_label = say("curve_all"), say("curve_none")
    ax.plot(frame["threshold"], frame["flag_all"], label=all_label, color=ORANGE, linestyle="--")
    ax.plot(frame["threshold"], frame["flag_none"], label=none_label, color=GREY, linewidth=1.0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, symbol="%"))
    ax.set_xlabel(say("flag_from"))
    return ax
