"""Split deals in time: train on what was known at a date, judge on what was signed after it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.outcomes import outcomes, recut
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec

TEST_SHARE = 0.25
LEAST_TEST_CHURNERS = 10


@dataclass(frozen=True, eq=False)
class Split:
    """Deals to train on, re-cut at `date`, and mature deals signed on or after it.

    Attributes
    ----------
    train : DataFrame
        Deals signed before `date`, with outcomes as they were known on it; label them with
        ``label_deals(train, spec, as_of=date)``.
    test : DataFrame
        Deals signed on `date` or later that have reached the horizon since.
    date : Timestamp
    """

    train: pd.DataFrame
    test: pd.DataFrame
    date: pd.Timestamp


def out_of_time_split(
    deals: pd.DataFrame, spec: DealSpec, *, test_share: float = TEST_SHARE
) -> Split:
    """Keep the newest mature deals for the test; a day is never split.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``, with closing dates.
    spec : DealSpec
    test_share : float
        Share of the mature deals to judge by.

    Raises
    ------
    DealsError
        If no deal is mature, or too few early churners are left to judge by.
    """
    mature = _mature_closings(deals, spec)
    date = mature.iloc[int(len(mature) * (1 - test_share))]
    split = _cut(deals, spec, mature, date, mature.iloc[-1])
    churners = int(outcomes(split.test, spec)["early_churn"].sum())
    if churners < LEAST_TEST_CHURNERS:
        raise DealsError(
            f"too few to judge by: {churners} early churner(s) among the {len(split.test)} newest "
            f"mature deals; {LEAST_TEST_CHURNERS} needed. Remedy: add older deals, or wait until "
            "more deals have reached the horizon."
        )
    return split


def rolling_cuts(deals: pd.DataFrame, spec: DealSpec, n_cuts: int = 5) -> list[Split]:
    """Cut at several dates over the newer half of the mature deals.

    Each split's test deals are those signed from its date up to the next one's.
    """
    mature = _mature_closings(deals, spec)
    places = np.linspace(0.5, 1.0, n_cuts + 1) * (len(mature) - 1)
    dates = sorted(set(mature.iloc[places.astype(int)]))
    splits = []
    for start, end in pairwise(dates):
        last = end if end == dates[-1] else end - pd.Timedelta(days=1)
        splits.append(_cut(deals, spec, mature, start, last))
    return splits


def _mature_closings(deals: pd.DataFrame, spec: DealSpec) -> pd.Series:
    found = outcomes(deals, spec)
    closings = deals.loc[found["mature"].to_numpy(), spec.deals.closed_on].sort_values()
    if len(closings) == 0:
        raise DealsError(
            f"no deal is mature: none of the {len(deals)} deals closed {spec.label.horizon_months} "
            "months before observed_until. Remedy: a later extract, or a shorter horizon_months."
        )
    return closings


def _cut(
    deals: pd.DataFrame,
    spec: DealSpec,
    mature: pd.Series,
    start: pd.Timestamp,
    end: pd.Timestamp,
) -> Split:
    closing = deals[spec.deals.closed_on]
    is_mature = deals.index.isin(mature.index)
    test = deals[is_mature & ((closing >= start) & (closing <= end)).to_numpy()]
    return Split(recut(deals[(closing < start).to_numpy()], spec, start), test, start)
