"""Find an attribute whose levels differ in the timing of leaving, not only in its probability.

A customer on a yearly contract cannot leave in month 3. Where a likelihood ratio test shows such a
difference, each level of the attribute becomes a stratum with its own baseline.

leavers observed and expected per level and period -> likelihood ratio -> attribute or none
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.columns import CategoryColumn, Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.learning._proportional_odds import Baseline, Floats, FollowUp

PERIODS = 6
MAX_LEVELS = 8
MIN_LEAVERS = 15  # of a level; levels with fewer leavers share one baseline
SIGNIFICANCE = 1e-3  # of the test, divided by the number of attributes tested


def with_strata(
    follow_up: FollowUp, columns: Sequence[Column], codes: NDArray[np.int32], attribute: str | None
) -> FollowUp:
    """Follow-up with a stratum per level of an attribute; levels with few leavers share one."""
    if attribute is None or all(column.name != attribute for column in columns):
        return follow_up
    position = position_of(attribute, columns)
    by_code = stratum_by_code(codes[:, position], columns[position].size, follow_up)
    return replace(follow_up, stratum=by_code[codes[:, position]])


def position_of(attribute: str, columns: Sequence[Column]) -> int:
    """Position of an attribute among the columns."""
    return [column.name for column in columns].index(attribute)


def stratum_by_code(code: NDArray[np.int32], size: int, follow_up: FollowUp) -> NDArray[np.intp]:
    """Stratum of each code of an attribute, shape (size + 2,).

    Levels with few leavers share one stratum with missing values and unseen levels.
    """
    leavers = np.bincount(code, weights=follow_up.left, minlength=size + 2)
    frequent = np.flatnonzero(leavers >= MIN_LEAVERS)
    seen = np.bincount(code, minlength=size + 2) > 0
    shared = int((seen & (leavers < MIN_LEAVERS)).any())
    number = np.zeros(size + 2, dtype=np.intp)
    number[frequent] = np.arange(shared, len(frequent) + shared)
    return number


def choose_timing(
    columns: Sequence[Column],
    codes: NDArray[np.int32],
    follow_up: FollowUp,
    baseline: Baseline,
    log_odds: Floats,
) -> str | None:
    """Attribute whose levels differ significantly in the timing of leaving, or None.

    `codes`, ndarray of int, shape (n, attributes): codes of the deals.
    `log_odds`, shape (n,): contributions of each deal's attributes, to which the baseline was
        fitted.

    Likelihood ratio test per attribute. Time is divided into `PERIODS` periods with equal numbers
    of leavers. For each level, the leavers per period are compared with those expected under
    proportional odds, scaled to the level's total: ``(PERIODS - 1) (levels - 1)`` degrees of
    freedom, at `SIGNIFICANCE` over the number of attributes tested (Bonferroni).
    """
    from scipy.stats import chi2

    tested = [
        (position, column)
        for position, column in enumerate(columns)
        if isinstance(column, CategoryColumn) and 1 < column.size <= MAX_LEVELS
    ]
    if not tested or follow_up.left.sum() < 2 * MIN_LEAVERS:
        return None
    edges = _periods(follow_up)
    expected = _expected(follow_up, baseline, log_odds, edges)
    period = np.clip(np.searchsorted(edges, follow_up.months, side="left") - 1, 0, len(edges) - 2)
    best: tuple[float, str] | None = None
    for position, column in tested:
        code = codes[:, position]
        stratum = stratum_by_code(code, column.size, follow_up)[code]
        levels = int(stratum.max()) + 1
        if levels < 2:  # noqa: PLR2004 - one level cannot differ
            continue
        ratio = _likelihood_ratio(stratum, levels, period, follow_up, expected)
        freedom = (len(edges) - 2) * (levels - 1)
        p_value = float(chi2.sf(ratio, freedom)) * len(tested)
        if p_value < SIGNIFICANCE and (best is None or p_value < best[0]):
            best = (p_value, column.name)
    return None if best is None else best[1]


def _periods(follow_up: FollowUp) -> Floats:
    """Edges of periods with about equal numbers of leavers, from 0 to the horizon."""
    inner = np.quantile(follow_up.months[follow_up.left], np.linspace(0, 1, PERIODS + 1)[1:-1])
    return np.unique(np.concatenate([[0.0], inner, [follow_up.horizon]]))


def _expected(follow_up: FollowUp, baseline: Baseline, log_odds: Floats, edges: Floats) -> Floats:
    """Expected leavers of each deal in each period of its follow-up, shape (n, periods)."""
    hazard = [
        -np.log1p(-np.minimum(baseline.left_by(months, follow_up, log_odds), 1 - 1e-9))
        for months in (
            np.clip(np.full(len(follow_up), edge), follow_up.entry, follow_up.months)
            for edge in edges
        )
    ]
    return np.diff(np.stack(hazard, axis=1), axis=1)


def _likelihood_ratio(
    stratum: NDArray[np.intp],
    levels: int,
    period: NDArray[np.intp],
    follow_up: FollowUp,
    expected: Floats,
) -> float:
    """Twice the log-likelihood gained by separate timing of each level."""
    periods = expected.shape[1]
    cell = stratum * periods + period
    observed = np.bincount(cell, weights=follow_up.left, minlength=levels * periods)
    observed = observed.reshape(levels, periods)
    by_level = np.stack([expected[stratum == number].sum(axis=0) for number in range(levels)])
    scaled = by_level * (observed.sum(axis=1) / np.maximum(by_level.sum(axis=1), 1e-300))[:, None]
    ratio = np.maximum(observed, 1e-300) / np.maximum(scaled, 1e-9)
    terms = np.where(observed > 0, observed * np.log(ratio), 0)
    return float(2 * terms.sum())
