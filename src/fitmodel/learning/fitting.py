"""Fit the scorecard from deals and settings.

    attributes -> columns, codes -> soft labels -> components -> weighted sum
               -> slope, level   -> intercept that gives the company's rate -> Scorecard tables

and the same on resampled deals, a bootstrap replicate at a time, for the interval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._additive import Additive, weighted_sum
from fitmodel.learning._flatten import flatten, own_shares
from fitmodel.learning._misfit import misfit
from fitmodel.learning._timing import with_strata
from fitmodel.learning._uncertainty import add_misfit
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.components import (
    COMPONENTS,
    Sample,
    bootstrap_counts,
    replicate_slopes,
)
from fitmodel.learning.encoding import encode, fit_columns
from fitmodel.learning.imputation import Imputed, find_basis, impute
from fitmodel.learning.level import Level, fit_level, raised
from fitmodel.learning.proportional_odds import (
    Baseline,
    Floats,
    FollowUp,
    fit_baseline,
    shift_to_rate,
    soft_labels,
)
from fitmodel.learning.sampling import Effects

NO_INTERVAL = 2  # replicates, or fewer: two are too few for an interval, so none is asked for

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.columns import Column
    from fitmodel.learning.scorecard import Scorecard
    from fitmodel.learning.settings import LearnerOptions, Settings

    Coded = tuple[tuple[Column, ...], NDArray[np.int32]]


@dataclass(frozen=True, eq=False)
class Calendar:
    """When deals were signed and until when they were observed, for the level.

    Parameters
    ----------
    closed : ndarray of datetime64[D], shape (n,)
    end : datetime64[D]
    """

    closed: NDArray[np.datetime64]
    end: np.datetime64


@dataclass(frozen=True, eq=False)
class Fitted:
    """A scorecard and what its fit found.

    Parameters
    ----------
    scorecard : Scorecard
    level : Level
    baseline : Baseline
        Log-odds of having left by each time, for the scorecard's log-odds without its level.
    """

    scorecard: Scorecard
    level: Level
    baseline: Baseline


def code(attributes: pd.DataFrame, options: LearnerOptions) -> Coded:
    """Choose columns from the training deals alone, and encode these."""
    columns = fit_columns(attributes, options.encoding)
    return columns, encode(columns, attributes)


def follow_up_of(deals: TrainingSet) -> FollowUp:
    """Follow-up within the horizon, with weights that sum to the effective sample size.

    Penalties then mean the same with and without weights (Kish 1965).
    """
    weight = deals.weight * (deals.weight.sum() / (deals.weight**2).sum())
    return FollowUp.of(
        deals.followup_months,
        deals.left,
        float(deals.horizon_months),
        entry=deals.entry_months,
        weight=weight,
        left_by=deals.left_by_months,
    )


def calendar_of(deals: TrainingSet, end: np.datetime64 | None) -> Calendar | None:
    """When the deals were signed; None without dates or without an end of the extract."""
    if deals.closed_on is None or end is None or np.isnat(end):
        return None
    return Calendar(deals.closed_on.to_numpy().astype("datetime64[D]"), end)


def fit_scorecard(
    attributes: pd.DataFrame,
    follow_up: FollowUp,
    settings: Settings,
    options: LearnerOptions,
    *,
    replicates: int,
    spread: float,
    calendar: Calendar | None = None,
    effects: Effects | None = None,
) -> Fitted:
    """Fit the chosen components and their bootstrap replicates, and flatten the weighted sum.

    Parameters
    ----------
    attributes : DataFrame of shape (n, attributes)
    follow_up : FollowUp
    settings : Settings
        What was chosen.
    options : LearnerOptions
    replicates : int
    spread : float
        Factor on the deviation over replicates.
    calendar : Calendar, optional
        Without it no level is looked for.
    effects : Effects, optional
        The deals that effects are learned from. Columns, level, evidence and what is usual are of
        all deals whatever it says.
    """
    columns, codes = code(attributes, options)
    follow_up = with_strata(follow_up, columns, codes, settings.timing)
    effects, sample, part = effects or Effects(), follow_up, codes
    if effects.positions is not None:
        sample, part = follow_up.subset(effects.positions), codes[effects.positions]
    kept, plain = find_basis(columns, part, sample, options)
    imputed = impute(columns, part, sample, settings.penalty, options, plain.log_odds, scales=kept)
    counts = bootstrap_counts(len(sample), replicates, options.seed, effects.per_replicate)
    point, scatter = combine(Sample(sample, imputed, counts), settings, options)
    point = point.scaled(settings.slope)
    scatter = scatter.scaled(replicate_slopes(settings, replicates))
    scatter = scatter.drawn_together(effects.narrowing(len(sample), replicates))
    labels, weight = imputed.early_churn, imputed.weight
    if effects.positions is not None:
        labels, weight = _labels_of_all(point, codes, follow_up)
    if effects.per_replicate is not None:
        counts = bootstrap_counts(len(follow_up), replicates, options.seed)
    point, level, baseline = _set_level(point, codes, follow_up, weight, calendar)
    scatter = _set_replicate_levels(scatter, codes, follow_up, counts, level, options.seed)
    if replicates > NO_INTERVAL:
        scatter = _with_misfit(scatter, point, imputed, codes, part, settings, options.seed)
    calibration = CalibrationMap.identity()
    if settings.isotonic is not None:
        calibration, point = _bend(settings.isotonic, point, codes, follow_up)
    scorecard = flatten(
        replace(imputed.design, codes=codes),
        point,
        scatter,
        early_churn=labels,
        weight=weight,
        calibration=calibration,
        spread=spread,
        base_rate=float(_rate(point, codes, follow_up, calibration)),
        seed=options.seed,
        own=own_shares(imputed, settings.penalty),
    )
    return Fitted(scorecard, level, baseline)


def _with_misfit(
    scatter: Additive,
    point: Additive,
    imputed: Imputed,
    codes: NDArray[np.int32],
    part: NDArray[np.int32],
    settings: Settings,
    seed: int,
) -> Additive:
    """Replicates moved by the effects that the scorecard leaves out, see `misfit`.

    `codes` are those of all deals, `part` of those that effects are learned from.
    """
    log_odds = point.log_odds(codes)
    centre, deviation = float(np.mean(log_odds)), float(np.std(log_odds))
    if settings.regime == "provisional":  # its log-odds are shrunk: draws are as far apart as deals
        deviation = float(scatter.log_odds_by_replicate(codes).std(axis=0).mean())
    boosted = settings.boosting_share > 0
    left_out = misfit(imputed, point.log_odds(part), deviation, seed=seed, boosted=boosted)
    return add_misfit(scatter, left_out, centre, deviation)


def combine(
    sample: Sample, settings: Settings, options: LearnerOptions
) -> tuple[Additive, Additive]:
    """Weighted sum of the components: the model itself, and its replicates."""
    fitted = [
        (share, COMPONENTS[name].fit(sample, settings, options))
        for name, share in settings.shares
        if share > 0
    ]
    shares = [share for share, _ in fitted]
    point = weighted_sum([models[0] for _, models in fitted], shares)
    return point, weighted_sum([models[1] for _, models in fitted], shares)


def _labels_of_all(
    point: Additive, codes: NDArray[np.int32], follow_up: FollowUp
) -> tuple[Floats, Floats]:
    """Soft labels and weights of all deals, by effects learned from some of them."""
    log_odds = point.log_odds(codes)
    return soft_labels(follow_up, fit_baseline(follow_up, log_odds), log_odds)


def _set_level(
    point: Additive,
    codes: NDArray[np.int32],
    follow_up: FollowUp,
    weight: Floats,
    calendar: Calendar | None,
) -> tuple[Additive, Level, Baseline]:
    """Set the intercept so that the mean prediction is the Kaplan-Meier rate at today's level."""
    log_odds = point.log_odds(codes)
    baseline = fit_baseline(follow_up, log_odds, weight)
    level = Level()
    if calendar is not None:
        level = fit_level(follow_up, calendar.closed, calendar.end, baseline, log_odds)
    shift = level_shift(log_odds, follow_up.weight, follow_up.rate, level.factor)
    return point.with_intercept(point.intercept + shift), level, baseline


def level_only_rate(deals: TrainingSet, end: np.datetime64) -> float:
    """Prediction of a model that knows today's level of early churn and no attributes."""
    follow_up, calendar = follow_up_of(deals), calendar_of(deals, end)
    log_odds = np.zeros(len(follow_up))
    level = Level()
    if calendar is not None:
        baseline = fit_baseline(follow_up, log_odds)
        level = fit_level(follow_up, calendar.closed, calendar.end, baseline, log_odds)
    return float(raised(np.array([follow_up.rate]), level.factor)[0])


def level_shift(log_odds: Floats, weight: Floats, rate: float, factor: float) -> float:
    """Shift with which the mean probability is a rate whose hazard is multiplied by a factor."""
    rate = float(np.clip(rate, 1e-6, 1 - 1e-6))
    shift = shift_to_rate(log_odds, weight, rate)
    if factor == 1.0:
        return shift
    probability = 1.0 / (1.0 + np.exp(-(log_odds + shift)))
    wanted = float(np.average(raised(probability, factor), weights=weight))
    return shift_to_rate(log_odds, weight, wanted)


def _set_replicate_levels(
    scatter: Additive,
    codes: NDArray[np.int32],
    follow_up: FollowUp,
    counts: NDArray[np.int8],
    level: Level,
    seed: int,
) -> Additive:
    """Intercepts of the replicates: each from its own resample's rate and a level drawn for it.

    The level drawn counts only once what the resample's rate says already: expected leavers are
    made with the long-run rate, so a rate that is higher by chance makes the level lower.
    """
    log_odds = scatter.log_odds_by_replicate(codes)
    factors = level.draws(counts.shape[1], np.random.default_rng(seed))
    long_run = follow_up.rate
    shifts = []
    for number, factor in enumerate(factors):
        weight = follow_up.weight * np.maximum(counts[:, number], 0)
        rate = level.damped(follow_up.weighted(weight).rate, long_run)
        shifts.append(level_shift(log_odds[:, number], weight, rate, float(factor)))
    return scatter.with_intercept(scatter.intercept + np.array(shifts))


def _bend(
    isotonic: CalibrationMap, point: Additive, codes: NDArray[np.int32], follow_up: FollowUp
) -> tuple[CalibrationMap, Additive]:
    """Add an isotonic calibration map, keeping the mean prediction."""
    log_odds = point.log_odds(codes)
    probability = 1.0 / (1.0 + np.exp(-log_odds))
    rate = float(np.average(probability, weights=follow_up.weight))
    shift = shift_to_rate(isotonic.log_odds(log_odds), follow_up.weight, rate)
    return isotonic.shifted(shift), point


def _rate(
    point: Additive, codes: NDArray[np.int32], follow_up: FollowUp, calibration: CalibrationMap
) -> float:
    """Mean prediction over the deals learned from."""
    probability = calibration.probability(point.log_odds(codes))
    return float(np.average(probability, weights=follow_up.weight))
