"""Ridge regression for few early churners: averaged over penalties instead of choosing one.

grid of strengths (standard deviation of the log-odds over deals), each with its ridge penalty
  -> marginal likelihood of the observed deals under each strength -> posterior weights
  -> the weighted mean of the regressions, and posterior draws for the interval

With 15 to 50 early churners, cross-validation cannot choose a penalty, and bootstrap replicates do
not show the uncertainty about it. Averaging over all penalties shrinks as much as the deals
support, and the posterior draws vary as much as is uncertain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.learning._additive import Additive
from fitmodel.learning._imputation import Imputed, run_em
from fitmodel.learning._logistic import as_tables, observed_information, penalised_information
from fitmodel.learning.parents import expected_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.learning._design import Design
    from fitmodel.learning._proportional_odds import Baseline, Floats, FollowUp
    from fitmodel.learning.settings import LearnerOptions

# Grid for the standard deviation over deals of the log-odds from all attributes together, and its
# prior probabilities. A standard deviation of 1 corresponds to a ROC AUC of about 0.75.
STRENGTHS = (0.05, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
STRENGTH_PRIOR = (0.20, 0.15, 0.15, 0.15, 0.15, 0.12, 0.08)
MIN_PROBABILITY = 1e-12
PERMUTATIONS = 999
# Prior mean and standard deviation of the weight of another model's tables.
PARENT_WEIGHT = (0.5, 0.5)
# Prior standard deviation of one attribute's weight around that of all attributes, because the
# other model may be right about some attributes only. python benchmarks/small.py --only prior
# compares other models with equal, half equal and opposite effects.
ATTRIBUTE_WEIGHT = 0.5
# Prior mean and standard deviation of the weight of an expert's tables.
EXPERT_WEIGHT = (1.0, 0.5)


@dataclass(frozen=True, eq=False)
class PriorTables:
    """Tables of another model or an expert, and the prior of their weight.

    `tables`, list of ndarray, shapes (size + 2,): log-odds per code of each attribute.
    `mean`, `deviation`: prior mean and standard deviation of the weight: 0 ignores the tables, 1
        adds them in full.
    """

    tables: list[Floats]
    mean: float
    deviation: float

    def scale(self, penalty: float) -> float:
        """Factor on the column with which a penalty implies this standard deviation."""
        return float(self.deviation * np.sqrt(penalty))

    def line(self, codes: NDArray[np.int32]) -> Floats:
        """Log-odds of each deal by these tables, shape (n,)."""
        rows = (table[codes[:, position]] for position, table in enumerate(self.tables))
        return np.asarray(sum(rows, np.zeros(len(codes))), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Strength:
    """Ridge regression of one strength.

    `deviation`: prior standard deviation of the log-odds over deals.
    `penalty`: ridge penalty that implies this standard deviation.
    `root`, shape (1 + width, 1 + width): square root of the posterior covariance of the
        coefficients.
    `log_evidence`: log marginal likelihood of the observed deals.
    """

    deviation: float
    penalty: float
    fit: Imputed
    root: Floats
    log_evidence: float


def fit_strengths(imputed: Imputed, follow_up: FollowUp, options: LearnerOptions) -> list[Strength]:
    """Fit the ridge regression of each strength, weakest first.

    `imputed`: an earlier fit: its design is used, and its log-odds are the initial ones.
    `options`: options of the learner; their directions bound the coefficients.
    """
    directions = options.directions(imputed.design.columns)
    variance = max(_total_variance(imputed.matrix, follow_up.weight), 1e-6)
    priors = prior_tables(imputed.design, options)
    log_odds, strengths = imputed.log_odds, []
    for deviation in STRENGTHS:
        penalty = variance / deviation**2
        matrix, centre = _with_priors(imputed, priors, penalty)
        fit = run_em(
            partial(_fixed_design, imputed.design, matrix),
            follow_up,
            penalty,
            directions,
            log_odds,
            centre=centre,
        )
        log_odds = fit.log_odds
        strengths.append(_with_evidence(deviation, penalty, fit, follow_up, centre))
    return strengths


def prior_tables(design: Design, options: LearnerOptions) -> list[PriorTables]:
    """Tables of another model and of an expert, for the design's codes.

    The first entry has the other model's tables of all attributes; then follows one entry per
    attribute, so that the deals can decide attribute by attribute how far the other model is right.
    """
    priors = []
    if options.parent is not None:
        tables = options.parent.tables(design.columns)
        priors.append(PriorTables(tables, *PARENT_WEIGHT))
        zeros = [np.zeros_like(table) for table in tables]
        for position, table in enumerate(tables):
            if table.any():
                single_table = [*zeros[:position], table, *zeros[position + 1 :]]
                priors.append(PriorTables(single_table, 0.0, ATTRIBUTE_WEIGHT))
    if options.expect:
        priors.append(
            PriorTables(expected_tables(design.columns, dict(options.expect)), *EXPERT_WEIGHT)
        )
    return priors


def as_additive(
    design: Design, priors: Sequence[PriorTables], fits: Sequence[tuple[float, Floats]]
) -> Additive:
    """Convert fits to tables, and add the prior tables with their fitted weights.

    `priors`: prior tables whose weights are the last coefficients of each fit.
    `fits`: penalty and coefficients of each fit.
    """
    width = sum(basis.shape[1] for basis in design.bases)
    deals_model = as_tables(design, [coefficients[: 1 + width] for _, coefficients in fits])
    singles = list(deals_model.singles)
    for number, item in enumerate(priors):
        weights = np.array([c[1 + width + number] * item.scale(p) for p, c in fits])
        weighted_tables = (other[:, None] * weights for other in item.tables)
        singles = [table + part for table, part in zip(singles, weighted_tables, strict=True)]
    return Additive(deals_model.intercept, tuple(singles))


def _fixed_design(
    design: Design, matrix: Floats, _labels: Floats, _weight: Floats
) -> tuple[Design, Floats]:
    """Return the same design and matrix in every iteration, whatever the labels."""
    return design, matrix


def posterior_weights(strengths: Sequence[Strength]) -> Floats:
    """Posterior probability of each strength, shape (strengths,)."""
    log = np.log(STRENGTH_PRIOR) + np.array([each.log_evidence for each in strengths])
    weight = np.exp(log - log.max())
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def observed_log_likelihood(follow_up: FollowUp, baseline: Baseline, log_odds: Floats) -> float:
    """Weighted log likelihood of what was observed of the deals within the horizon.

    `follow_up`: follow-up of the deals. Of a young deal it is observed that its customer had not
        left by its age.
    `baseline`: log-odds of having left by each time.
    `log_odds`, shape (n,): contributions of each deal's attributes.
    """
    ends = np.full(len(follow_up), follow_up.horizon)
    left_by_end = baseline.left_by(ends, follow_up, log_odds)
    left_by_now = baseline.left_by(follow_up.months, follow_up, log_odds)
    likelihood = np.where(follow_up.early, left_by_end, 1.0 - left_by_now)
    if follow_up.left_by is not None:
        undated = ~np.isnan(follow_up.left_by) & ~follow_up.early
        left_by_limit = baseline.left_by(np.nan_to_num(follow_up.left_by), follow_up, log_odds)
        likelihood = np.where(undated, left_by_limit, likelihood)
    if follow_up.entry.any():
        before = baseline.left_by(follow_up.entry, follow_up, log_odds)
        before = np.where(follow_up.entry > 0, before, 0.0)
        likelihood = likelihood - np.where(follow_up.early, before, 0.0)
        likelihood = likelihood / np.maximum(1 - before, MIN_PROBABILITY)
    return float(follow_up.weight @ np.log(np.clip(likelihood, MIN_PROBABILITY, 1.0)))


def association_test(imputed: Imputed, *, seed: int) -> float:
    """P value of the null hypothesis that attributes and outcomes are independent.

    `imputed`: fit with the strongest shrinkage, whose soft labels depend on little but the level.

    Global test (Goeman et al. 2004): the squared covariances of all columns of the design with the
    residuals of a model that knows the level only. The null distribution comes from permutations
    of the residuals, so the test is valid with any number of early churners.
    """
    weight = imputed.weight
    mean = np.average(imputed.matrix, axis=0, weights=weight)
    centred = imputed.matrix - mean
    residual = weight * (imputed.early_churn - np.average(imputed.early_churn, weights=weight))
    generator = np.random.default_rng(seed)
    order = np.argsort(generator.random((PERMUTATIONS, len(residual))), axis=1)
    shuffled = residual[order]
    statistic = float(((residual @ centred) ** 2).sum())
    null = ((shuffled @ centred) ** 2).sum(axis=1)
    return float((1 + (null >= statistic * (1 - 1e-9)).sum()) / (1 + PERMUTATIONS))


def _with_priors(
    imputed: Imputed, priors: Sequence[PriorTables], penalty: float
) -> tuple[Floats, Floats | float]:
    """Linear matrix with a column per prior, and the coefficients that the penalty shrinks to."""
    if not priors:
        return imputed.matrix, 0.0
    columns = [item.line(imputed.design.codes) * item.scale(penalty) for item in priors]
    own = np.zeros(imputed.matrix.shape[1])
    means = [item.mean / item.scale(penalty) for item in priors]
    return np.column_stack([imputed.matrix, *columns]), np.concatenate([own, means])


def _with_evidence(
    deviation: float,
    penalty: float,
    fit: Imputed,
    follow_up: FollowUp,
    centre: Floats | float = 0.0,
) -> Strength:
    """Log marginal likelihood (Laplace approximation; Tierney and Kadane 1986), and posterior."""
    information = observed_information(fit.early_churn, fit.weight, fit.log_odds)
    precision = penalised_information(fit.matrix, information, penalty)
    cholesky = np.linalg.cholesky(precision)
    slopes = fit.coefficients[1:] - centre
    log_evidence = (
        observed_log_likelihood(follow_up, fit.baseline, fit.log_odds)
        + (len(slopes) * np.log(penalty) - penalty * slopes @ slopes) / 2
        - np.log(np.diag(cholesky)).sum()
    )
    root = np.linalg.solve(cholesky.T, np.eye(len(cholesky)))  # root @ root.T is the covariance
    return Strength(deviation, penalty, fit, root, float(log_evidence))


def posterior_draws(
    strengths: Sequence[Strength], weights: Floats, number: int, options: LearnerOptions
) -> list[tuple[float, Floats]]:
    """Draw penalties and coefficients from the posterior, strengths by their weights."""
    generator = np.random.default_rng(options.seed)
    positions = np.searchsorted(np.cumsum(weights), (np.arange(number) + 0.5) / max(number, 1))
    draws = []
    for position in generator.permutation(np.minimum(positions, len(strengths) - 1)):
        chosen = strengths[position]
        deviation = chosen.root @ generator.standard_normal(len(chosen.root))
        draws.append((chosen.penalty, chosen.fit.coefficients + deviation))
    return draws


def _total_variance(matrix: Floats, weight: Floats) -> float:
    """Sum of the variances of a linear matrix's columns over the deals."""
    mean = np.average(matrix, axis=0, weights=weight)
    return float(np.average((matrix - mean) ** 2, axis=0, weights=weight).sum())


def prior_weight(
    strengths: Sequence[Strength], weights: Floats, priors: Sequence[PriorTables]
) -> float:
    """Posterior mean weight of the first prior: another model's tables of all attributes."""
    position = -len(priors)
    values = [each.fit.coefficients[position] * priors[0].scale(each.penalty) for each in strengths]
    return float(weights @ np.array(values))
