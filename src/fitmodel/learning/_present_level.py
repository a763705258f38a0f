"""Set a fitted model to the present level of early churn, and changed groups to their own.

deals by month -> groups that changed; level from the other customers
point estimate -> intercept that gives the company's rate at this level
replicates     -> the same, each with the rate of its resample and a random level
changed groups -> contribution shifted to the group's present level
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._changes import find_changes, in_change
from fitmodel.learning._exposure import exposure_by_month
from fitmodel.learning._proportional_odds import (
    Baseline,
    Floats,
    FollowUp,
    shift_to_rate,
)
from fitmodel.learning.level import Change, Level, level_of_exposure, scale_hazard

if TYPE_CHECKING:
    from fitmodel.learning._additive import Additive
    from fitmodel.learning.columns import Column


@dataclass(frozen=True, eq=False)
class Calendar:
    """Closing dates of the deals and end of the observation, to estimate the current level.

    Parameters
    ----------
    closed : ndarray of datetime64[D], shape (n,)
        Day on which each deal was signed.
    end : datetime64[D]
        Last day of the extract.
    """

    closed: NDArray[np.datetime64]
    end: np.datetime64


def level_and_changes(
    point: Additive,
    columns: tuple[Column, ...],
    codes: NDArray[np.int32],
    follow_up: FollowUp,
    calendar: Calendar,
    baseline: Baseline,
    *,
    find: bool,
) -> tuple[Level, tuple[Change, ...]]:
    """Find the groups that changed, and estimate the level from the other customers."""
    exposure = exposure_by_month(
        follow_up, calendar.closed, calendar.end, baseline, point.log_odds(codes)
    )
    horizon = max(round(follow_up.horizon), 1)
    changes = find_changes(exposure, columns, codes) if find else ()
    others = np.ones(len(codes), dtype=bool)
    for change in changes:
        others &= ~in_change(change, columns, codes)
    return level_of_exposure(exposure.of_deals(others), horizon), changes


def at_level(
    point: Additive, codes: NDArray[np.int32], follow_up: FollowUp, weight: Floats, level: Level
) -> Additive:
    """Set the intercept so that the mean prediction is the current Kaplan-Meier rate.

    With delayed entry, `weight` lets a deal also represent those that left before its entry: the
    deals in the table are survivors, whose mean probability is below the rate.
    """
    shift = level_shift(point.log_odds(codes), weight, follow_up.rate, level.factor)
    return point.with_intercept(point.intercept + shift)


def with_change(
    point: Additive,
    bootstrap: Additive,
    change: Change,
    columns: tuple[Column, ...],
    codes: NDArray[np.int32],
    weight: Floats,
    seed: int,
) -> tuple[Additive, Additive]:
    """Shift the contribution of a group to its present level; each replicate to a random one."""
    chosen = in_change(change, columns, codes)
    position = [column.name for column in columns].index(change.attribute)
    rows = np.array(change.codes)
    group, weight = codes[chosen], weight[chosen]

    def shifted(model: Additive, factors: Floats) -> Additive:
        log_odds = model.log_odds_by_replicate(group)
        probability = 1.0 / (1.0 + np.exp(-log_odds))
        rates = np.average(scale_hazard(probability, factors), axis=0, weights=weight)
        table = np.array(model.singles[position])
        table[rows] += [
            shift_to_rate(log_odds[:, number], weight, rate) for number, rate in enumerate(rates)
        ]
        singles = list(model.singles)
        singles[position] = table
        return replace(model, singles=tuple(singles))

    generator = np.random.default_rng([seed, position, *change.codes])
    draws = change.draws(len(bootstrap.intercept), generator)
    return shifted(point, np.array([change.factor])), shifted(bootstrap, draws)


def level_shift(log_odds: Floats, weight: Floats, rate: float, factor: float) -> float:
    """Shift of the log-odds that gives a mean probability, after scaling the hazard by a factor.

    Parameters
    ----------
    log_odds, weight : ndarray, shape (n,)
        Log-odds and weights of the deals.
    factor : float
        Current level: each deal's hazard is multiplied by it.
    """
    rate = float(np.clip(rate, 1e-6, 1 - 1e-6))
    shift = shift_to_rate(log_odds, weight, rate)
    if factor == 1.0:
        return shift
    probability = 1.0 / (1.0 + np.exp(-(log_odds + shift)))
    target = float(np.average(scale_hazard(probability, factor), weights=weight))
    return shift_to_rate(log_odds, weight, target)


def with_replicate_levels(
    bootstrap: Additive,
    codes: NDArray[np.int32],
    follow_up: FollowUp,
    weight: Floats,
    counts: NDArray[np.int8],
    level: Level,
    seed: int,
) -> Additive:
    """Set the intercept of each replicate from its resample's rate and a random level.

    The level is relative to the long-run rate: a long-run rate that is too high by chance gives a
    level that is too low. `Level.rate_of_resample` and `Level.draws` split the variance between the
    two, so that none of it is counted twice.
    """
    log_odds = bootstrap.log_odds_by_replicate(codes)
    factors = level.draws(counts.shape[1], np.random.default_rng(seed))
    long_run = follow_up.rate
    shifts = []
    for number, factor in enumerate(factors):
        times = np.maximum(counts[:, number], 0)
        resampled = follow_up.weighted(follow_up.weight * times)
        rate = level.rate_of_resample(resampled.rate, long_run)
        shifts.append(level_shift(log_odds[:, number], weight * times, rate, float(factor)))
    return bootstrap.with_intercept(bootstrap.intercept + np.array(shifts))
