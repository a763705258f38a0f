"""Convert an additive model and its bootstrap replicates to the scorecard's tables.

additive model -> centre: each table averages 0 over the training deals
               -> widen: rows with few or no training deals get a larger spread
               -> stack into the scorecard's matrix, with counts and rates per band
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._additive import Additive
from fitmodel.learning._changes import lately
from fitmodel.learning._design import Design
from fitmodel.learning._imputation import Imputed
from fitmodel.learning._level_statistic import PRIOR_DEALS, LevelStatistic
from fitmodel.learning._logistic import observed_information, penalised_information
from fitmodel.learning._proportional_odds import FollowUp
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.columns import MISSING, CategoryColumn, Column, NumberColumn
from fitmodel.learning.level import Change
from fitmodel.learning.scorecard import Evidence, PairTerm, Scorecard

BANDS = 6
# Smallest prior variance of a contribution, relative to the coefficients' prior variance; below it
# the ratio of posterior to prior variance is not computed.
SMALLEST_VARIANCE = 1e-4
# A combination with at least so many expected deals and no observed one is out of distribution:
# the probability of observing none is exp(-20).
MIN_EXPECTED_DEALS = 20.0
MIN_LEVEL_SPREAD = 0.3  # log-odds; least standard deviation of the effect of an unseen level


def flatten(
    design: Design,
    point: Additive,
    replicates: Additive,
    *,
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    follow_up: FollowUp,
    calibration: CalibrationMap,
    spread: float,
    base_rate: float,
    seed: int,
    own: NDArray[np.float64] | None = None,
    changes: tuple[Change, ...] = (),
) -> Scorecard:
    """Stack the tables of the fitted model into a scorecard.

    `point`, `replicates`: the point estimate (one replicate) and the bootstrap replicates, with the
        same pairs.
    `early_churn`, `weight`, shape (deals,): soft labels and weights of the training deals.
    `follow_up`: follow-up of the same deals, which says how many outcomes are known.
    `spread`: factor on the standard deviation over replicates.
    `base_rate`: mean predicted probability over the training deals.
    `own`, shape (rows of single attributes,): share of each row's precision that comes from the
        deals, see `own_shares`.
    `changes`: groups whose contributions were shifted to their present level.
    """
    generator = np.random.default_rng(seed)
    intercept = np.concatenate([point.intercept, replicates.intercept])
    blocks = []
    for position, column in enumerate(design.columns):
        table = np.hstack([point.singles[position], replicates.singles[position]])
        code = design.codes[:, position]
        table, mean = _centred(table, code, weight)
        intercept = intercept + mean
        blocks.append(_widened(table, column, code, design.linear_statistics[position], generator))
    terms = []
    for pair, grid, grids in zip(point.pairs, point.grids, replicates.grids, strict=True):
        first, second = pair.attributes
        term = PairTerm(first, second, *pair.maps)
        rows, columns = grid.shape[:2]
        flat = np.concatenate([grid, grids], axis=2).reshape(rows * columns, -1)
        index = (
            pair.maps[0][design.codes[:, first]] * columns + pair.maps[1][design.codes[:, second]]
        )
        used_rows, used_columns = term.shape
        flat, mean = _centred(flat, index, weight)
        intercept = intercept + mean
        grid_block = flat.reshape(rows, columns, -1)[:used_rows, :used_columns]
        blocks.append(grid_block.reshape(used_rows * used_columns, -1))
        terms.append(term)
    evidence = tuple(
        replace(
            make_evidence(column, design.codes[:, position], early_churn, weight, follow_up),
            lately=lately(column, changes),
        )
        for position, column in enumerate(design.columns)
    )
    return Scorecard(
        columns=design.columns,
        pairs=tuple(terms),
        tables=np.ascontiguousarray(np.vstack(blocks)),
        intercept=intercept,
        calibration=calibration,
        spread=spread,
        evidence=evidence,
        base_rate=base_rate,
        unusual_pairs=find_unusual_pairs(design.codes, evidence),
        own=own,
    )


def own_shares(imputed: Imputed, penalty: float) -> NDArray[np.float64]:
    """Share of each row's precision that comes from the deals rather than from the ridge prior.

    `imputed`: fitted ridge regression on the training deals.
    Returns, shape (rows of single attributes,): from 0 (no deal supports the row, the contribution
        is the prior's) to 1, in the order of the stacked tables.

    The share is one minus the posterior variance of the row's contribution over its prior variance
    (Laplace approximation). Where a number is near its mean the prior variance is about 0; such a
    row gets the mean share of the number's other rows. A level of a category that is represented by
    its level statistic has the share ``n / (n + PRIOR_DEALS)``.
    """
    information = observed_information(imputed.early_churn, imputed.weight, imputed.log_odds)
    covariance = np.linalg.inv(penalised_information(imputed.matrix, information, penalty))[1:, 1:]
    shares, start, design = [], 0, imputed.design
    for position, basis in enumerate(design.bases):
        positions = slice(start, start + basis.shape[1])
        start += basis.shape[1]
        counts = np.bincount(design.codes[:, position], minlength=len(basis))
        if design.by_statistic[position]:
            shares.append(counts / (counts + PRIOR_DEALS))
            continue
        mean = np.average(basis[design.codes[:, position]], axis=0, weights=imputed.weight)
        deviation = basis - mean  # a contribution is measured from that of the mean deal
        prior = (deviation**2).sum(axis=1) / penalty
        posterior = ((deviation @ covariance[positions, positions]) * deviation).sum(axis=1)
        varies = prior > SMALLEST_VARIANCE / penalty
        share = 1 - np.divide(posterior, prior, out=np.ones_like(prior), where=varies)
        seen = counts > 0
        if isinstance(design.columns[position], NumberColumn):
            seen[1:] = True  # all bins share the same basis functions
            if (varies[1:-1] & seen[1:-1]).any():
                share[1:-1][~varies[1:-1]] = share[1:-1][varies[1:-1]].mean()
                share[-1] = share[-2]  # a number has no unseen level: no value has this code
        share[~seen] = 0.0
        shares.append(np.clip(share, 0.0, 1.0))
    return np.concatenate(shares)


def _centred(
    table: NDArray[np.float64], row: NDArray[np.integer], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Table minus its weighted mean over the deals, and that mean; `row` has each deal's row."""
    share = np.bincount(row, weights=weight, minlength=len(table)) / weight.sum()
    mean = share @ table
    return table - mean, mean


def _widened(
    table: NDArray[np.float64],
    column: Column,
    code: NDArray[np.int32],
    statistic: LevelStatistic | None,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Widen the replicates of levels with a statistic, and of rows without training deals.

    Levels with a statistic get its error. Rows without training deals have the average contribution
    (0), and normal replicates with the standard deviation of the known levels' effects.
    """
    counts = np.bincount(code, minlength=len(table))
    known = counts[1 : column.size + 1]
    effects = table[1 : column.size + 1, 0]
    between = float(np.sqrt(np.average(effects**2, weights=known))) if known.sum() else 0.0
    scale = max(between, MIN_LEVEL_SPREAD)
    table = table.copy()
    replicates = table.shape[1] - 1
    if statistic is not None:
        table[:, 1:] += statistic.draw_errors(table[:, 0], replicates, generator)
    unseen = [MISSING] if counts[MISSING] == 0 else []
    if isinstance(column, CategoryColumn):
        unseen.append(column.size + 1)
    for row in unseen:
        table[row, 0] = 0.0
        table[row, 1:] = scale * generator.standard_normal(replicates)
    return table


def make_evidence(
    column: Column,
    code: NDArray[np.int32],
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    follow_up: FollowUp,
) -> Evidence:
    """Counts and rates per band; neighbouring bins of a number share a band, levels do not."""
    rows = column.size + 2
    counts = np.bincount(code, minlength=rows)
    band = _number_bands(counts, column) if isinstance(column, NumberColumn) else np.arange(rows)
    deals = np.bincount(band[code], minlength=int(band.max()) + 1)
    total = np.bincount(band[code], weights=weight, minlength=len(deals))
    churners = np.bincount(band[code], weights=weight * early_churn, minlength=len(deals))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(total > 0, churners / total, np.nan)
    labels = tuple(
        _band_label(column, np.flatnonzero(band == position)) for position in range(len(deals))
    )
    left, unknown = (
        np.bincount(band[code[rows]], minlength=len(deals)).astype(np.int64)
        for rows in (follow_up.early, ~follow_up.known)
    )
    return Evidence(
        band.astype(np.int64), deals.astype(np.int64), rate, labels, left=left, unknown=unknown
    )


def _number_bands(counts: NDArray[np.int64], column: NumberColumn) -> NDArray[np.int64]:
    """Merge bins into about `BANDS` bands of equal counts; missing has a band of its own."""
    known = counts[1 : column.size + 1].astype(float)
    midrank = (np.cumsum(known) - known / 2) / max(known.sum(), 1)
    tenths = np.minimum((midrank * BANDS).astype(int), BANDS - 1)
    _, band_of_bin = np.unique(tenths, return_inverse=True)
    band = np.zeros(column.size + 2, dtype=np.int64)
    band[1 : column.size + 1] = band_of_bin + 1
    band[-1] = band[-2]
    return band


def _band_label(column: Column, codes: NDArray[np.int64]) -> str:
    if isinstance(column, CategoryColumn) or codes[0] == MISSING:
        return column.label(int(codes[0]))
    first, last = int(codes[0]), min(int(codes[-1]), column.size)
    if first == 1 and last == column.size:
        return "any"
    if first == 1:
        return f"below {column.cuts[last - 1]:g}"
    if last == column.size:
        return f"{column.cuts[first - 2]:g} or more"
    return f"{column.cuts[first - 2]:g} to {column.cuts[last - 1]:g}"


def find_unusual_pairs(
    codes: NDArray[np.int32], evidence: tuple[Evidence, ...]
) -> tuple[tuple[int, int, int, int], ...]:
    """Pairs of bands without a deal where independence would give `MIN_EXPECTED_DEALS` or more."""
    bands = [item.band[codes[:, position]] for position, item in enumerate(evidence)]
    unusual = []
    for first, second in combinations(range(len(evidence)), 2):
        n_first, n_second = len(evidence[first].count), len(evidence[second].count)
        if evidence[first].count.max() * evidence[second].count.max() < MIN_EXPECTED_DEALS * len(
            codes
        ):
            continue
        seen = np.bincount(bands[first] * n_second + bands[second], minlength=n_first * n_second)
        expected = np.outer(evidence[first].count, evidence[second].count) / len(codes)
        rows, columns = np.nonzero(
            (seen.reshape(n_first, n_second) == 0) & (expected >= MIN_EXPECTED_DEALS)
        )
        unusual += [(first, int(a), second, int(b)) for a, b in zip(rows, columns, strict=True)]
    return tuple(unusual)
