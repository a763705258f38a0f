"""Choose penalty, components, their shares and pairs on time-ordered folds.

folds     -> ridge regression with each penalty
          -> each other component, without and with pairs, with several shares
all deals -> marginal likelihood of each penalty

Candidates are compared by their held-out log loss after a shift is fitted per fold. The simplest
candidate within one standard error of the best is chosen (Breiman et al. 1984). Among equally
simple candidates the one whose penalty has the largest marginal likelihood is chosen, because the
held-out log loss differs little between penalties.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.learning._components import COMPONENTS, Sample, bootstrap_counts
from fitmodel.learning._evidence import evidence_by_penalty, observed_outcomes
from fitmodel.learning._fitting import fit_and_encode, follow_up_of
from fitmodel.learning._imputation import Imputed, find_basis, impute
from fitmodel.learning._link import bent_by_link
from fitmodel.learning._logistic import as_tables
from fitmodel.learning._proportional_odds import Floats, FollowUp
from fitmodel.learning._timing import choose_timing, position_of, stratum_by_code, with_strata
from fitmodel.learning._uncertainty import draw_replicates
from fitmodel.learning.calibration import (
    SETTLED_SLOPE_SD,
    HeldOut,
    fit_isotonic,
    fit_slope,
    level_adjusted_losses,
)
from fitmodel.learning.encoding import encode_leniently
from fitmodel.learning.settings import (
    MIN_CHURNERS_TO_BOOST,
    PROVISIONAL,
    SELECTION_REPLICATES,
    Choice,
    LearnerOptions,
    Settings,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning._fitting import Coded
    from fitmodel.learning._proportional_odds import Baseline
    from fitmodel.learning._sampling import Fold
    from fitmodel.learning.calibration import CalibrationMap
    from fitmodel.learning.columns import Column


@dataclass(frozen=True)
class Candidate:
    """Settings to compare.

    `share`: share of the second component in the weighted sum.
    `pairs`: number of pairs that boosting may choose.
    """

    penalty: float
    component: str = "logistic"
    share: float = 0.0
    pairs: int = 0

    @property
    def complexity(self) -> tuple[int, int]:
        """Sort key, simplest first: number of pairs, then whether there is a second component."""
        return (self.pairs, int(self.share > 0))

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """Share of each component in the weighted sum."""
        if self.share == 0:
            return (("logistic", 1.0),)
        return (("logistic", 1.0 - self.share), (self.component, self.share))


Scores = dict[Candidate, Floats]


@dataclass(eq=False)
class _EncodedFold:
    """The encoded deals of one fold, and its ridge regressions by penalty."""

    columns: tuple[Column, ...]
    codes: NDArray[np.int32]
    follow_up: FollowUp
    test_codes: NDArray[np.int32]
    test_stratum: NDArray[np.intp]
    imputed: dict[float, Imputed] = field(default_factory=dict)


def choose(folds: list[Fold], deals: TrainingSet, options: LearnerOptions) -> Choice:
    """Choose settings by their held-out predictions, and fit the calibration slope.

    Parameters
    ----------
    folds : list of Fold
        Folds, time-ordered where possible.
    deals : TrainingSet
        All deals; the attribute that changes the timing of leaving and the marginal likelihood of
        each penalty are estimated from them.

    Returns
    -------
    Choice
        Chosen settings, and the table of candidates.
    """
    started = time.monotonic()
    coded = fit_and_encode(deals.attributes, options)
    timing = find_timing(deals, coded, options)
    trained = [_prepare(fold, options, timing) for fold in folds]
    scores = _logistic_scores(trained, options)
    held_out = _held_out(folds, trained, options)
    evidence = evidence_by_penalty(deals, coded, options, timing)
    ridge = _simplest_near_best(scores, held_out, evidence)
    others = (*options.components, *((PROVISIONAL,) if options.has_prior else ()))
    for name in others:
        elapsed = time.monotonic() - started
        no_time = options.time_budget_seconds is not None and elapsed > options.time_budget_seconds
        is_enough = name == PROVISIONAL or _has_enough_deals(folds)
        if name != "logistic" and not no_time and is_enough:
            scores |= _blend_scores(name, trained, ridge, scores[ridge], options)
    chosen = _simplest_near_best(scores, held_out, evidence)
    settings = _settings(scores, chosen, held_out, evidence, timing, options)
    return Choice(settings, _table(scores, held_out, evidence, chosen))


def find_timing(deals: TrainingSet, coded: Coded, options: LearnerOptions) -> str | None:
    """Attribute whose levels differ in the timing of leaving, or None; see `choose_timing`."""
    columns, codes = coded
    follow_up = follow_up_of(deals)
    middle = sorted(options.penalties)[len(options.penalties) // 2]
    fit = impute(columns, codes, follow_up, middle, options)
    return choose_timing(columns, codes, follow_up, fit.baseline, fit.log_odds)


def _settings(
    scores: Scores,
    chosen: Candidate,
    held_out: HeldOut,
    evidence: dict[float, float],
    timing: str | None,
    options: LearnerOptions,
) -> Settings:
    """Settings of the chosen candidate, with its calibration and those of the replicates."""
    raw = scores[chosen]
    complete = held_out.offset == 0  # observed for the whole horizon
    isotonic = _isotonic(raw[complete], held_out.subset(complete))
    slope = 1.0 if isotonic is not None else fit_slope(raw, held_out, prior_sd=SETTLED_SLOPE_SD)[0]
    return Settings(
        penalty=chosen.penalty,
        shares=chosen.shares,
        pairs=chosen.pairs,
        slope=slope,
        isotonic=isotonic,
        timing=timing,
        replicates=draw_replicates(
            _by_penalty(scores, chosen, options),
            held_out,
            evidence,
            replicates=options.replicates,
            seed=options.seed,
        ),
    )


def _isotonic(raw: Floats, held_out: HeldOut) -> CalibrationMap | None:
    """Isotonic map, where later folds are predicted better than by a line and by the link."""
    isotonic = fit_isotonic(raw, held_out)
    if isotonic is None or fit_isotonic(bent_by_link(raw, held_out), held_out) is None:
        return None
    return isotonic


def _by_penalty(scores: Scores, chosen: Candidate, options: LearnerOptions) -> dict[float, Floats]:
    """Held-out log-odds of the chosen weighted sum if its ridge regression had each penalty."""
    share = 1 - chosen.share
    chosen_ridge = scores[Candidate(chosen.penalty)]
    return {
        penalty: scores[chosen] + share * (scores[Candidate(penalty)] - chosen_ridge)
        for penalty in options.penalties
    }


def _prepare(fold: Fold, options: LearnerOptions, timing: str | None) -> _EncodedFold:
    columns, codes = fit_and_encode(fold.train.attributes, options)
    follow_up = with_strata(follow_up_of(fold.train), columns, codes, timing)
    test_codes, _ = encode_leniently(columns, fold.test.attributes)
    stratum = np.zeros(len(test_codes), dtype=np.intp)
    if timing is not None:
        position = position_of(timing, columns)
        stratum = stratum_by_code(codes[:, position], columns[position].size, follow_up)[
            test_codes[:, position]
        ]
    return _EncodedFold(columns, codes, follow_up, test_codes, stratum)


def _logistic_scores(trained: list[_EncodedFold], options: LearnerOptions) -> Scores:
    """Held-out log-odds of the ridge regression with each penalty."""
    parts: dict[Candidate, list[Floats]] = {}
    for fold in trained:
        scales, fit = find_basis(fold.columns, fold.codes, fold.follow_up, options)
        for penalty in sorted(options.penalties, reverse=True):
            fit = impute(
                fold.columns,
                fold.codes,
                fold.follow_up,
                penalty,
                options,
                fit.log_odds,
                scales=scales,
            )
            fold.imputed[penalty] = fit
            model = as_tables(fit.design, [fit.coefficients])
            parts.setdefault(Candidate(penalty), []).append(model.log_odds(fold.test_codes))
    return {candidate: np.concatenate(values) for candidate, values in parts.items()}


def _held_out(folds: list[Fold], trained: list[_EncodedFold], options: LearnerOptions) -> HeldOut:
    """Outcomes of the held-out deals, each at the end of its observation."""
    middle = sorted(options.penalties)[len(options.penalties) // 2]
    return held_out_of(
        folds, [(fold.imputed[middle].baseline, fold.test_stratum) for fold in trained]
    )


def held_out_of(folds: list[Fold], baselines: list[tuple[Baseline, NDArray[np.intp]]]) -> HeldOut:
    """Outcomes of the folds' test deals; `baselines` has each fold's baseline and their strata."""
    parts = []
    for fold, (baseline, stratum) in zip(folds, baselines, strict=True):
        outcome, weight, observed_months = observed_outcomes(fold.test)
        at_end = np.full(len(observed_months), float(fold.test.horizon_months))
        offset = baseline.at(observed_months, stratum) - baseline.at(at_end, stratum)
        parts.append((outcome, weight, np.maximum(offset, -30.0)))
    outcome, weight, offset = (np.concatenate(values) for values in zip(*parts, strict=True))
    number = np.repeat(np.arange(len(folds)), [len(fold.test) for fold in folds])
    return HeldOut(outcome, weight, number, offset)


def _blend_scores(
    name: str,
    trained: list[_EncodedFold],
    ridge: Candidate,
    logistic: Floats,
    options: LearnerOptions,
) -> Scores:
    """Held-out log-odds of the ridge regression blended with another component.

    `logistic`, shape (n,): its held-out log-odds.
    `options`: options of the learner: shares and pairs to compare.
    """
    parts: dict[int, list[Floats]] = {pairs: [] for pairs in dict.fromkeys((0, options.pairs))}
    settings = Settings(penalty=ridge.penalty, pairs=options.pairs)
    for fold in trained:
        counts = bootstrap_counts(len(fold.follow_up), SELECTION_REPLICATES, options.seed)
        sample = Sample(fold.follow_up, fold.imputed[ridge.penalty], counts)
        model, _ = COMPONENTS[name].fit(sample, settings, options)
        parts[options.pairs].append(model.log_odds(fold.test_codes))
        if options.pairs:
            # pairs are boosted after all single attributes: without them it is the smaller model
            parts[0].append(model.without_pairs().log_odds(fold.test_codes))
    scores: Scores = {}
    for pairs, values in parts.items():
        component_scores = np.concatenate(values)
        for share in options.shares:
            candidate = Candidate(ridge.penalty, name, share, pairs)
            scores[candidate] = (1 - share) * logistic + share * component_scores
    return scores


def _has_enough_deals(folds: list[Fold]) -> bool:
    """Whether there are enough early churners for a second component."""
    churners = max(int((fold.train.early_churn == 1).sum()) for fold in folds)
    return churners >= MIN_CHURNERS_TO_BOOST


def _differences(scores: Scores, held_out: HeldOut) -> dict[Candidate, tuple[float, float, float]]:
    """Mean held-out loss, difference to the best mean, and its paired standard error."""
    weight = held_out.weight
    losses = {
        candidate: level_adjusted_losses(values, held_out) for candidate, values in scores.items()
    }
    means = {item: float(np.average(loss, weights=weight)) for item, loss in losses.items()}
    best = min(means, key=lambda candidate: means[candidate])
    effective = weight.sum() ** 2 / (weight**2).sum()
    gaps = {}
    for candidate, loss in losses.items():
        difference = loss - losses[best]
        gap = means[candidate] - means[best]
        error = float(np.sqrt(np.average((difference - gap) ** 2, weights=weight) / effective))
        gaps[candidate] = (means[candidate], gap, error)
    return gaps


def _simplest_near_best(
    scores: Scores, held_out: HeldOut, evidence: dict[float, float]
) -> Candidate:
    """Simplest candidate within one standard error of the best one."""
    gaps = _differences(scores, held_out)
    near_best = [candidate for candidate, (_, gap, error) in gaps.items() if gap <= error]
    min_complexity = min(candidate.complexity for candidate in near_best)
    candidates = [candidate for candidate in near_best if candidate.complexity == min_complexity]
    return max(candidates, key=lambda candidate: (evidence[candidate.penalty], -gaps[candidate][0]))


def _table(
    scores: Scores, held_out: HeldOut, evidence: dict[float, float], chosen: Candidate
) -> pd.DataFrame:
    """Table of all candidates, best first."""
    largest = max(evidence.values())
    rows = [
        {
            "penalty": candidate.penalty,
            "component": candidate.component,
            "share": candidate.share,
            "pairs": candidate.pairs,
            "log_loss": mean,
            "behind_best": gap,
            "standard_error": error,
            "log_evidence": evidence[candidate.penalty] - largest,
            "chosen": candidate == chosen,
        }
        for candidate, (mean, gap, error) in _differences(scores, held_out).items()
    ]
    return pd.DataFrame(rows).sort_values("log_loss", ignore_index=True)
