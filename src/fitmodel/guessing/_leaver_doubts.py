"""Open questions about who left: customers who go on in another row, reps who get all leavers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.guessing._doubt import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column
    from fitmodel.tables.values import Mask

MAX_ROWS_PER_VALUE = 4.0  # with more rows per value a column is a category and no customer
DAYS_BETWEEN = 7  # between the end of one row and the beginning of the next of the same customer
MIN_CONTINUED, MIN_SHARE_CONTINUED = 5, 0.02  # leavers who go on, and their share of all leavers
STANDARD_DEVIATIONS = 6.0  # above the number by chance: many columns are looked at
MIN_OF_REP, MIN_LEFT, MAX_OTHERS_LEFT = 20, 0.95, 0.2  # rows of a rep, and shares of leavers


def about_leavers_elsewhere(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about leavers who go on in another row, or who were given to one rep."""
    by_name = {column.name: column for column in columns}
    closed, left = (
        by_name.get(name or "") for name in (spec.deals.closed_on, spec.deals.churned_on)
    )
    if closed is None or left is None or closed.dates is None or left.dates is None:
        return
    if spec.rows.customer is None and spec.rows.one_row_per is None:
        yield from _about_continued_rows(columns, closed, left, spec)
    rep = by_name.get(spec.deals.rep or "")
    if rep is not None:
        yield from _about_rep_of_leavers(rep, left)


def _about_continued_rows(
    columns: list[Column], closed: Column, left: Column, spec: DealSpec
) -> Iterator[Question]:
    """Yield a question if leavers have another row that begins when theirs ends."""
    starts, ends = (_days(column) for column in (closed, left))
    leavers = int(left.real_dates.sum())
    least = max(MIN_CONTINUED, MIN_SHARE_CONTINUED * leavers)
    for column in columns:
        if column.name in {closed.name, left.name, spec.deals.amount} or not _may_be_customer(
            column
        ):
            continue
        count = int(continued(column.cells, starts, ends).sum())
        by_chance = expected_by_chance(column.cells, starts, ends)
        if count < least + by_chance + STANDARD_DEVIATIONS * np.sqrt(by_chance):
            continue
        yield Question(
            "continued-rows",
            column.name,
            f"{column.name}: {count:,} of {leavers:,} customers with a date of leaving have "
            f"another row with the same value that begins within {DAYS_BETWEEN} days of it. They "
            "seem to have changed their contract, but would count as having left",
            f'[rows] customer = "{column.name}" merges the rows of each value; acknowledge it if '
            "they are different customers",
        )
        return


def _may_be_customer(column: Column) -> bool:
    """Return whether values repeat in a few rows each, as ids or names of customers do."""
    if column.is_date or not 1 < column.distinct < column.filled:
        return False
    if not (column.is_text or pd.api.types.is_integer_dtype(column.cells.dtype)):
        return False
    return column.filled <= MAX_ROWS_PER_VALUE * column.distinct


def continued(
    values: pd.Series[Any],
    starts: NDArray[np.datetime64],
    ends: NDArray[np.datetime64],
) -> Mask:
    """Return which rows end when another row of the same value begins, give or take some days.

    Parameters
    ----------
    values : Series
        The value that may tell the customer; a missing one matches no other.
    starts, ends : ndarray of datetime64[D] of shape (rows,)
        First and last day of each row; NaT where it has none.
    """
    codes, _ = pd.factorize(values)
    result = np.zeros(len(codes), dtype=bool)
    repeated = np.flatnonzero((codes >= 0) & (np.bincount(codes[codes >= 0])[codes] > 1))
    order = repeated[np.lexsort((starts[repeated], codes[repeated]))]
    same = codes[order][1:] == codes[order][:-1]
    gap = (starts[order][1:] - ends[order][:-1]).astype("timedelta64[D]").astype(float)
    known = ~np.isnat(starts[order][1:]) & ~np.isnat(ends[order][:-1])
    later = starts[order][1:] > starts[order][:-1]
    result[order[:-1]] = same & known & later & (np.abs(gap) <= DAYS_BETWEEN)
    return result


def expected_by_chance(
    values: pd.Series[Any],
    starts: NDArray[np.datetime64],
    ends: NDArray[np.datetime64],
) -> float:
    """Return how many rows would be `continued` if values had nothing to do with dates."""
    codes, _ = pd.factorize(values)
    known = (codes >= 0) & ~np.isnat(ends)
    others = np.bincount(codes[codes >= 0])[codes[known]] - 1
    days = np.sort(starts[~np.isnat(starts)])
    window = np.timedelta64(DAYS_BETWEEN, "D")
    near = np.searchsorted(days, ends[known] + window, "right") - np.searchsorted(
        days, ends[known] - window, "left"
    )
    return float((others * near).sum() / max(len(days), 1))


def _days(column: Column) -> NDArray[np.datetime64]:
    if column.dates is None:
        return np.full(len(column.cells), np.datetime64("NaT", "D"))
    days: NDArray[np.datetime64] = column.dates.series.to_numpy().astype("datetime64[D]")
    return np.where(column.real_dates, days, np.datetime64("NaT", "D"))


def _about_rep_of_leavers(rep: Column, left: Column) -> Iterator[Question]:
    """Yield a question if one seller has nearly only customers who left, and the others few."""
    gone = left.real_dates
    counts = pd.DataFrame({"rep": rep.cells.astype(object), "gone": gone}).groupby("rep")["gone"]
    sizes = counts.agg(["size", "sum"])
    sizes = sizes[sizes["size"] >= MIN_OF_REP]
    only = sizes[sizes["sum"] >= MIN_LEFT * sizes["size"]]
    for name, row in only.iterrows():
        others = ~(rep.cells == name).to_numpy(dtype=bool)
        if gone[others].mean() > MAX_OTHERS_LEFT * row["sum"] / row["size"]:
            continue
        yield Question(
            "rep-of-leavers",
            rep.name,
            f"{rep.name}: {row['sum']:,} of the {row['size']:,} customers of {name!r} have "
            f"left, and "
            f"{gone[others].mean():.0%} of all others. Customers seem to be handed over when they "
            "leave, so the column does not say who sold to them",
            "export who sold the deal, as of closing; or remove rep from [deals] and exclude the "
            "column; or acknowledge it",
        )
        return
