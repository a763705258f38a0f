"""Choose the outcome: dates with a flag, or tenure and a flag; and the churn date's column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.deals.validation import exchanged_problem
from fitmodel.exceptions import DealsError
from fitmodel.guessing._columns import MIN_READABLE, MIN_READABLE_NAMED
from fitmodel.guessing._extract import DATES, guess_extract, whole_years
from fitmodel.guessing._names import is_other_event, name_rank
from fitmodel.guessing._roles import tenure_unit, unit_of_values
from fitmodel.guessing._rows import UNNAMED_LEAVING, find_status, leaving_rank
from fitmodel.leakage.names import is_later
from fitmodel.tables.cells import plain
from fitmodel.tables.values import day_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fitmodel.guessing._columns import Column
    from fitmodel.guessing._draft import Draft
    from fitmodel.guessing._rows import Status
    from fitmodel.tables.values import Mask

FLAG_VALUES, MAX_SHOWN = 2, 3  # values of a flag; columns of two values that an error lists
MIN_DATES = 0.95  # minimum share of dates among the values
MAX_BEFORE_SIGNING = 0.01  # maximum share of dates of leaving before signing
MAX_BEFORE_SIGNING_NAMED = 0.1  # the same, where the name says that it is one: `check` lists them
MIN_FILLED_LEFT = 0.3  # minimum share of customers with a date among those who left by the status
MAX_FILLED_STAYED = 0.15  # maximum share among the others, who may have announced to leave
TERM_END = 2  # rank of names such as "end date", which may be the end of the contract term
MIN_WHOLE_YEARS = 0.5  # dates are planned if more than this share is whole years after signing
MIN_VALUES_AS_NAMES = 2  # column names that are values, from which on the first line is a row
_DECIMAL = re.compile(r"-?[0-9]+[.,][0-9]+")


def find_leavers(draft: Draft) -> None:
    """Find the flag or status that says who left, and the date that agrees with it."""
    draft.status = find_status(draft.free, draft.vendor)
    if "closed_on" not in draft.roles:
        _find_closing_by_content(draft)
    leaving = choose_leaving(
        draft.free, draft.roles.get("closed_on"), draft.status, draft.vendor_column("churned_on")
    )
    if leaving.column is None:
        named_leaving = [c for c in draft.free if name_rank(c.words, "churned_on") in {0, 1}]
        partly = [c for c in named_leaving if MIN_READABLE_NAMED <= c.date_share < MIN_READABLE]
        if partly:
            draft.roles["churned_on"] = partly[0]
            draft.unsure.append(
                f"churned_on: {partly[0].name!r} was chosen by its name, but not all values are "
                "dates"
            )
    else:
        draft.roles["churned_on"] = leaving.column
    draft.unsure += [f"churned_on: {text}" for text in leaving.rejected]


def _find_closing_by_content(draft: Draft) -> None:
    """Use the first complete date column as the closing date, if no name suggests one."""
    result = [column for column in draft.free if column.is_date and column.is_full]
    result = [column for column in result if not is_later(column.words)]
    if result and find_status(draft.columns, draft.vendor) is None:
        draft.roles["closed_on"] = result[0]


def settle_outcome(draft: Draft) -> None:
    """Keep one form of the outcome: dates if both are found, otherwise tenure and flag."""
    status = draft.status
    if {"closed_on", "churned_on"} <= draft.roles.keys():
        draft.drop("tenure_months", "the outcome in another form")
        if status is not None and status.is_sure:
            _settle_flag(draft)
        if "observed_until" not in draft.roles:
            guess_extract(draft)
        return
    if "tenure_months" not in draft.roles or status is None:
        raise _no_outcome(draft)
    for role in DATES:
        draft.drop(role, "a date, but the outcome is a tenure and a flag")
    _assign_flag(draft)
    tenure = draft.roles["tenure_months"]
    unit = unit_of_values(tenure.cells) or tenure_unit(tenure.words)
    if unit is not None:
        draft.units["tenure_unit"] = unit


def _settle_flag(draft: Draft) -> None:
    """Keep the flag next to the dates only if some leavers have no date."""
    status = draft.status
    if status is None or draft.roles["churned_on"].name == status.name:
        return
    undated = status.left & draft.roles["churned_on"].cells.isna().to_numpy()
    if undated.any():
        _assign_flag(draft)
    else:
        draft.leave_out(status.column, "the outcome in another form")


def _assign_flag(draft: Draft) -> None:
    status = draft.status
    if status is not None:
        draft.roles["churned"] = status.column
        if status.churned_values:
            draft.units["churned_values"] = list(status.churned_values)


def _no_outcome(draft: Draft) -> DealsError:
    """Return the error that the table has no outcome, with what was found."""
    roles = ", ".join(f"{role} ({column.name!r})" for role, column in draft.roles.items())
    clauses = [f"only {roles} were found"] if roles else []
    if draft.status is not None:
        clauses.append(
            f"{draft.status.name!r} says who left ({int(draft.status.left.sum()):,} of "
            f"{len(draft.status.left):,}), but no column says when"
        )
    else:
        clauses += _two_valued_columns(draft)
    clauses += _no_days(draft)
    exchanged = (exchanged_problem(column.cells) for column in draft.columns)
    clauses += [str(problem) for problem in exchanged if problem is not None]
    clauses += _no_header(draft)
    listed = ", ".join(column.name for column in draft.columns)
    return DealsError(
        "no outcome was found: neither a closing and a churn date nor a tenure and a churn flag"
        f"{''.join(f'; {text}' for text in [*clauses, *draft.unsure])}. Remedy: add the missing "
        f"columns, or write fitmodel.toml by hand; the columns are {listed}"
    )


def _no_header(draft: Draft) -> list[str]:
    """Return a sentence if the first line seems to be a row: several names are days or numbers."""
    names = [column.name for column in draft.columns]
    values = [name for name in names if _is_value(name)]
    if len(values) < MIN_VALUES_AS_NAMES:
        return []
    shown = ", ".join(map(repr, values[:MAX_SHOWN]))
    return [f"the first line seems to be a row of data ({shown}): write the column names above it"]


def _is_value(name: str) -> bool:
    """Return whether a column name is a day or a number with decimals."""
    return day_of(name) is not None or _DECIMAL.fullmatch(name) is not None


def _no_days(draft: Draft) -> list[str]:
    """Return a sentence on columns named like the dates in which hardly any value is a day."""
    named = [
        column
        for column in draft.free
        if column.filled
        and column.date_share < MIN_READABLE_NAMED
        and not column.is_flag
        and any(name_rank(column.words, role) in {0, 1} for role in ("closed_on", "churned_on"))
    ]
    shown = ", ".join(
        f"{column.name!r} ({plain(column.cells.dropna().iloc[0])!r})" for column in named
    )
    if not shown:
        return []
    text = (
        f"by their names these are dates, but their values are not read as days: {shown}; write "
        "days as YYYY-MM-DD, for a week, month or quarter its last day"
    )
    return [text]


def _two_valued_columns(draft: Draft) -> list[str]:
    """Return a sentence on columns of two values, one of which may mean left; else nothing."""
    pairs = [
        column for column in draft.free if column.distinct == FLAG_VALUES and not column.is_date
    ]
    shown = [
        f"{column.name!r} ("
        + ", ".join(f"{value} {rows:,}" for value, rows in column.cells.value_counts().items())
        + ")"
        for column in pairs[:MAX_SHOWN]
    ]
    if not shown:
        return []
    text = (
        f"columns with two values are {', '.join(shown)}: if one of them says who left, write "
        'churned = "its name" and churned_values = ["the value that means left"]'
    )
    return [text]


@dataclass(frozen=True)
class Leaving:
    """The chosen column of the churn date, and why other columns were rejected.

    `column`: the chosen column.
    `by_name`: whether its name suggests that it is a date of leaving.
    """

    column: Column | None
    by_name: bool
    rejected: tuple[str, ...]


def choose_leaving(
    columns: Iterable[Column],
    closing: Column | None,
    status: Status | None,
    vendor_column: str | None,
) -> Leaving:
    """Choose the date column that says when customers left.

    `closing`: the column of the closing date.
    `status`: the flag or status that says who left.
    `vendor_column`: name of the churn-date column in exports of the known system.
    Returns: its column is None if no candidate has a suitable name or agrees with the status.
    """
    rejected: list[str] = []
    other_events: list[str] = []
    fitting: list[tuple[int, Column]] = []
    for column in columns:
        rank = -1 if column.name == vendor_column else leaving_rank(column.words)
        if column.filled == 0 and rank < TERM_END:
            fitting.append((rank + 1, column))  # an empty column: nobody has left yet
            continue
        if column.date_share < MIN_DATES:
            continue
        if rank > UNNAMED_LEAVING:
            other_events.append(repr(column.name))
            continue
        why = _why_not_leaving(column, rank, closing, status)
        if why is None:
            fitting.append((rank, column))
        elif why:
            rejected.append(f"{column.name!r} {why}")
        elif is_other_event(column.words):
            other_events.append(repr(column.name))
    fitting = [each for each in fitting if each[0] < UNNAMED_LEAVING] or (fitting if status else [])
    if not fitting:
        if other_events:
            rejected.append(
                f"the names suggest other events than leaving: {', '.join(other_events)}"
            )
        return Leaving(None, by_name=False, rejected=tuple(rejected))
    rank, column = min(fitting, key=lambda each: (each[0], -_agreement(each[1], status)))
    return Leaving(column, by_name=rank < UNNAMED_LEAVING, rejected=tuple(rejected))


def _why_not_leaving(
    column: Column, rank: int, closing: Column | None, status: Status | None
) -> str | None:
    """Return why a date column is not the date of leaving; "" if that needs no message."""
    filled = column.real_dates
    if filled.all():
        return (
            "is filled for every row, so it is not a date of leaving. If it is the end of a term "
            "for customers who are still there, empty it in their rows; if the table has only "
            "customers that left, add the others"
            if rank < UNNAMED_LEAVING
            else ""
        )
    if closing is not None and closing.dates is not None and column.dates is not None:
        both = filled & closing.dates.series.notna().to_numpy()
        signed, left = (each.series.to_numpy()[both] for each in (closing.dates, column.dates))
        max_before = MAX_BEFORE_SIGNING_NAMED if rank < TERM_END else MAX_BEFORE_SIGNING
        if len(left) and (left < signed).mean() > max_before:
            return f"is before signing in {(left < signed).sum():,} of {len(left):,} rows"
        if len(left) > 1 and (left == signed).all():
            return "is the day of signing in every row"
    if rank >= TERM_END and closing is not None and _is_planned(column, closing, filled):
        return "is mostly whole years after signing, so it is the planned end of a contract term"
    if status is not None and (status.is_sure or rank == UNNAMED_LEAVING):
        return _against_status(filled, status)
    return None if rank < UNNAMED_LEAVING else ""


def _is_planned(column: Column, closing: Column, filled: Mask) -> bool:
    """Return whether most dates are about a whole number of years after signing."""
    if column.dates is None or closing.dates is None:
        return False
    after = (column.dates.series - closing.dates.series)[filled].dt.days.dropna().to_numpy()
    return bool(len(after) and whole_years(after).mean() > MIN_WHOLE_YEARS)


def _against_status(filled: Mask, status: Status) -> str | None:
    """Return how a date column contradicts the status; None if it agrees."""
    left = status.left
    among_left, among_stayed = filled[left].mean(), filled[~left].mean()
    if among_left >= MIN_FILLED_LEFT and among_stayed <= MAX_FILLED_STAYED:
        return None
    return (
        f"does not agree with {status.name!r}: it is filled for {filled[left].sum():,} of "
        f"{left.sum():,} that left and {filled[~left].sum():,} of {(~left).sum():,} that did not. "
        "If it is the end of a term for the latter, empty it in their rows"
    )


def _agreement(column: Column, status: Status | None) -> float:
    """Return the share of the rows in which date and status agree on who left."""
    if status is None:
        return 0.0
    return float((column.real_dates == status.left).mean())
