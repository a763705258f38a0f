"""Ridge regression for few early churners: its strength is weighed, not chosen.

how far attributes may tell deals apart: a grid of strengths, each the penalty of a ridge regression
  -> probability of what was seen of the deals under each (marginal likelihood) -> weights
  -> the weighted mean of the regressions, and draws from their posterior for the interval

With 15 to 50 early churners no folds can choose a penalty, and bootstrap replicates agree on what
the penalty decided. Weights of all penalties shrink as far as the deals ask for, and draws scatter
as much as is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.learning._additive import Additive
from fitmodel.learning._logistic import as_tables, observed_information, penalised_information
from fitmodel.learning.imputation import Imputed, iterate
from fitmodel.learning.parents import expected_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.learning._design import Design
    from fitmodel.learning.proportional_odds import Baseline, Floats, FollowUp
    from fitmodel.learning.settings import LearnerOptions

# Standard deviation of the log-odds that all attributes together may give deals, and how likely
# each is beforehand. A ROC AUC of 0.75 is one of about 1.
STRENGTHS = (0.05, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
STRENGTH_PRIOR = (0.20, 0.15, 0.15, 0.15, 0.15, 0.12, 0.08)
MIN_CHANCE = 1e-12
PERMUTATIONS = 999
# Mean and deviation of the weight of another model's tables, and of an expert's.
PARENT_WEIGHT = (0.5, 0.5)
# Deviation of one attribute's weight from that of all: a parent may be right on half of them.
# python benchmarks/small.py --only prior compares parents that are alike, half alike and opposite.
ATTRIBUTE_WEIGHT = 0.5
EXPERT_WEIGHT = (1.0, 0.5)


@dataclass(frozen=True, eq=False)
class PriorTables:
    """Tables that somebody else made, and the prior of their weight.

    Parameters
    ----------
    tables : list of ndarray, shapes (size + 2,)
        Log-odds per code of each attribute.
    mean, deviation : float
        Of the weight, before the deals are seen: 0 leaves the tables out, 1 takes them whole.
    """

    tables: list[Floats]
    mean: float
    deviation: float

    def scale(self, penalty: float) -> float:
        """Factor on the column that gives its weight this deviation under a penalty."""
        return float(self.deviation * np.sqrt(penalty))

    def line(self, codes: NDArray[np.int32]) -> Floats:
        """Sum of the rows looked up, shape (n,)."""
        rows = (table[codes[:, position]] for position, table in enumerate(self.tables))
        return np.asarray(sum(rows, np.zeros(len(codes))), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Strength:
    """Ridge regression of one strength.

    Parameters
    ----------
    deviation : float
        Standard deviation of the log-odds over deals that its prior expects.
    penalty : float
    fit : Imputed
    root : ndarray, shape (1 + width, 1 + width)
        Times standard normal numbers: a draw of the coefficients around those of `fit`.
    log_evidence : float
        Log of the probability of what was seen of the deals, all coefficients integrated out.
    """

    deviation: float
    penalty: float
    fit: Imputed
    root: Floats
    log_evidence: float


def fit_strengths(imputed: Imputed, follow_up: FollowUp, options: LearnerOptions) -> list[Strength]:
    """Ridge regression of each strength, weakest first.

    Parameters
    ----------
    imputed : Imputed
        Design, and log-odds to begin with.
    follow_up : FollowUp
    options : LearnerOptions
        Its directions bound the coefficients.
    """
    directions = options.directions(imputed.design.columns)
    spread = max(_spread(imputed.matrix, follow_up.weight), 1e-6)
    priors = prior_tables(imputed.design, options)
    log_odds, made = imputed.log_odds, []
    for deviation in STRENGTHS:
        penalty = spread / deviation**2
        matrix, centre = _with_priors(imputed, priors, penalty)
        fit = iterate(
            partial(_as_it_is, imputed.design, matrix),
            follow_up,
            penalty,
            directions,
            log_odds,
            centre=centre,
        )
        log_odds = fit.log_odds
        made.append(_measured(deviation, penalty, fit, follow_up, centre))
    return made


def prior_tables(design: Design, options: LearnerOptions) -> list[PriorTables]:
    """Tables of another model and of an expert, for the design's codes.

    The other model's come first as a whole, then attribute by attribute, so that the deals can
    follow it where it is right and leave it where it is not.
    """
    priors = []
    if options.parent is not None:
        tables = options.parent.tables(design.columns)
        priors.append(PriorTables(tables, *PARENT_WEIGHT))
        zeros = [np.zeros_like(table) for table in tables]
        for position, table in enumerate(tables):
            if table.any():
                alone = [*zeros[:position], table, *zeros[position + 1 :]]
                priors.append(PriorTables(alone, 0.0, ATTRIBUTE_WEIGHT))
    if options.expect:
        priors.append(
            PriorTables(expected_tables(design.columns, dict(options.expect)), *EXPERT_WEIGHT)
        )
    return priors


def as_additive(
    design: Design, priors: Sequence[PriorTables], fits: Sequence[tuple[float, Floats]]
) -> Additive:
    """Tables of fits, with those of the priors added by their weights.

    Parameters
    ----------
    design : Design
    priors : sequence of PriorTables
    fits : sequence of (float, ndarray)
        Penalty and coefficients of each.
    """
    width = sum(basis.shape[1] for basis in design.bases)
    own = as_tables(design, [coefficients[: 1 + width] for _, coefficients in fits])
    singles = list(own.singles)
    for number, item in enumerate(priors):
        weights = np.array([c[1 + width + number] * item.scale(p) for p, c in fits])
        parts = (other[:, None] * weights for other in item.tables)
        singles = [table + part for table, part in zip(singles, parts, strict=True)]
    return Additive(own.intercept, tuple(singles))


def _as_it_is(
    design: Design, matrix: Floats, _labels: Floats, _weight: Floats
) -> tuple[Design, Floats]:
    """The same design in every round."""
    return design, matrix


def weights_of(strengths: Sequence[Strength]) -> Floats:
    """How likely each strength is after the deals were seen, shape (strengths,)."""
    log = np.log(STRENGTH_PRIOR) + np.array([each.log_evidence for each in strengths])
    weight = np.exp(log - log.max())
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def observed_log_likelihood(follow_up: FollowUp, baseline: Baseline, log_odds: Floats) -> float:
    """Log of the probability of what was seen of the deals within the horizon, weights counted.

    Parameters
    ----------
    follow_up : FollowUp
        A young deal says that its customer had not left by its age.
    baseline : Baseline
    log_odds : ndarray, shape (n,)
    """
    ends = np.full(len(follow_up), follow_up.horizon)
    by_end = baseline.left_by(ends, follow_up, log_odds)
    by_now = baseline.left_by(follow_up.months, follow_up, log_odds)
    seen = np.where(follow_up.early, by_end, 1.0 - by_now)
    if follow_up.left_by is not None:
        late = ~np.isnan(follow_up.left_by) & ~follow_up.early
        by_then = baseline.left_by(np.nan_to_num(follow_up.left_by), follow_up, log_odds)
        seen = np.where(late, by_then, seen)
    if follow_up.entry.any():
        before = baseline.left_by(follow_up.entry, follow_up, log_odds)
        before = np.where(follow_up.entry > 0, before, 0.0)
        seen = (seen - np.where(follow_up.early, before, 0.0)) / np.maximum(1 - before, MIN_CHANCE)
    return float(follow_up.weight @ np.log(np.clip(seen, MIN_CHANCE, 1.0)))


def association(imputed: Imputed, *, seed: int) -> float:
    """P value of attributes and outcomes having nothing to do with each other.

    Parameters
    ----------
    imputed : Imputed
        Of the strongest shrinkage: its labels know hardly more than the level.
    seed : int
        Of the permutations.

    Notes
    -----
    Global test (Goeman and others 2004): how far the residuals of the level alone go along with
    all columns of the design together. Its distribution is that over permutations of the
    residuals, so it holds with however few early churners.
    """
    weight = imputed.weight
    mean = np.average(imputed.matrix, axis=0, weights=weight)
    centred = imputed.matrix - mean
    residual = weight * (imputed.early_churn - np.average(imputed.early_churn, weights=weight))
    generator = np.random.default_rng(seed)
    order = np.argsort(generator.random((PERMUTATIONS, len(residual))), axis=1)
    shuffled = residual[order]
    found = float(((residual @ centred) ** 2).sum())
    by_chance = ((shuffled @ centred) ** 2).sum(axis=1)
    return float((1 + (by_chance >= found * (1 - 1e-9)).sum()) / (1 + PERMUTATIONS))


def _with_priors(
    imputed: Imputed, priors: Sequence[PriorTables], penalty: float
) -> tuple[Floats, Floats | float]:
    """Linear matrix with a column per prior, and the values that the penalty draws to."""
    if not priors:
        return imputed.matrix, 0.0
    columns = [item.line(imputed.design.codes) * item.scale(penalty) for item in priors]
    own = np.zeros(imputed.matrix.shape[1])
    means = [item.mean / item.scale(penalty) for item in priors]
    return np.column_stack([imputed.matrix, *columns]), np.concatenate([own, means])


def _measured(
    deviation: float,
    penalty: float,
    fit: Imputed,
    follow_up: FollowUp,
    centre: Floats | float = 0.0,
) -> Strength:
    """Evidence by Laplace's method at the fit (Tierney and Kadane 1986), and the posterior."""
    information = observed_information(fit.early_churn, fit.weight, fit.log_odds)
    precision = penalised_information(fit.matrix, information, penalty)
    lower = np.linalg.cholesky(precision)
    slopes = fit.coefficients[1:] - centre
    log_evidence = (
        observed_log_likelihood(follow_up, fit.baseline, fit.log_odds)
        + (len(slopes) * np.log(penalty) - penalty * slopes @ slopes) / 2
        - np.log(np.diag(lower)).sum()
    )
    root = np.linalg.solve(lower.T, np.eye(len(lower)))  # root @ root.T is the covariance
    return Strength(deviation, penalty, fit, root, float(log_evidence))


def draws(
    strengths: Sequence[Strength], weights: Floats, number: int, options: LearnerOptions
) -> list[tuple[float, Floats]]:
    """Penalty and coefficients drawn from the posterior, each strength by its weight."""
    generator = np.random.default_rng(options.seed)
    positions = np.searchsorted(np.cumsum(weights), (np.arange(number) + 0.5) / max(number, 1))
    drawn = []
    for position in generator.permutation(np.minimum(positions, len(strengths) - 1)):
        chosen = strengths[position]
        step = chosen.root @ generator.standard_normal(len(chosen.root))
        drawn.append((chosen.penalty, chosen.fit.coefficients + step))
    return drawn


def _spread(matrix: Floats, weight: Floats) -> float:
    """Sum of the variances of a linear matrix's columns over the deals."""
    mean = np.average(matrix, axis=0, weights=weight)
    return float(np.average((matrix - mean) ** 2, axis=0, weights=weight).sum())


def prior_weight(
    strengths: Sequence[Strength], weights: Floats, priors: Sequence[PriorTables]
) -> float:
    """Mean weight that the deals give to the first prior, another model's tables as a whole."""
    position = -len(priors)
    values = [each.fit.coefficients[position] * priors[0].scale(each.penalty) for each in strengths]
    return float(weights @ np.array(values))
