"""Customers that are not followed to the end: weights against censoring, and competing exits.

Also the weights against flagged deals that were not signed.

The Kaplan-Meier curve and the model treat customers that exit for another reason (bankrupt,
acquired) as censored: they estimate how many would leave if nobody exited. The cumulative incidence
estimates how many leave if exits continue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fitmodel.deals.contract import DealSpec

    Floats = NDArray[np.float64]

CAP = 20.0  # the weight of a probability of 5%; smaller probabilities get this weight too
STILL_THERE, LEFT, EXITED = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Weights:
    """Inverse-probability-of-censoring weights, one per deal.

    Attributes
    ----------
    values : ndarray of shape (n,)
        At least 1 where the label is known, 0 where it is not.
    effective_sample_size : float
        Number of equally weighted deals with the same information: ``sum(w)**2 / sum(w**2)``.
    capped : int
        Number of deals whose weight was reduced to the cap.
    """

    values: NDArray[np.float64]
    effective_sample_size: float
    capped: int


def censoring_weights(outcomes: pd.DataFrame, horizon_months: int, *, cap: float = 10.0) -> Weights:
    """Weight each deal with a known label by one over its probability of being observed that long.

    An early churner counts ``1 / G(T-)``, a known survivor of the horizon ``1 / G(h-)``, with ``G``
    the Kaplan-Meier estimate of not being censored (Graf et al. 1999; Vock et al. 2016); at equal
    times leaving comes before censoring. Without the cap, the weighted share of early churners is
    exactly one minus the Kaplan-Meier survival at the horizon, provided that at least one customer
    was observed to stay up to the horizon.

    Parameters
    ----------
    outcomes : DataFrame
        Table returned by `fitmodel.deals.outcomes.outcomes`. Deals with ``entry_months`` above 0
        get the weight 0: their labels are selected (delayed entry), so the deals observed from
        signing represent all deals.
    horizon_months : int
        Months for which ``outcomes.early_churn`` was computed.
    cap : float
        Largest weight allowed, at least 1. A capped share is biased, but its variance is bounded.

    Returns
    -------
    Weights
        One weight per row of ``outcomes``.

    Raises
    ------
    DealsError
        If the cap is below 1.

    Notes
    -----
    Assumes that the length of observation is independent of leaving. If deals have dates, this is
    wrong when the rate of early churn changes strongly within one horizon.
    """
    if not cap >= 1:
        raise DealsError(f"cap must be at least 1, got {cap}; 10 is usual, inf means no cap")
    early = outcomes["early_churn"].to_numpy(dtype=float)
    months = outcomes["followup_months"].to_numpy(dtype=float)
    left = outcomes["left"].to_numpy(dtype=bool)
    from_signing = np.ones(early.size, dtype=bool)
    if "entry_months" in outcomes.columns:
        from_signing = outcomes["entry_months"].to_numpy(dtype=float) == 0
    known = ~np.isnan(early) & from_signing
    values = np.zeros(early.size)
    if known.any():
        ages = np.minimum(months[known], horizon_months)
        values[known] = 1.0 / _share_not_censored(months[from_signing], left[from_signing], ages)
    capped = values > cap
    values = np.minimum(values, cap)
    return Weights(values, effective_sample_size(values), int(capped.sum()))


def effective_sample_size(weights: NDArray[np.float64]) -> float:
    """Return how many equally weighted rows hold the same information (Kish 1965)."""
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _share_not_censored(
    months: NDArray[np.float64], left: NDArray[np.bool_], ages: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the Kaplan-Meier probability of no censoring before each age."""
    times, position = np.unique(months, return_inverse=True)
    left_at = np.bincount(position, left, times.size)
    censored = np.bincount(position, ~left, times.size)
    at_risk = np.cumsum((left_at + censored)[::-1])[::-1]
    remaining = at_risk - left_at  # who leaves at a time cannot be censored at that time
    hazard = np.divide(censored, remaining, out=np.zeros(times.size), where=remaining > 0)
    not_censored = np.concatenate(([1.0], np.cumprod(1.0 - hazard)))
    result: NDArray[np.float64] = not_censored[np.searchsorted(times, ages, side="left")]
    return result


def propensity_weights(
    deals: pd.DataFrame, spec: DealSpec, *, cap: float = CAP
) -> NDArray[np.float64]:
    """Return one over the probability with which each deal was allowed to proceed, capped.

    `spec`: the contract; the column of the role `propensity` is used. Without one all weights are
        1. An empty value means that the deal was not flagged: its weight is 1.
    `cap`: largest weight. A capped weight is biased, but its variance is bounded.
    Returns, shape (deals,): one weight per deal, at least 1.
    Raises DealsError if a probability is not above 0 and at most 1: such a deal cannot have been
    signed.

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
            f"e.g. {deals[column].to_numpy()[wrong][0]:g}. Remedy: use the probabilities from the "
            "decision log unchanged."
        )
    given = deals[column].fillna(1.0).to_numpy(dtype=np.float64)
    weights: NDArray[np.float64] = np.minimum(1 / given, cap)
    return weights


def impossible_propensities(given: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return a mask of the rows whose probability is given, but not above 0 and at most 1."""
    impossible: NDArray[np.bool_] = (given.notna() & ~((given > 0) & (given <= 1))).to_numpy(
        dtype=bool
    )
    return impossible


@dataclass(frozen=True, eq=False)
class CumulativeIncidence:
    """Share of deals that ended for each cause, by months since closing.

    `times`, shape (k,): months since closing, in ascending order: every time at which a deal ended
        or was last observed.
    `left`, `exited`, shape (k,): share of deals that had left, and that had exited for another
        reason, by each time.
    """

    times: Floats
    left: Floats
    exited: Floats

    def at(self, months: float) -> tuple[float, float]:
        """Return the shares that had left and exited after ``months``; NaN beyond the data."""
        if months > self.times[-1] and self.left[-1] + self.exited[-1] < 1 - 1e-12:
            return float("nan"), float("nan")
        position = int(np.searchsorted(self.times, months, side="right"))
        if not position:
            return 0.0, 0.0
        return float(self.left[position - 1]), float(self.exited[position - 1])


def cumulative_incidence(
    followup_months: ArrayLike, cause: ArrayLike, *, entry_months: ArrayLike | None = None
) -> CumulativeIncidence:
    """Estimate the share of deals that ends for each cause (Aalen-Johansen estimator).

    Parameters
    ----------
    followup_months : array of float of shape (n,)
        Months from closing to the end of the deal, or to its last observation.
    cause : array of int of shape (n,)
        Cause of the end: 0 still a customer, 1 left, 2 exited for another reason.
    entry_months : array of float of shape (n,), optional
        Age in months at which a deal came under observation; 0 by default.

    Returns
    -------
    CumulativeIncidence
        The share that left and the share that exited, at every follow-up time.

    Raises
    ------
    DealsError
        If there is no deal, or a cause is not 0, 1 or 2.

    Notes
    -----
    Aalen & Johansen (1978): at each time, the share of customers still there just before it is
    multiplied by the share of those at risk that end for the cause. One minus the sum of both
    results is the share still there. At equal times, an end comes before the last observation.

    Examples
    --------
    >>> incidence = cumulative_incidence([1.0, 2.0, 3.0, 4.0], [1, 2, 1, 0])
    >>> incidence.left.tolist(), incidence.exited.tolist()
    ([0.25, 0.25, 0.5, 0.5], [0.0, 0.25, 0.25, 0.25])
    """
    months, causes = np.asarray(followup_months, dtype=float), np.asarray(cause)
    entry = np.zeros(len(months)) if entry_months is None else np.asarray(entry_months, float)
    if not len(months):
        raise DealsError("no deal to estimate from; give at least one")
    if not np.isin(causes, (STILL_THERE, LEFT, EXITED)).all():
        raise DealsError("each cause must be 0 (still there), 1 (left) or 2 (exited)")
    times, position = np.unique(months, return_inverse=True)
    entries = np.sort(entry)
    ended_before = np.searchsorted(np.sort(months), times, side="left")
    at_risk = np.searchsorted(entries, times, side="right") - ended_before
    shares = [
        np.bincount(position[causes == each], minlength=len(times)) / np.maximum(at_risk, 1)
        for each in (LEFT, EXITED)
    ]
    still_there = np.concatenate([[1.0], np.cumprod(1.0 - sum(shares))])[:-1]
    left, exited = (np.cumsum(still_there * share) for share in shares)
    return CumulativeIncidence(times, left, exited)
