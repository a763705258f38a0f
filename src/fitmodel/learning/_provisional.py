"""Settings of a provisional model, which averages over penalties; see `_posterior`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.learning._posterior import (
    association_test,
    fit_strengths,
    posterior_weights,
    prior_tables,
    prior_weight,
)
from fitmodel.learning.fitting import fit_and_encode, follow_up_of
from fitmodel.learning.imputation import find_basis
from fitmodel.learning.settings import PROVISIONAL, Choice, LearnerOptions, Settings

if TYPE_CHECKING:
    from fitmodel.deals.training_set import TrainingSet


def choose_provisional(deals: TrainingSet, options: LearnerOptions) -> Choice:
    """Choose the settings of a provisional model, and weight its strengths.

    Parameters
    ----------
    deals : TrainingSet
        Deals to learn from.
    options : LearnerOptions
        Options of the learner.

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
