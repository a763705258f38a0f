"""The ideal customer profile: segments whose customers stay or leave early, with their counts.

deals -> segments and pairs of segments -> early churn by Kaplan-Meier -> test against other deals
      -> segments that differ by more than chance, corrected for the number of segments tested
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.language.catalogue import apart, phrases
from fitmodel.renamed import old_fields, old_parameters
from fitmodel.sales._segments import (
    SHUFFLES,
    adjusted_p_values,
    cross,
    distances,
    log_rank_scores,
    segment_deals,
)
from fitmodel.sales.people import check_index
from fitmodel.sales.rates import NORMAL_95

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.language.catalogue import Say
    from fitmodel.sales._segments import Segment, Segmented

MIN_SEGMENT_DEALS = 50
MANY_DEALS, SHUFFLES_OF_MANY = 6_000, 199
"""Number of deals above which outcomes are shuffled less often, and the number of shuffles then.
Each shuffle permutes all deals. The test is exact for any number of shuffles, and with 199 it has
nearly the same power."""
MIN_WATCHED = 10
"""Number of deals with a known label below which a segment gets no rate."""
LEVEL = 0.05
SHOWN = 5
"""Maximum number of single segments, and of combinations, in each of the two lists for people."""
MAX_REPEATS = 2
"""Maximum number of combinations that share a segment in a list for people."""


@old_fields(least_deals="min_deals")
@dataclass(frozen=True, eq=False)
class Profile:
    """Segments compared with the company.

    Parameters
    ----------
    table : DataFrame
        One row per tested segment or combination: `segment` (in words), `attributes` (1 or 2),
        `parts` (tuple of Segment), `deals`, `left_early`, `rate`, `low`, `high` (early churn at the
        horizon by Kaplan-Meier with 95% log-log interval), `company_rate`, `distance` (log-rank
        statistic against the other deals; positive means that more customers leave), `p_value`
        (corrected for all tests), `named` (whether it differs) and `rule` (a sentence).
    company : dict of str to float
        Figures of all deals: `deals`, `left_early`, `rate`, `low`, `high`.
    horizon_months : int
        Months after closing within which leaving is early churn.
    min_deals : int
        Minimum number of deals of a tested segment.
    """

    table: pd.DataFrame
    company: dict[str, float]
    horizon_months: int
    min_deals: int

    @property
    def riskiest(self) -> pd.DataFrame:
        """Named segments with most early churn, ordered by the lower limit of their interval."""
        named = self.table[self.table["named"] & (self.table["distance"] > 0)]
        return _chosen(named.sort_values("low", ascending=False, kind="stable"))

    @property
    def safest(self) -> pd.DataFrame:
        """Named segments with least early churn, ordered by the upper limit of their interval."""
        named = self.table[self.table["named"] & (self.table["distance"] < 0)]
        return _chosen(named.sort_values("high", kind="stable"))

    def in_language(self, spec: DealSpec, language: str) -> Profile:
        """Return the same profile with its segments and rules in a language.

        Parameters
        ----------
        spec : DealSpec
            Contract with the labels of attributes in that language.
        language : {"en", "zh"}
            Language of the texts.
        """
        return replace(self, table=_with_texts(self.table, spec, phrases(language, "profile")))


@old_parameters(least_deals="min_deals")
def compute_profile(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    min_deals: int = MIN_SEGMENT_DEALS,
    people: bool = False,
    shuffles: int | None = None,
    language: str = "en",
) -> Profile:
    """Find the segments and the combinations of two segments with least and most early churn.

    Parameters
    ----------
    deals : DataFrame
        Past deals, as read by ``read_deals``.
    spec : DealSpec
        Contract of the deals.
    min_deals : int
        Segments and combinations with fewer deals are not tested.
    people : bool
        Whether the rep and the team are used as attributes too.
    shuffles : int, optional
        Number of random permutations of the outcomes for the test; default: `SHUFFLES`, or
        `SHUFFLES_OF_MANY` for a large table.
    language : {"en", "zh"}
        Language of the texts.

    Returns
    -------
    Profile
        Tested at the 5% level over all tests (single segments and combinations have half of it
        each): if no segment differs, one or more is named in at most 5% of companies. A
        combination is named only if it also differs from both of its segments: its interval lies
        beyond both of their rates.

    Raises
    ------
    DealsError
        If rows share an index, or no deal was followed up to the horizon.

    Notes
    -----
    Interval: Kalbfleisch and Prentice (2002); test: log-rank scores, single-step maxT (Westfall and
    Young 1993), see `fitmodel.sales._segments`. The lists are not ordered by the rate, which is
    extreme in small segments by chance, but by the limit of its interval that is nearer to the
    company's rate.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1)
    >>> profile = compute_profile(sim.deals, sim.spec, shuffles=199)
    >>> bool((profile.riskiest["rate"] > profile.company["rate"]).all())
    True
    """
    view = view_of(deals, spec)
    check_index(view.deals)
    horizon = spec.label.horizon_months
    (company,) = segment_rates(view, np.zeros(len(view), dtype=np.int64), 1)
    singles = segment_deals(view.deals, spec, min_deals=min_deals, people=people)
    pairs = [cross(a, b, min_deals=min_deals) for a, b in combinations(singles, 2)]
    pairs = [group for group in pairs if group.segments]
    default_shuffles = SHUFFLES if len(view) <= MANY_DEALS else SHUFFLES_OF_MANY
    tests = _SegmentTests(view, default_shuffles if shuffles is None else shuffles)
    table = pd.DataFrame([*tests.rows(singles), *tests.rows(pairs)], columns=COLUMNS)
    table["company_rate"] = company["rate"]
    table["named"] = (table["p_value"] <= LEVEL) & _is_informative(table)
    with_texts = _with_texts(table, spec, phrases(language, "profile"))
    return Profile(with_texts, company, horizon, min_deals)


def _with_texts(table: pd.DataFrame, spec: DealSpec, say: Say) -> pd.DataFrame:
    """Return the table with each segment and its rule in words."""
    segments = [
        say("and").join(part.in_words(say, spec) for part in parts) for parts in table["parts"]
    ]
    with_texts = table.drop(columns=["segment", "rule"], errors="ignore")
    with_texts.insert(0, "segment", pd.Series(segments, with_texts.index, dtype="str"))
    with_texts["rule"] = [_rule(row, say) for row in with_texts.to_dict("records")]
    return with_texts


COLUMNS = (
    "attributes", "parts", "deals", "left_early", "rate", "low", "high",
    "distance", "p_value",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _SegmentTests:
    view: HistoryView
    shuffles: int

    def rows(self, groups: list[Segmented]) -> list[dict[str, Any]]:
        """Return one row per segment of the groups, with its rate and its test."""
        if not groups:
            return []
        view = self.view
        horizon = float(view.spec.label.horizon_months)
        scores = log_rank_scores(
            view.followup_months, view.left, horizon, entry_months=view.entry_months
        )
        distance = distances(groups, scores)
        # half of the level for single segments, half for combinations
        p = np.minimum(2 * adjusted_p_values(groups, scores, shuffles=self.shuffles), 1.0)
        rows: list[dict[str, Any]] = []
        for group in groups:
            rates = segment_rates(view, group.codes, len(group.segments))
            for figures, parts in zip(rates, group.segments, strict=True):
                row = {"attributes": len(parts), "parts": parts, "distance": distance[len(rows)]}
                row["p_value"] = p[len(rows)] if np.isfinite(figures["rate"]) else 1.0
                rows.append(figures | row)
        return rows


def segment_rates(
    view: HistoryView, codes: NDArray[np.int64], segments: int
) -> list[dict[str, float]]:
    """Return the number of deals of each segment, and their rate of early churn with its interval.

    Parameters
    ----------
    view : HistoryView
        View of the deals with their labels.
    codes : ndarray of int, shape (deals,)
        Segment of each deal; -1 for no segment.
    segments : int
        Number of segments.

    Notes
    -----
    The rates are those of the curves of `HistoryView.survival_of` at the horizon. There may be
    thousands of segments, so their curves are computed together, unless deals have an entry
    (`observed_from`) or an unknown day of leaving.
    """
    by_months = np.argsort(view.followup_months, kind="stable")
    narrow = np.min_scalar_type(-max(segments, 1))  # narrow integers get numpy's faster radix sort
    order = by_months[np.argsort(codes[by_months].astype(narrow), kind="stable")]
    ends = np.searchsorted(codes[order], np.arange(segments + 1))
    horizon = float(view.spec.label.horizon_months)
    has_no_entry = not view.entry_months.any() and np.isnan(view.left_by_months).all()
    curves = np.full((segments, 3), np.nan)
    if has_no_entry:
        curves = _survival_per_segment(view, order, ends, horizon)
    in_segments, sizes = order[ends[0] : ends[-1]], np.diff(ends)
    segment, churn = np.repeat(np.arange(segments), sizes), view.early_churn[in_segments]
    known = np.bincount(segment[~np.isnan(churn)], minlength=segments) >= MIN_WATCHED
    early = np.bincount(segment[churn == 1], minlength=segments)
    curves[~known] = np.nan
    for position in np.flatnonzero(known & np.isnan(curves).any(axis=1)).tolist():
        chosen = np.isin(np.arange(len(view)), order[ends[position] : ends[position + 1]])
        curve = view.survival_of(chosen, at=[horizon])
        curves[position] = curve.survival[0], curve.high[0], curve.low[0]
    names = ("deals", "left_early", "rate", "low", "high")
    columns = (sizes.tolist(), early.tolist(), *(1 - curves).T)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _survival_per_segment(
    view: HistoryView, order: NDArray[np.intp], ends: NDArray[np.intp], horizon: float
) -> NDArray[np.float64]:
    """Return each segment's survival at the horizon with its upper and lower limit.

    It is NaN where survival is 0 or 1, or where no deal was followed to the horizon.
    """
    in_segments = order[ends[0] : ends[-1]]
    months, sizes = view.followup_months[in_segments], np.diff(ends)
    segment = np.repeat(np.arange(len(sizes)), sizes)
    new = np.ones(len(in_segments), dtype=bool)
    new[1:] = (months[1:] != months[:-1]) | (segment[1:] != segment[:-1])
    first = np.flatnonzero(new)
    if not len(first):
        return np.full((len(sizes), 3), np.nan)
    events = np.add.reduceat((view.left[in_segments] & (months <= horizon)).astype(float), first)
    at_risk = (np.cumsum(sizes)[segment] - np.arange(len(in_segments)))[first].astype(float)
    where, stay = segment[first], 1 - events / at_risk
    growth = np.divide(events, stay * at_risk**2, out=np.zeros(len(first)), where=stay > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_survival = np.bincount(where, np.log(stay), len(sizes))
        spread = NORMAL_95 * np.sqrt(np.bincount(where, growth, len(sizes))) / -log_survival
        logs = log_survival * np.exp([np.zeros(len(sizes)), -spread, spread])
    curves: NDArray[np.float64] = np.exp(logs).T
    max_followup = np.zeros(len(sizes))
    np.maximum.at(max_followup, segment, months)
    is_undefined = (log_survival == 0) | np.isinf(log_survival) | (max_followup < horizon)
    curves[is_undefined] = np.nan
    return curves


def _is_informative(table: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each row is a single segment, or a combination beyond both of its segments."""
    rows = table.to_dict("records")
    single_rates = {row["parts"][0]: float(row["rate"]) for row in rows if row["attributes"] == 1}
    is_informative = []
    for row in rows:
        rates = [single_rates[part] for part in row["parts"]]
        above = row["distance"] > 0 and row["low"] > max(rates)
        below = row["distance"] < 0 and row["high"] < min(rates)
        is_informative.append(row["attributes"] == 1 or above or below)
    return pd.Series(is_informative, index=table.index, dtype=bool)


def _rule(row: dict[Hashable, Any], say: Say) -> str:
    if np.isnan(row["rate"]):
        return say("unknown", segment=row["segment"], deals=f"{row['deals']:,}")
    shares = {name: f"{row[name]:.0%}" for name in ("rate", "low", "high")}
    return say(
        "rule",
        segment=apart(row["segment"]),
        deals=f"{row['deals']:,}",
        company=f"{row['company_rate']:.0%}",
        **shares,
    )


def _chosen(named: pd.DataFrame) -> pd.DataFrame:
    """Return the first few single segments and combinations, in the order given."""
    single = named[named["attributes"] == 1].head(SHOWN)
    chosen = [*single.index, *_varied(named[named["attributes"] > 1])[:SHOWN]]
    return named[named.index.isin(chosen)]


def _varied(named: pd.DataFrame) -> list[Any]:
    """Return the rows that remain when each segment may occur `MAX_REPEATS` times at most."""
    seen: Counter[Segment] = Counter()
    chosen = []
    for position, parts in named["parts"].items():
        if all(seen[part] < MAX_REPEATS for part in parts):
            seen.update(parts)
            chosen.append(position)
    return chosen
