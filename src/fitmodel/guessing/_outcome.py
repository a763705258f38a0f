"""Choose the form of the outcome: dates with a flag, or tenure and a flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.exceptions import DealsError
from fitmodel.guessing._columns import MIN_READABLE
from fitmodel.guessing._leaving import choose_leaving
from fitmodel.guessing._names import name_rank, tenure_unit
from fitmodel.guessing._status import find_status
from fitmodel.leakage.names import LATER

if TYPE_CHECKING:
    from fitmodel.guessing._draft import Draft

DATES = ("closed_on", "churned_on", "exited_on", "observed_until")
MIN_READABLE_NAMED = 0.5  # minimum share of dates in a column whose name is clear
FLAG_VALUES, MAX_SHOWN = 2, 3  # values of a flag; columns of two values that an error lists
LONGEST_GAP = 366  # after a longer gap in days, the latest date may be a typing error


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
    result = [column for column in result if not LATER.search(column.words)]
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
            _guess_extract(draft)
        return
    if "tenure_months" not in draft.roles or status is None:
        raise _no_outcome(draft)
    for role in DATES:
        draft.drop(role, "a date, but the outcome is a tenure and a flag")
    _assign_flag(draft)
    unit = tenure_unit(draft.roles["tenure_months"].words)
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
    listed = ", ".join(column.name for column in draft.columns)
    return DealsError(
        "no outcome was found: neither a closing and a churn date nor a tenure and a churn flag"
        f"{''.join(f'; {text}' for text in [*clauses, *draft.unsure])}. Remedy: add the missing "
        f"columns, or write fitmodel.toml by hand; the columns are {listed}"
    )


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


def _guess_extract(draft: Draft) -> None:
    """Use the latest date of all roles as the end of the extract."""
    columns = [draft.roles[role] for role in DATES if role in draft.roles]
    dates = pd.concat([c.dates.series[c.real_dates] for c in columns if c.dates is not None])
    days = dates.drop_duplicates().sort_values()
    draft.observed_until = str(days.iloc[-1].date())
    text = (
        f"observed_until: the latest date in the table ({draft.observed_until}) was used; "
        "write the day of the extract instead"
    )
    if len(days) > 1 and (days.iloc[-1] - days.iloc[-2]).days > LONGEST_GAP:
        text += f". The second-latest date is {days.iloc[-2].date()}: a typing error?"
    draft.unsure.append(text)
