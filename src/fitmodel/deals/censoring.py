"""Inverse-probability-of-censoring weights for deals with a known outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec


@dataclass(frozen=True, eq=False)
class Weights:
    """
    Inverse-probability-of-censoring weights, one per deal.

    Attributes
    ----------
    values : ndarray of shape (n,)
        At least 1 where the label is known, 0 where it is not.
    effective_sample_size : float
        Equally weighted deals that carry as much information: ``sum(w)**2 / sum(w**2)``.
    capped : int
        Deals whose weight was cut to the cap.
    """

    values: NDArray[np.float64]
    effective_sample_size: float
    capped: int


def censoring_weights(outcomes: pd.DataFrame, horizon_months: int, *, cap: float = 10.0) -> Weights:
    """
    Weight each deal with a known label by one over its chance of having been watched that long.

    An early churner counts ``1 / G(T-)``, a known survivor of the horizon ``1 / G(h-)``, with ``G``
    the Kaplan-Meier estimate of not being censored (Graf et al. 1999; Vock et al. 2016); at equal
    times leaving comes before censoring. Uncapped, the weighted share of early churners is exactly
    one minus the Kaplan-Meier survival at the horizon, as long as one known survivor was watched to
    the horizon.

    Parameters
    ----------
    outcomes : DataFrame
        As made by `fitmodel.deals.outcomes.outcomes`. Deals whose ``entry_months`` is above 0 get
        the weight 0: their labels are selected (delayed entry), so the deals watched from their
        signing stand for all.
    horizon_months : int
        The horizon of ``outcomes.early_churn``.
    cap : float
        Largest weight allowed, at least 1; a capped share is biased but its variance is bounded.

    Raises
    ------
    DealsError
        If the cap is below 1.

    Notes
    -----
    Assumes that how long a deal was watched says nothing about whether it leaves. With dates that
    fails where the rate of early churn drifts strongly within one horizon.
    """
    if not cap >= 1:
        raise DealsError(f"cap must be at least 1, got {cap}; 10 is usual, inf caps nothing")
    early = outcomes["early_churn"].to_numpy(dtype=float)
    months = outcomes["followup_months"].to_numpy(dtype=float)
    left = outcomes["left"].to_numpy(dtype=bool)
    from_signing = np.ones(early.size, dtype=bool)
    if "entry_months" in outcomes.columns:
        from_signing = outcomes["entry_months"].to_numpy(dtype=float) == 0
    known = ~np.isnan(early) & from_signing
    values = np.zeros(early.size)
    if known.any():
        reached = np.minimum(months[known], horizon_months)
        values[known] = 1.0 / _watched_until(months[from_signing], left[from_signing], reached)
    capped = values > cap
    values = np.minimum(values, cap)
    return Weights(values, effective_sample_size(values), int(capped.sum()))


def effective_sample_size(weights: NDArray[np.float64]) -> float:
    """Equally weighted rows that carry as much information as these (Kish 1965); 0 for none."""
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _watched_until(
    months: NDArray[np.float64], left: NDArray[np.bool_], reached: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Kaplan-Meier probability of not being censored before each time in ``reached``."""
    times, position = np.unique(months, return_inverse=True)
    gone = np.bincount(position, left, times.size)
    censored = np.bincount(position, ~left, times.size)
    at_risk = np.cumsum((gone + censored)[::-1])[::-1]
    staying = at_risk - gone  # who leaves at a time can no longer be censored at it
    hazard = np.divide(censored, staying, out=np.zeros(times.size), where=staying > 0)
    not_censored = np.concatenate(([1.0], np.cumprod(1.0 - hazard)))
    chance: NDArray[np.float64] = not_censored[np.searchsorted(times, reached, side="left")]
    return chance


CAP = 20.0  # a share of 5 % is the smallest that counts whole


def propensity_weights(
    deals: pd.DataFrame, spec: DealSpec, *, cap: float = CAP
) -> NDArray[np.float64]:
    """One over the probability with which each deal was let proceed, capped.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec
        Names the column of the role `propensity`, or none; then all weights are 1. An empty value
        means that the deal was not flagged: 1.
    cap : float
        Largest weight; a capped weight is biased, but its variance is bounded.

    Returns
    -------
    ndarray, shape (deals,)

    Raises
    ------
    DealsError
        If a probability is not above 0 and at most 1: such a deal cannot have been signed.

    Notes
    -----
    Horvitz and Thompson (1952), A generalization of sampling without replacement from a finite
    universe.
    """
    column = spec.deals.propensity
    if column is None:
        return np.ones(len(deals))
    if column not in deals.columns:
        raise DealsError(f"the deals have no column {column!r}; they have {list(deals.columns)}")
    wrong = impossible_propensities(deals[column])
    if wrong.any():
        raise DealsError(
            f"{column!r} is not above 0 and at most 1 in {int(wrong.sum())} of {len(deals)} deals, "
            f"e.g. {deals[column].to_numpy()[wrong][0]:g}. Remedy: take the column as the decision "
            "log gives it."
        )
    given = deals[column].fillna(1.0).to_numpy(dtype=np.float64)
    weights: NDArray[np.float64] = np.minimum(1 / given, cap)
    return weights


def impossible_propensities(given: pd.Series[Any]) -> NDArray[np.bool_]:
    """Rows whose probability is there and not above 0 and at most 1."""
    impossible: NDArray[np.bool_] = (given.notna() & ~((given > 0) & (given <= 1))).to_numpy(
        dtype=bool
    )
    return impossible
