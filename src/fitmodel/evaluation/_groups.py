"""Groups of deals: calibration and ranking within each, and observed over expected with pooling.

groups of one attribute -> observed and expected leavers -> spread of the true ratios of the groups
                        -> each group's ratio, shrunk towards that of all; small groups shrink most
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.evaluation._calibration import NORMAL_95, simultaneous_width, summarise_groups
from fitmodel.evaluation.drawing import BLUE, GREY, finished, new_axes, with_all_letters
from fitmodel.evaluation.metrics import roc_auc
from fitmodel.evaluation.sample import Sample, aligned
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from matplotlib.axes import Axes

    from fitmodel.evaluation.sample import Vector

GROUP_COLUMNS = (
    "attribute",
    "level",
    "deals",
    "early_churners",
    "expected",
    "ratio",
    "pooled",
    "low",
    "high",
)
SPREADS = np.linspace(0.02, 1.5, 25)
"""Grid of standard deviations of the groups' ratios."""
USUAL_SPREAD = 0.5
"""Scale of their half-normal prior (Roever and others 2021): ratios beyond 2.7 or 0.37 are rare."""
STEPS = np.linspace(-4.0, 4.0, 25)
"""Grid of the ratio of all groups, in standard errors from its estimate."""
MIN_VARIANCE = 0.01  # share of the expected number; for classifiers that predict only 0 or 1
MIN_GROUPS = 2
COHORT = "signed in"
MAX_LEVELS = 12
MIN_DEALS = 20
MIN_OF_EACH = 10
"""Minimum number of early churners, and of customers that stayed, for an AUC."""
SUBGROUP_COLUMNS = (
    "attribute",
    "level",
    "count",
    "mean_predicted",
    "observed",
    "observed_low",
    "observed_high",
    "observed_over_expected",
    "roc_auc",
)


def compute_pooled_groups(
    attributes: pd.DataFrame,
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    closed_on: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare observed with expected early churn per group, with small groups shrunk to the mean.

    Parameters
    ----------
    attributes : DataFrame of shape (n, attributes)
        Attributes of the deals; those with 2 to 12 levels are evaluated (an empty value is a level
        of its own).
    y, p, weight : array of shape (n,)
        Outcomes, probabilities and weights of the same deals.
    closed_on : array of dates of shape (n,), optional
        Closing dates; with them quarters of signing are groups too, as the attribute "signed in".

    Returns
    -------
    DataFrame
        One row per level: `attribute`, `level`, `deals`, `early_churners`, `expected` (sum of
        probabilities), `ratio` (weighted observed over expected), `pooled` (the ratio shrunk
        towards that of all groups of the attribute), and its 95% interval `low`, `high`.
        `differing_groups` returns those that differ beyond chance.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values.

    Notes
    -----
    Hierarchical Gamma-Poisson model (Clayton and Kaldor 1987): observed leavers are Poisson with
    mean expected x ratio, and the ratios of an attribute's groups are Gamma distributed around a
    common ratio. The common ratio and the spread of the groups are integrated out on a grid, so the
    interval includes their uncertainty. Counts are scaled so that their variance is that of the
    probabilities, sum of w^2 p (1 - p), and not that of a Poisson count.
    """
    Sample.of(y, p, weight)  # checks the values
    outcome, probability, mass, _ = aligned(y, p, weight)
    columns: dict[str, pd.Series[Any]] = {str(name): attributes[name] for name in attributes}
    if closed_on is not None:
        quarters = pd.PeriodIndex(pd.DatetimeIndex(np.asarray(closed_on)), freq="Q")
        columns[COHORT] = pd.Series(quarters.astype(str), index=attributes.index)
    rows = [
        row
        for name, values in columns.items()
        for row in _rows(name, values, outcome, probability, mass)
    ]
    return pd.DataFrame(rows, columns=list(GROUP_COLUMNS))


def _rows(
    name: str, values: pd.Series[Any], outcome: Vector, probability: Vector, mass: Vector
) -> Iterator[tuple[Any, ...]]:
    known = mass > 0
    text = level_texts(values)[known]
    levels, group = np.unique(text, return_inverse=True)
    if len(levels) < MIN_GROUPS or (len(levels) > MAX_LEVELS and name != COHORT):
        return
    y, p, w = outcome[known], probability[known], mass[known]
    observed = np.asarray(np.bincount(group, w * y), dtype=np.float64)
    expected = np.maximum(np.bincount(group, w * p), 1e-9)  # a classifier may predict 0 for all
    variance = np.asarray(np.bincount(group, w**2 * p * (1 - p)), dtype=np.float64)
    pooled, low, high = pool_ratios(observed, expected, variance)
    deals, churners = np.bincount(group), np.bincount(group, y)
    for number, level in enumerate(levels):
        yield (
            name,
            str(level),
            int(deals[number]),
            int(churners[number]),
            float(np.bincount(group, p)[number]),
            float(observed[number] / expected[number]),
            float(pooled[number]),
            float(low[number]),
            float(high[number]),
        )


def level_texts(values: pd.Series[Any]) -> npt.NDArray[Any]:
    """Return each deal's level as text; an empty value is a level of its own."""
    return values.astype("object").where(values.notna(), "(empty)").map(str).to_numpy()


def pool_ratios(
    observed: Vector, expected: Vector, variance: Vector
) -> tuple[Vector, Vector, Vector]:
    """Shrink the ratios of groups towards the common ratio, those with little evidence most.

    `observed`, `expected`, array of shape (groups,): weighted number of observed leavers, and
        weighted sum of the probabilities.
    `variance`, array of shape (groups,): variance of the observed number if the expected one is
        right.
    Returns, shape (groups,): posterior mean and 95% interval of each ratio.
    """
    from scipy.stats import gamma

    scale = expected / np.maximum(variance, MIN_VARIANCE * expected)
    scaled_observed, scaled_expected = observed * scale, expected * scale
    weight, shape, centre = _posterior(scaled_observed, scaled_expected)
    posterior_shape, posterior_rate = (
        shape[:, None] + scaled_observed,
        (shape / centre)[:, None] + scaled_expected,
    )
    mean = weight @ (posterior_shape / posterior_rate)
    mean_square = weight @ (posterior_shape * (posterior_shape + 1) / posterior_rate**2)
    variance_of_ratio = np.maximum(mean_square - mean**2, 1e-12)
    low, high = (
        np.asarray(gamma.ppf(q, mean**2 / variance_of_ratio, scale=variance_of_ratio / mean))
        for q in (0.025, 0.975)
    )
    return np.asarray(mean), low, high


def _posterior(observed: Vector, expected: Vector) -> tuple[Vector, Vector, Vector]:
    """Return weights, shapes and centres of a grid of Gamma distributions of the groups' ratios.

    The weights are posterior probabilities and sum to 1.
    """
    logs = np.log((observed + 0.5) / (expected + 0.5))
    weights, shapes, centres = [], [], []
    for spread in SPREADS:
        precision = 1 / (1 / (observed + 0.5) + spread**2)
        error = 1 / np.sqrt(precision.sum())
        centre = np.exp((precision @ logs) / precision.sum() + error * STEPS)
        prior = -0.5 * (spread / USUAL_SPREAD) ** 2
        shape = spread**-2
        fit = _log_likelihood(observed, expected * centre[:, None], shape)
        weights.append(fit + prior + np.log(error))
        shapes.append(np.full(len(centre), shape))
        centres.append(centre)
    weight = np.concatenate(weights)
    relative = np.exp(weight - weight.max())
    return relative / relative.sum(), np.concatenate(shapes), np.concatenate(centres)


def _log_likelihood(observed: Vector, expected: npt.NDArray[np.float64], shape: float) -> Vector:
    """Return the negative binomial log likelihood of counts with Gamma(shape) ratios of mean 1.

    Each row of `expected` has the expected counts of the groups, and gives one value.
    """
    from scipy.special import gammaln

    share = expected / (shape + expected)
    terms = (
        gammaln(shape + observed)
        - gammaln(shape)
        + shape * np.log1p(-share)
        + observed * np.log(share)
    )
    likelihood: Vector = terms.sum(axis=1)
    return likelihood


def differing_groups(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the groups whose predictions are off beyond chance, and more than those of all deals.

    Parameters
    ----------
    frame : DataFrame
        Table of `compute_pooled_groups`.

    Returns
    -------
    DataFrame
        Rows whose interval excludes 1 and, on the same side, the ratio of all groups of their
        attribute, so that an error of the overall level is not reported for a group. The intervals
        are widened so that all hold together at 95% (Bonferroni).
    """
    if frame.empty:
        return frame
    sums = frame.groupby("attribute")[["early_churners", "expected"]].transform("sum")
    level = np.log(np.maximum(sums["early_churners"], 0.5) / sums["expected"])
    width_ratio = simultaneous_width(len(frame)) / NORMAL_95
    pooled, low, high = (np.log(frame[name]) for name in ("pooled", "low", "high"))
    above = pooled - width_ratio * (pooled - low) > np.maximum(level, 0.0)
    below = pooled + width_ratio * (high - pooled) < np.minimum(level, 0.0)
    differing: pd.DataFrame = frame[above | below]
    return differing


def plot_pooled_groups(
    frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw each group's observed and pooled ratio, from the table of `compute_pooled_groups`."""
    count, say = len(frame), phrases(language, "plots")
    ax = ax or new_axes(7.0, max(2.5, 0.3 * count + 1.2))
    positions = list(range(count))[::-1]
    ax.axvline(1, color=GREY, linestyle="--", linewidth=1, label=say("as_predicted"))
    ax.hlines(positions, frame["low"], frame["high"], color=BLUE, linewidth=1.5)
    ax.plot(frame["pooled"], positions, "o", color=BLUE, label=say("pooled"))
    ax.plot(frame["ratio"], positions, "x", color=GREY, label=say("as_seen"))
    names = [
        f"{row.attribute} = {row.level} ({row.deals:,})" for row in frame.itertuples(index=False)
    ]
    ax.set_yticks(positions, names, fontsize=8)
    ax.set(title=say("groups"), xlabel=say("over_expected"))
    ax.set_ylim(-0.7, count + 0.6)  # room for the legend above the first group
    finished(ax, "upper center")
    ax.legend(loc="upper center", ncols=3, fontsize=8, framealpha=0.85, edgecolor="none")
    return with_all_letters(ax)


def compute_subgroups(
    attributes: pd.DataFrame,
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare predicted with observed early churn within each level of the attributes.

    Parameters
    ----------
    attributes : DataFrame of shape (n, attributes)
        Attributes of the deals; those with 2 to 12 levels are evaluated (an empty value is a level
        of its own).
    y, p, weight : array of shape (n,)
        Outcomes, probabilities and weights of the same deals.

    Returns
    -------
    DataFrame
        One row per level with at least 20 deals, in the attributes' order, levels by count:
        `attribute`, `level`, `count`, `mean_predicted`, `observed`, `observed_low` and
        `observed_high` (95% Wilson interval), `observed_over_expected` (NaN if 0 is predicted),
        `roc_auc` (NaN with fewer than 10 of either outcome). With many levels some intervals
        exclude the mean prediction by chance: one in twenty for a perfect model.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values.
    """
    Sample.of(y, p, weight)  # checks the values
    outcome, probability, weights, _ = aligned(y, p, weight)
    rows = [
        _row(str(name), level, Sample.of(outcome[inside], probability[inside], weights[inside]))
        for name in attributes.columns
        for level, inside in _levels(attributes[name], weights > 0)
    ]
    return pd.DataFrame(rows, columns=list(SUBGROUP_COLUMNS))


def _levels(
    values: pd.Series[Any], known: npt.NDArray[np.bool_]
) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Return the levels with enough deals to evaluate, and the deals of each."""
    text = level_texts(values)
    levels, counts = np.unique(text[known], return_counts=True)
    if not 2 <= len(levels) <= MAX_LEVELS:  # noqa: PLR2004  one level is not a subgroup
        return []
    largest_first = np.argsort(-counts, kind="stable")
    return [
        (str(levels[i]), known & (text == levels[i]))
        for i in largest_first
        if counts[i] >= MIN_DEALS
    ]


def _row(attribute: str, level: str, sample: Sample) -> dict[str, Any]:
    total = summarise_groups(sample, np.zeros(len(sample), dtype=np.intp)).iloc[0]
    expected, churners = float(total["mean_predicted"]), int(sample.outcome.sum())
    enough = min(churners, len(sample) - churners) >= MIN_OF_EACH
    return {
        "attribute": attribute,
        "level": level,
        "count": len(sample),
        "mean_predicted": expected,
        "observed": total["observed"],
        "observed_low": total["observed_low"],
        "observed_high": total["observed_high"],
        "observed_over_expected": total["observed"] / expected if expected > 0 else np.nan,
        "roc_auc": roc_auc(sample) if enough else np.nan,
    }
