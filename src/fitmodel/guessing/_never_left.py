"""Open questions about rows in which nobody has left, although many should have.

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
from fitmodel.guessing._attributes import date_reason
from fitmodel.guessing._doubt import Question
from fitmodel.guessing._names import has_name_of, name_rank
from fitmodel.guessing._rows import MAX_STAGES, find_stage
from fitmodel.guessing._status import status_of
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
_STAGE = re.compile(
    r"\b(stages?|deal ?stage|pipeline phase|(opportunity|deal|opp|sales) status"
    r"|deal (outcome|result)|win loss|won lost|etapa|étape|etape)\b|verkaufs(phase|status)"
    r"|(商机|销售|成交)(阶段|状态)|^阶段"
)


@dataclass(frozen=True, eq=False)
class NeverLeft:
    """The values of a column in whose rows nobody has left.

    Attributes
    ----------
    column : Column
        The column.
    rows : ndarray of bool of shape (rows,)
        The rows with these values.
    counts : dict of str to int
        Their rows by value; "" is an empty cell.
    others : tuple of str
        The other values, if they are few.
    """

    column: Column
    rows: Mask
    counts: dict[str, int]
    others: tuple[str, ...]


def about_never_left(
    columns: list[Column], spec: DealSpec, dated: Mask | None
) -> Iterator[Question]:
    """Yield a question about the largest group of rows in which nobody has left.

    Parameters
    ----------
    columns : list of Column
        Columns of the kept rows, without those of ``[rows]``.
    spec : DealSpec
        The contract.
    dated : ndarray of bool of shape (rows,) or None
        Rows with a date of leaving.
    """
    closed = next((each for each in columns if each.name == spec.deals.closed_on), None)
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
    if column.distinct <= MAX_STAGES and not column.is_date:
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
