"""Figures per deal and per rep: deals, lost customers, and attributes that only one rep sells.

deals -> segments of each attribute -> share of each rep in each segment -> a rep's own segments
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.months import add_months, months_between
from fitmodel.deals.roles import yearly_amounts
from fitmodel.exceptions import DealsError
from fitmodel.sales._segments import segment_deals
from fitmodel.sales.people import count_deals
from fitmodel.sales.rates import NORMAL_95, expected_leavers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.language.catalogue import Say
    from fitmodel.sales._segments import Segment, Segmented

    Floats = NDArray[np.float64]

RECENT_MONTHS = 6
"""Length of the recent period, on which the headline of the sales report is based: two quarters."""
SUMS = (
    "observed", "expected", "knowing_expected", "recent_observed", "recent_expected",
    "recent_signed",
)  # fmt: skip
ALMOST_ALL = 0.8
"""Minimum share of a segment's deals that a rep must have signed to own the segment."""
LARGE_PART = 0.3
"""Minimum share of a rep's deals in the rep's own segments for the two to be reported together."""
LESS_OFTEN = 4.0
"""Minimum ratio of a segment's share of the rep's deals to its share of the other reps' deals, for
the rep to own the segment: a rep who signs nearly all deals does not own every segment."""
UNKNOWN_ERROR = 1.0
"""Error of an expected number, in log-odds, where the other reps have too few early churners to
learn from: a rep's customers may then leave e times as often because of what they are."""
MIN_DEALS = 10
MAX_NAMED = 3


def deal_figures(
    view: HistoryView,
    probability: pd.Series[float],
    who: pd.Series[str],
    over_reps: pd.Series[float] | None = None,
) -> pd.DataFrame:
    """Return one row per deal: its rep, its follow-up, and early churn observed and expected.

    `recent_observed` and `recent_expected` are the parts of both that fall in the last
    `RECENT_MONTHS` months before the end of the extract, whenever the deal was signed;
    `recent_signed` is 1 if the deal was signed in these months. Expected numbers are computed from
    `over_reps` if it is given, and `knowing_expected` always from `probability`. They are scaled so
    that their sum equals the company's observed number: a drift of the model is not attributed to
    reps.

    Raises DealsError if a deal has no probability.
    """
    spec, deals = view.spec, view.deals
    p = _checked(probability, deals.index)
    p_without_rep = p if over_reps is None else _checked(over_reps, deals.index)
    amount, closing = spec.deals.amount, spec.deals.closed_on
    early = (view.early_churn == 1).astype(float)
    start, recent_start_age = _recent_start(view)
    recent_early = early * (view.left_on >= start)
    recent_expected = _expected(view, p_without_rep, recent_start_age)
    return pd.DataFrame(
        {
            "who": who,
            "months": view.followup_months,
            "left": view.left,
            "probability": p,
            "observed": early,
            "expected": _scaled(_expected(view, p_without_rep, view.entry_months), early),
            "knowing_expected": _scaled(_expected(view, p, view.entry_months), early),
            "recent_observed": recent_early,
            "recent_expected": _scaled(recent_expected, recent_early),
            "recent_signed": 1.0 if view.closed is None else (view.closed >= start).astype(float),
            "value": np.nan if amount is None else yearly_amounts(deals, spec),
            "quarter": None if closing is None else deals[closing].dt.to_period("Q").astype("str"),
            "position": np.arange(len(view)),
        },
        index=deals.index,
    )


def expected_errors(draws: pd.DataFrame | None, names: list[str]) -> pd.Series[float]:
    """Return the standard error of each rep's share of the expected number, in log-odds.

    It is 0 without draws, and `UNKNOWN_ERROR` for a rep without any.

    `draws`: expected numbers of each rep by bootstrap replicates, see
        `fitmodel.sales._expected.Expected`.
    """
    if draws is None:
        return pd.Series(0.0, index=names)
    own = np.maximum(draws.reindex(names).to_numpy(dtype=np.float64), 1e-12)
    others = np.maximum(np.nansum(own, axis=0) - own, 1e-12)
    errors = np.log(own / others).std(axis=1, ddof=1)
    return pd.Series(np.where(np.isnan(errors), UNKNOWN_ERROR, errors), index=names)


def _checked(probability: pd.Series[float], index: pd.Index[Any]) -> Floats:
    p = np.asarray(probability.loc[index], dtype=np.float64)
    if np.isnan(p).any():
        raise DealsError(
            f"{int(np.isnan(p).sum())} deal(s) have no expected probability, the first in row "
            f"{index[np.isnan(p)].tolist()[0]!r}. Remedy: take them from expected_probabilities."
        )
    return p


def rep_figures(part: pd.DataFrame, view: HistoryView) -> dict[str, Any]:
    """Return counts, rate at the horizon, mean expected probability and sums of a rep's deals."""
    mean = float(part["probability"].mean())
    spread = float(part["probability"].std(ddof=1)) if len(part) > 1 else np.nan
    half_width = NORMAL_95 * spread / np.sqrt(len(part))
    return {
        **count_deals(view, part["position"].to_numpy()),
        "selection": mean,
        "selection_low": mean - half_width,
        "selection_high": mean + half_width,
        **{name: float(part[name].sum()) for name in SUMS},
    }


def _recent_start(view: HistoryView) -> tuple[np.datetime64, Floats]:
    """Return the first day of the recent months, and the age of each deal on that day."""
    if view.closed is None or np.isnat(view.extract_end):
        return np.datetime64("NaT"), view.followup_months
    end = np.array([view.extract_end], dtype="datetime64[D]")
    start = add_months(end, -RECENT_MONTHS)[0] + np.timedelta64(1, "D")
    age = months_between(view.closed, np.full(len(view), start))
    return start, np.maximum(np.maximum(age, 0.0), view.entry_months)


def _expected(view: HistoryView, p: Floats, entry_months: Floats) -> Floats:
    months, horizon = view.followup_months, view.spec.label.horizon_months
    return expected_leavers(p, months, view.survival, horizon, entry_months=entry_months)


def expected_numbers(view: HistoryView, p: Floats, rows: NDArray[np.intp]) -> Floats:
    """Return the expected number of early churners of some deals, from many probabilities of each.

    `p`, shape (rows, replicates): probabilities of these deals.
    `rows`: positions of the deals in the view.
    """
    horizon, survival = view.spec.label.horizon_months, view.survival
    months, entry = view.followup_months[rows, None], view.entry_months[rows, None]
    return expected_leavers(p, months, survival, horizon, entry_months=entry)


def _scaled(expected: Floats, observed: Floats) -> Floats:
    """Return expected numbers, scaled so that their sum is the company's observed number."""
    total = float(expected.sum())
    return expected * (float(observed.sum()) / total) if observed.sum() > 0 < total else expected


@dataclass(frozen=True)
class Alias:
    """Attribute that (almost) only one rep sells.

    `segments`: the rep's own levels or bands, the most frequent first.
    `share_of_segments`: share of the deals in these segments that the rep signed.
    `share_of_rep`: share of the rep's deals that are in these segments.
    """

    attribute: str
    segments: tuple[Segment, ...]
    share_of_segments: float
    share_of_rep: float

    def text(self, say: Say, spec: DealSpec) -> str:
        """Return the segments in words; `say` must have the texts of the topic "profile"."""
        named = [segment.in_words(say, spec) for segment in self.segments[:MAX_NAMED]]
        more = len(self.segments) - len(named)
        return ", ".join(named) + (f", +{more}" if more else "")


def find_aliases(view: HistoryView, spec: DealSpec, who: pd.Series[str]) -> dict[str, Alias]:
    """Find, for each rep, the attribute that (almost) only this rep sells.

    Returns: attribute by rep; if there are several, the one with the largest share of the rep's
        deals. Reps without such an attribute are not in it.
    """
    names = pd.Index(sorted(set(who)))
    codes = names.get_indexer(pd.Index(who))
    sizes = np.bincount(codes, minlength=len(names))
    best: dict[str, Alias] = {}
    if len(names) < 2:  # noqa: PLR2004 - one rep alone is compared with nobody
        return best
    for group in segment_deals(view.deals, spec, min_deals=MIN_DEALS):
        for rep, alias in _sellers_of_attribute(group, codes, sizes):
            name = str(names[rep])
            if name not in best or alias.share_of_rep > best[name].share_of_rep:
                best[name] = alias
    return best


def _sellers_of_attribute(
    group: Segmented, codes: np.ndarray, sizes: np.ndarray
) -> list[tuple[int, Alias]]:
    """Return the reps who are (almost) the only sellers of segments of one attribute."""
    inside = group.codes >= 0
    table = np.zeros((len(group.segments), len(sizes)))
    np.add.at(table, (group.codes[inside], codes[inside]), 1.0)
    totals, seller, largest = table.sum(axis=1), table.argmax(axis=1), table.max(axis=1)
    rep_share = largest / sizes[seller]
    others_share = (totals - largest) / np.maximum(sizes.sum() - sizes[seller], 1)
    is_own = (largest >= ALMOST_ALL * totals) & (rep_share >= LESS_OFTEN * others_share)
    rows = []
    for rep in np.unique(seller[is_own]).tolist():
        own_segments = np.flatnonzero(is_own & (seller == rep))
        signed = float(table[own_segments, rep].sum())
        share = signed / float(sizes[rep])
        if share < LARGE_PART:
            continue
        order = own_segments[np.argsort(-table[own_segments, rep], kind="stable")]
        segments = tuple(group.segments[position][0] for position in order.tolist())
        segment_share = signed / float(totals[own_segments].sum())
        rows.append((rep, Alias(segments[0].attribute, segments, segment_share, share)))
    return rows
