"""Counts of right and wrong flags on deals with a known outcome, and the money of these flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.evaluation.sample import Sample, Vector
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    import numpy.typing as npt

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
    Sample.of(y, np.asarray(flagged, dtype=np.float64), weight)
    outcome, flags = np.asarray(y, dtype=np.float64), np.asarray(flagged, dtype=bool)
    mass = np.broadcast_to(np.asarray(1.0 if weight is None else weight), outcome.shape)
    known = mass > 0
    outcome, flags, mass = outcome[known], flags[known], mass[known].astype(np.float64)
    right = float(mass @ (outcome * flags))
    counts = {
        "share_flagged": float(mass @ flags / mass.sum()),
        "precision": _ratio(right, float(mass @ flags)),
        "recall": _ratio(right, float(mass @ outcome)),
    }
    if value_if_leaves is None and value_if_stays is None:
        return counts
    leaves, stays = (_values(each, known) for each in (value_if_leaves, value_if_stays))
    return counts | _money(flags, outcome == 1.0, mass, leaves, stays, n_boot, seed)


def _values(values: npt.ArrayLike | None, known: npt.NDArray[np.bool_]) -> Vector:
    if values is None or np.shape(values) != known.shape:
        raise DealsError(
            "Money needs value_if_leaves and value_if_stays, one number per deal (NaN where the "
            "amount is not known)."
        )
    return np.asarray(values, dtype=np.float64)[known]


def _money(
    flags: Flags, left: Flags, mass: Vector, leaves: Vector, stays: Vector, n_boot: int, seed: int
) -> dict[str, float]:
    has_money = ~(np.isnan(leaves) | np.isnan(stays))
    sums = sum_flags(
        flags[has_money],
        left[has_money],
        mass[has_money],
        leaves[has_money],
        stays[has_money],
        n_boot=n_boot,
        seed=seed,
    )
    total = float(mass[has_money].sum())
    return {
        "saved": sums.saved,
        "cost": sums.forgone,
        "net": sums.net,
        "net_low": sums.low * total,
        "net_high": sums.high * total,
        "without_amount": float((~has_money).sum()),
    }


@dataclass(frozen=True)
class FlagSums:
    """Money made by declining the flagged deals, in the currency of the amounts.

    Parameters
    ----------
    saved
        Losses avoided on flagged early churners.
    forgone
        Gains lost on flagged customers that stayed.
    net_per_deal, low, high
        ``saved - forgone`` per deal (flagged or not) and its 95% bootstrap interval; NaN if there
        is no deal or no resample.
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
