"""The two bands shown to people: `fit` for the risk of early churn, `worth` for the money.

This module imports only numpy, because it is loaded whenever one prospect is scored.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from fitmodel.decision.value import FloatArray

FitBand: TypeAlias = Literal["good", "watch", "poor"]
Worth: TypeAlias = Literal["gains", "loses", "unclear", ""]


@overload
def fit_band(
    poor_fit: bool,
    low: float,
    high: float,
    threshold: float,
    unfamiliar: bool,
    probability: float | None = ...,
    level: float | None = ...,
) -> FitBand: ...
@overload
def fit_band(
    poor_fit: npt.NDArray[Any],
    low: npt.NDArray[Any],
    high: npt.NDArray[Any],
    threshold: npt.NDArray[Any] | float,
    unfamiliar: npt.NDArray[Any] | bool,
    probability: npt.NDArray[Any] | None = ...,
    level: float | None = ...,
) -> npt.NDArray[np.str_]: ...
def fit_band(
    poor_fit: npt.NDArray[Any] | bool,
    low: npt.NDArray[Any] | float,
    high: npt.NDArray[Any] | float,
    threshold: npt.NDArray[Any] | float,
    unfamiliar: npt.NDArray[Any] | bool,
    probability: npt.NDArray[Any] | float | None = None,
    level: float | None = None,
) -> npt.NDArray[np.str_] | FitBand:
    """Return the band shown to people: ``poor``, ``watch`` or ``good``.

    Parameters
    ----------
    poor_fit
        Whether the deal is flagged: one bool, or an array of shape (n,).
    low, high
        Ends of the interval of the early-churn probability.
    threshold
        Probability from which on the deal is flagged (`Policy.threshold_for`).
    unfamiliar
        Whether the prospect is unlike the deals learned from.
    probability, level
        Early-churn probability, and the company's early-churn rate. Without a level (older policies
        have none) the probability is not compared with it.

    Returns
    -------
    str or ndarray of shape (n,) of str
        ``poor``: flagged. ``good``: not flagged, the probability is at most the level, the
        interval does not contain the threshold and the prospect is familiar. ``watch``: all others.
    """
    if isinstance(poor_fit, (bool, np.bool_)):
        if poor_fit:
            return "poor"
        above = level is not None and not (probability is not None and probability <= level)
        return "watch" if above or unfamiliar or low <= threshold <= high else "good"
    limits = np.asarray(threshold, dtype=np.float64)
    contains = (np.asarray(low) <= limits) & (limits <= np.asarray(high))
    watch = np.asarray(unfamiliar, dtype=bool) | contains
    if level is not None:
        probabilities = np.asarray(
            math.nan if probability is None else probability, dtype=np.float64
        )
        watch = watch | ~(probabilities <= level)
    return np.where(np.asarray(poor_fit, dtype=bool), "poor", np.where(watch, "watch", "good"))


def worth_of_one(value: float, low: float, high: float, if_stays: float) -> Worth:
    """Return the band of worth of one deal.

    `low`, `high`: ends of the interval of the expected value; NaN without one.
    `if_stays`: value if the customer stays, as long as the deals allow; below 0 the deal ``loses``
        whatever its risk.
    """
    if if_stays < 0.0:
        return "loses"
    if math.isnan(low):  # no interval: the expected value itself decides
        low = high = value
    return "gains" if low > 0.0 else "loses" if high < 0.0 else "unclear"


def worth_of_many(
    value: FloatArray, low: FloatArray, high: FloatArray, if_stays: FloatArray
) -> npt.NDArray[np.str_]:
    """Return `worth_of_one` for many deals, as an array; "" where the value is not known."""
    no_interval = np.isnan(low)
    low, high = np.where(no_interval, value, low), np.where(no_interval, value, high)
    has_loss = (if_stays < 0.0) | (high < 0.0)
    bands = np.where(has_loss, "loses", np.where(low > 0.0, "gains", "unclear"))
    return np.where(np.isnan(value), "", bands)
