"""Calibration curves: predicted against observed early churn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.evaluation.sample import Sample, Vector
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    import numpy.typing as npt

NORMAL_95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


def compute_calibration(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    bins: int = 10,
) -> pd.DataFrame:
    """Compare predicted with observed early churn in bins of equal mass.

    Parameters
    ----------
    y : array of shape (n,)
        1 for early churn, 0 for a customer that stayed.
    p : array of shape (n,)
        Predicted probabilities.
    weight : array of shape (n,), optional
        Weights for censoring; deals of weight 0 are left out.
    bins : int
        Number of bins; deals of equal probability are never split, so there may be fewer bins.

    Returns
    -------
    DataFrame
        One row per bin, lowest first: `bin`, `low` and `high` (smallest and largest probability
        in it), `mean_predicted`, `observed` (weighted share that left early), `observed_low`
        and `observed_high` (95 % Wilson interval), `count` (number of deals).

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values, or `bins` is below 1.
    """
    sample = Sample.of(y, p, weight)
    return summarise_groups(sample, equal_mass_bins(sample, bins)).rename_axis("bin").reset_index()


def equal_mass_bins(sample: Sample, bins: int) -> npt.NDArray[np.intp]:
    """Return each deal's bin, from 0 (lowest probability); the bins have about equal total weight.

    Deals of equal probability are all in one bin: the one that contains the middle of their weight.
    """
    if bins < 1:
        raise DealsError(f"bins is {bins}: calibration needs at least 1 bin.")
    mass = sample.per_tie(sample.weight)
    below = mass.sum() - np.cumsum(mass)
    position = np.minimum((below + mass / 2) / mass.sum() * bins, bins - 1).astype(np.intp)
    numbers = np.unique(position, return_inverse=True)[1]
    return np.repeat(numbers, np.diff(np.r_[sample.tie_starts, len(sample)]))


def summarise_groups(sample: Sample, group: npt.NDArray[np.intp]) -> pd.DataFrame:
    """Summarise predicted and observed early churn per group."""

    def total(values: Vector) -> Vector:
        return np.asarray(np.bincount(group, weights=values)[present], dtype=np.float64)

    count = np.bincount(group)
    present = np.flatnonzero(count)
    mass = total(sample.weight)
    observed = total(sample.weight * sample.outcome) / mass
    low, high = wilson_interval(observed, mass**2 / total(sample.weight**2))
    riskiest_first = pd.Series(sample.probability).groupby(group)
    return pd.DataFrame(
        {
            "low": riskiest_first.min().to_numpy(),
            "high": riskiest_first.max().to_numpy(),
            "mean_predicted": total(sample.weight * sample.probability) / mass,
            "observed": observed,
            "observed_low": low,
            "observed_high": high,
            "count": count[present],
        },
        index=pd.Index(present, name="group"),
    )


def wilson_interval(rate: Vector, size: Vector) -> tuple[Vector, Vector]:
    """Return the 95 % interval of a rate observed in `size` deals (Wilson 1927).

    With weights, `size` is the effective sample size, (sum w)^2 / sum w^2 (Kish 1965).

    Notes
    -----
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 209-212. Unlike the normal interval it
    stays within 0 to 1 and does not shrink to a point where no deal or every deal left.
    """
    square = NORMAL_95**2 / size
    middle = (rate + square / 2) / (1 + square)
    half = NORMAL_95 * np.sqrt(rate * (1 - rate) / size + square / (4 * size)) / (1 + square)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def simultaneous_width(groups: int) -> float:
    """Return the half-width, in standard errors, of intervals that hold for all groups at 95 %."""
    from scipy.stats import norm

    return float(norm.ppf(1 - 0.025 / max(groups, 1)))  # Bonferroni
