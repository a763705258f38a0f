"""Statistics of the leakage audit, each with a confidence limit."""

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
ERRORS = 3.0
"""Standard errors below an estimate that its lower limit lies."""
_ALPHA = 1e-4
_ONCE_IN_A_MILLION = float(np.log(1e-6))
_MOSTLY = 0.95


class Limited(NamedTuple):
    """An estimate and its lower limit."""

    value: float
    low: float


def numbers_of(values: pd.Series[Any]) -> Floats | None:
    """A column as numbers (NaN where empty), or None where it holds something else."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return None
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    given = values.notna().to_numpy().sum()
    return numbers if given and np.isfinite(numbers).sum() >= _MOSTLY * given else None


def groups_of(values: pd.Series[Any]) -> Codes:
    """Group number of each deal: twentieths of a number or levels of a category; 0 where empty."""
    numbers = numbers_of(values)
    if numbers is not None and len(np.unique(numbers[np.isfinite(numbers)])) > BINS:
        given = np.isfinite(numbers)
        edges = np.unique(np.quantile(numbers[given], np.arange(1, BINS) / BINS))
        codes = np.searchsorted(edges, numbers, side="left") + 1
        return np.where(given, codes, 0).astype(np.int64)
    return np.asarray(pd.factorize(values)[0] + 1, dtype=np.int64)


def cohorts_of(days: NDArray[np.datetime64]) -> Codes:
    """Cohort of each deal: as many equal shares by closing day as leave a hundred deals in each."""
    cohorts = int(np.clip(len(days) // PER_COHORT, 1, MAX_COHORTS))
    edges = np.quantile(days.astype(np.int64), np.arange(1, cohorts) / cohorts)
    return np.searchsorted(edges, days.astype(np.int64), side="left").astype(np.int64)


def mean_by(codes: Codes, values: Floats) -> Floats:
    """Mean of the own group, for each deal."""
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    return np.asarray((sums / np.maximum(counts, 1))[codes], dtype=float)


def separation(groups: Codes, label: Floats, cohort: Codes) -> Limited:
    """
    AUC with which groups alone tell the label, among deals closed about the same time.

    Each half of the deals lends the other its groups' rates, so that many small groups cannot
    decide anything by themselves. Pairs are compared within a cohort only: an attribute that has
    drifted with closing dates is not blamed for the outcome having done so too. The limit lies
    three standard errors below (Hanley & McNeil 1982).
    """
    residual = label - mean_by(cohort, label)
    most = int(groups.max(initial=0)) + 1
    half = np.random.default_rng(0).permutation(len(label)) % 2
    score = np.empty(len(label))
    for side in (0, 1):
        own, other = half == side, half != side
        count = np.bincount(groups[other], minlength=most)
        total = np.bincount(groups[other], residual[other], minlength=most)
        score[own] = (total / (count + 1))[groups[own]]
    return _auc(score, label, cohort)


def _auc(score: Floats, label: Floats, cohort: Codes) -> Limited:
    """AUC over pairs within a cohort, and its limit."""
    positive = np.bincount(cohort, label)
    negative = np.bincount(cohort, 1.0 - label)
    pairs = positive * negative
    if not pairs.any():
        return Limited(0.5, 0.0)
    rank = _rank_within(score, cohort)
    won = np.bincount(cohort, rank * label) - positive * (positive + 1) / 2
    auc = float(won.sum() / pairs.sum())
    both, share = pairs > 0, pairs / pairs.sum()
    first, second = auc / (2 - auc) - auc**2, 2 * auc**2 / (1 + auc) - auc**2
    spread = auc * (1 - auc) + (positive - 1) * first + (negative - 1) * second
    variance = float((share[both] ** 2 * spread[both] / pairs[both]).sum())
    return Limited(auc, auc - ERRORS * float(np.sqrt(max(variance, 0.0))))


def _rank_within(values: Floats, cohort: Codes) -> Floats:
    """Rank of each value among those of its cohort, from 1; ties share the mean rank."""
    order = np.lexsort((values, cohort))
    changes = np.diff(values[order], prepend=np.nan) != 0
    changes |= np.diff(cohort[order], prepend=-1) != 0
    run = np.cumsum(changes) - 1
    position = np.arange(1, len(values) + 1, dtype=float)
    first = np.concatenate(([0], np.cumsum(np.bincount(cohort))))[:-1]
    ranked = np.empty(len(values))
    ranked[order] = mean_by(run, position) - first[cohort[order]]
    return ranked


def follows(values: Floats, months: Floats, cohort: Codes, *, rising: bool = False) -> Limited:
    """
    Rank correlation of an attribute with the months stayed, among deals closed about the same time.

    The absolute value (or, with `rising`, 0 where it falls), and its limit three standard errors
    below on Fisher's scale. Within cohorts, since those signed late and already gone left soon,
    whatever their attributes.
    """
    known = np.isfinite(values)
    deals = int(known.sum())
    if deals < BINS:
        return Limited(0.0, 0.0)
    one, other = (_centred_rank(column[known], cohort[known]) for column in (values, months))
    scale = float(np.sqrt((one @ one) * (other @ other)))
    product = float(one @ other)
    correlation = (max(product, 0.0) if rising else abs(product)) / scale if scale > 0 else 0.0
    shifted = np.arctanh(min(correlation, 1 - 1e-12)) - ERRORS / np.sqrt(max(deals - 3, 1))
    return Limited(correlation, max(float(np.tanh(shifted)), 0.0))


def _centred_rank(values: Floats, cohort: Codes) -> Floats:
    """Rank within the cohort, from -0.5 to 0.5."""
    rank = _rank_within(values, cohort)
    return np.asarray((rank - mean_by(cohort, rank)) / np.bincount(cohort)[cohort], dtype=float)


def only_churners(group: Mask, churned: Mask, cohort: Codes) -> Literal["surely", "maybe", "no"]:
    """
    Whether a group consists of churners, beyond what chance and its age can explain.

    Surely, if at most one deal in a hundred stayed, and the upper limit of that share (Clopper &
    Pearson 1934) is below a quarter of that of all deals closed about the same time. Maybe, if none
    stayed, and among as many of those deals that would happen once in a million times.
    """
    from scipy.stats import beta

    deals = int(group.sum())
    stayed = int((group & ~churned).sum())
    if deals == 0 or stayed > deals / 100:
        return "no"
    rate = mean_by(cohort, churned.astype(float))[group]
    if beta.ppf(1 - _ALPHA, stayed + 1, deals - stayed) < (1.0 - rate.mean()) / 4:
        return "surely"
    return "maybe" if stayed == 0 and np.log(rate).sum() < _ONCE_IN_A_MILLION else "no"


def no_churner(group: Mask, churned: Mask, cohort: Codes, *, expected_at_least: float) -> float:
    """Churners to be expected in a group that has none; 0 where it has one or too few deals."""
    if not group.any() or (group & churned).any():
        return 0.0
    expected = float(mean_by(cohort, churned.astype(float))[group].sum())
    return expected if expected >= expected_at_least else 0.0


def risk_ratio(group: Mask, churned: Mask, cohort: Codes) -> Limited:
    """
    How many times more often churners are in a group than those who stayed, at the same time.

    Mantel-Haenszel over cohorts, so that what was only recorded in old deals is not blamed for
    their having had longer to leave; the limit lies three standard errors below, on the log scale
    (Greenland & Robins 1985). Half a deal is added to those who stayed, lest none be divided by.
    """
    most = int(cohort.max(initial=0)) + 1
    gone = np.bincount(cohort, churned, most)
    here = np.bincount(cohort, ~churned, most)
    deals = np.maximum(gone + here, 1)
    inside = np.bincount(cohort, group & churned, most)
    outside = np.bincount(cohort, group & ~churned, most)
    half = 0.5 * float((here * gone / deals).sum()) / max(float(here.sum()), 1.0)
    first = float((inside * here / deals).sum())
    second = float((outside * gone / deals).sum()) + half
    if first <= 0 or second <= 0:
        return Limited(1.0, 0.0)
    both = gone * here * (inside + outside) - inside * outside * deals
    error = float(np.sqrt(max(float((both / deals**2).sum()), 0.0) / (first * second)))
    ratio = first / second
    return Limited(ratio, ratio * float(np.exp(-ERRORS * error)))
