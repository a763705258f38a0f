"""Segments of customers: levels of an attribute, bands of a number, pairs of both; and their test.

Segments are formed without the outcome, so that a test of the outcome by segment is valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm.columns import words_of_columns
from fitmodel.deals.attributes import read_attributes
from fitmodel.learning.columns import NumberColumn, level_text
from fitmodel.learning.encoding import fit_columns, read_numbers
from fitmodel.learning.settings import LearnerOptions
from fitmodel.tables.cells import is_missing_level
from fitmodel.tables.values import flag_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from fitmodel.deals.contract import DealSpec
    from fitmodel.language.catalogue import Say
    from fitmodel.learning.columns import Column


BANDS = 4
FEW_VALUES = 5
"""A number with at most this many distinct values gets one band per value."""
NONE = -1


@dataclass(frozen=True)
class Segment:
    """One level of an attribute, one band of a number, or the deals whose value is missing.

    `level`: the level; None for a band of a number, and where the value is missing.
    `low`, `high`: smallest and largest value in the band; NaN for a level, and where the value is
        missing.
    `days`: whether the number is the days from a date to the signing.
    """

    attribute: str
    level: str | None = None
    low: float = np.nan
    high: float = np.nan
    days: bool = False

    def text(self, say: Say, label: str | None = None) -> str:
        """Return the segment in words; `say` must have the texts of the topic "profile"."""
        name = label or self.attribute.replace("_", " ")
        if self.level is not None:
            level = say(self.level) if self.level in {"yes", "no"} else self.level
            return say("is_level", attribute=name, level=level)
        if np.isnan(self.low):
            return say("is_missing", attribute=name)
        low, high = _number(self.low), _number(self.high)
        if low == high:
            return say("is_days_exactly" if self.days else "is_level", attribute=name, level=low)
        return say("is_days" if self.days else "is_between", attribute=name, low=low, high=high)


def _number(value: float) -> str:
    value += 0.0  # -0.0 becomes 0.0
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004


@dataclass(frozen=True, eq=False)
class Segmented:
    """Segments of one attribute, or of two attributes together, and the segment of each deal.

    `segments`: each item holds one segment, or for two attributes one segment of each.
    `codes`, ndarray of int, shape (deals,): position of each deal's segment in `segments`; -1 for
        no segment (too few deals).
    """

    segments: tuple[tuple[Segment, ...], ...]
    codes: NDArray[np.int64]


def segment_deals(
    deals: pd.DataFrame, spec: DealSpec, *, min_deals: int, people: bool = False
) -> list[Segmented]:
    """Assign deals to the segments of every attribute.

    `min_deals`: a segment with fewer deals is left out.
    `people`: whether the rep and the team are used as attributes; if False they are left out, even
        where the contract includes them.
    Returns: one item per attribute that has two segments or more.
    """
    sellers = [name for name in (spec.deals.rep, spec.deals.team) if name is not None]
    read = read_attributes(deals, spec)
    frame = read.frame.drop(columns=[name for name in sellers if name in read.frame])
    if people:
        frame = frame.join(deals[sellers].astype("str"))
    columns = fit_columns(frame, LearnerOptions.from_spec(spec, read.dates).encoding)
    counts = {name for name, text in words_of_columns(spec).items() if text["key"] != "as_of"}
    result = (
        _segmented(column, frame[column.name], min_deals, is_count=column.name in counts)
        for column in columns
    )
    return [item for item in result if len(item.segments) > 1]


def cross(first: Segmented, second: Segmented, *, min_deals: int) -> Segmented:
    """Combine the segments of two attributes; combinations with too few deals are left out."""
    width = len(second.segments)
    in_both = (first.codes >= 0) & (second.codes >= 0)
    cells = np.where(in_both, first.codes * width + second.codes, NONE)
    names = [left + right for left in first.segments for right in second.segments]
    return _without_small_segments(names, cells, min_deals)


def _segmented(
    column: Column, values: pd.Series[Any], min_deals: int, *, is_count: bool
) -> Segmented:
    if isinstance(column, NumberColumn):
        codes, segments = _bands(column, read_numbers(values)[0])
    else:
        codes, segments = _levels(column.name, values, is_flag=column.is_flag and not is_count)
    return _without_small_segments([(segment,) for segment in segments], codes, min_deals)


def _without_small_segments(
    names: Sequence[tuple[Segment, ...]], codes: NDArray[np.int64], min_deals: int
) -> Segmented:
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    large_enough = np.flatnonzero(sizes >= min_deals)
    new_codes = np.full(len(names) + 1, NONE, dtype=np.int64)  # the last entry is for NONE
    new_codes[large_enough] = np.arange(len(large_enough))
    return Segmented(tuple(names[position] for position in large_enough.tolist()), new_codes[codes])


def _bands(
    column: NumberColumn, numbers: NDArray[np.float64]
) -> tuple[NDArray[np.int64], list[Segment]]:
    known = numbers[~np.isnan(numbers)]
    distinct = np.unique(known)
    if len(distinct) <= FEW_VALUES:
        cuts = distinct[1:]
    else:
        cuts = np.unique(np.quantile(known, np.arange(1, BANDS) / BANDS, method="inverted_cdf"))
    codes = np.searchsorted(cuts, numbers, side="right")
    codes[np.isnan(numbers)] = len(cuts) + 1
    segments = [_band(column, numbers[codes == position]) for position in range(len(cuts) + 1)]
    return codes.astype(np.int64), [*segments, Segment(column.name)]


def _band(column: NumberColumn, members: NDArray[np.float64]) -> Segment:
    if not len(members):
        return Segment(column.name)
    low, high = float(members.min()), float(members.max())
    return Segment(column.name, low=low, high=high, days=column.is_date)


def _levels(
    name: str, values: pd.Series[Any], *, is_flag: bool
) -> tuple[NDArray[np.int64], list[Segment]]:
    positions, uniques = pd.factorize(values, use_na_sentinel=True)
    known = [None if is_missing_level(value) else level_text(value) for value in uniques]
    texts = [flag_text(text) if is_flag and text else text for text in known] + [None]
    result, codes = np.unique([text or "" for text in texts], return_inverse=True)
    segments = [Segment(name, level=str(text) or None) for text in result]
    return codes[positions].astype(np.int64), segments


SHUFFLES = 999
CHUNK_SHUFFLES = 16
"""Shuffles that are held in memory together: this number fits into the processor's cache."""


def log_rank_scores(
    followup_months: NDArray[np.float64],
    left: NDArray[np.bool_],
    horizon_months: float,
    *,
    entry_months: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return each deal's observed minus expected early churn (log-rank score); they sum to 0.

    R. Peto and J. Peto (1972), "Asymptotically efficient rank invariant test procedures", Journal
    of the Royal Statistical Society A 135, 185-207. The expected number is the Nelson-Aalen
    cumulative hazard of all deals up to the last day followed, at most to the horizon: a young deal
    counts for the part of the risk to which it has been exposed, and a deal with an entry
    (`observed_from`) for the part after the entry.
    """
    entry = np.zeros(len(left)) if entry_months is None else entry_months
    exposed = entry <= horizon_months
    early = left & (followup_months <= horizon_months)
    end = np.minimum(followup_months, horizon_months)
    times, last = np.unique(end[exposed], return_inverse=True)
    first = np.searchsorted(times, entry[exposed])
    enter, leave = np.bincount(first, minlength=len(times)), np.bincount(last)
    at_risk = enter.cumsum() - leave.cumsum() + leave
    hazard = np.cumsum(np.bincount(last, weights=early[exposed]) / np.maximum(at_risk, 1))
    before_entry = np.concatenate(([0.0], hazard))[first]
    scores = np.zeros(len(left))
    scores[exposed] = early[exposed] - (hazard[last] - before_entry)
    return scores


def distances(groups: Sequence[Segmented], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each segment's sum of scores, in standard deviations under random permutation.

    Returns, shape (segments of all groups,): positive where the customers of the segment leave more
        often than the others.
    """
    return np.concatenate([matrix @ scores for matrix in _standardised(groups, scores)])


def adjusted_p_values(
    groups: Sequence[Segmented],
    scores: NDArray[np.float64],
    *,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return the p-value of each segment against the other deals, corrected for all segments.

    The p-value is the probability that, if no segment differs, the largest distance of ALL segments
    is at least that of this segment. Outcomes are permuted over the deals, so the correction allows
    for the overlap of segments.

    Single-step maxT: P. H. Westfall and S. S. Young (1993), Resampling-Based Multiple Testing. The
    smallest possible p-value is 1 / (shuffles + 1). The follow-up time is permuted together with
    the outcome.
    """
    matrices = _standardised(groups, scores)
    observed = np.abs(distances(groups, scores))
    random = np.random.default_rng(seed)
    largest: list[NDArray[np.float64]] = []
    for start in range(0, shuffles, CHUNK_SHUFFLES):
        count = min(CHUNK_SHUFFLES, shuffles - start)
        shuffled = np.stack([random.permutation(scores) for _ in range(count)], axis=1)
        by_group = [np.abs(matrix @ shuffled).max(axis=0) for matrix in matrices]
        largest.append(np.max(by_group, axis=0))
    by_chance = np.sort(np.concatenate(largest))
    n_larger = len(by_chance) - np.searchsorted(by_chance, observed - 1e-9, side="left")
    p: NDArray[np.float64] = (1 + n_larger) / (shuffles + 1)
    return p


def _standardised(groups: Sequence[Segmented], scores: NDArray[np.float64]) -> list[csr_array]:
    """Return a matrix per group, a row per segment; its product with the scores is `distances`."""
    from scipy.sparse import csr_array

    matrices = []
    for group, scale in zip(groups, _scales(groups, scores), strict=True):
        inside = np.flatnonzero(group.codes >= 0)
        rows = group.codes[inside]
        shape = (len(scale), len(scores))
        matrices.append(csr_array((scale[rows], (rows, inside)), shape=shape))
    return matrices


def _scales(groups: Sequence[Segmented], scores: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return per group the factors that turn each segment's sum of scores into its distance."""
    n = len(scores)
    variance = float((scores**2).sum()) / max(n - 1, 1)
    scales = []
    for group in groups:
        size = np.bincount(group.codes[group.codes >= 0], minlength=len(group.segments))
        spread = np.sqrt(variance * size * (n - size) / n)
        scales.append(np.divide(1.0, spread, out=np.zeros(len(size)), where=spread > 0))
    return scales
