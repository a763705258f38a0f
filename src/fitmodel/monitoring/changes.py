"""The most significant change of an attribute: a level's share, or a number's median; as a text.

deals per band now and then -> the level, or the median, that changed most -> test -> a sentence
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.learning.columns import MISSING, CategoryColumn, NumberColumn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fitmodel.language.catalogue import Say
    from fitmodel.learning.columns import Column
    from fitmodel.learning.scorecard import Evidence

    Floats = NDArray[np.float64]

MIN_CHANGE = 1.25
"""Ratio of new to old value (or its inverse) from which on a change is reported."""
HALF_MORE, DOUBLED, SEVERAL = 1.4, 1.8, 2.3
"""Ratios from which on a number is reported as half more, about twice, and several times."""
NO_CHANGE = {"level": "", "now": np.nan, "then": np.nan}


@dataclass(frozen=True)
class Change:
    """The most significant change of an attribute.

    Parameters
    ----------
    level : str
        Level of a category that changed; empty for a number.
    now, then : float
        Share of the level, or median of the number, now and in the training deals.
    p_value : float
        Two-sided P value of this one comparison.
    tests : int
        Number of comparisons made for the attribute.
    """

    level: str
    now: float
    then: float
    p_value: float
    tests: int


def find_change(column: Column, evidence: Evidence, code: NDArray[np.int32]) -> Change:
    """Return the most significant change of an attribute.

    Parameters
    ----------
    column : NumberColumn or CategoryColumn
        Column of the scorecard for the attribute.
    evidence : Evidence
        Counts per band of the deals learned from.
    code : ndarray of int, shape (deals,)
        Codes of the deals now.

    Notes
    -----
    Shares of levels are compared by the normal test of two proportions, numbers by the ranks of
    their bands (Mann and Whitney 1947); only changes by a quarter or more count. Both medians, now
    and then, are interpolated within bands, so that they have the same error.
    """
    now = np.bincount(evidence.band[code], minlength=len(evidence.count)).astype(float)
    then = evidence.count.astype(float)
    if isinstance(column, CategoryColumn) or not isinstance(column, NumberColumn):
        unseen = int(evidence.band[column.size + 1])  # never tested: its share was 0 by definition
        return _level_change(evidence.label, now, then, unseen)
    return _number_change(column, evidence, now, then)


def _level_change(labels: tuple[str, ...], now: Floats, then: Floats, unseen: int) -> Change:
    from scipy.stats import norm

    n, m = max(now.sum(), 1.0), max(then.sum(), 1.0)
    share_now, share_then = now / n, then / m
    pooled = (now + then) / (n + m)
    error = np.sqrt(np.maximum(pooled * (1 - pooled) * (1 / n + 1 / m), 1e-12))
    p_values = 2 * norm.sf(np.abs(share_now - share_then) / error)
    odds = (now + 0.5) / (n + 1) / ((then + 0.5) / (m + 1))
    large = np.maximum(odds, 1 / odds) >= MIN_CHANGE
    p_values = np.where(large, p_values, 1.0)
    p_values[unseen] = 1.0
    index = int(np.argmin(p_values))
    return Change(
        labels[index],
        float(share_now[index]),
        float(share_then[index]),
        float(p_values[index]),
        len(labels),
    )


def _number_change(column: NumberColumn, evidence: Evidence, now: Floats, then: Floats) -> Change:
    from scipy.stats import norm

    bands = evidence.band[1 : column.size + 1]
    order = np.array(list(dict.fromkeys(b for b in bands.tolist() if b != evidence.band[MISSING])))
    unknown = Change("", np.nan, np.nan, 1.0, 1)
    if not len(order):
        return unknown
    a, b = now[order], then[order]
    if min(a.sum(), b.sum()) == 0:
        return unknown
    edges = _edges(column, bands, order)
    median_now, median_then = _median(a, edges), _median(b, edges)
    both = a + b
    total, n, m = both.sum(), a.sum(), b.sum()
    rank = np.cumsum(both) - (both - 1) / 2
    mean = (a * rank).sum() / n
    spread = (both * (rank - (total + 1) / 2) ** 2).sum() / max(total - 1, 1) * m / (n * total)
    z = (mean - (total + 1) / 2) / np.sqrt(max(spread, 1e-12))
    ratio = median_now / median_then if min(median_now, median_then) > 0 else 1.0
    large = max(ratio, 1 / ratio) >= MIN_CHANGE
    return Change("", median_now, median_then, float(2 * norm.sf(abs(z))) if large else 1.0, 1)


def _edges(column: NumberColumn, bands: NDArray[np.int64], order: NDArray[np.int64]) -> Floats:
    """Return the lower edge of each band, and the upper edge of the last."""
    lower = np.r_[column.low, column.cuts]
    starts = [float(lower[np.argmax(bands == band)]) for band in order.tolist()]
    return np.maximum.accumulate(np.r_[starts, max(column.high, starts[-1])])


def _median(count: Floats, edges: Floats) -> float:
    """Return the median of counts in bands, by linear interpolation within the band."""
    below = np.cumsum(count) - count
    half = count.sum() / 2
    index = min(int(np.searchsorted(below, half, side="right")) - 1, len(count) - 1)
    fraction = (half - below[index]) / max(count[index], 1e-12)
    return float(edges[index] + fraction * (edges[index + 1] - edges[index]))


def change_text(row: Mapping[Any, Any], label: str, say: Say) -> str:
    """Return a sentence on the change of an attribute; empty if chance explains the change.

    Parameters
    ----------
    row : mapping
        Row of the table of `fitmodel.monitoring.drift.compute_drift`.
    label : str
        Name of the attribute for readers.
    say : callable
        Returns the texts of the topic "monitoring".
    """
    if not row["moved"]:
        return ""
    now, then = float(row["now"]), float(row["then"])
    if row["level"]:
        key = "level_new" if then == 0 else "level_gone" if now == 0 else "level_moved"
        change = abs(now / then - 1) if then else 0.0
        return say(
            key,
            attribute=label,
            level=row["level"],
            now=f"{now:.0%}",
            then=f"{then:.0%}",
            change=say("growth" if now > then else "decline", change=f"{change:.0%}"),
        )
    return say(
        "size_moved",
        attribute=label,
        size=_ratio_text(now / then, say),
        now=_number_text(now),
        then=_number_text(then),
    )


def _ratio_text(ratio: float, say: Say) -> str:
    large = max(ratio, 1 / ratio)
    if large >= DOUBLED and large < SEVERAL:
        return say("twice" if ratio > 1 else "half")
    if large >= SEVERAL:
        key = "times_more" if ratio > 1 else "times_fewer"
        return say(key, times=f"{large:.1f}".removesuffix(".0"))
    if large >= HALF_MORE:
        return say("half_more" if ratio > 1 else "third_fewer")
    return say("growth" if ratio > 1 else "decline", change=f"{abs(ratio - 1):.0%}")


def _number_text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:,.1f}"  # noqa: PLR2004 - two digits
