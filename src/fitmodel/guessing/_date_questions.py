"""Open questions about dates: which event a date is of, and whether it is the day of that event."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.months import add_months
from fitmodel.deals.reading import left_in_trial
from fitmodel.guessing._columns import columns_in_export, named
from fitmodel.guessing._extract import find_announced
from fitmodel.guessing._names import EXPECTED, TRIAL_END, as_words, name_rank
from fitmodel.guessing._question import Question
from fitmodel.guessing._rows import is_named_leaving
from fitmodel.leakage.names import is_updated_by_crm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column

MIN_SAME_ROWS = 0.8  # share of leavers with both dates from which two dates are of leaving
MIN_OTHER_DAY = 0.05  # share of them with another day from which the choice matters
MIN_SHARE_OF_A_DAY, MIN_ON_A_DAY, TIMES_THE_NEXT_DAY = 0.1, 20, 5  # one day has too many dates
FIRST_OF_NUMBERS = np.datetime64("1990-01-01")  # numbers that give earlier days are suspicious
MOSTLY = 0.95  # share of dates on the first day of a month from which the day is not known
MIN_AFTERNOON, MIDNIGHTS = 13, 2  # hours of UTC at which another zone has midnight; one in summer
CHECKED_TIMES = 2_000
_FULL_HOUR_UTC = re.compile(
    r"^\d{4}-\d{2}-\d{2}[T ](\d{2}):00(?::00(?:[.,]0+)?)? ?(?:Z|UTC|\+00:?00)$"
)
_BUDDHIST = re.compile(r"(?<!\d)25[4-9]\d(?!\d)")
_NUMBER = re.compile(r"\b\d{1,2}\b")


def about_dates(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about the closing date and the date of leaving."""
    closed, left = (named(columns, each) for each in (spec.deals.closed_on, spec.deals.churned_on))
    yield from _about_names(columns, spec)
    yield from _about_trials(columns, spec)
    if closed is None or left is None:
        return
    yield from _about_numbered(left, columns)
    yield from _about_other_closing_dates(closed, left, columns, spec)
    yield from _about_other_dates_of_leaving(closed, left, columns, spec)
    yield from _about_announced(closed, left, spec)
    yield from _about_counted_days(closed)
    yield from _about_buddhist_years(closed, left)
    yield from _about_midnights(closed, left)
    yield from _about_first_days(closed, left)
    yield from _about_months(closed, left)
    yield from _about_one_day(
        closed,
        "Was the table filled on that day from another system? Then customers who came long before "
        "seem to have signed on that day",
        "give the true closing dates, and [deals] observed_from with the day from which leavers "
        "were recorded; or acknowledge it",
    )
    yield from _about_one_day(
        left,
        "Were customers who had left before recorded on that day? Then they seem to have stayed "
        "until it",
        "give the true dates of leaving; or empty these, name a status as churned and set [rows] "
        'left_without_date = "unknown"; or acknowledge it',
    )


def _about_names(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about dates whose name does not suggest their role."""
    closed, left = spec.deals.closed_on, spec.deals.churned_on
    by_name = closed is None or (
        name_rank(as_words(closed), "closed_on") is not None
        and not EXPECTED.search(as_words(closed))
    )
    if closed is not None and not by_name and closed not in columns_in_export(columns, "closed_on"):
        yield _unclear_date("closed_on", closed, "the day the contract was signed")
    known = columns_in_export(columns, "churned_on")
    if left is not None and not is_named_leaving(left) and left not in known:
        yield _unclear_date("churned_on", left, "the day the customer left")


def _about_trials(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if customers left by the end of a trial."""
    left = named(columns, spec.deals.churned_on)
    if left is None or spec.rows.trial_end is not None:
        return
    leavers = int(left.real_dates.sum())
    for trial in (each for each in columns if TRIAL_END.search(each.words) and each.is_date):
        both = pd.DataFrame({left.name: left.cells, trial.name: trial.cells})
        in_trial = int(left_in_trial(both, left.name, trial.name).sum())
        if trial.name != left.name and in_trial:
            yield Question(
                "left-in-trial",
                trial.name,
                f"{trial.name}: {in_trial:,} of {leavers:,} that left did so by the end of their "
                "trial. They were never customers, but would count as early churners",
                f'[rows] trial_end = "{trial.name}" leaves them out; acknowledge it if a trial '
                "is a signed contract",
            )
            return


def _unclear_date(role: str, column: str, meaning: str) -> Question:
    return Question(
        "date-by-content",
        column,
        f"{role}: the name of {column!r} does not say that it is {meaning}",
        f'correct it, or [rows] acknowledged = ["date-by-content:{column}"]',
    )


def _about_numbered(left: Column, columns: list[Column]) -> Iterator[Question]:
    """Yield a question if the date of leaving ends one of several numbered contracts."""
    if not _NUMBER.search(left.words):
        return
    pattern = _NUMBER.sub("#", left.words)
    others = [
        column
        for column in columns
        if column.name != left.name and _NUMBER.sub("#", column.words) == pattern
    ]
    dated = [column for column in others if column.is_date]
    if dated:
        listed = ", ".join(f"{column.name!r} ({column.filled:,} dates)" for column in dated[:3])
        yield Question(
            "numbered-contracts",
            left.name,
            f"{left.name}: the table also has {listed}. A customer with a later contract did not "
            "leave at the end of an earlier one, but would count as having left",
            "one row per contract with [rows] customer, or a column with the end of the last "
            "contract, empty while it runs",
            must_answer=True,
        )


def _about_other_closing_dates(
    closed: Column, left: Column, columns: list[Column], spec: DealSpec
) -> Iterator[Question]:
    """Yield a question if another date may be the closing date as well, and has other days."""
    rank = name_rank(closed.words, "closed_on")
    if rank is None or closed.name in columns_in_export(columns, "closed_on"):
        return
    for other in columns:
        if other.name in spec.role_columns or not (other.is_date and other.is_full):
            continue
        if name_rank(other.words, "closed_on") != rank or EXPECTED.search(other.words):
            continue
        days = other.days.astype(int) - closed.days.astype(int)
        differ = closed.real_dates & other.real_dates & (days != 0)
        if differ.mean() < MIN_OTHER_DAY or is_updated_by_crm(other.name):
            continue
        horizon = spec.label.horizon_months
        now, then = (_early(each, left, horizon) for each in (closed, other))
        yield Question(
            "other-closing-date",
            other.name,
            f"{other.name}: may be the closing date as well, and is another day than "
            f"{closed.name!r} in {int(differ.sum()):,} of {len(days):,} rows (typically "
            f"{abs(int(np.median(days[differ])))} days {_side(days[differ])}). By it {then:,} "
            f"customers left within {horizon} months, by {closed.name!r} {now:,}",
            f'[deals] closed_on = "{other.name}"; or acknowledge it if {closed.name!r} is right',
        )
        return


def _about_other_dates_of_leaving(
    closed: Column, left: Column, columns: list[Column], spec: DealSpec
) -> Iterator[Question]:
    """Yield a question if another date of leaving has the same rows and other days."""
    if left.name in columns_in_export(columns, "churned_on"):
        return
    dated = left.real_dates
    for other in columns:
        if other.name in spec.role_columns or not (other.is_date and is_named_leaving(other.name)):
            continue
        both = dated & other.real_dates
        if both.sum() < MIN_SAME_ROWS * max(dated.sum(), other.real_dates.sum()):
            continue
        days = other.days[both].astype(int) - left.days[both].astype(int)
        differ = days != 0
        if differ.mean() < MIN_OTHER_DAY:
            continue
        horizon = spec.label.horizon_months
        now, then = (_early(closed, each, horizon) for each in (left, other))
        yield Question(
            "other-date-of-leaving",
            other.name,
            f"{other.name}: is a date of leaving too, and another day than {left.name!r} in "
            f"{int(differ.sum()):,} of {int(both.sum()):,} rows (typically "
            f"{abs(int(np.median(days[differ])))} days {_side(days[differ])}). By it {then:,} "
            f"customers left within {horizon} months, by {left.name!r} {now:,}. One may "
            "be the day of notice, the other the day on which the contract ended",
            f'[deals] churned_on = "{other.name}"; or acknowledge it if {left.name!r} is right',
        )
        return


def _side(days: NDArray[np.int64]) -> str:
    return "later" if np.median(days) > 0 else "earlier"


def _early(closed: Column, left: Column, horizon_months: int) -> int:
    """Return how many customers left within the horizon by a date of leaving."""
    signed, gone = closed.days, left.days
    known = closed.real_dates & left.real_dates
    return int((gone[known] <= add_months(signed[known], horizon_months)).sum())


def _about_announced(closed: Column, left: Column, spec: DealSpec) -> Iterator[Question]:
    """Yield a question if the extract seems to end with dates of leaving that are announced."""
    announced = find_announced(closed, left)
    if announced is None or str(spec.deals.observed_until) != str(announced.last_leaving):
        return
    yield Question(
        "announced-leaving",
        left.name,
        f"{left.name}: {announced.count:,} dates are later than the last closing "
        f"({announced.last_closing}), up to {announced.last_leaving}, which is given as the end of "
        "the extract. If they were announced for later, the extract was made before them, and "
        "young deals would count as customers that stayed",
        f'[deals] observed_until = the day of the extract, such as "{announced.last_closing}"; or '
        "acknowledge it if customers were followed until then",
    )


def _about_counted_days(closed: Column) -> Iterator[Question]:
    """Yield a question if numbers, as a spreadsheet's days, give far too early dates."""
    days = closed.real_days
    is_number = pd.api.types.is_numeric_dtype(closed.cells.dtype)
    if is_number and len(days) and days.max() < FIRST_OF_NUMBERS:
        yield Question(
            "counted-days",
            closed.name,
            f"{closed.name}: the numbers were read as days of a spreadsheet, and end on "
            f"{days.max()}. "
            "Are they counted from another day, as statistics programs (1960) and Unix (1970) do?",
            "export dates as YYYY-MM-DD; or acknowledge it",
        )


def _about_midnights(*columns: Column) -> Iterator[Question]:
    """Yield a question if all times in UTC are the midnight of a time zone that is ahead of it."""
    for column in columns:
        hours = _hours_in_utc(column)
        if min(hours, default=0) < MIN_AFTERNOON or len(hours) > MIDNIGHTS:
            continue
        shown = " or ".join(f"{hour}:00" for hour in sorted(hours))
        yield Question(
            "midnights-in-utc",
            column.name,
            f"{column.name}: all times are {shown} in UTC, the midnight of a time zone that is "
            "ahead of it. The days that are read are one day too early there",
            "export days, or times in the company's time zone; or acknowledge it",
        )
        return


def _hours_in_utc(column: Column) -> set[int]:
    """Return the hours of times that are written in UTC; none if some have minutes or no zone."""
    if not column.is_text:
        return set()
    texts = column.cells.dropna().astype("str").drop_duplicates()[:CHECKED_TIMES]
    parts = texts.str.extract(_FULL_HOUR_UTC)[0]
    return set() if parts.isna().any() else set(parts.astype(int))


def _about_first_days(closed: Column, left: Column) -> Iterator[Question]:
    """Yield a question if many customers left on the day on which they signed."""
    both = closed.real_dates & left.real_dates
    same = int((closed.days[both] == left.days[both]).sum())
    if same >= max(MIN_ON_A_DAY, MIN_SHARE_OF_A_DAY * both.sum()):
        yield Question(
            "left-on-signing-day",
            left.name,
            f"{left.name}: {same:,} of {int(both.sum()):,} customers that left did so on the day "
            f"in {closed.name!r}. They may never have begun, or their day of leaving is not known",
            "leave out those who never began, or empty a day that is not known, name a status as "
            'churned and set [rows] left_without_date = "unknown"; acknowledge it if they left '
            "on that day",
        )


def _about_buddhist_years(*columns: Column) -> Iterator[Question]:
    """Yield a question for each column with years of the Buddhist calendar, which is 543 ahead."""
    for column in columns:
        if not column.is_text:
            continue
        rows = column.real_dates & column.cells.astype("str").str.contains(_BUDDHIST).to_numpy()
        if rows.any():
            first = int(rows.argmax())
            yield Question(
                "buddhist-years",
                column.name,
                f"{column.name}: {rows.sum():,} of {column.filled:,} dates have years from 2540 to "
                f"2599, and were read as years of the Buddhist calendar: "
                f"{str(column.cells.iloc[first])!r} is {column.days[first]}",
                "correct them if they are typing errors; acknowledge it if they are Buddhist years",
            )


def _about_months(closed: Column, left: Column) -> Iterator[Question]:
    """Yield a question if only the month of leaving is known, but the day of closing."""
    days = left.real_days
    first = days == days.astype("datetime64[M]").astype("datetime64[D]")
    signed = closed.real_days
    also = signed == signed.astype("datetime64[M]").astype("datetime64[D]")
    if len(days) < MIN_ON_A_DAY or first.mean() < MOSTLY or also.mean() >= MOSTLY:
        return
    yield Question(
        "month-of-leaving",
        left.name,
        f"{left.name}: {int(first.sum()):,} of {len(days):,} dates are the first day of a month, "
        f"but only {int(also.sum()):,} of {len(signed):,} in {closed.name!r}. If only the month is "
        "known, customers seem to leave half a month too early on average",
        "give the days, or the last days of the months; acknowledge it if contracts end on the "
        "first day of a month",
    )


def _about_one_day(column: Column, question: str, answer: str) -> Iterator[Question]:
    """Yield a question if one day has many times the dates of any other day."""
    days, rows = np.unique(column.real_days, return_counts=True)
    if len(days) < 2:  # noqa: PLR2004 - a single day cannot be compared with others
        return
    *_, second, most = np.sort(rows)
    if most < max(MIN_ON_A_DAY, MIN_SHARE_OF_A_DAY * rows.sum()) or most < (
        TIMES_THE_NEXT_DAY * second
    ):
        return
    yield Question(
        "one-day",
        column.name,
        f"{column.name}: {most:,} of {rows.sum():,} dates are {days[rows.argmax()]}, and at most "
        f"{second:,} any other day. {question}",
        answer,
    )
