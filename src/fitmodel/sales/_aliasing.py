"""
Attributes sold by (almost) one rep only, so that the effects of rep and attribute are confounded.

deals -> segments of each attribute -> share of each rep in each segment -> a rep's own segments
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.sales._segments import segment_deals

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.language.catalogue import Say
    from fitmodel.sales._segments import Segment, Segmented

ALMOST_ALL = 0.8
"""Minimum share of a segment's deals that a rep must have signed to own the segment."""
LARGE_PART = 0.3
"""Minimum share of a rep's deals in the rep's own segments for the two to be reported together."""
LESS_OFTEN = 4.0
"""Minimum ratio of a segment's share of the rep's deals to its share of the other reps' deals, for
the rep to own the segment: a rep who signs nearly all deals does not own every segment."""
MIN_DEALS = 10
MAX_NAMED = 3


@dataclass(frozen=True)
class Alias:
    """
    Attribute that (almost) only one rep sells.

    Parameters
    ----------
    attribute : str
        Name of the attribute.
    segments : tuple of Segment
        The rep's own levels or bands, the most frequent first.
    share_of_segments : float
        Share of the deals in these segments that the rep signed.
    share_of_rep : float
        Share of the rep's deals that are in these segments.
    """

    attribute: str
    segments: tuple[Segment, ...]
    share_of_segments: float
    share_of_rep: float

    def words(self, say: Say, spec: DealSpec) -> str:
        """Return the segments in words; `say` must have the texts of the topic "profile"."""
        label = spec.words.labels.get(self.attribute)
        named = [segment.words(say, label) for segment in self.segments[:MAX_NAMED]]
        more = len(self.segments) - len(named)
        return ", ".join(named) + (f", +{more}" if more else "")


def find_aliases(view: HistoryView, spec: DealSpec, who: pd.Series[str]) -> dict[str, Alias]:
    """
    Find, for each rep, the attribute that (almost) only this rep sells.

    Parameters
    ----------
    view : HistoryView
        View of the deals with their labels.
    spec : DealSpec
        Contract of the deals.
    who : Series of str
        Rep (or team) of each deal.

    Returns
    -------
    dict of str to Alias
        Attribute by rep; if there are several, the one with the largest share of the rep's deals.
        Reps without such an attribute are not in it.
    """
    names = pd.Index(sorted(set(who)))
    codes = names.get_indexer(pd.Index(who))
    sizes = np.bincount(codes, minlength=len(names))
    best: dict[str, Alias] = {}
    if len(names) < 2:  # noqa: PLR2004 - one rep alone is compared with nobody
        return best
    for group in segment_deals(view.deals, spec, least_deals=MIN_DEALS):
        for rep, alias in _of_attribute(group, codes, sizes):
            name = str(names[rep])
            if name not in best or alias.share_of_rep > best[name].share_of_rep:
                best[name] = alias
    return best


def _of_attribute(
    group: Segmented, codes: np.ndarray, sizes: np.ndarray
) -> list[tuple[int, Alias]]:
    """Return the reps who are (almost) the only sellers of segments of one attribute."""
    inside = group.codes >= 0
    table = np.zeros((len(group.segments), len(sizes)))
    np.add.at(table, (group.codes[inside], codes[inside]), 1.0)
    totals = table.sum(axis=1)
    seller = table.argmax(axis=1)
    most = table.max(axis=1)
    part_of_rep = most / sizes[seller]
    part_of_others = (totals - most) / np.maximum(sizes.sum() - sizes[seller], 1)
    own = (most >= ALMOST_ALL * totals) & (part_of_rep >= LESS_OFTEN * part_of_others)
    rows = []
    for rep in np.unique(seller[own]).tolist():
        mine = np.flatnonzero(own & (seller == rep))
        signed = float(table[mine, rep].sum())
        share = signed / float(sizes[rep])
        if share < LARGE_PART:
            continue
        order = mine[np.argsort(-table[mine, rep], kind="stable")]
        segments = tuple(group.segments[position][0] for position in order.tolist())
        whole = signed / float(totals[mine].sum())
        rows.append((rep, Alias(segments[0].attribute, segments, whole, share)))
    return rows
