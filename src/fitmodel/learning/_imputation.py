"""Ridge regression with soft labels by the EM algorithm, and the choice of its basis functions.

follow-up of deals -> soft labels -> ridge logistic regression -> log-odds of each deal
   ^------------- baseline, conditional probabilities <------------------'   until convergence

ridge regression on all basis functions -> information matrix
  -> number: gain in log-likelihood of the value, of the rank, of both, and of a bend
  -> category of many levels: marginal likelihood of the variance of its levels' effects

A basis function that is not needed increases the log loss. A number whose effect is not monotone
needs a second one. Where value and rank explain the deals equally well, the one with the smaller
range is kept: a line fitted to the seats of many small customers would extrapolate to a few large
customers and give them contributions that no deal supports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._design import NUMBER_BASIS, Design, make_design, with_other_labels
from fitmodel.learning._logistic import (
    MAX_CHANGE,
    em_step,
    fit_ridge,
    observed_information,
    penalised_information,
)
from fitmodel.learning._proportional_odds import (
    Baseline,
    Floats,
    FollowUp,
    fit_baseline,
    soft_labels,
)
from fitmodel.learning.columns import Column, NumberColumn
from fitmodel.learning.encoding import MANY_LEVELS
from fitmodel.learning.settings import LearnerOptions

MAX_ROUNDS = 30
TOLERANCE = 1e-3  # mean change of the unknown labels at convergence

MakeDesign = Callable[[Floats, Floats], tuple[Design, Floats]]
"""Function from soft labels and weights to a design and its linear matrix."""
# Smallest eigenvalue relative to the largest; below it two basis functions count as collinear.
MIN_EIGENVALUE = 1e-6
# Least gain in twice the log-likelihood (Akaike 1974), of both basis functions over the better one,
# and of the better one over the other where the better one has the larger range.
MIN_GAIN = 2.0
# Least gain of a bend. It extrapolates further than any line, so it has to gain twice as much.
MIN_GAIN_OF_BEND = 4.0
# Grid for the variance of the levels' effects, relative to the prior variance of the ridge penalty.
VARIANCES = np.geomspace(0.01, 3.0, 12)
LINES = ((0,), (1,), (0, 1))  # positions among the basis functions of a number: value, rank
BEND = NUMBER_BASIS  # position of the bend


@dataclass(frozen=True, eq=False)
class Imputed:
    """A fitted ridge regression, and the soft labels that it implies.

    Parameters
    ----------
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
    penalty : float
        Ridge penalty.
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
        previous, log_odds = log_odds, coefficients[0] + matrix @ coefficients[1:]
        baseline = fit_baseline(follow_up, log_odds, weight)
        before = labels
        labels, weight = soft_labels(follow_up, baseline, log_odds)
        # the baseline makes up for a wrong intercept, so that the labels alone do not show it
        if number and np.abs(log_odds - previous).max() >= MAX_CHANGE:
            continue
        if np.abs(labels - before).mean() < tolerance * max(unknown.mean(), 1e-9):
            break
    return Imputed(design, matrix, labels, weight, coefficients, baseline, log_odds)


def choose_basis(
    design: Design, matrix: Floats, information: Floats, coefficients: Floats, penalty: float
) -> Floats:
    """Return the factor on each column of the linear matrix, shape (width,).

    The factor is 1 for a column that is kept and 0 for one that is left out. For a category of
    many levels it lies between 0 and a little more than 1.

    Parameters
    ----------
    design : Design
        Design with all basis functions of every number.
    matrix : ndarray, shape (n, width)
        Linear matrix of the design.
    information : ndarray, shape (n,)
        Fisher information of each deal about its log-odds, see `observed_information`.
    coefficients : ndarray, shape (1 + width,)
        Coefficients of the ridge regression on `matrix`.

    Notes
    -----
    The gains are computed on the quadratic approximation of the log-likelihood at the fit. The
    number's own basis functions are not penalised, and all other coefficients are profiled out.
    """
    covariance = np.linalg.inv(penalised_information(matrix, information, penalty))
    factors, start = np.ones(matrix.shape[1]), 0
    for position, (column, basis) in enumerate(zip(design.columns, design.bases, strict=True)):
        number = isinstance(column, NumberColumn) and basis.shape[1] >= NUMBER_BASIS
        has_many_levels = not number and MANY_LEVELS < column.size <= basis.shape[1]
        if number or has_many_levels:
            width = NUMBER_BASIS + design.bends[position] if number else column.size
            positions = np.arange(start, start + width)
            precision = np.linalg.inv(covariance[np.ix_(positions + 1, positions + 1)])
            score = precision @ coefficients[positions + 1]
            known = precision - penalty * np.eye(width)
            if number:
                chosen = _best_subset(known, score, basis[:, :width])
                factors[positions] = np.isin(np.arange(width), chosen)
            else:
                factors[positions] = _factor_of_levels(known, score, penalty)
        start += basis.shape[1]
    return factors


def _factor_of_levels(precision: Floats, score: Floats, penalty: float) -> float:
    """Factor on the level indicators: posterior standard deviation of effects over the prior's.

    The levels' effects are independent random effects with one variance. The factor is the square
    root of its posterior mean on the grid `VARIANCES` with a uniform prior. With little evidence
    the mean is not 0, so that the interval allows for levels that may differ.
    """
    values, vectors = np.linalg.eigh(precision)
    values, projected = np.maximum(values, 0.0), (vectors.T @ score) ** 2
    variances = VARIANCES / penalty
    spread = 1 + variances[:, None] * values
    log_evidence = (variances[:, None] * projected / spread - np.log(spread)).sum(axis=1) / 2
    weight = np.exp(log_evidence - log_evidence.max())
    return float(np.sqrt(weight @ VARIANCES / weight.sum()))


def _best_subset(precision: Floats, score: Floats, basis: Floats) -> tuple[int, ...]:
    """Positions of the basis functions with the largest gain net of their required gains."""
    bend: tuple[int, ...] = (BEND,) if basis.shape[1] > BEND and basis[:, BEND].any() else ()
    net_gains: dict[tuple[int, ...], float] = {}
    for lines in LINES:
        required = MIN_GAIN * (len(lines) - 1)
        net_gains[lines] = _gain(precision, score, lines) - required
        if bend:
            net_gains[lines + bend] = (
                _gain(precision, score, lines + bend) - required - MIN_GAIN_OF_BEND
            )
    best = max(net_gains, key=lambda subset: net_gains[subset])
    if 1 in best and 0 in best:
        return best
    value, rank = ((line, *best[1:]) for line in (0, 1))
    if abs(net_gains[value] - net_gains[rank]) >= MIN_GAIN:
        return best
    largest = np.abs(basis).max(axis=0)
    return value if largest[0] <= largest[1] else rank


def _gain(precision: Floats, score: Floats, subset: tuple[int, ...]) -> float:
    """Twice the log-likelihood gained by a subset of the basis functions.

    Two collinear functions, such as those of a number with two distinct values, gain no more than
    one of them. A constant function gains nothing.
    """
    chosen = list(subset)
    inverse = np.linalg.pinv(
        precision[np.ix_(chosen, chosen)], rcond=MIN_EIGENVALUE, hermitian=True
    )
    return float(score[chosen] @ inverse @ score[chosen])
