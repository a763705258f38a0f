"""Evidence for each ridge penalty, and settings of a model that averages over penalties.

deals -> outcome of each deal at the end of its observation
      -> ridge regression with each penalty -> marginal likelihood
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.outcomes import censoring_weights
from fitmodel.learning._fitting import fit_and_encode, follow_up_of
from fitmodel.learning._imputation import find_basis, impute
from fitmodel.learning._logistic import log_evidence
from fitmodel.learning._posterior import (
    association_test,
    fit_strengths,
    posterior_weights,
    prior_tables,
    prior_weight,
)
from fitmodel.learning._timing import with_strata
from fitmodel.learning.settings import PROVISIONAL, Choice, LearnerOptions, Settings

if TYPE_CHECKING:
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning._fitting import Coded
    from fitmodel.learning._proportional_odds import Floats


def evidence_by_penalty(
    deals: TrainingSet, coded: Coded, options: LearnerOptions, timing: str | None
) -> dict[float, float]:
    """Log marginal likelihood of each ridge penalty, from all deals; see `log_evidence`.

    The outcome of a deal is whether it had left by the end of its observation. On simulated
    companies the penalty with the largest marginal likelihood had a lower log loss than the penalty
    that predicted the folds best (docs/concepts/learning.md).
    """
    columns, codes = coded
    follow_up = with_strata(follow_up_of(deals), columns, codes, timing)
    outcome, weight, observed_months = observed_outcomes(deals)
    weight = weight * (weight.sum() / np.maximum((weight**2).sum(), 1e-300))
    scales, fit = find_basis(columns, codes, follow_up, options)
    evidence = {}
    for penalty in sorted(options.penalties, reverse=True):
        fit = impute(columns, codes, follow_up, penalty, options, fit.log_odds, scales=scales)
        log_odds = fit.log_odds + fit.baseline.at(observed_months, follow_up.stratum)
        evidence[penalty] = log_evidence(
            fit.matrix, outcome, weight, log_odds, fit.coefficients, penalty
        )
    return evidence


def choose_by_evidence(training_set: TrainingSet, options: LearnerOptions) -> Choice:
    """Choose the penalty of a ridge regression by its marginal likelihood, without folds.

    This is enough where there are thousands of deals and only mean predictions are used.
    """
    coded = fit_and_encode(training_set.attributes, options)
    evidence = evidence_by_penalty(training_set, coded, options, None)
    penalty = max(evidence, key=lambda each: evidence[each])
    table = pd.DataFrame({"penalty": list(evidence), "log_evidence": list(evidence.values())})
    return Choice(Settings(penalty=penalty), table.assign(chosen=table["penalty"] == penalty))


def observed_outcomes(deals: TrainingSet) -> tuple[Floats, Floats, Floats]:
    """Return whether each deal had left by the end of its observation.

    Returns
    -------
    outcome, weight, until : ndarray, shape (n,)
        Outcome (0.0 or 1.0), weight, and the end of observation in months since closing, at most
        the horizon. Without closing dates the end of observation of a leaver is unknown: known
        labels then get inverse probability of censoring weights, and the others weight 0.
    """
    horizon = float(deals.horizon_months)
    delayed_entry = deals.entry_months > 0
    if deals.closed_on is None:
        weight = censoring_weights(deals.outcomes, deals.horizon_months).values  # noqa: PD011 - a field
        return np.nan_to_num(deals.early_churn), weight * deals.weight, np.full(len(deals), horizon)
    observed_months = np.minimum(deals.observable_months, horizon)
    outcome = (deals.left & (deals.followup_months <= observed_months)).astype(float)
    return (
        outcome,
        np.where(delayed_entry | (observed_months <= 0), 0.0, deals.weight),
        observed_months,
    )


def choose_provisional(deals: TrainingSet, options: LearnerOptions) -> Choice:
    """Choose the settings of a provisional model, and weight its strengths.

    Returns
    -------
    Choice
        In its table, `share` is the posterior weight of each strength and `chosen` marks the most
        probable one. `log_loss` is minus the log marginal likelihood per deal: the mean log loss of
        predicting each deal from those before it (Dawid 1984). The penalty of the settings is the
        one with the posterior mean of the prior variance.
    """
    columns, codes = fit_and_encode(deals.attributes, options)
    follow_up = follow_up_of(deals)
    _, imputed = find_basis(columns, codes, follow_up, options)
    strengths = fit_strengths(imputed, follow_up, options)
    weights = posterior_weights(strengths)
    most_probable = int(weights.argmax())
    total = follow_up.weight.sum()
    table = pd.DataFrame(
        {
            "penalty": [each.penalty for each in strengths],
            "strength": [each.deviation for each in strengths],
            "share": weights,
            "log_loss": [-each.log_evidence / total for each in strengths],
            "chosen": np.arange(len(strengths)) == most_probable,
        }
    )
    variance = float(weights @ np.array([1 / each.penalty for each in strengths]))
    priors = prior_tables(imputed.design, options)
    settings = Settings(
        1 / variance,
        ((PROVISIONAL, 1.0),),
        regime="provisional",
        prior_weight=prior_weight(strengths, weights, priors) if priors else None,
    )
    without_priors = replace(strengths[0].fit, matrix=imputed.matrix)
    p_value = association_test(without_priors, seed=options.seed)
    return Choice(settings, table.sort_values("log_loss", ignore_index=True), p_value)
