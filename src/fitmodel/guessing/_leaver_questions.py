"""Open questions about who left: rows that never do, rows that go on, reps who get all leavers.

Lost opportunities, partners and unpaid trials never leave. A column that separates them is known by
that, whatever its words mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.plain_words import toml_value
from fitmodel.guessing._columns import MAX_LEVELS, named
from fitmodel.guessing._names import has_name_of, name_rank
from fitmodel.guessing._question import Question
from fitmodel.guessing._roles import date_reason
from fitmodel.guessing._rows import find_stage, status_of
from fitmodel.leakage.names import is_later

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column
    from fitmodel.tables.values import Mask

    Ints = NDArray[np.int64]

COHORTS, FEW = 10, 5  # parts by closing date; rows added to each, so that a few prove little
MAX_CHANCE, MAX_CHANCE_OF_VALUE = 1e-6, 1e-4  # of nobody having left in all values, and in each
MIN_SHARE, MIN_STAYED = 0.03, 0.15  # of such rows in the table; of stayers among the other rows
ANY_VALUE, MAX_KEPT = "(any value)", 8  # of many values; values that a proposed rule may list
MAX_ROWS_PER_VALUE = 4.0  # with more rows per value a column is a category and no customer
DAYS_BETWEEN = 7  # between the end of one row and the beginning of the next of the same customer
MIN_CONTINUED, MIN_SHARE_CONTINUED = 5, 0.02  # leavers who go on, and their share of all leavers
STANDARD_DEVIATIONS = 6.0  # above the number by chance: many columns are looked at
MIN_OF_REP, MIN_LEFT, MAX_OTHERS_LEFT = 20, 0.95, 0.2  # rows of a rep, and shares of leavers
_STAGE = re.compile(
    r"\b(stages?|deal ?stage|pipeline phase|(opportunity|deal|opp|sales) status"
    r"|deal (outcome|result)|win loss|won lost|etapa|étape|etape)\b|verkaufs(phase|status)"
    r"|(商机|销售|成交)(阶段|状态)|^阶段"
)


@dataclass(frozen=True, eq=False)
class NeverLeft:
    """The values of a column in whose rows nobody has left.

    `rows`, ndarray of bool of shape (rows,): the rows with these values.
    `counts`: their rows by value; "" is an empty cell.
    """

    column: Column
    rows: Mask
    counts: dict[str, int]
    others: tuple[str, ...]


def about_never_left(
    columns: list[Column], spec: DealSpec, dated: Mask | None
) -> Iterator[Question]:
    """Yield a question about the largest group of rows in which nobody has left.

    `columns`: columns of the kept rows, without those of ``[rows]``.
    `dated`, ndarray of bool of shape (rows,) or None: rows with a date of leaving.
    """
    closed = named(columns, spec.deals.closed_on)
    if dated is None or not dated.any() or closed is None or find_stage(columns) is not None:
        return
    cohorts = _cohorts(closed)
    may_say_it = [each for each in columns if _may_say_it(each, spec, closed)]
    found = [each for column in may_say_it if (each := _never_left(column, dated, cohorts))]
    if not found:
        return
    stages = [each for each in found if _STAGE.search(each.column.words)]
    first = max(stages or found, key=lambda each: int(each.rows.sum()))
    shown = ", ".join(f"{value or '(empty)'} {rows:,}" for value, rows in first.counts.items())
    share = dated[~first.rows].mean()
    message = (
        f"{first.column.name}: nobody has left in {int(first.rows.sum()):,} of {len(dated):,} rows "
        f"({shown}), although {share:.0%} of the others have. If these are lost or open "
        "opportunities, partners or unpaid trials, they would count as customers that stayed"
    )
    if stages:
        answer = f"{_keep_or_drop(first)}; acknowledge it if all rows are customers"
        yield Question("unknown-stage", first.column.name, message, answer, must_answer=True)
    else:
        answer = (
            f"{_keep_or_drop(first)} if they never were customers; exclude the column in "
            "[attributes] if it is filled in or emptied when a customer leaves; or acknowledge it"
        )
        yield Question("nobody-left", first.column.name, message, answer)


def _may_say_it(column: Column, spec: DealSpec, closed: Column) -> bool:
    """Return whether a column may separate rows that never were customers from the others."""
    if column.name == spec.deals.amount:
        return True
    if column.name in spec.role_columns:
        return False
    if is_later(column.words) and not column.words.startswith(("lost", "loss")):
        return False
    if has_name_of(column.words, "stays_flag") or name_rank(column.words, "churned") in {0, 1}:
        return False
    if column.is_date:  # the next invoice, or the last contact, is of those who are still there
        return date_reason(column, closed.dates) is None
    return status_of(column) is None


def _never_left(column: Column, dated: Mask, cohorts: Ints) -> NeverLeft | None:
    codes, values = _values_of(column)
    rows = np.bincount(codes, minlength=len(values))
    left = np.bincount(codes, dated, minlength=len(values))
    candidates = np.flatnonzero((left == 0) & (rows > 0))
    sure = [
        code
        for code in candidates.tolist()
        if _chance(codes == code, dated, cohorts) < MAX_CHANCE_OF_VALUE
    ]
    group: Mask = np.isin(codes, sure)
    if not sure or group.sum() < MIN_SHARE * len(codes) or group.all():
        return None
    if (~dated[~group]).mean() < MIN_STAYED or _chance(group, dated, cohorts) >= MAX_CHANCE:
        return None
    others = tuple(values[code] for code in np.flatnonzero(rows) if code not in sure)
    return NeverLeft(column, group, {values[code]: int(rows[code]) for code in sure}, others)


def _values_of(column: Column) -> tuple[Ints, list[str]]:
    """Return a code per row and the value of each code; "" is an empty cell.

    Of columns with many values only these are told apart: empty, 0, and any other.
    """
    if column.distinct <= MAX_LEVELS and not column.is_date:
        codes, cells = pd.factorize(column.cells.astype(object))
        return np.where(codes < 0, len(cells), codes).astype(np.int64), [*map(_text, cells), ""]
    empty = column.cells.isna().to_numpy()
    zero = (column.amounts == 0).to_numpy() if column.is_number else np.zeros_like(empty)
    return np.where(empty, 2, np.where(zero, 1, 0)).astype(np.int64), [ANY_VALUE, "0", ""]


def _text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _keep_or_drop(found: NeverLeft) -> str:
    """Return the rule of ``[rows]`` that leaves out the rows in which nobody has left.

    Where possible it says what to keep, since prospects with a value in ``drop`` are not scored.
    """
    kept = ANY_VALUE not in found.others and len(found.others) <= MAX_KEPT
    rule, values = ("keep", found.others) if kept else ("drop", tuple(found.counts))
    listed = ", ".join(map(toml_value, values))
    return f"[rows] {rule} = {{{toml_value(found.column.name)} = [{listed}]}}"


def _cohorts(closed: Column) -> Ints:
    """Return the cohort of each row: one of ten equal parts by closing date; 0 without a date."""
    if closed.dates is None:
        return np.zeros(len(closed.cells), dtype=np.int64)
    order = closed.dates.series.rank(method="first", pct=True).fillna(0.0)
    cohorts: Ints = np.ceil(order.to_numpy() * COHORTS).astype(np.int64)
    return cohorts


def _chance(rows: Mask, dated: Mask, cohorts: Ints) -> float:
    """Return the chance that nobody has left in some rows, at the rates of the other rows.

    Rates are those of deals signed at the same time: of young customers hardly any has left yet.
    """
    if dated[rows].any():
        return 1.0
    others = np.bincount(cohorts[~rows], minlength=COHORTS + 1)
    left = np.bincount(cohorts[~rows], dated[~rows], minlength=COHORTS + 1)
    rate = left / (others + FEW)  # a rate of few other rows is shrunk towards 0
    return float(np.prod((1 - rate)[cohorts[rows]]))


def about_leavers_elsewhere(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about leavers who go on in another row, or who were given to one rep."""
    roles = spec.deals
    closed, left, rep = (
        named(columns, name) for name in (roles.closed_on, roles.churned_on, roles.rep)
    )
    if closed is None or left is None or closed.dates is None or left.dates is None:
        return
    if spec.rows.customer is None and spec.rows.one_row_per is None:
        yield from _about_continued_rows(columns, closed, left, spec)
    if rep is not None:
        yield from _about_rep_of_leavers(rep, left)


def _about_continued_rows(
    columns: list[Column], closed: Column, left: Column, spec: DealSpec
) -> Iterator[Question]:
    """Yield a question if leavers have another row that begins when theirs ends."""
    starts, ends = closed.days, left.days
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
    values: pd.Series[Any], starts: NDArray[np.datetime64], ends: NDArray[np.datetime64]
) -> Mask:
    """Return which rows end when another row of the same value begins, give or take some days.

    `values`: the value that may tell the customer; a missing one matches no other.
    `starts`, `ends`, ndarray of datetime64[D] of shape (rows,): first and last day of each row; NaT
        where it has none.
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
    values: pd.Series[Any], starts: NDArray[np.datetime64], ends: NDArray[np.datetime64]
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
            f"{rep.name}: {row['sum']:,} of the {row['size']:,} customers of {name!r} have left, "
            f"and {gone[others].mean():.0%} of all others. Customers seem to be handed over when "
            "they leave, so the column does not say who sold to them",
            "export who sold the deal, as of closing; or remove rep from [deals] and exclude the "
            "column; or acknowledge it",
        )
        return
