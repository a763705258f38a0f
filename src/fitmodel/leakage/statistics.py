"""Statistics of the leakage audit, each with a lower confidence limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]
    Mask = NDArray[np.bool_]

BINS = 20
PER_COHORT, MAX_COHORTS = 100, 20
STANDARD_ERRORS = 3.0
"""Number of standard errors from an estimate to its lower limit."""
_ALPHA = 1e-4
_LOG_MILLIONTH = float(np.log(1e-6))
_MIN_NUMBER_SHARE = 0.95


class Estimate(NamedTuple):
    """An estimate and its lower limit."""

    value: float
    low: float


def numbers_of(values: pd.Series[Any]) -> Floats | None:
    """Return a column as numbers (NaN if empty), or None if it holds something else."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return None
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    n_given = values.notna().to_numpy().sum()
    return (
        numbers if n_given and np.isfinite(numbers).sum() >= _MIN_NUMBER_SHARE * n_given else None
    )


def groups_of(values: pd.Series[Any]) -> Codes:
    """Return a group per deal: a twentieth of the numbers or a level; 0 if the cell is empty."""
    return groups_by(values, numbers_of(values))


def groups_by(values: pd.Series[Any], numbers: Floats | None) -> Codes:
    """Return the groups of `groups_of` for a column whose numbers are known."""
    if numbers is not None and len(np.unique(numbers[np.isfinite(numbers)])) > BINS:
        is_number = np.isfinite(numbers)
        edges = np.unique(np.quantile(numbers[is_number], np.arange(1, BINS) / BINS))
        codes = np.searchsorted(edges, numbers, side="left") + 1
        return np.where(is_number, codes, 0).astype(np.int64)
    return np.asarray(pd.factorize(values)[0] + 1, dtype=np.int64)


def cohorts_of(days: NDArray[np.datetime64]) -> Codes:
    """Return the cohort of each deal: up to 20 equal parts by closing day of at least 100 deals."""
    cohorts = int(np.clip(len(days) // PER_COHORT, 1, MAX_COHORTS))
    edges = np.quantile(days.astype(np.int64), np.arange(1, cohorts) / cohorts)
    return np.searchsorted(edges, days.astype(np.int64), side="left").astype(np.int64)


def counts_up(numbers: Floats) -> bool:
    """Return whether numbers are whole and distinct, with few gaps."""
    whole = bool((numbers == np.floor(numbers)).all())
    unique = len(np.unique(numbers)) == len(numbers)
    return whole and unique and float(np.ptp(numbers)) < 2 * len(numbers)


def mean_by(codes: Codes, values: Floats) -> Floats:
    """Return for each deal the mean of its group."""
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    return np.asarray((sums / np.maximum(counts, 1))[codes], dtype=float)


def separation(groups: Codes, label: Floats, cohort: Codes) -> Estimate:
    """Return the AUC of groups alone for the label, among deals closed about the same time.

    The deals are split into two halves, and each half is scored with the group rates of the other
    one. Many small groups therefore cannot seem to separate by overfitting. Pairs are compared
    within a cohort only, since attribute and outcome may both change over the years without being
    related. The lower limit is three standard errors below the estimate (Hanley & McNeil 1982).
    """
    residual = label - mean_by(cohort, label)
    n_groups = int(groups.max(initial=0)) + 1
    half = np.random.default_rng(0).permutation(len(label)) % 2
    score = np.empty(len(label))
    for part in (0, 1):
        scored, fitted = half == part, half != part
        count = np.bincount(groups[fitted], minlength=n_groups)
        total = np.bincount(groups[fitted], residual[fitted], minlength=n_groups)
        score[scored] = (total / (count + 1))[groups[scored]]
    return _auc(score, label, cohort)


def _auc(score: Floats, label: Floats, cohort: Codes) -> Estimate:
    """Return the AUC over pairs within a cohort, with its lower limit."""
    positive = np.bincount(cohort, label)
    negative = np.bincount(cohort, 1.0 - label)
    pairs = positive * negative
    if not pairs.any():
        return Estimate(0.5, 0.0)
    rank = _rank_within(score, cohort)
    concordant = np.bincount(cohort, rank * label) - positive * (positive + 1) / 2
    auc = float(concordant.sum() / pairs.sum())
    has_pairs, share = pairs > 0, pairs / pairs.sum()
    first, second = auc / (2 - auc) - auc**2, 2 * auc**2 / (1 + auc) - auc**2
    spread = auc * (1 - auc) + (positive - 1) * first + (negative - 1) * second
    variance = float((share[has_pairs] ** 2 * spread[has_pairs] / pairs[has_pairs]).sum())
    return Estimate(auc, auc - STANDARD_ERRORS * float(np.sqrt(max(variance, 0.0))))


def _rank_within(values: Floats, cohort: Codes) -> Floats:
    """Return the rank of each value within its cohort, from 1; ties get the mean rank."""
    order = np.lexsort((values, cohort))
    changes = np.diff(values[order], prepend=np.nan) != 0
    changes |= np.diff(cohort[order], prepend=-1) != 0
    run = np.cumsum(changes) - 1
    position = np.arange(1, len(values) + 1, dtype=float)
    first = np.concatenate(([0], np.cumsum(np.bincount(cohort))))[:-1]
    ranked = np.empty(len(values))
    ranked[order] = mean_by(run, position) - first[cohort[order]]
    return ranked


def rank_correlation(
    values: Floats, months: Floats, cohort: Codes, *, rising: bool = False
) -> Estimate:
    """Return the rank correlation of an attribute with the months stayed, within cohorts.

    The result is the absolute value or, with `rising`, 0 if the correlation is negative. The lower
    limit is three standard errors below it on Fisher's scale. Ranks are taken within cohorts,
    because deals that were signed late and have already left stayed for a short time only.
    """
    known = np.isfinite(values)
    deals = int(known.sum())
    if deals < BINS:
        return Estimate(0.0, 0.0)
    value_ranks, month_ranks = (
        _centred_rank(column[known], cohort[known]) for column in (values, months)
    )
    scale = float(np.sqrt((value_ranks @ value_ranks) * (month_ranks @ month_ranks)))
    product = float(value_ranks @ month_ranks)
    correlation = (max(product, 0.0) if rising else abs(product)) / scale if scale > 0 else 0.0
    lower = np.arctanh(min(correlation, 1 - 1e-12)) - STANDARD_ERRORS / np.sqrt(max(deals - 3, 1))
    return Estimate(correlation, max(float(np.tanh(lower)), 0.0))


def _centred_rank(values: Floats, cohort: Codes) -> Floats:
    """Return the rank within the cohort, scaled to between -0.5 and 0.5."""
    rank = _rank_within(values, cohort)
    return np.asarray((rank - mean_by(cohort, rank)) / np.bincount(cohort)[cohort], dtype=float)


def only_churners(group: Mask, churned: Mask, cohort: Codes) -> Literal["surely", "maybe", "no"]:
    """Return whether a group consists of churners, more than chance and its age can explain.

    "surely": at most one deal in a hundred stayed, and the upper limit of that share (Clopper &
    Pearson 1934) is below a quarter of the share among all deals closed about the same time.
    "maybe": none stayed, and among all deals this would have a probability of one in a million.
    """
    from scipy.stats import beta

    deals = int(group.sum())
    stayed = int((group & ~churned).sum())
    if deals == 0 or stayed > deals / 100:
        return "no"
    rate = mean_by(cohort, churned.astype(float))[group]
    if beta.ppf(1 - _ALPHA, stayed + 1, deals - stayed) < (1.0 - rate.mean()) / 4:
        return "surely"
    return "maybe" if stayed == 0 and np.log(rate).sum() < _LOG_MILLIONTH else "no"


def missing_churners(
    group: Mask, churned: Mask, cohort: Codes, *, expected_at_least: float
) -> float:
    """Return how many churners a group without any should have; 0 if it has one or is too small."""
    if not group.any() or (group & churned).any():
        return 0.0
    expected = float(mean_by(cohort, churned.astype(float))[group].sum())
    return expected if expected >= expected_at_least else 0.0


def risk_ratio(group: Mask, churned: Mask, cohort: Codes) -> Estimate:
    """Return how many times more often churners are in a group than customers who stayed.

    Mantel-Haenszel estimate over cohorts: a field that was recorded in old deals only is not a leak
    just because old deals had more time to leave. The lower limit is three standard errors below
    the estimate on the log scale (Greenland & Robins 1985). Half a deal is added to those who
    stayed, to avoid a division by zero.
    """
    n_cohorts = int(cohort.max(initial=0)) + 1
    left = np.bincount(cohort, churned, n_cohorts)
    stayed = np.bincount(cohort, ~churned, n_cohorts)
    deals = np.maximum(left + stayed, 1)
    group_left = np.bincount(cohort, group & churned, n_cohorts)
    others_left = np.bincount(cohort, group & ~churned, n_cohorts)
    correction = 0.5 * float((stayed * left / deals).sum()) / max(float(stayed.sum()), 1.0)
    first = float((group_left * stayed / deals).sum())
    second = float((others_left * left / deals).sum()) + correction
    if first <= 0 or second <= 0:
        return Estimate(1.0, 0.0)
    variance_terms = left * stayed * (group_left + others_left) - group_left * others_left * deals
    error = float(np.sqrt(max(float((variance_terms / deals**2).sum()), 0.0) / (first * second)))
    ratio = first / second
    return Estimate(ratio, ratio * float(np.exp(-STANDARD_ERRORS * error)))
