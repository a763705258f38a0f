"""Soft labels by the EM algorithm for deals whose early churn is not known yet.

follow-up of deals -> soft labels -> ridge logistic regression -> own log-odds of each deal
   ^------------------ baseline, own chances <---------------------------'   until they stand still
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._basis import choose_basis
from fitmodel.learning._design import Design, make_design, with_other_labels
from fitmodel.learning._logistic import em_step, fit_ridge, observed_information
from fitmodel.learning.columns import Column
from fitmodel.learning.proportional_odds import (
    Baseline,
    Floats,
    FollowUp,
    fit_baseline,
    soft_labels,
)
from fitmodel.learning.settings import LearnerOptions

MAX_ROUNDS = 30
TOLERANCE = 1e-3  # mean change of the unknown labels at which they stand still

Make = Callable[[Floats, Floats], tuple[Design, Floats]]
"""From soft labels and weights to a design and its linear matrix."""


@dataclass(frozen=True, eq=False)
class Imputed:
    """Deals with the soft labels that the ridge regression itself gives them.

    Parameters
    ----------
    design : Design
    matrix : ndarray, shape (n, width)
        The design's linear matrix.
    early_churn, weight : ndarray, shape (n,)
        Soft labels and weights to learn from.
    coefficients : ndarray, shape (1 + width,)
        Of the ridge regression.
    baseline : Baseline
        Fitted to `log_odds`.
    log_odds : ndarray, shape (n,)
        Of the ridge regression, as the deals were learned from.
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
    """Iterate soft labels and ridge regression until the labels stand still.

    Parameters
    ----------
    columns, codes
        Columns and codes of the deals.
    follow_up : FollowUp
    penalty : float
        Of the ridge regression.
    options : LearnerOptions
    start : ndarray, shape (n,), optional
        Log-odds to begin with; without them every deal has the company's chance.
    scales : ndarray, shape (width,), optional
        Factor on each column of the linear matrix, as `find_basis` returns them.
    """
    parents, seed = options.parent_positions(columns), options.seed
    made: list[tuple[Design, Floats]] = []

    def make(early_churn: Floats, weight: Floats) -> tuple[Design, Floats]:
        earlier = None
        if not made:
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
        elif made[0][0].depends_on_labels:
            design, earlier = made[0]
            design = with_other_labels(design, early_churn, weight, parents=parents, seed=seed)
        else:
            return made[0]
        made[:] = [(design, design.linear_matrix(earlier))]
        return made[0]

    log_odds = np.zeros(len(follow_up)) if start is None else start
    fit = iterate(make, follow_up, penalty, options.directions(columns), log_odds)
    if fit.design.depends_on_labels or not any(fit.design.statistics):
        return fit
    # boosting has statistics of the final labels, though the linear matrix has none
    labels = (fit.early_churn, fit.weight)
    return replace(fit, design=with_other_labels(fit.design, *labels, parents=parents, seed=seed))


def find_basis(
    columns: tuple[Column, ...],
    codes: NDArray[np.int32],
    follow_up: FollowUp,
    options: LearnerOptions,
) -> tuple[Floats, Imputed]:
    """Factors on the columns of the linear matrix, and the fit from which they are read.

    Returns
    -------
    factors : ndarray, shape (width,)
        See `choose_basis`.
    imputed : Imputed
        With the middle penalty.
    """
    middle = sorted(options.penalties)[len(options.penalties) // 2]
    fit = impute(columns, codes, follow_up, middle, options)
    information = observed_information(fit.early_churn, fit.weight, fit.log_odds)
    return choose_basis(fit.design, fit.matrix, information, fit.coefficients, middle), fit


def iterate(
    make: Make,
    follow_up: FollowUp,
    penalty: float,
    directions: Sequence[int],
    log_odds: Floats,
    *,
    max_rounds: int = MAX_ROUNDS,
    tolerance: float = TOLERANCE,
    centre: Floats | float = 0.0,
) -> Imputed:
    """The loop of `impute`, over designs that `make` gives.

    Notes
    -----
    An EM algorithm for the labels: consistent under proportional odds, because the expectation of
    a deal's own chance given what was seen of it is its probability (Bennett 1983 for the model;
    Dempster, Laird and Rubin 1977 for the iteration). Where four in five deals are young it needs
    dozens of rounds; `em_step` makes them few.
    """
    unknown = ~follow_up.known
    moving = bool(unknown.any() or follow_up.entry.any())
    baseline = fit_baseline(follow_up, log_odds)
    labels, weight = soft_labels(follow_up, baseline, log_odds)
    design, matrix = make(labels, weight)
    coefficients = fit_ridge(design, matrix, labels, weight, penalty, directions, None, centre)
    by_steps = not (any(directions) or design.depends_on_labels)
    for number in range(max_rounds if moving else 1):
        if number and by_steps:
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
