"""Parse the outcome columns: dates, or a tenure and a flag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from fitmodel.deals.months import add_months, months_between, to_days
from fitmodel.deals.roles import MONTHS_PER, left_flag, left_without_date
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.months import Days

    Moment = str | date | np.datetime64

NEVER = np.datetime64("NaT", "D")


class ParsedHistory(Protocol):
    """The part of `DealHistory` that a view uses; it avoids a circular import."""

    deals: pd.DataFrame
    spec: DealSpec
    columns: OutcomeDates | OutcomeTenures

    @property
    def observed_from(self) -> np.datetime64:
        """First day on which leavers were recorded; NaT if they always were."""

    def as_of(self, day: Moment | None) -> Any:
        """Return the view of the deals as of a day."""

    def with_spec(self, spec: DealSpec) -> ParsedHistory:
        """Return the same deals under another contract."""


@dataclass(frozen=True, eq=False)
class OutcomeDates:
    """The outcome of every deal of a table, as dates.

    `closed`, ndarray of datetime64[D] of shape (deals,): day on which the deal was signed.
    `churned`, `exited`, ndarray of datetime64[D] of shape (deals,): day on which the customer left,
        and day of an exit for another cause; NaT if the table has no such date.
    `observed_until`, ndarray of datetime64[D] of shape (deals,): last day on which each deal was
        observed.
    `observed_from`, datetime64[D]: first day on which leavers were recorded; NaT if they always
        were.
    `left_some_day`, ndarray of bool of shape (deals,): whether the flag says that the customer
        left, while the day is unknown; see `fitmodel.deals.roles`.
    """

    closed: Days
    churned: Days
    exited: Days
    observed_until: Days
    observed_from: np.datetime64
    left_some_day: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class OutcomeTenures:
    """The outcome of every deal of a table, as a tenure and a flag.

    `months`, shape (deals,): months the customer has stayed so far.
    `left`, ndarray of bool of shape (deals,): whether it left at the end of those months.
    """

    months: NDArray[np.float64]
    left: NDArray[np.bool_]


def read_outcome_dates(deals: pd.DataFrame, spec: DealSpec) -> OutcomeDates:
    """Parse the date columns of a table and check that they agree.

    Raises DealsError if a date is missing, cannot be read or contradicts another.
    """
    require_dates(deals, spec)
    roles = spec.deals
    closed = _days(deals, roles.closed_on)
    _refuse(np.isnat(closed), deals, f"{roles.closed_on!r} is empty", "a deal has a closing date")
    observed_until = _observed_until(deals, spec)
    churned, exited = _days(deals, roles.churned_on), _days(deals, roles.exited_on)
    for name, days in (
        ("churned_on", churned),
        ("exited_on", exited),
        ("observed_until", observed_until),
    ):
        remedy = "correct the date or leave the row out"
        _refuse(days < closed, deals, f"{name} is before {roles.closed_on!r}", remedy)
    observed_from = (
        NEVER if roles.observed_from is None else np.datetime64(roles.observed_from, "D")
    )
    if not np.isnat(observed_from):
        _refuse_impossible(deals, spec, churned, observed_until, observed_from)
    return OutcomeDates(
        closed, churned, exited, observed_until, observed_from, left_without_date(deals, spec)
    )


def read_tenures(deals: pd.DataFrame, spec: DealSpec) -> OutcomeTenures:
    """Read how long each customer has stayed and whether it left.

    Raises DealsError if a tenure is missing or negative, or a flag is neither yes nor no.
    """
    unit = spec.deals.tenure_unit or "months"
    months = _number(deals, spec.deals.tenure_months) * MONTHS_PER[unit]
    flag = _flag(deals, spec)
    if not np.isin(flag, (0.0, 1.0)).all():
        raise DealsError(
            f"{spec.deals.churned!r} must be yes or no; read the table with read_deals"
        )
    if (months < 0).any():
        raise DealsError(f"{spec.deals.tenure_months!r} is negative in {(months < 0).sum()} deals")
    return OutcomeTenures(months, flag == 1.0)


def _flag(deals: pd.DataFrame, spec: DealSpec) -> NDArray[np.float64]:
    """Return 1 for customers that left and 0 for those that stayed."""
    if not spec.deals.churned_values:
        return _number(deals, spec.deals.churned)
    return left_flag(deals[spec.deals.churned], spec).series.to_numpy(dtype=float)


@dataclass(frozen=True, eq=False)
class Followup:
    """What was observed of deals up to a day.

    `extracted_until`, ndarray of datetime64[D] of shape (deals,): last day for which the table has
        information about each deal, even if it exited before.
    `watched_until`, ndarray of datetime64[D] of shape (deals,): last day on which leaving would
        have been recorded: the same day, or that of the exit.
    `left_on`, ndarray of datetime64[D] of shape (deals,): day on which the customer left; NaT if
        leaving was not observed.
    `exited_on`, ndarray of datetime64[D] of shape (deals,): day of an exit for another cause, also
        after that day; NaT without one.
    `left_by_months`, shape (deals,): for customers whose day of leaving is unknown: age in months
        by which they had left. NaN for all others.
    `undated`, ndarray of bool of shape (deals,): whether leaving is not observed because its day is
        unknown.
    `represented`, shape (deals,): number of leavers that each one with a known day represents; 1
        for the others. Undated leavers have no label, and as of an earlier day no follow-up. The
        other customers have both, so without this weight there would be too few leavers. Leavers
        after that day have it too: undated ones were left out whenever they left. Assumes that
        whether the day was recorded is independent of when the customer left.
    """

    extracted_until: Days
    watched_until: Days
    left_on: Days
    exited_on: Days
    left_by_months: NDArray[np.float64]
    undated: NDArray[np.bool_]
    represented: NDArray[np.float64]

    @classmethod
    def without_dates(cls, deals: int) -> Followup:
        """Return the follow-up of deals that have a tenure: all days are unknown."""
        never, nan = np.full(deals, NEVER), np.full(deals, np.nan)
        return cls(never, never, never, never, nan, np.zeros(deals, bool), np.ones(deals))


def followup_as_of(
    dates: OutcomeDates, rows: NDArray[np.intp], day: np.datetime64 | None, horizon_months: int
) -> Followup:
    """Return what was observed of some rows up to a day; None is the end of the extract.

    A customer that left on an unknown day had left by the day on which it was last observed. If
    that day is within the horizon, the customer left early and counts as having left on that day.
    Otherwise, and as of an earlier day, nothing is known about it after signing: it never counts as
    one that stayed. At the end of the extract its age by which it had left is known, if the deal
    was signed since ``observed_from``.
    """
    closed, observed_until = dates.closed[rows], dates.observed_until[rows]
    extracted = observed_until if day is None else np.minimum(observed_until, day)
    watched = np.fmin(extracted, dates.exited[rows])
    on_unknown_day = dates.left_some_day[rows]
    left_by_extract = on_unknown_day & (watched == observed_until)
    early = left_by_extract & (observed_until <= add_months(closed, horizon_months))
    has_left_by = left_by_extract & ~(closed < dates.observed_from)
    watched = np.where(on_unknown_day & ~early, closed, watched)
    left = np.where(early, observed_until, dates.churned[rows])
    left_by = frozen(np.where(has_left_by, months_between(closed, observed_until), np.nan))
    left_on = np.where(left <= watched, left, NEVER)
    undated = on_unknown_day & np.isnat(left_on)
    dated = (dates.churned[rows] <= observed_until) | ~np.isnat(left_on)
    represented = np.where(dated, 1 + undated.sum() / max(dated.sum(), 1), 1.0)
    exited = dates.exited[rows]
    return Followup(extracted, watched, left_on, exited, left_by, undated, represented)


def require_dates(deals: pd.DataFrame, spec: DealSpec) -> None:
    """Raise an error if the contract gives no dates, or the table lacks their columns.

    Raises DealsError if the outcome is given as a tenure, or a date column is absent.
    """
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


def day_as_of(as_of: Moment) -> np.datetime64:
    """Return the day, without a time, of a date given by the caller.

    Raises DealsError if it is not a date.
    """
    try:
        day = to_days(as_of)[0]
    except ValueError:
        day = NEVER
    if np.isnat(day):
        raise DealsError(f"as_of {as_of!r} is not a date; write it as 2026-06-30")
    return np.datetime64(day, "D")


def _days(deals: pd.DataFrame, column: str | None) -> Days:
    """Return a column as days; all NaT if no column plays the role."""
    if column is None:
        return np.full(len(deals), NEVER)
    try:
        return to_days(deals[column])
    except (ValueError, TypeError) as problem:
        raise DealsError(
            f"column {column!r} does not hold dates: {problem}; read the table with read_deals"
        ) from None


def _observed_until(deals: pd.DataFrame, spec: DealSpec) -> Days:
    """Return the last day for which the table has information about each deal."""
    given = spec.deals.observed_until
    if isinstance(given, str) and given in deals.columns:
        days = _days(deals, given)
        _refuse(np.isnat(days), deals, f"{given!r} is empty", "give the last day it was observed")
        return days
    try:
        day = to_days(given)[0]
    except ValueError:
        day = NEVER
    if np.isnat(day):
        raise DealsError(
            f"observed_until is {given!r}, neither a date nor a column of the deals; "
            "give the day the table was extracted, such as 2026-06-30"
        )
    return np.full(len(deals), day)


def _refuse_impossible(
    deals: pd.DataFrame, spec: DealSpec, churned: Days, until: Days, start: np.datetime64
) -> None:
    """Raise an error if a customer left, or the extract ended, before leavers were recorded."""
    _refuse(
        churned < start,
        deals,
        f"{spec.deals.churned_on!r} is before observed_from ({start}), when leavers were not "
        "recorded,",
        "set observed_from to the day from which all leavers were recorded, or leave the rows out "
        'with [rows] unobserved = "drop"',
    )
    if len(until) and until.max() < start:
        raise DealsError(
            f"observed_from ({start}) is after the last day on which any deal was observed "
            f"({until.max()}): no leaver can have been recorded; correct [deals] observed_from"
        )


def _number(deals: pd.DataFrame, column: str | None) -> NDArray[np.float64]:
    """Return a column as floats; an empty or unreadable cell is an error."""
    if column not in deals.columns:
        raise DealsError(f"the deals have no column {column!r}; they have {list(deals.columns)}")
    numbers = pd.to_numeric(deals[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    empty = np.isnan(numbers)
    if empty.any():
        raise DealsError(
            f"{column!r} is empty or not a number in {empty.sum()} of {len(deals)} deals, such as "
            f"row {deals.index[empty].tolist()[0]!r}; read the table with read_deals"
        )
    return numbers


def _refuse(wrong: NDArray[np.bool_], deals: pd.DataFrame, problem: str, remedy: str) -> None:
    """Raise an error that names the problem, the count, an example row and the remedy."""
    if wrong.any():
        example = deals.index[int(wrong.argmax())]
        raise DealsError(
            f"{problem} in {int(wrong.sum())} of {len(deals)} deals, such as row {example!r}: "
            f"{remedy}"
        )


def frozen(values: NDArray[Any]) -> NDArray[Any]:
    """Make an array read-only and return it, since cached results are shared."""
    values.setflags(write=False)
    return values
