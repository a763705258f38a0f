"""Choose the form of the outcome: dates with a flag, or tenure and a flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.exceptions import DealsError
from fitmodel.guessing._columns import READS
from fitmodel.guessing._leaving import choose_leaving
from fitmodel.guessing._names import sureness, tenure_unit
from fitmodel.guessing._status import find_status
from fitmodel.leakage.names import LATER

if TYPE_CHECKING:
    from fitmodel.guessing._draft import Draft

DATES = ("closed_on", "churned_on", "exited_on", "observed_until")
READS_BY_NAME = 0.5  # share of values that must be dates where the name leaves no doubt
TWO, MAX_SHOWN = 2, 3  # values of a flag; columns of two values that an error lists
LONGEST_GAP = 366  # days between the two latest dates; more, and the latest may be a typing error


def find_leavers(draft: Draft) -> None:
    """Find who left, by a flag or status, and when, by the date that agrees with it."""
    draft.status = find_status(draft.free, draft.vendor)
    if "closed_on" not in draft.roles:
        _find_closing_by_content(draft)
    leaving = choose_leaving(
        draft.free, draft.roles.get("closed_on"), draft.status, draft.surest("churned_on")
    )
    if leaving.column is None:
        leaving_by_name = [c for c in draft.free if sureness(c.words, "churned_on") in {0, 1}]
        partly = [c for c in leaving_by_name if READS_BY_NAME <= c.date_share < READS]
        if partly:
            draft.roles["churned_on"] = partly[0]
            draft.unsure.append(
                f"churned_on: {partly[0].name!r} by its name, but not all of it reads as dates"
            )
    else:
        draft.roles["churned_on"] = leaving.column
    draft.unsure += [f"churned_on: {text}" for text in leaving.seen]


def _find_closing_by_content(draft: Draft) -> None:
    """If no name suggests the day of signing: the first full column of dates."""
    result = [column for column in draft.free if column.is_date and column.is_full]
    result = [column for column in result if not LATER.search(column.words)]
    if result and find_status(draft.columns, draft.vendor) is None:
        draft.roles["closed_on"] = result[0]


def settle_outcome(draft: Draft) -> None:
    """Keep one form of outcome: dates where both are there, else tenure and flag."""
    status = draft.status
    if {"closed_on", "churned_on"} <= draft.roles.keys():
        draft.drop("tenure_months", "the outcome in another form")
        if status is not None and status.is_sure:
            _settle_flag(draft)
        if "observed_until" not in draft.roles:
            _guess_extract(draft)
        return
    if "tenure_months" not in draft.roles or status is None:
        raise _no_outcome(draft)
    for role in DATES:
        draft.drop(role, "a date, but the outcome is a tenure and a flag")
    _take_flag(draft)
    unit = tenure_unit(draft.roles["tenure_months"].words)
    if unit is not None:
        draft.units["tenure_unit"] = unit


def _settle_flag(draft: Draft) -> None:
    """Use a flag in addition to dates only if it has leavers without a date."""
    status = draft.status
    if status is None or draft.roles["churned_on"].name == status.name:
        return
    undated = status.left & draft.roles["churned_on"].cells.isna().to_numpy()
    if undated.any():
        _take_flag(draft)
    else:
        draft.leave_out(status.column, "the outcome in another form")


def _take_flag(draft: Draft) -> None:
    status = draft.status
    if status is not None:
        draft.roles["churned"] = status.column
        if status.churned_values:
            draft.units["churned_values"] = list(status.churned_values)


def _no_outcome(draft: Draft) -> DealsError:
    result = ", ".join(f"{role} ({column.name!r})" for role, column in draft.roles.items())
    clauses = [f"found were only {result}"] if result else []
    if draft.status is not None:
        clauses.append(
            f"{draft.status.name!r} says who left ({int(draft.status.left.sum()):,} of "
            f"{len(draft.status.left):,}), but no column says when"
        )
    else:
        clauses += _may_say_who_left(draft)
    listed = ", ".join(column.name for column in draft.columns)
    return DealsError(
        "no outcome was found: neither a closing and a churn date nor a tenure and a churn flag"
        f"{''.join(f'; {text}' for text in [*clauses, *draft.unsure])}. Remedy: add what is "
        f"missing, or write fitmodel.toml by hand; the columns are {listed}"
    )


def _may_say_who_left(draft: Draft) -> list[str]:
    """Columns of two values, one of which may mean that the customer left."""
    pairs = [column for column in draft.free if column.distinct == TWO and not column.is_date]
    shown = [
        f"{column.name!r} ("
        + ", ".join(f"{value} {rows:,}" for value, rows in column.cells.value_counts().items())
        + ")"
        for column in pairs[:MAX_SHOWN]
    ]
    if not shown:
        return []
    text = (
        f"of two values, and not known to say who left, are {', '.join(shown)}: where one does, "
        'write churned = "its name" and churned_values = ["the value that means left"]'
    )
    return [text]


def _guess_extract(draft: Draft) -> None:
    columns = [draft.roles[role] for role in DATES if role in draft.roles]
    seen = pd.concat([c.dates.series[c.real_dates] for c in columns if c.dates is not None])
    days = seen.drop_duplicates().sort_values()
    draft.observed_until = str(days.iloc[-1].date())
    text = (
        f"observed_until: the latest date seen ({draft.observed_until}) was taken; "
        "give the day of the extract"
    )
    if len(days) > 1 and (days.iloc[-1] - days.iloc[-2]).days > LONGEST_GAP:
        text += f". The latest but one is {days.iloc[-2].date()}: a typing error?"
    draft.unsure.append(text)
