"""Flags on deals with a known outcome: right and wrong ones, their money, and decision curves.

A flagged deal is declined. A flagged early churner is a benefit (a loss avoided), a flagged
customer that would have stayed is a harm (a good deal lost); signing every deal (``flag_none``)
is the zero point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.evaluation.drawing import BLUE, GREY, ORANGE, finished, new_axes
from fitmodel.evaluation.sample import Sample, Vector, aligned
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from fitmodel.language.catalogue import Say

    Flags = npt.NDArray[np.bool_]


def compute_flagged(
    y: npt.ArrayLike,
    flagged: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    value_if_leaves: npt.ArrayLike | None = None,
    value_if_stays: npt.ArrayLike | None = None,
    n_boot: int = 500,
    seed: int = 0,
) -> dict[str, float]:
    """Count right and wrong flags, and sum up what acting on them would have saved and cost.

    Parameters
    ----------
    y : array of shape (n,)
        1 for early churn, 0 for a customer that stayed.
    flagged : bool array of shape (n,)
        True for deals that the policy advises not to sign.
    weight : array of shape (n,), optional
        Weights for censoring; deals of weight 0 are left out.
    value_if_leaves, value_if_stays : array of shape (n,), optional
        Value of signing each deal, in money, if its customer leaves early or stays; NaN where the
        deal's amount is not known.
    n_boot, seed
        Number of resamples of the interval of the money, and random seed.

    Returns
    -------
    dict of str to float
        `share_flagged` (of the deals), `precision` (share of early churners among the flagged
        deals; NaN without a flag), `recall` (share of early churners flagged; NaN without an early
        churner). With the values also, weighted and summed over deals with an amount: `saved`
        (losses avoided on flagged early churners), `cost` (value forgone on flagged customers that
        stayed), `net` (saved minus cost) with its 95% interval `net_low`, `net_high`, and
        `without_amount` (number of deals without an amount, left out of the money).

    Raises
    ------
    DealsError
        If the arrays do not match, hold impossible values, or only one of the values is given.

    Notes
    -----
    If a flagged deal had not been signed, its value would have been 0, so the gain of declining it
    is minus its actual value. The interval is that of `sum_flags`.
    """
    Sample.of(y, np.asarray(flagged, dtype=np.float64), weight)  # checks the values
    outcome, given, mass, _ = aligned(y, np.asarray(flagged, dtype=np.float64), weight)
    known = mass > 0
    outcome, flags, mass = outcome[known], given[known] == 1, mass[known]
    right = float(mass @ (outcome * flags))
    counts = {
        "share_flagged": float(mass @ flags / mass.sum()),
        "precision": _ratio(right, float(mass @ flags)),
        "recall": _ratio(right, float(mass @ outcome)),
    }
    if value_if_leaves is None and value_if_stays is None:
        return counts
    leaves, stays = (
        money_per_deal(each, known.shape)[known] for each in (value_if_leaves, value_if_stays)
    )
    return counts | _money(flags, outcome == 1.0, mass, leaves, stays, n_boot, seed)


def money_per_deal(values: npt.ArrayLike | None, shape: tuple[int, ...]) -> Vector:
    """Return the values of deals as floats; raise DealsError if there is not one per deal."""
    if values is None or np.shape(values) != shape:
        raise DealsError(
            "Money needs value_if_leaves and value_if_stays, one number per deal (NaN where the "
            "amount is not known)."
        )
    return np.asarray(values, dtype=np.float64)


def _money(
    flags: Flags, left: Flags, mass: Vector, leaves: Vector, stays: Vector, n_boot: int, seed: int
) -> dict[str, float]:
    kept = np.flatnonzero(~(np.isnan(leaves) | np.isnan(stays)))
    money = (leaves[kept], stays[kept])
    sums = sum_flags(flags[kept], left[kept], mass[kept], *money, n_boot=n_boot, seed=seed)
    total = float(mass[kept].sum())
    return {
        "saved": sums.saved,
        "cost": sums.forgone,
        "net": sums.net,
        "net_low": sums.low * total,
        "net_high": sums.high * total,
        "without_amount": float(len(flags) - len(kept)),
    }


@dataclass(frozen=True)
class FlagSums:
    """Money made by declining the flagged deals, in the currency of the amounts.

    `saved`: losses avoided on flagged early churners.
    `forgone`: gains lost on flagged customers that stayed.
    `net_per_deal`, `low`, `high`: ``saved - forgone`` per deal (flagged or not) and its 95%
        bootstrap interval; NaN if there is no deal or no resample.
    """

    saved: float
    forgone: float
    net_per_deal: float
    low: float
    high: float

    @property
    def net(self) -> float:
        """Money saved minus money forgone."""
        return self.saved - self.forgone


def sum_flags(
    flagged: Flags,
    left: Flags,
    weight: Vector,
    value_if_leaves: Vector,
    value_if_stays: Vector,
    *,
    n_boot: int = 500,
    seed: int = 0,
) -> FlagSums:
    """Sum up the money of declining the flagged deals, with a bootstrap interval over deals.

    Parameters
    ----------
    flagged, left : bool array of shape (n,)
        Whether each deal is flagged, and whether its customer left early.
    weight : array of shape (n,)
        Weights for censoring.
    value_if_leaves, value_if_stays : array of shape (n,)
        Value of signing each deal, in money, if its customer leaves early or stays.
    n_boot, seed
        Number of resamples of the interval, and random seed.
    """
    gains = np.where(flagged, -np.where(left, value_if_leaves, value_if_stays), 0.0) * weight
    saved, forgone = float(gains[left].sum()), float(0.0 - gains[~left].sum())
    random = np.random.default_rng(seed)
    resamples = (
        random.integers(0, len(gains), size=len(gains)) for _ in range(n_boot if gains.size else 0)
    )
    means = [gains[rows].sum() / weight[rows].sum() for rows in resamples]
    low, high = np.quantile(means, [0.025, 0.975]) if means else (np.nan, np.nan)
    per_deal = (saved - forgone) / float(weight.sum()) if gains.size else float("nan")
    return FlagSums(saved, forgone, per_deal, float(low), float(high))


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else float("nan")


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
    outcome = np.asarray(y, dtype=np.float64)
    leaves, stays = (
        money_per_deal(each, outcome.shape) for each in (value_if_leaves, value_if_stays)
    )
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
