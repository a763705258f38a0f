"""What was known of each deal, and when: watched from closing to leaving or to the last look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.leaving import left_without_date
from fitmodel.deals.months import add_months, to_days
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.months import Days

    Moment = str | date | np.datetime64

_STAMP = "fitmodel_as_of"
"""Key in `DataFrame.attrs` under which a re-cut table carries its date."""


@dataclass(frozen=True, eq=False)
class Observation:
    """
    The deals signed by a date, and what was known of them on it.

    Attributes
    ----------
    signed : ndarray of bool of shape (rows of the table,)
        Which rows of the table these are.
    closed, watched_until, churned : ndarray of datetime64[D] of shape (deals,)
        Day signed, last day watched (leaving not counted), day left (NaT: not seen to leave).
    extract_end : datetime64[D]
        Last day on which any of them was watched; NaT without deals.
    """

    signed: NDArray[np.bool_]
    closed: Days
    watched_until: Days
    churned: Days
    extract_end: np.datetime64


def observe(deals: pd.DataFrame, spec: DealSpec, as_of: Moment | None = None) -> Observation:
    """
    Dates of the deals as they were known on ``as_of`` (default: when the table was extracted).

    Raises
    ------
    DealsError
        If a date is missing, cannot be read or contradicts another, or the spec has no dates.
    """
    _require_dates(deals, spec)
    roles = spec.deals
    cut = _cut(deals, as_of)
    closed = _days(deals, roles.closed_on)
    _refuse(np.isnat(closed), deals, f"{roles.closed_on!r} is empty", "a deal has a closing date")
    signed = np.ones(len(deals), dtype=bool) if cut is None else closed <= cut
    known = deals.loc[signed]
    closed = closed[signed]
    watched = _watched_until(known, spec)
    extract_end = _earlier(watched, cut).max() if len(watched) else np.datetime64("NaT")
    churned, exited = _days(known, roles.churned_on), _days(known, roles.exited_on)
    for name, days in (("churned_on", churned), ("exited_on", exited), ("observed_until", watched)):
        remedy = "correct the date or leave the row out"
        _refuse(days < closed, known, f"{name} lies before {roles.closed_on!r}", remedy)
    until = np.fmin(_earlier(watched, cut), exited)
    unknown = left_without_date(known, spec)
    if unknown.any():
        until, churned = _left_some_day(unknown, closed, watched, until, churned, spec)
    return Observation(
        signed,
        closed,
        until,
        np.where(churned <= until, churned, np.datetime64("NaT")),
        extract_end,
    )


def _left_some_day(
    unknown: NDArray[np.bool_],
    closed: Days,
    watched: Days,
    until: Days,
    churned: Days,
    spec: DealSpec,
) -> tuple[Days, Days]:
    """Last day watched and day left, where some left on an unknown day before the extract.

    Such a customer is known to have left by the end of the extract. Where that is within the
    horizon it left early, at the latest on that day; else nothing is known of it after closing,
    and it is never counted as one that stayed.
    """
    by_then = unknown & (watched <= add_months(closed, spec.label.horizon_months))
    by_then &= until == watched  # as of an earlier day not even that was known
    until = np.where(unknown & ~by_then, closed, until)
    return until, np.where(by_then, watched, churned)


def extract_end(deals: pd.DataFrame, spec: DealSpec) -> pd.Timestamp | None:
    """Last day anything is known of: the latest ``observed_until``; None where tenure is given."""
    if not spec.has_dates or not len(deals):
        return None
    return pd.Timestamp(observe(deals, spec).extract_end)


def recut(deals: pd.DataFrame, spec: DealSpec, as_of: Moment) -> pd.DataFrame:
    """
    Table as it would have been extracted on ``as_of``.

    Later deals are dropped, later churn and exits emptied, the observation end brought forward. The
    date stays with the table (in ``DataFrame.attrs``), so its outcomes are those known then even
    where ``as_of`` is not passed on. Idempotent: re-cutting twice is re-cutting at the earlier
    date.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``; not changed.
    spec : DealSpec
        A contract with dates.
    as_of : date
        Last day of which anything is known.

    Returns
    -------
    DataFrame

    Raises
    ------
    DealsError
        If the spec gives a tenure instead of dates, or a date cannot be read.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> then = recut(sim.deals, sim.spec, pd.Timestamp("2025-12-31"))
    >>> bool((then["closed_on"] <= "2025-12-31").all())
    True
    """
    _require_dates(deals, spec)
    cut = _cut(deals, as_of)
    if cut is None:
        raise DealsError("recut needs a date: as_of is None")
    known = deals.loc[_days(deals, spec.deals.closed_on) <= cut].copy()
    for column in (spec.deals.churned_on, spec.deals.exited_on):
        if column is not None:
            days = _days(known, column)
            later = days > cut
            known[column] = _as_column(np.where(later, np.datetime64("NaT"), days))
            if column == spec.deals.churned_on and spec.deals.churned in known.columns:
                flag = known[spec.deals.churned].astype(object)
                known[spec.deals.churned] = flag.mask(later, None)  # not left yet
    if spec.deals.observed_until in known.columns:
        known[spec.deals.observed_until] = _as_column(_earlier(_watched_until(known, spec), cut))
    known.attrs = {**deals.attrs, _STAMP: str(cut)}
    return known


def _require_dates(deals: pd.DataFrame, spec: DealSpec) -> None:
    if not spec.has_dates:
        raise DealsError(
            "outcomes as known on an earlier date need closing and churn dates, but the contract "
            "gives a tenure and a flag, which say how long a customer stayed, not when; add "
            "closed_on and churned_on, or evaluate by cross-validation instead of out of time"
        )
    columns = (spec.deals.closed_on, spec.deals.churned_on, spec.deals.exited_on)
    absent = [column for column in columns if column is not None and column not in deals.columns]
    if absent:
        raise DealsError(f"the deals have no column {absent}; they have {list(deals.columns)}")


def _cut(deals: pd.DataFrame, as_of: Moment | None) -> np.datetime64 | None:
    """The earlier of the date asked for and the date the table was already re-cut at."""
    dates = [moment for moment in (as_of, deals.attrs.get(_STAMP)) if moment is not None]
    try:
        return min((to_days(moment)[0] for moment in dates), default=None)
    except ValueError:
        raise DealsError(f"as_of {as_of!r} is not a date; write it as 2026-06-30") from None


def _days(deals: pd.DataFrame, column: str | None) -> Days:
    """A column's whole days; all NaT where the role is not given."""
    if column is None:
        return np.full(len(deals), np.datetime64("NaT"), dtype="datetime64[D]")
    try:
        return to_days(deals[column])
    except (ValueError, TypeError) as fault:
        raise DealsError(
            f"column {column!r} does not hold dates: {fault}; read the table with read_deals"
        ) from None


def _watched_until(deals: pd.DataFrame, spec: DealSpec) -> Days:
    """Last day each deal is known of by the extract, whether or not it exited before."""
    given = spec.deals.observed_until
    if isinstance(given, str) and given in deals.columns:
        days = _days(deals, given)
        _refuse(np.isnat(days), deals, f"{given!r} is empty", "give the day it was last looked at")
        return days
    try:
        day = to_days(given)[0]
    except ValueError:
        day = np.datetime64("NaT", "D")
    if np.isnat(day):
        raise DealsError(
            f"observed_until is {given!r}, neither a date nor a column of the deals; "
            "give the day the table was extracted, such as 2026-06-30"
        )
    return np.full(len(deals), day)


def _earlier(days: Days, cut: np.datetime64 | None) -> Days:
    return days if cut is None else np.minimum(days, cut)


def _as_column(days: Days) -> NDArray[np.datetime64]:
    return days.astype("datetime64[us]")


def _refuse(wrong: NDArray[np.bool_], deals: pd.DataFrame, what: str, remedy: str) -> None:
    if wrong.any():
        example = deals.index[int(wrong.argmax())]
        raise DealsError(
            f"{what} in {int(wrong.sum())} of {len(deals)} deals, such as row {example!r}: {remedy}"
        )
