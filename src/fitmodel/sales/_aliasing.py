"""
Attributes sold by (almost) one rep only, where rep and attribute cannot be told apart.

deals -> segments of each attribute -> who signed each segment -> a rep's own segments
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
"""Share of a segment's deals that one rep signed, from which the segment is the rep's own."""
LARGE_PART = 0.3
"""Share of a rep's deals in segments of the rep's own, from which the two are told together."""
LESS_OFTEN = 4.0
"""How many times as large a part of the rep's deals as of the others' a segment of the rep's own
is: who signs nearly everything is not the only seller of everything."""
MIN_DEALS = 10
MAX_NAMED = 3


@dataclass(frozen=True)
class Alias:
    """
    Attribute that a rep is (almost) alone in selling.

    Parameters
    ----------
    attribute : str
    segments : tuple of Segment
        The rep's own levels or bands, the most frequent first.
    share_of_segments : float
        Of the deals in these segments, signed by the rep.
    share_of_rep : float
        Of the rep's deals, in these segments.
    """

    attribute: str
    segments: tuple[Segment, ...]
    share_of_segments: float
    share_of_rep: float

    def words(self, say: Say, spec: DealSpec) -> str:
        """The segments as a person reads them; `say` opens the topic "profile"."""
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
    spec : DealSpec
    who : Series of str
        Rep (or team) of each deal.

    Returns
    -------
    dict of str to Alias
        By rep; of several attributes the one that holds most of the rep's deals. Reps who share
        what they sell with others are not in it.
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
    """Reps who are (almost) the only sellers of segments of one attribute."""
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
