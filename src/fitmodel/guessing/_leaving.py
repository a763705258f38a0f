"""Choose the churn date by name, agreement with the status, and plausibility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.deals.roles import DAYS_PER_YEAR
from fitmodel.guessing._names import as_words, is_of_something_else, sureness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fitmodel.guessing._columns import Column
    from fitmodel.guessing._status import Status
    from fitmodel.tables.values import Mask

IS_DATE = 0.95  # share of the filled-in values that must be dates
MAX_BEFORE = 0.01  # share of the dates of leaving that may lie before signing
MIN_FILLED_LEFT = 0.3  # share of those who left by the status that must have a date
MAX_FILLED_STAYED = 0.15  # share of the others that may have one: announced, not yet gone
PLANNED = 2  # rank of the names of an end, which may be that of the contract's term
MOSTLY = 0.5  # share of the dates a whole number of years after signing that makes them planned
AROUND_A_YEAR = 2  # days
NO_NAME = 9  # rank of a date whose name says nothing


@dataclass(frozen=True)
class Leaving:
    """The chosen column of the churn date, and notes about the others.

    Attributes
    ----------
    column : Column or None
    by_name : bool
        Whether its name says that it is a date of leaving.
    seen : tuple of str
        Why each other candidate was not taken, in words.
    """

    column: Column | None
    by_name: bool
    seen: tuple[str, ...]


def choose_leaving(
    columns: Iterable[Column], closing: Column | None, status: Status | None, surest: str | None
) -> Leaving:
    """Choose among the columns of dates the one that says when customers left.

    Parameters
    ----------
    columns : iterable of Column
        Those without a role.
    closing : Column or None
        The dates of signing.
    status : Status or None
        Who left, by a flag or status.
    surest : str or None
        Name of the column that a known system's export has for it.

    Returns
    -------
    Leaving
        Without a column where no candidate is one by its name, or agrees with the status.
    """
    seen: list[str] = []
    of_something_else: list[str] = []
    fitting: list[tuple[int, Column]] = []
    for column in columns:
        rank = -1 if column.name == surest else _rank(column.words)
        if column.filled == 0 and rank < PLANNED:
            fitting.append((rank + 1, column))  # nobody left yet
            continue
        if column.date_share < IS_DATE:
            continue
        if rank > NO_NAME:
            of_something_else.append(repr(column.name))
            continue
        why = _refusal(column, rank, closing, status)
        if why is None:
            fitting.append((rank, column))
        elif why:
            seen.append(f"{column.name!r} {why}")
    fitting = [each for each in fitting if each[0] < NO_NAME] or (fitting if status else [])
    if not fitting:
        if of_something_else:
            seen.append(f"by their names no dates of leaving: {', '.join(of_something_else)}")
        return Leaving(None, by_name=False, seen=tuple(seen))
    rank, column = min(fitting, key=lambda each: (each[0], -_agreement(each[1], status)))
    return Leaving(column, by_name=rank < NO_NAME, seen=tuple(seen))


def is_named_leaving(name: str) -> bool:
    """Tell whether a column's name says that it is a date of leaving."""
    return _rank(as_words(name)) < NO_NAME


def _rank(words: str) -> int:
    """Rank of a name among the names of a date of leaving; `NO_NAME` if it is none of them."""
    if is_of_something_else(words):
        return NO_NAME + 1
    rank = sureness(words, "churned_on")
    return NO_NAME if rank is None else rank


def _refusal(
    column: Column, rank: int, closing: Column | None, status: Status | None
) -> str | None:
    """Why a column of dates is not a date of leaving, in words; "" if it needs no explanation."""
    filled = column.real_dates
    if filled.all():
        return "is filled for every row, so it is not a date of leaving" if rank < NO_NAME else ""
    if closing is not None and closing.dates is not None and column.dates is not None:
        both = filled & closing.dates.series.notna().to_numpy()
        signed, left = (each.series.to_numpy()[both] for each in (closing.dates, column.dates))
        if len(left) and (left < signed).mean() > MAX_BEFORE:
            return f"lies before signing in {(left < signed).sum():,} of {len(left):,} rows"
        if len(left) > 1 and (left == signed).all():
            return "is the day of signing in every row"
    if rank >= PLANNED and closing is not None and _is_planned(column, closing, filled):
        return "is mostly whole years after signing, so it is the planned end of a term"
    if status is not None and (status.is_sure or rank == NO_NAME):
        return _against_status(filled, status)
    return None if rank < NO_NAME else ""


def _is_planned(column: Column, closing: Column, filled: Mask) -> bool:
    """Whether most of the dates are a whole number of years after signing, give or take a day."""
    if column.dates is None or closing.dates is None:
        return False
    after = (column.dates.series - closing.dates.series)[filled].dt.days.dropna()
    years = (after / DAYS_PER_YEAR).round()
    whole = ((after - years * DAYS_PER_YEAR).abs() <= AROUND_A_YEAR) & (years >= 1)
    return bool(len(after) and whole.mean() > MOSTLY)


def _against_status(filled: Mask, status: Status) -> str | None:
    left = status.left
    among_left, among_stayed = filled[left].mean(), filled[~left].mean()
    if among_left >= MIN_FILLED_LEFT and among_stayed <= MAX_FILLED_STAYED:
        return None
    return (
        f"does not agree with {status.name!r}: it is filled for {filled[left].sum():,} of "
        f"{left.sum():,} that left and {filled[~left].sum():,} of {(~left).sum():,} that did not"
    )


def _agreement(column: Column, status: Status | None) -> float:
    """Share of the rows whose date is filled exactly if the status says left."""
    if status is None:
        return 0.0
    return float((column.real_dates == status.left).mean())
