"""Open questions about numbers that change their unit: from one day on, or in one group of deals.

An export that gives cents since a migration, or one system that counts in thousands, is known by a
jump that hardly any number crosses. Other numbers of the same deals do not jump with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from fitmodel.guessing._columns import MAX_LEVELS, named
from fitmodel.guessing._money import several_periods, unit_by_name
from fitmodel.guessing._names import as_words
from fitmodel.guessing._question import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column
    from fitmodel.tables.values import Mask

    Floats = NDArray[np.float64]

MIN_SIDE, MIN_SHARE = 30, 0.03  # rows on each side of a day, and in a group and beside it
MIN_TIMES, MIN_APART = 8.0, 0.95  # ratio of medians; chance that a number of one side is larger
MAX_TREND, NEAR = 0.5, 60  # rank correlation with time on each side; rows next to the day
MIN_CURRENCY = 20.0  # ratio of amounts of a group if it is no usual unit: yen beside euros
UNITS = (12.0, 100.0, 1_000.0, 10_000.0)  # months, cents, thousands, 万
MAX_OFF, MAX_OTHER = 0.25, 0.4  # of a ratio from a unit; log ratio of other numbers in the group
MIN_WHOLE = 100  # numbers from here on are shown without decimals
MAX_ROWS = 20_000  # of which a jump is looked for


class _Jump(NamedTuple):
    """Where the numbers of a column become larger or smaller.

    `where`, `rows`: which rows are in another unit, in words, and how many they are.
    `median`, `other`: the median of these rows, and of the others.
    """

    where: str
    rows: int
    median: float
    other: float

    @property
    def times(self) -> float:
        return max(self.median, self.other) / min(self.median, self.other)


def about_unit_changes(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question for each column whose numbers seem to be in two units."""
    closed = named(columns, spec.deals.closed_on)
    numeric = {column.name: _logs(column) for column in columns if _has_units(column, spec)}
    for column in columns:
        if column.name not in numeric:
            continue
        logs = numeric[column.name]
        jump = None if closed is None else _jump_in_time(closed, logs)
        others = [each for name, each in numeric.items() if name != column.name]
        if jump is None and column.name == spec.deals.amount:
            jump = _jump_of_group(columns, spec, logs, others)
        if jump is not None:
            yield _question(column, jump, is_amount=column.name == spec.deals.amount)


def _question(column: Column, jump: _Jump, *, is_amount: bool) -> Question:
    unit = _unit_near(jump.times)
    size = f"about {unit or jump.times:,.0f}"
    more = jump.median > jump.other
    change = f"{size} times as large as" if more else f"{size} times smaller than"
    wrong = "the money is wrong" if is_amount else "the model compares numbers of two units"
    return Question(
        "unit-changes",
        column.name,
        f"{column.name}: {jump.where}, the numbers of {jump.rows:,} rows are {change} those of "
        f"the others (medians {_short(jump.median)} and {_short(jump.other)}), and hardly any lies "
        "between. If they are in another unit, such as cents, thousands, months or another "
        f"currency, {wrong}",
        "convert the numbers into one unit in the file; acknowledge it if they are right",
        must_answer=is_amount and unit is not None,
    )


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= MIN_WHOLE else f"{number:.3g}"


def _has_units(column: Column, spec: DealSpec) -> bool:
    if column.name == spec.deals.amount:
        return column.is_number
    if column.name in spec.role_columns or not column.is_number or column.is_date:
        return False
    return not column.is_flag and column.distinct > 1


def _logs(column: Column) -> Floats:
    """Return the logarithms of the numbers; NaN where a number is missing or not above zero."""
    numbers = column.amounts.to_numpy(dtype=np.float64)
    result = np.full(len(numbers), np.nan)
    np.log(numbers, out=result, where=numbers > 0)
    return result


def _unit_near(times: float) -> float | None:
    return next((unit for unit in UNITS if abs(np.log(times / unit)) < MAX_OFF), None)


def _jump_in_time(closed: Column, logs: Floats) -> _Jump | None:
    """Return the day from which the numbers are in another unit; None if there is none.

    The day is where the mean ranks before and since differ most. The numbers next to it must differ
    as all do, and must not grow steadily on either side.
    """
    known = np.flatnonzero(closed.real_dates & np.isfinite(logs))
    if len(known) < 2 * MIN_SIDE:
        return None
    order = known[np.argsort(closed.days[known], kind="stable")]
    order = order[:: -(-len(order) // MAX_ROWS)]
    days, values = closed.days[order], logs[order]
    ranks = pd.Series(values).rank().to_numpy()
    least = max(MIN_SIDE, int(MIN_SHARE * len(order)))
    before = np.arange(1, len(order))
    gain = np.abs(np.cumsum(ranks - ranks.mean())[:-1]) / np.sqrt(before * (len(order) - before))
    gain[days[1:] == days[:-1]] = 0.0  # a day is on one side
    gain[: least - 1] = gain[len(gain) - least + 1 :] = 0.0
    split = int(gain.argmax()) + 1
    first, second = values[:split], values[split:]
    if gain[split - 1] == 0 or not _are_apart(first, second):
        return None
    if (
        not _are_apart(first[-NEAR:], second[:NEAR])
        or max(map(_trend, (first, second))) > MAX_TREND
    ):
        return None
    where = f"in deals signed since {days[split]}"
    medians = float(np.exp(np.median(second))), float(np.exp(np.median(first)))
    return _Jump(where, int((closed.days[known] >= days[split]).sum()), *medians)


def _are_apart(first: Floats, second: Floats) -> bool:
    """Return whether nearly all numbers of one side are far larger than those of the other."""
    if abs(np.median(first) - np.median(second)) < np.log(MIN_TIMES):
        return False
    ranks = pd.Series(np.concatenate([first, second])).rank().to_numpy()
    above = ranks[: len(first)].sum() - len(first) * (len(first) + 1) / 2
    share = above / (len(first) * len(second))
    return bool(max(share, 1 - share) >= MIN_APART)


def _trend(values: Floats) -> float:
    """Return the rank correlation of numbers with their order in time, without its sign."""
    ranks = pd.Series(values).rank().to_numpy()
    if ranks.std() == 0:
        return 0.0
    return abs(float(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]))


def _jump_of_group(
    columns: list[Column], spec: DealSpec, logs: Floats, others: list[Floats]
) -> _Jump | None:
    """Return the group whose amounts differ from all others by a unit; None if there is none.

    In a group of larger customers other numbers are larger too; in a group with another unit only
    this one is.
    """
    known = np.isfinite(logs)
    amount = as_words(str(spec.deals.amount))
    periods = several_periods(columns) if unit_by_name(amount) is None else None  # are asked about
    for column in columns:
        if column.name in spec.role_columns or not column.is_text or column.is_date:
            continue
        if periods is not None and column.name == periods[0].name:
            continue
        if not 1 < column.distinct <= MAX_LEVELS:
            continue
        cells = column.cells.astype("str").to_numpy()
        for level in column.counts:
            rows: Mask = (cells == level) & known
            rest: Mask = ~rows & known
            if min(rows.sum(), rest.sum()) < max(MIN_SIDE, MIN_SHARE * known.sum()):
                continue
            medians = float(np.exp(np.median(logs[rows]))), float(np.exp(np.median(logs[rest])))
            jump = _Jump(f"with {level!r} in {column.name!r}", int(rows.sum()), *medians)
            enough = MIN_TIMES if _unit_near(jump.times) else MIN_CURRENCY
            if jump.times < enough or not _are_apart(logs[rows], logs[rest]):
                continue
            if _unit_near(jump.times) is None and not others:
                continue  # nothing says that these customers are no larger
            if all(_is_same(other, rows, rest) for other in others):
                return jump
    return None


def _is_same(logs: Floats, rows: Mask, rest: Mask) -> bool:
    """Return whether other numbers are as large in a group as beside it."""
    inside, beside = logs[rows & np.isfinite(logs)], logs[rest & np.isfinite(logs)]
    if not len(inside) or not len(beside):
        return True
    return bool(abs(np.median(inside) - np.median(beside)) <= MAX_OTHER)
