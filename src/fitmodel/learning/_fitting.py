"""Fit the scorecard to deals with given settings.

    attributes -> columns, codes -> soft labels -> components -> weighted sum -> slope
               -> level -> intercept that gives the company's rate -> link -> Scorecard tables

The same is done on resampled deals, once per bootstrap replicate, for the interval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._additive import Additive, weighted_sum
from fitmodel.learning._components import (
    COMPONENTS,
    Sample,
    bootstrap_counts,
    replicate_slopes,
)
from fitmodel.learning._flatten import flatten, own_shares
from fitmodel.learning._imputation import Imputed, find_basis, impute
from fitmodel.learning._link import link_map, link_posterior
from fitmodel.learning._present_level import (
    Calendar,
    at_level,
    level_and_changes,
    with_change,
    with_replicate_levels,
)
from fitmodel.learning._proportional_odds import (
    Baseline,
    Floats,
    FollowUp,
    fit_baseline,
    shift_to_rate,
    soft_labels,
)
from fitmodel.learning._sampling import Effects
from fitmodel.learning._timing import with_strata
from fitmodel.learning._uncertainty import add_misfit, misfit
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.encoding import encode, fit_columns
from fitmodel.learning.level import Level, fit_level, scale_hazard

MAX_WITHOUT_INTERVAL = 2  # with at most so many replicates no interval is wanted

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.columns import Column
    from fitmodel.learning.level import Change
    from fitmodel.learning.scorecard import Scorecard
    from fitmodel.learning.settings import LearnerOptions, Settings

    Coded = tuple[tuple[Column, ...], NDArray[np.int32]]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted scorecard with its level and baseline.

    `level`: the current level of early churn.
    `baseline`: log-odds of having left by each time, to which the scorecard's log-odds at the
        long-run level are added.
    `changes`: groups whose early churn changed apart from that of the others.
    """

    scorecard: Scorecard
    level: Level
    baseline: Baseline
    changes: tuple[Change, ...] = ()


def fit_and_encode(attributes: pd.DataFrame, options: LearnerOptions) -> Coded:
    """Choose columns from the training deals, and encode these deals."""
    columns = fit_columns(attributes, options.encoding)
    return columns, encode(columns, attributes)


def follow_up_of(deals: TrainingSet) -> FollowUp:
    """Return the follow-up within the horizon, with weights that sum to the effective sample size.

    A penalty then has the same effect with and without weights (Kish 1965).
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
    """Return the closing dates; None without dates or without an end of the extract."""
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
    """Fit the components and their bootstrap replicates, and convert their sum to a scorecard.

    `attributes`, DataFrame of shape (n, attributes): attributes of the deals.
    `spread`: factor on the standard deviation over replicates.
    `calendar`: closing dates; without them the current level is not estimated.
    `effects`: the deals that effects are learned from. Columns, level, evidence and the check for
        unusual combinations always use all deals.
    """
    columns, codes = fit_and_encode(attributes, options)
    follow_up = with_strata(follow_up, columns, codes, settings.timing)
    effects = effects or Effects()
    fit = _fit_effects(columns, codes, follow_up, settings, options, replicates, effects)
    imputed, point, bootstrap, counts = fit.imputed, fit.point, fit.bootstrap, fit.counts
    links = link_posterior(
        point.log_odds(fit.codes), imputed.early_churn, imputed.weight, imputed.matrix
    )
    labels, weight = imputed.early_churn, imputed.weight
    if effects.positions is not None:
        labels, weight = _soft_labels(point, codes, follow_up)
    if effects.per_replicate is not None:
        counts = bootstrap_counts(len(follow_up), replicates, options.seed)
    baseline = fit_baseline(follow_up, point.log_odds(codes), weight)
    level = Level()
    changes: tuple[Change, ...] = ()
    if calendar is not None:
        level, changes = level_and_changes(
            point, columns, codes, follow_up, calendar, baseline, find=options.changes
        )
    point = at_level(point, codes, follow_up, weight, level)
    bootstrap = with_replicate_levels(
        bootstrap, codes, follow_up, weight, counts, level, options.seed
    )
    if replicates > MAX_WITHOUT_INTERVAL:
        bootstrap = _with_misfit(
            bootstrap, point, imputed, codes, fit.codes, settings, options.seed
        )
    for change in changes:
        point, bootstrap = with_change(
            point, bootstrap, change, columns, codes, weight, options.seed
        )
    calibration = _calibration(settings, links, point, codes, weight)
    scorecard = flatten(
        replace(imputed.design, codes=codes),
        point,
        bootstrap,
        early_churn=labels,
        weight=weight,
        follow_up=follow_up,
        calibration=calibration,
        spread=spread,
        base_rate=float(_rate(point, codes, weight, calibration)),
        seed=options.seed,
        own=own_shares(imputed, settings.penalty),
        changes=changes,
    )
    return Fitted(scorecard, level, baseline, changes)


@dataclass(frozen=True, eq=False)
class _EffectsFit:
    """The fitted effects, at no level yet, and the deals that they were learned from.

    `codes`, ndarray of int, shape (sample, attributes): codes of these deals.
    `imputed`: these deals with their soft labels.
    `point`, `bootstrap`: the effects, and those of each replicate.
    `counts`: how often each replicate drew each of these deals.
    """

    codes: NDArray[np.int32]
    imputed: Imputed
    point: Additive
    bootstrap: Additive
    counts: NDArray[np.int8]


def _fit_effects(
    columns: tuple[Column, ...],
    codes: NDArray[np.int32],
    follow_up: FollowUp,
    settings: Settings,
    options: LearnerOptions,
    replicates: int,
    effects: Effects,
) -> _EffectsFit:
    """Fit the components on the deals chosen by `effects`, and scale their sum by the slope."""
    sample, sample_codes = follow_up, codes
    if effects.positions is not None:
        sample, sample_codes = follow_up.subset(effects.positions), codes[effects.positions]
    scales, first = find_basis(columns, sample_codes, sample, options)
    imputed = impute(
        columns,
        sample_codes,
        sample,
        settings.penalty,
        options,
        first.log_odds,
        scales=scales,
    )
    counts = bootstrap_counts(len(sample), replicates, options.seed, effects.per_replicate)
    point, bootstrap = combine(Sample(sample, imputed, counts), settings, options)
    bootstrap = bootstrap.scaled(replicate_slopes(settings, replicates))
    bootstrap = bootstrap.shrunk_to_mean(effects.replicate_shrinkage(len(sample), replicates))
    return _EffectsFit(sample_codes, imputed, point.scaled(settings.slope), bootstrap, counts)


def _with_misfit(
    bootstrap: Additive,
    point: Additive,
    imputed: Imputed,
    codes: NDArray[np.int32],
    sample_codes: NDArray[np.int32],
    settings: Settings,
    seed: int,
) -> Additive:
    """Add the misfit of the scorecard to the replicates, see `misfit`.

    `codes` are those of all deals, `sample_codes` those of the deals that effects are learned from.
    """
    log_odds = point.log_odds(codes)
    centre, deviation = float(np.mean(log_odds)), float(np.std(log_odds))
    if settings.regime == "provisional":
        # the mean log-odds of a provisional model are shrunk; the posterior draws are not
        deviation = float(bootstrap.log_odds_by_replicate(codes).std(axis=0).mean())
    boosted = settings.boosting_share > 0
    omitted = misfit(imputed, point.log_odds(sample_codes), deviation, seed=seed, boosted=boosted)
    return add_misfit(bootstrap, omitted, centre, deviation)


def combine(
    sample: Sample, settings: Settings, options: LearnerOptions
) -> tuple[Additive, Additive]:
    """Fit the components; return the weighted sums of their point estimates and replicates."""
    fitted = [
        (share, COMPONENTS[name].fit(sample, settings, options))
        for name, share in settings.shares
        if share > 0
    ]
    shares = [share for share, _ in fitted]
    point = weighted_sum([models[0] for _, models in fitted], shares)
    return point, weighted_sum([models[1] for _, models in fitted], shares)


def _soft_labels(
    point: Additive, codes: NDArray[np.int32], follow_up: FollowUp
) -> tuple[Floats, Floats]:
    """Soft labels and weights of all deals, from effects that were learned from a sample."""
    log_odds = point.log_odds(codes)
    return soft_labels(follow_up, fit_baseline(follow_up, log_odds), log_odds)


def level_only_rate(deals: TrainingSet, end: np.datetime64) -> float:
    """Predicted probability of a model that knows the current level and no attributes."""
    follow_up, calendar = follow_up_of(deals), calendar_of(deals, end)
    level = Level()
    if calendar is not None:
        log_odds = np.zeros(len(follow_up))
        baseline = fit_baseline(follow_up, log_odds)
        level = fit_level(follow_up, calendar.closed, calendar.end, baseline, log_odds)
    return float(scale_hazard(np.array([follow_up.rate]), level.factor)[0])


def _calibration(
    settings: Settings, links: Floats, point: Additive, codes: NDArray[np.int32], weight: Floats
) -> CalibrationMap:
    """Calibration map, shifted so that it keeps the mean prediction over all deals.

    `links`: posterior of the links. A provisional model has too few deals to show a bend.
    """
    if settings.isotonic is None and settings.regime == "provisional":
        return CalibrationMap.identity()
    log_odds = point.log_odds(codes)
    bent = settings.isotonic or link_map(links, log_odds, weight)
    probability = 1.0 / (1.0 + np.exp(-log_odds))
    rate = float(np.average(probability, weights=weight))
    return bent.shifted(shift_to_rate(bent.log_odds(log_odds), weight, rate))


def _rate(
    point: Additive, codes: NDArray[np.int32], weight: Floats, calibration: CalibrationMap
) -> float:
    """Mean predicted probability over the training deals."""
    probability = calibration.probability(point.log_odds(codes))
    return float(np.average(probability, weights=weight))
