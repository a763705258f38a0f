"""Splits into training and test deals, so that a model never sees the future.

|------ signed before the date ------|------ signed on it or later ------|--- not mature ---|
 train: outcomes as known on the date  test: outcomes as known now          in neither
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.enough import waiting_text
from fitmodel.deals.history import view_of
from fitmodel.deals.months import DAYS_PER_MONTH
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    import numpy.typing as npt

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView

TEST_SHARE = 0.25
LARGER_TEST_SHARES = (0.35, 0.45, 0.55, 0.65, 0.75)
ROLLING_SHARE = 0.5
CUTS = 4
MIN_CHURNERS = 10
"""Default minimum number of early churners, and of customers that stayed, in each part."""


@dataclass(frozen=True, eq=False)
class Split:
    """Deals to train on, as they were known at `date`, and deals to evaluate on.

    Parameters
    ----------
    train : HistoryView
        Deals signed before `date`, as known on `date`.
    test : HistoryView
        Mature deals signed on `date` or later, with everything that is known today.
    date : Timestamp
        First closing date of the test deals.
    """

    train: HistoryView
    test: HistoryView
    date: pd.Timestamp


def out_of_time_split(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    test_share: float = TEST_SHARE,
    min_early_churners: int = MIN_CHURNERS,
) -> Split:
    """Split off the newest mature deals to evaluate on.

    Deals that are not mature are in neither part: among them only churners' outcomes are known.

    `deals`: as read by ``read_deals``, or a view of them.
    `spec`: a contract with dates.
    `test_share`: share of the mature deals to evaluate on; the split is at the nearest day, because
        the deals of one day are never separated.
    `min_early_churners`: minimum number of early churners, and of customers that stayed, in each
        part.
    Raises DealsError if the contract has no dates, no deal is mature, all mature deals closed on
    one day, or a part has too few early churners; the message has their number and the remedy.
    """
    return _splits(deals, spec, 1, test_share, min_early_churners)[0]


def rolling_cuts(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    n: int = CUTS,
    *,
    test_share: float = ROLLING_SHARE,
    min_early_churners: int = MIN_CHURNERS,
) -> list[Split]:
    """Split at several dates, with about equally many mature test deals after each.

    Parameters
    ----------
    deals, spec, min_early_churners
        As in `out_of_time_split`.
    n : int
        Number of dates.
    test_share : float
        Share of the mature deals evaluated at all dates together; earlier deals are only trained
        on.

    Returns
    -------
    list of Split
        Splits, earliest first. The test deals of each were signed from its date until the day
        before the next split's date.

    Raises
    ------
    DealsError
        As `out_of_time_split`; also if the deals closed on too few days for `n` dates.
    """
    return _splits(deals, spec, n, test_share, min_early_churners)


def latest_possible_split(deals: pd.DataFrame | HistoryView, spec: DealSpec) -> Split:
    """Return the standard out-of-time split, or the latest one with enough deals in both parts.

    `deals`: as read by ``read_deals``, or a view of them.
    `spec`: a contract with dates.
    Raises DealsError: the error of `out_of_time_split` for the standard split, if no other split is
    possible.
    """
    view = view_of(deals, spec)
    try:
        return out_of_time_split(view, spec)
    except DealsError:
        for share in LARGER_TEST_SHARES:
            try:
                return out_of_time_split(view, spec, test_share=share)
            except DealsError:
                continue
        raise


def blocks_in_time(view: HistoryView, n_blocks: int) -> list[npt.NDArray[np.intp]]:
    """Return the deals' positions per block of neighbouring closing days, about equally large.

    The deals of one day are all in one block.
    """
    closed = view.closed
    if closed is None:
        raise DealsError("deals without closing dates cannot be split into blocks of time")
    days, counts = np.unique(closed, return_counts=True)
    block = ((np.cumsum(counts) - counts / 2) / len(closed) * n_blocks).astype(int)
    deal_blocks = block[np.searchsorted(days, closed)]
    return [np.flatnonzero(deal_blocks == number) for number in np.unique(deal_blocks)]


def _splits(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, n: int, test_share: float, minimum: int
) -> list[Split]:
    if n < 1 or not 0 < test_share < 1:
        raise DealsError(
            f"{n} cut(s) and test_share {test_share:g}: give 1 cut or more and a share between "
            "0 and 1."
        )
    if not spec.has_dates:
        raise DealsError(
            "Deals can be split in time only where closing dates are known, but the contract gives "
            "a tenure. Remedy: add the column with the closing date and the one with the date of "
            "leaving (closed_on and churned_on in [deals]). `fitmodel train` needs no dates: it "
            "evaluates by cross-validation."
        )
    view = view_of(deals, spec)
    closed = np.asarray(view.closed)
    # The label of a deal that entered late is not representative: early leavers are missing.
    known = view.mature & view.from_signing
    if not known.any():
        period = "" if view.from_signing.all() else " signed since observed_from"
        raise DealsError(
            f"None of {len(view)} deals{period} is mature: none closed "
            f"{spec.label.horizon_months} months before observed_until. Use a later extract, or a "
            "shorter horizon_months."
        )
    dates = _cut_dates(closed[known], n, test_share)
    splits = []
    end = closed.max() + np.timedelta64(1, "D")
    for date, following in pairwise([*dates, end]):
        day = pd.Timestamp(date)
        train = view.as_of(date).signed_before(date)
        _require_enough(train, f"known on {day:%Y-%m-%d} to learn from", minimum)
        test = view.subset(known & (closed >= date) & (closed < following))
        _require_enough(test, f"to evaluate on, signed from {day:%Y-%m-%d} on", minimum)
        splits.append(Split(train, test, day))
    return splits


def _cut_dates(
    closed: npt.NDArray[np.datetime64], n: int, test_share: float
) -> list[np.datetime64]:
    """Return the days at which the share of earlier mature deals is nearest to the wanted one."""
    days, counts = np.unique(closed, return_counts=True)
    earlier_share = (np.cumsum(counts) - counts) / len(closed)
    wanted_shares = 1 - test_share + test_share * np.arange(n) / n
    nearest = (
        1 + np.abs(earlier_share[1:, None] - wanted_shares).argmin(axis=0) if len(days) > 1 else []
    )
    if len(set(nearest)) < n:
        raise DealsError(
            f"The {len(closed)} mature deals closed on {len(days)} day(s), too few to cut at {n} "
            "date(s). Remedy: check closed_on, or ask for fewer cuts."
        )
    return [days[position] for position in nearest]


def _require_enough(view: HistoryView, purpose: str, minimum: int) -> None:
    """Raise DealsError if a part has too few early churners, or too few others.

    A training deal counts whatever its age, because young deals carry information too.
    """
    left = int((view.early_churn == 1.0).sum())
    closed, months = view.closed, 1.0
    if closed is not None and len(closed):
        months = max(1.0, float((closed.max() - closed.min()).astype(int)) / DAYS_PER_MONTH)
    for count, kind in ((left, "early churners"), (len(view) - left, "other customers")):
        if count < minimum:
            raise DealsError(
                f"Too little {purpose}: {count} {kind} among {len(view)} deals; {minimum} needed"
                f"{waiting_text(count, months, minimum)}. Remedy: a later extract, fewer cuts, a "
                "larger share of test deals (test_share), or another horizon_months."
            )
