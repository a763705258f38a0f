"""Deals that were let proceed with a known probability, and those that stand behind them unsigned.

A flagged prospect that was declined has no outcome. Where a share of the flagged is let proceed at
random, each of these counts for those like it that were not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec

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
