"""Guess the end of the extract from the dates of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.roles import DAYS_PER_YEAR
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.guessing._columns import Column
    from fitmodel.guessing._draft import Draft

DATES = ("closed_on", "churned_on", "exited_on", "observed_until")
LONGEST_GAP = 366  # after a longer gap in days, the latest date may be a typing error
DAYS_COUNTED = 365  # days before the last closing whose closings give the usual time between two
MIN_QUIET_DAYS, QUIET_TIMES = 45, 15  # a longer time without closings is not chance
MAX_ISOLATED, MAX_ISOLATED_SHARE = 2, 0.003  # more late dates than that are no typing errors
MAX_DAYS_OFF = 2  # maximum difference in days from a whole number of years
MIN_GOING_ON = 0.5  # leavers in that time over those in the same time before: they go on leaving


def guess_extract(draft: Draft) -> None:
    """Use the latest date of all roles as the end of the extract.

    Dates of leaving long after the last closing date may be announced for later, so the last
    closing date is used instead: what is not known yet must not count as staying.
    """
    columns = [draft.roles[role] for role in DATES if role in draft.roles]
    dates = pd.concat([c.dates.series[c.real_dates] for c in columns if c.dates is not None])
    days = dates.drop_duplicates().sort_values()
    if days.empty:
        raise _no_usual_dates(columns[0])
    closed, left = draft.roles["closed_on"], draft.roles["churned_on"]
    announced = find_announced(closed, left)
    if announced is not None:
        draft.observed_until = str(announced.last_closing)
        draft.unsure.append(
            f"observed_until: the last date in {closed.name!r} ({announced.last_closing}) was "
            f"used, since {announced.count:,} dates in {left.name!r} are later (up to "
            f"{announced.last_leaving}), when no deal was signed any more. They may be announced "
            f"for later; write the day of the extract{_maybe_typing_error(days)}"
        )
        return
    isolated = isolated_dates(closed.real_days, dates.to_numpy().astype("datetime64[D]"))
    if isolated is not None:
        draft.observed_until = str(isolated.last_usual)
        draft.unsure.append(
            f"observed_until: {isolated.count} date(s), such as {isolated.latest}, are far from "
            f"all others, which end on {isolated.last_usual}: a typing error? That day was used; "
            "write the day of the extract instead"
        )
        return
    draft.observed_until = str(days.iloc[-1].date())
    draft.unsure.append(
        f"observed_until: the latest date in the table ({draft.observed_until}) was used; "
        f"write the day of the extract instead{_maybe_typing_error(days)}"
    )


def _maybe_typing_error(days: pd.Series[Any]) -> str:
    """Return a sentence if the latest of the sorted days is far from all others."""
    if len(days) > 1 and (days.iloc[-1] - days.iloc[-2]).days > LONGEST_GAP:
        return f". The second-latest date is {days.iloc[-2].date()}: a typing error?"
    return ""


def _no_usual_dates(column: Column) -> DealsError:
    """Return the error that no date of a column is between the years 1900 and 2200."""
    return DealsError(
        f"{column.name}: no date is between 1900 and 2200, for example "
        f"{column.cells.dropna().iloc[0]!r}. Remedy: write the years of the Gregorian calendar "
        "(1446 of the Islamic calendar is 2024)"
    )


@dataclass(frozen=True)
class Announced:
    """Dates of leaving long after the last closing date."""

    last_closing: np.datetime64
    last_leaving: np.datetime64
    count: int


def find_announced(closed: Column, left: Column) -> Announced | None:
    """Return the dates of leaving that seem to be announced; see `announced_leavers`."""
    signed, gone = closed.real_days, left.real_days
    if not len(signed):
        return None
    after = (left.days - closed.days)[left.days > signed.max()]
    planned = whole_years(after[~np.isnat(after)].astype(int))
    return announced_leavers(signed, gone, int(planned.sum()))


def whole_years(days: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether numbers of days are one or more whole years, up to two days."""
    years = np.round(days / DAYS_PER_YEAR)
    whole: NDArray[np.bool_] = (np.abs(days - years * DAYS_PER_YEAR) <= MAX_DAYS_OFF) & (years >= 1)
    return whole


def announced_leavers(
    closed: NDArray[np.datetime64], left: NDArray[np.datetime64], planned: int = 0
) -> Announced | None:
    """Return the dates of leaving in a time without closings that is long for the company.

    Deals are usually signed until the extract is made. If many times the usual time between two
    closings has passed, the later dates of leaving are announced for later, or the table holds
    only deals signed by some day. In the second case customers go on leaving as before; so None is
    returned if at least half as many left in that time as in the same time before it, not counting
    dates of planned ends.

    `planned`: number of dates of leaving after the last closing that are whole years after signing,
        as ends of terms are.
    """
    if not len(closed) or not len(left):
        return None
    last, latest = closed.max(), left.max()
    if int((latest - last).astype(int)) <= _longest_quiet(closed, last):
        return None
    later = int((left > last).sum())
    before = int(((left > last - (latest - last)) & (left <= last)).sum())
    going_on = later - planned >= MIN_GOING_ON * before
    return None if going_on else Announced(last, latest, later)


@dataclass(frozen=True)
class Isolated:
    """The last dates of a table, if they are far from all others."""

    last_usual: np.datetime64
    latest: np.datetime64
    count: int


def isolated_dates(
    closed: NDArray[np.datetime64], dates: NDArray[np.datetime64]
) -> Isolated | None:
    """Return the last dates of a table if very few of them come long after all others.

    `dates`, ndarray of datetime64[D]: all dates: of closing, of leaving, of other exits.
    """
    ordered = np.sort(dates)
    most = max(MAX_ISOLATED, int(MAX_ISOLATED_SHARE * len(ordered)))
    for count in range(min(most, len(ordered) - 1), 0, -1):
        before, first = ordered[-count - 1], ordered[-count]
        quiet = int((first - before).astype(int))
        if quiet > _longest_quiet(closed[closed <= before], before):
            return Isolated(before, ordered[-1], count)
    return None


def _longest_quiet(closed: NDArray[np.datetime64], last: np.datetime64) -> float:
    """Return the longest time in days that may pass by chance without a closing after a day."""
    recent = closed > last - np.timedelta64(DAYS_COUNTED, "D")
    return max(MIN_QUIET_DAYS, QUIET_TIMES * DAYS_COUNTED / max(int(recent.sum()), 1))
