"""What all deals say of each penalty of the ridge regression.

deals -> outcome of each, up to the time it could be seen
      -> ridge regression with each penalty -> marginal likelihood
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.censoring import censoring_weights
from fitmodel.learning._logistic import log_evidence
from fitmodel.learning._timing import with_strata
from fitmodel.learning.fitting import code, follow_up_of
from fitmodel.learning.imputation import find_basis, impute

if TYPE_CHECKING:
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.proportional_odds import Floats
    from fitmodel.learning.settings import LearnerOptions


def evidence_by_penalty(
    deals: TrainingSet, options: LearnerOptions, timing: str | None
) -> dict[float, float]:
    """Log evidence of each penalty of the ridge regression, from all deals; see `log_evidence`.

    Each deal counts by whether it had left by the time up to which it could be seen. On simulated
    companies the penalty with the most evidence lost less than that which predicted the folds best
    (docs/concepts/learning.md).
    """
    columns, codes = code(deals.attributes, options)
    follow_up = with_strata(follow_up_of(deals), columns, codes, timing)
    outcome, weight, until = outcome_when_seen(deals)
    weight = weight * (weight.sum() / np.maximum((weight**2).sum(), 1e-300))
    kept, fit = find_basis(columns, codes, follow_up, options)
    evidence = {}
    for penalty in sorted(options.penalties, reverse=True):
        fit = impute(columns, codes, follow_up, penalty, options, fit.log_odds, scales=kept)
        log_odds = fit.log_odds + fit.baseline.at(until, follow_up.stratum)
        evidence[penalty] = log_evidence(
            fit.matrix, outcome, weight, log_odds, fit.coefficients, penalty
        )
    return evidence


def outcome_when_seen(deals: TrainingSet) -> tuple[Floats, Floats, Floats]:
    """Whether each deal had left by the time up to which it could be seen.

    Returns
    -------
    outcome, weight, until : ndarray, shape (n,)
        `until` is in months, at most the horizon. Where only a tenure is known nobody can say how
        long a customer who left could have been seen: known labels then count with inverse
        probability of censoring weights, others with weight 0.
    """
    horizon = float(deals.horizon_months)
    late = deals.entry_months > 0
    if deals.closed_on is None:
        weight = censoring_weights(deals.outcomes, deals.horizon_months).values
        return np.nan_to_num(deals.early_churn), weight * deals.weight, np.full(len(deals), horizon)
    until = np.minimum(deals.observable_months, horizon)
    outcome = (deals.left & (deals.followup_months <= until)).astype(float)
    return outcome, np.where(late | (until <= 0), 0.0, deals.weight), until
