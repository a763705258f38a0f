"""Soft labels, by the EM algorithm, of deals whose early churn is not known yet.

follow-up of deals -> soft labels -> ridge logistic regression -> log-odds of each deal
   ^------------- baseline, conditional probabilities <------------------'   until convergence
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._basis import choose_basis
from fitmodel.learning._design import Design, make_design, with_other_labels
from fitmodel.learning._logistic import em_step, fit_ridge, observed_information
from fitmodel.learning._proportional_odds import (
    Baseline,
    Floats,
    FollowUp,
    fit_baseline,
    soft_labels,
)
from fitmodel.learning.columns import Column
from fitmodel.learning.settings import LearnerOptions

MAX_ROUNDS = 30
TOLERANCE = 1e-3  # mean change of the unknown labels at convergence

MakeDesign = Callable[[Floats, Floats], tuple[Design, Floats]]
"""Function from soft labels and weights to a design and its linear matrix."""


@dataclass(frozen=True, eq=False)
class Imputed:
    """A fitted ridge regression, and the soft labels that it implies.

    Parameters
    ----------
    design : Design
        Design of the deals.
    matrix : ndarray, shape (n, width)
        Linear matrix of the design.
    early_churn, weight : ndarray, shape (n,)
        Soft labels and weights to learn from.
    coefficients : ndarray, shape (1 + width,)
        Intercept and coefficients of the ridge regression.
    baseline : Baseline
        Baseline fitted to `log_odds`.
    log_odds : ndarray, shape (n,)
        Log-odds of the deals by the ridge regression.
    """

    design: Design
    matrix: Floats
    early_churn: Floats
    weight: Floats
    coefficients: Floats
    baseline: Baseline
    log_odds: Floats


def impute(
    columns: tuple[Column, ...],
    codes: NDArray[np.int32],
    follow_up: FollowUp,
    penalty: float,
    options: LearnerOptions,
    start: Floats | None = None,
    *,
    scales: Floats | None = None,
) -> Imputed:
    """Iterate soft labels and ridge regression until the labels converge.

    Parameters
    ----------
    columns : tuple of Column
        Column of each attribute.
    codes : ndarray of int, shape (n, attributes)
        Codes of the deals.
    follow_up : FollowUp
        Follow-up of the deals.
    penalty : float
        Ridge penalty.
    options : LearnerOptions
        Options of the learner.
    start : ndarray, shape (n,), optional
        Initial log-odds; default: the same for all deals.
    scales : ndarray, shape (width,), optional
        Factor on each column of the linear matrix, from `find_basis`.
    """
    parents, seed = options.parent_positions(columns), options.seed
    cache: list[tuple[Design, Floats]] = []

    def make(early_churn: Floats, weight: Floats) -> tuple[Design, Floats]:
        earlier = None
        if not cache:
            design = make_design(
                columns,
                codes,
                early_churn,
                weight,
                parents=parents,
                seed=seed,
                scales=scales,
                bends=options.may_bend(columns),
            )
        elif cache[0][0].depends_on_labels:
            design, earlier = cache[0]
            design = with_other_labels(design, early_churn, weight, parents=parents, seed=seed)
        else:
            return cache[0]
        cache[:] = [(design, design.linear_matrix(earlier))]
        return cache[0]

    log_odds = np.zeros(len(follow_up)) if start is None else start
    fit = run_em(make, follow_up, penalty, options.directions(columns), log_odds)
    if fit.design.depends_on_labels or not any(fit.design.statistics):
        return fit
    # the linear matrix has no level statistic, but boosting needs those of the final labels
    labels = (fit.early_churn, fit.weight)
    return replace(fit, design=with_other_labels(fit.design, *labels, parents=parents, seed=seed))


def find_basis(
    columns: tuple[Column, ...],
    codes: NDArray[np.int32],
    follow_up: FollowUp,
    options: LearnerOptions,
) -> tuple[Floats, Imputed]:
    """Choose the factors on the columns of the linear matrix; see `choose_basis`.

    Returns
    -------
    factors : ndarray, shape (width,)
        Factor on each column of the linear matrix.
    imputed : Imputed
        Fit with the middle penalty, on which the choice is based.
    """
    middle = sorted(options.penalties)[len(options.penalties) // 2]
    fit = impute(columns, codes, follow_up, middle, options)
    information = observed_information(fit.early_churn, fit.weight, fit.log_odds)
    return choose_basis(fit.design, fit.matrix, information, fit.coefficients, middle), fit


def run_em(
    make: MakeDesign,
    follow_up: FollowUp,
    penalty: float,
    directions: Sequence[int],
    log_odds: Floats,
    *,
    max_rounds: int = MAX_ROUNDS,
    tolerance: float = TOLERANCE,
    centre: Floats | float = 0.0,
) -> Imputed:
    """Run the EM algorithm of `impute` with the designs that `make` returns.

    Parameters
    ----------
    make : callable
        Function from soft labels and weights to a design and its linear matrix.
    follow_up : FollowUp
        Follow-up of the deals.
    penalty : float
        Ridge penalty.
    directions : sequence of int
        Per attribute: 1 where risk must not fall as it grows, -1 where it must not rise, 0 free.
    log_odds : ndarray, shape (n,)
        Initial log-odds.
    max_rounds : int
        Largest number of iterations.
    tolerance : float
        Mean change of the unknown labels at convergence.
    centre : ndarray, shape (width,), or float
        Coefficients towards which the penalty shrinks.

    Notes
    -----
    Consistent under proportional odds, because the soft label of a deal is its conditional
    probability of early churn given its follow-up (Bennett 1983 for the model; Dempster, Laird and
    Rubin 1977 for the algorithm). Where four in five deals are young, plain EM needs dozens of
    iterations; `em_step` needs few.
    """
    unknown = ~follow_up.known
    labels_change = bool(unknown.any() or follow_up.entry.any())
    baseline = fit_baseline(follow_up, log_odds)
    labels, weight = soft_labels(follow_up, baseline, log_odds)
    design, matrix = make(labels, weight)
    coefficients = fit_ridge(design, matrix, labels, weight, penalty, directions, None, centre)
    may_accelerate = not (any(directions) or design.depends_on_labels)
    for number in range(max_rounds if labels_change else 1):
        if number and may_accelerate:
            coefficients = em_step(matrix, labels, weight, coefficients, penalty, centre)
        elif number:
            design, matrix = make(labels, weight)
            coefficients = fit_ridge(
                design, matrix, labels, weight, penalty, directions, coefficients, centre
            )
        log_odds = coefficients[0] + matrix @ coefficients[1:]
        baseline = fit_baseline(follow_up, log_odds, weight)
        before = labels
        labels, weight = soft_labels(follow_up, baseline, log_odds)
        if np.abs(labels - before).mean() < tolerance * max(unknown.mean(), 1e-9):
            break
    return Imputed(design, matrix, labels, weight, coefficients, baseline, log_odds)
