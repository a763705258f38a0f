"""Calibration: curve of predicted against observed early churn, slope, intercept, error.

Each function takes a sample and weights of shape (resamples, n) and returns one number per
resample, so that the same code computes the value and its bootstrap interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc, expit, ndtr

from fitmodel.evaluation.sample import SMALLEST, Matrix, Sample, Vector
from fitmodel.exceptions import DealsError
from fitmodel.learning.calibration import logit

if TYPE_CHECKING:
    import numpy.typing as npt

NORMAL_95 = 1.959963984540054
"""Two-sided 95% point of the normal distribution."""
CALIBRATION_BINS = 10
HALF_OF_5_PERCENT = 0.025
MAX_STEPS = 50
LARGEST_STEP = 2.0
"""Maximum length of a Newton step in log-odds, so that bad predictions do not make it diverge."""
CONVERGED = 1e-4
"""Step length at which Newton's method stops; the next step would be about its square."""


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
        and `observed_high` (95% Wilson interval), `count` (number of deals).

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
    probabilities = pd.Series(sample.probability).groupby(group)
    return pd.DataFrame(
        {
            "low": probabilities.min().to_numpy(),
            "high": probabilities.max().to_numpy(),
            "mean_predicted": total(sample.weight * sample.probability) / mass,
            "observed": observed,
            "observed_low": low,
            "observed_high": high,
            "count": count[present],
        },
        index=pd.Index(present, name="group"),
    )


def wilson_interval(rate: Vector, size: Vector) -> tuple[Vector, Vector]:
    """Return the 95% interval of a rate observed in `size` deals (Wilson 1927).

    With weights, `size` is the effective sample size, (sum w)^2 / sum w^2 (Kish 1965).

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 209-212. Unlike the normal interval it
    stays within 0 to 1 and does not shrink to a point where no deal or every deal left.
    """
    square = NORMAL_95**2 / size
    middle = (rate + square / 2) / (1 + square)
    half = NORMAL_95 * np.sqrt(rate * (1 - rate) / size + square / (4 * size)) / (1 + square)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def simultaneous_width(groups: int) -> float:
    """Return the half-width, in standard errors, of intervals that hold for all groups at 95%."""
    from scipy.stats import norm

    return float(norm.ppf(1 - 0.025 / max(groups, 1)))  # Bonferroni


def calibration_slope(sample: Sample, weights: Matrix) -> Vector:
    """Return the slope of logit(outcome) = intercept + slope x logit(probability).

    1 is perfect; below 1 the predictions are too extreme; 0 means that nothing was learned. NaN if
    all probabilities are equal, infinite if they separate the outcomes without overlap.

    Notes
    -----
    D. R. Cox (1958), "Two further applications of a model for binary regression", Biometrika 45,
    562-565.
    """
    log_odds = logit(sample.probability)
    unbounded = _slope_without_overlap(sample, log_odds)
    if unbounded is not None:
        return np.full(len(weights), unbounded)
    design = np.column_stack([np.ones(len(sample)), log_odds])
    rate = sample.weight @ sample.outcome / sample.weight.sum()
    start = np.array([[float(logit(np.array(rate))), 0.0]])
    return _fit_all(sample, design, weights, start, np.zeros(len(sample)))[:, 1]


def calibration_intercept(sample: Sample, weights: Matrix) -> Vector:
    """Return calibration-in-the-large: the intercept, in log-odds, with the slope fixed at 1.

    0 is perfect; above 0 more customers left than was predicted.

    Notes
    -----
    E. W. Steyerberg (2019), Clinical Prediction Models, 2nd edition, chapter 15.
    """
    intercept_column, start = np.ones((len(sample), 1)), np.zeros((1, 1))
    return _fit_all(sample, intercept_column, weights, start, logit(sample.probability))[:, 0]


def _slope_without_overlap(sample: Sample, log_odds: Vector) -> float | None:
    if np.ptp(log_odds) == 0:
        return float("nan")
    left, stayed = log_odds[sample.outcome == 1], log_odds[sample.outcome == 0]
    if left.min() >= stayed.max():
        return float("inf")
    return float("-inf") if left.max() <= stayed.min() else None


def _fit_all(
    sample: Sample, design: Matrix, weights: Matrix, start: Matrix, offset: Vector
) -> Matrix:
    """Fit one regression per resample, starting from the fit of the original deals.

    From that start a resample needs three or four Newton steps.
    """
    on_sample = _fit(sample.outcome, design, sample.weight[None], start, offset)
    starts = np.repeat(on_sample, len(weights), axis=0)
    return _fit(sample.outcome, design, weights, starts, offset)


def _fit(y: Vector, design: Matrix, weights: Matrix, estimate: Matrix, offset: Vector) -> Matrix:
    """Fit one logistic regression per row of `weights` by Newton's method, all rows at once."""
    k = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(y), k * k)
    for _ in range(MAX_STEPS):
        mean = estimate @ design.T
        mean += offset
        expit(mean, out=mean)
        score = (weights * (y - mean)) @ design
        scaled = weights * mean
        scaled *= np.subtract(1, mean, out=mean)
        information = (scaled @ products).reshape(-1, k, k)
        step = (np.linalg.pinv(information, hermitian=True) @ score[:, :, None])[:, :, 0]
        length = np.abs(step).max(axis=1, keepdims=True)
        estimate = estimate + step * np.minimum(1, LARGEST_STEP / np.maximum(length, SMALLEST))
        if length.max() < CONVERGED:
            break
    return estimate


def calibration_error(sample: Sample, weights: Matrix) -> Vector:
    """Return the expected calibration error over ten bins of equal mass, with its bias reduced.

    The plain error, the weighted mean over bins of abs(predicted - observed), is never zero: it
    counts the noise of every bin as error (about 0.8 standard errors per bin of a perfect model).
    That noise is estimated and subtracted. The result is cut at 0; for a nearly perfect model on
    few deals it may still be slightly too high.

    Notes
    -----
    The debiased estimator is that of A. Kumar, P. Liang and T. Ma (2019), "Verified uncertainty
    calibration", NeurIPS 32, with normally distributed gaps of the bins. Its expectation is
    computed in closed form here (folded normal); the authors simulate it. A bootstrap resample
    contains the noise twice, once from the deals and once from the resampling, so twice the noise
    variance is used for the correction there.
    """
    bins = equal_mass_bins(sample, CALIBRATION_BINS)
    inside = np.eye(bins.max() + 1)[bins]
    gap = (sample.probability - sample.outcome)[:, None] * inside
    noise = _standard_error(sample, gap, inside)
    resampled = ~(weights == sample.weight).all(axis=1)
    mass = weights @ inside
    mean_gap = np.abs(weights @ gap) / np.maximum(mass, SMALLEST)
    spread = noise * np.sqrt(1 + resampled)[:, None]
    corrected = 2 * mean_gap - _folded_mean(mean_gap, spread)
    error: Vector = (mass * corrected).sum(axis=1) / mass.sum(axis=1)
    return np.maximum(error, 0)


def may_be_calibrated(sample: Sample) -> bool:
    """Return whether the bins' gaps are no larger than chance makes them for a perfect model.

    The bootstrap cannot decide this: an error is never below 0, so for a perfect model the lower
    end of its interval is above 0 about half of the time. If this test does not reject, the
    interval has to include 0.

    Sum of squared standardised gaps against chi-squared at 2.5%, as D. W. Hosmer and S. Lemeshow
    (1980), "Goodness of fit tests for the multiple logistic regression model", Communications in
    Statistics A 9, 1043-1069; with as many degrees of freedom as bins, because the model was not
    fitted on these deals.
    """
    bins = equal_mass_bins(sample, CALIBRATION_BINS)
    inside = np.eye(bins.max() + 1)[bins]
    gap = (sample.weight * (sample.probability - sample.outcome)) @ inside
    chance = (sample.weight**2 * sample.probability * (1 - sample.probability)) @ inside
    distance = float(np.sum(gap**2 / np.maximum(chance, SMALLEST)))
    return bool(chdtrc(inside.shape[1], distance) > HALF_OF_5_PERCENT)


def _standard_error(sample: Sample, gap: Matrix, inside: Matrix) -> Vector:
    """Return the standard error of each bin's mean gap, by its effective sample size."""
    mass = sample.weight @ inside
    size = mass**2 / (sample.weight**2 @ inside)
    centred = gap - (sample.weight @ gap / mass) * inside
    variance = sample.weight @ centred**2 / mass / np.maximum(size - 1, 1)
    return np.sqrt(variance)


def _folded_mean(mean: Matrix, spread: Matrix) -> Matrix:
    """Return the expectation of abs(N(mean, spread^2)) for mean >= 0."""
    ratio = mean / np.maximum(spread, SMALLEST)
    folded: Matrix = spread * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2)
    total: Matrix = folded + mean * (1 - 2 * ndtr(-ratio))
    return total
