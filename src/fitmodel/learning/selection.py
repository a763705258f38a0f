"""Let the data choose: penalty, age weighting, pairs and blend, on folds ordered in time.

folds -> ridge logistic for each penalty and half-life
      -> boosting without and with pairs at the best half-life
      -> blends of the two
every candidate's log loss on deals not trained on, IPCW weighted
the simplest candidate within one standard error of the best wins (Breiman et al. 1984)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.learning.additive import Additive
from fitmodel.learning.doubt import draw_doubt
from fitmodel.learning.encoding import encode_leniently
from fitmodel.learning.fitting import (
    age_weights,
    bag_counts,
    code,
    fit_boosted,
    fit_straight,
    prepare,
)
from fitmodel.learning.isotonic import fit_calibration
from fitmodel.learning.options import BAGS, BOOSTING_CHURNERS, CHOOSING_BAGS, Choice, LearnerOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.outcomes import LabelledDeals
    from fitmodel.learning.folds import Fold

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
HALF_LIVES = (36.0, 18.0, 9.0)  # months
SHARES = (0.25, 0.5, 0.75, 1.0)
PAIRS = (0, 5)
DAYS_PER_MONTH = 30.436875


@dataclass(frozen=True)
class Candidate:
    """Settings to try; `complexity` orders them from plain to elaborate."""

    penalty: float
    half_life_months: float | None
    boosting_share: float = 0.0
    pairs: int = 0

    @property
    def complexity(self) -> tuple[int, int, float, float]:
        """Fewer parts first: pairs, boosting at all, age weighting, then the smaller share."""
        aged = self.half_life_months is not None
        return (self.pairs, int(self.boosting_share > 0), float(aged), -self.penalty)


Scores = dict[Candidate, "NDArray[np.float64]"]


def choose(folds: list[Fold], options: LearnerOptions) -> Choice:
    """Pick the settings that predict the folds best, and calibrate on those predictions.

    Parameters
    ----------
    folds : list of Fold
        Time-ordered where possible.
    options : LearnerOptions

    Returns
    -------
    Choice
    """
    outcome = np.concatenate([fold.test.early_churn for fold in folds])
    weight = np.concatenate([fold.test.weight for fold in folds])
    fold = np.repeat(np.arange(len(folds)), [len(fold.test) for fold in folds])
    scores = _logistic_scores(folds, options)
    plain = _simplest_of_the_best(scores, outcome, weight)
    if _enough_to_boost(folds):
        scores |= _blend_scores(folds, plain, scores[plain], options)
    chosen = _simplest_of_the_best(scores, outcome, weight)
    return Choice(
        penalty=chosen.penalty,
        half_life_months=chosen.half_life_months,
        boosting_share=chosen.boosting_share,
        pairs=chosen.pairs,
        calibration=fit_calibration(scores[chosen], outcome, weight, fold),
        table=_table(scores, outcome, weight, chosen),
        doubt=draw_doubt(
            _by_penalty(scores, chosen),
            chosen.penalty,
            outcome,
            weight,
            draws=BAGS,
            seed=options.seed,
        ),
    )


def _by_penalty(scores: Scores, chosen: Candidate) -> dict[float, NDArray[np.float64]]:
    """What the chosen blend would have said with each penalty of its logistic part."""
    share, aged = 1 - chosen.boosting_share, chosen.half_life_months
    own = scores[Candidate(chosen.penalty, aged)]
    return {
        penalty: scores[chosen] + share * (scores[Candidate(penalty, aged)] - own)
        for penalty in PENALTIES
    }


def age_in_months(deals: LabelledDeals) -> NDArray[np.float64]:
    """Age of each deal against the newest one; 0 where there are no dates."""
    if deals.closed_on is None:
        return np.zeros(len(deals))
    days = (deals.closed_on.max() - deals.closed_on).dt.days.to_numpy()
    return np.asarray(days / DAYS_PER_MONTH, dtype=np.float64)


def _half_lives(folds: list[Fold]) -> list[float | None]:
    """Half-lives shorter than the time the deals span; none where there are no dates."""
    span = min(float(age_in_months(fold.train).max(initial=0.0)) for fold in folds)
    return [None, *(half_life for half_life in HALF_LIVES if half_life <= span)]


def _logistic_scores(folds: list[Fold], options: LearnerOptions) -> Scores:
    parts: dict[Candidate, list[NDArray[np.float64]]] = {}
    half_lives = _half_lives(folds)
    for fold in folds:
        train, age = fold.train, age_in_months(fold.train)
        coded = code(train.attributes, options)
        codes, _ = encode_leniently(coded[0], fold.test.attributes)
        for half_life in half_lives:
            weight = age_weights(train.weight, age, half_life)
            prepared = prepare(train.attributes, train.early_churn, weight, options, coded)
            for penalty in PENALTIES:
                model = fit_straight(prepared, penalty, options)
                candidate = Candidate(penalty, half_life)
                parts.setdefault(candidate, []).append(model.log_odds(codes))
    return {candidate: np.concatenate(values) for candidate, values in parts.items()}


def _blend_scores(
    folds: list[Fold], plain: Candidate, straight: NDArray[np.float64], options: LearnerOptions
) -> Scores:
    most = max(PAIRS)
    parts: dict[int, list[NDArray[np.float64]]] = {pairs: [] for pairs in PAIRS}
    for fold in folds:
        train = fold.train
        weight = age_weights(train.weight, age_in_months(train), plain.half_life_months)
        prepared = prepare(train.attributes, train.early_churn, weight, options)
        counts = bag_counts(len(train), CHOOSING_BAGS, options.seed)
        model = fit_boosted(prepared, counts, most, options)
        codes, _ = encode_leniently(prepared.design.columns, fold.test.attributes)
        parts[most].append(model.log_odds(codes))
        # pairs are boosted after the single attributes are done: without them is the smaller model
        parts[0].append(Additive(model.intercept, model.singles).log_odds(codes))
    scores: Scores = {}
    for pairs, values in parts.items():
        bent = np.concatenate(values)
        for share in SHARES:
            candidate = Candidate(plain.penalty, plain.half_life_months, share, pairs)
            scores[candidate] = (1 - share) * straight + share * bent
    return scores


def _enough_to_boost(folds: list[Fold]) -> bool:
    return max(float(fold.train.early_churn.sum()) for fold in folds) >= BOOSTING_CHURNERS


def losses(log_odds: NDArray[np.float64], outcome: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log loss of each deal."""
    result: NDArray[np.float64] = np.logaddexp(0.0, log_odds) - outcome * log_odds
    return result


def _gaps(
    scores: Scores, outcome: NDArray[np.float64], weight: NDArray[np.float64]
) -> dict[Candidate, tuple[float, float, float]]:
    """Mean loss, distance to the best one and that distance's paired standard error."""
    each = {candidate: losses(values, outcome) for candidate, values in scores.items()}
    means = {candidate: float(np.average(loss, weights=weight)) for candidate, loss in each.items()}
    best = min(means, key=lambda candidate: means[candidate])
    effective = weight.sum() ** 2 / (weight**2).sum()
    gaps = {}
    for candidate, loss in each.items():
        difference = loss - each[best]
        gap = means[candidate] - means[best]
        error = float(np.sqrt(np.average((difference - gap) ** 2, weights=weight) / effective))
        gaps[candidate] = (means[candidate], gap, error)
    return gaps


def _simplest_of_the_best(
    scores: Scores, outcome: NDArray[np.float64], weight: NDArray[np.float64]
) -> Candidate:
    gaps = _gaps(scores, outcome, weight)
    near = [candidate for candidate, (_, gap, error) in gaps.items() if gap <= error]
    simplest = min(candidate.complexity[:3] for candidate in near)
    alike = [candidate for candidate in near if candidate.complexity[:3] == simplest]
    return min(alike, key=lambda candidate: gaps[candidate][0])


def _table(
    scores: Scores, outcome: NDArray[np.float64], weight: NDArray[np.float64], chosen: Candidate
) -> pd.DataFrame:
    rows = [
        {
            "penalty": candidate.penalty,
            "half_life_months": candidate.half_life_months,
            "boosting_share": candidate.boosting_share,
            "pairs": candidate.pairs,
            "log_loss": mean,
            "behind_best": gap,
            "standard_error": error,
            "chosen": candidate == chosen,
        }
        for candidate, (mean, gap, error) in _gaps(scores, outcome, weight).items()
    ]
    table = pd.DataFrame(rows).sort_values("log_loss", ignore_index=True)
    return table.astype({"half_life_months": float})
