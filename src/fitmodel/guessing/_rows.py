"""Find what the rows of a table are, by the words in its columns, in several languages.

stage, lifecycle, status -> which rows are customers
flag, status             -> which of them left
ids that repeat          -> which rows belong to the same customer
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.vocabulary import kind_of_status, plain_words, stage_of, words_of
from fitmodel.guessing._columns import MAX_LEVELS
from fitmodel.guessing._names import (
    IDENTIFIER,
    LAST_DAY,
    as_words,
    has_name_of,
    is_other_event,
    name_rank,
)
from fitmodel.tables.values import is_empty, read_flags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fitmodel.guessing._columns import Column, Vendor
    from fitmodel.tables.values import Mask

MIN_KNOWN = 0.9  # minimum share of rows whose status is in the vocabulary
MIN_KNOWN_UNNAMED = 0.95  # the same if the column's name suggests neither stages nor a status
MAX_VALUES = 25  # maximum number of distinct values of a status
UNNAMED_RANK = 3  # rank of a status whose name suggests nothing
WEAK_RANK = 2  # rank of general names such as "status"
UNNAMED_LEAVING = 9  # rank of a date column whose name does not suggest leaving
MIN_FORMER = 0.5  # minimum share of rows with a date of leaving in a stage of former customers
MAX_ROWS_PER_CUSTOMER = 20  # with more rows per value, a column is a category and not an id


@dataclass(frozen=True)
class Stage:
    """A column that says which rows are customers.

    `customers`: values that mean a customer, as written in the table.
    `unknown`: the other values that are not in the vocabulary.
    """

    column: str
    customers: tuple[str, ...]
    others: dict[str, int]
    unknown: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The other values with their number of rows, as text."""
        return ", ".join(f"{value} {count:,}" for value, count in self.others.items())


def find_stage(columns: Iterable[Column]) -> Stage | None:
    """Return the column that separates customers from lost and open opportunities, or None.

    Such a column has values for won rows and for other rows in ``vocabulary.toml``. If its name
    does not suggest stages, nearly all of its values must be in the vocabulary. A value that is in
    none of its lists, such as "Churned", means a former customer if its rows have dates of leaving.
    """
    columns = list(columns)
    ranked = [(rank, stage) for column in columns for rank, stage in _stages(column)]
    if not ranked:
        return None
    return _with_former_customers(min(ranked, key=lambda each: each[0])[1], columns)


def _with_former_customers(stage: Stage, columns: list[Column]) -> Stage:
    """Return the stage with unknown values as customers if most of their rows have left."""
    left = [column for column in columns if is_named_leaving(column.name) and column.is_date]
    cells = next(column.cells for column in columns if column.name == stage.column).astype("str")
    former = tuple(
        value
        for value in stage.unknown
        if any(each.real_dates[(cells == value).to_numpy()].mean() >= MIN_FORMER for each in left)
    )
    return replace(
        stage,
        customers=(*stage.customers, *former),
        others={value: rows for value, rows in stage.others.items() if value not in former},
        unknown=tuple(value for value in stage.unknown if value not in former),
    )


def _stages(column: Column) -> Iterable[tuple[tuple[int, float], Stage]]:
    """Yield each reading of a column as stages, with a rank that is lower if it is surer."""
    if not 1 < column.distinct <= MAX_LEVELS or column.is_date:
        return
    counts = column.counts
    if has_name_of(column.words, "won_flag"):
        yield from _won_flag(column, counts)
        return
    for rank, (name, section, customer, other) in enumerate(
        (("stage", "stage", ("won",), ("lost", "open")),
         ("lifecycle", "lifecycle", ("customer",), ("prospect",)))
    ):  # fmt: skip
        yes = _known(counts, section, customer)
        no = _known(counts, section, other)
        if not yes or not no:
            continue
        known = sum(counts[value] for value in (*yes, *no)) / column.filled
        is_named = has_name_of(column.words, name)
        if is_named or known >= MIN_KNOWN_UNNAMED:
            others = {value: rows for value, rows in counts.items() if value not in yes}
            unknown = tuple(value for value in others if value not in no)
            yield (rank + 3 * (not is_named), -known), Stage(column.name, yes, others, unknown)


def _known(counts: Mapping[str, int], section: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    if section == "stage":
        return tuple(value for value in counts if stage_of(value) in keys)
    words = frozenset().union(*(words_of(section, key) for key in keys))
    return tuple(value for value in counts if plain_words(value) in words)


def _won_flag(
    column: Column, counts: Mapping[str, int]
) -> Iterable[tuple[tuple[int, float], Stage]]:
    """Yield a column of yes and no as a stage: yes is won."""
    flags = read_flags(column.cells)
    if flags.unreadable.any() or not 0 < flags.series.sum() < column.filled:
        return
    yes = tuple(column.cells[flags.series].astype("str").unique())
    others = {value: rows for value, rows in counts.items() if value not in yes}
    yield (1, -1.0), Stage(column.name, yes, others, ())


def lost_in_own_words(stage: Stage) -> tuple[str, ...]:
    """Return the values that mean lost, but are written so that prospects need them by name."""
    lost = words_of("stage", "lost")
    return tuple(
        value
        for value in stage.others
        if stage_of(value) == "lost" and plain_words(value) not in lost
    )


def find_not_yet(columns: Iterable[Column], vendor: Vendor | None = None) -> Stage | None:
    """Return the status that separates customers from trials, drafts, tests and copies.

    Its `others` are the values that mean "no customer" or "not yet". None if no status has them.
    """
    vendor_column = vendor.roles.get("status", ())[:1] if vendor is not None else ()
    for column in columns:
        if not (has_name_of(column.words, "status") or column.name in vendor_column):
            continue
        if not column.is_category:
            continue
        counts = column.counts
        kinds = {value: kind_of_status(value) for value in counts}
        known = sum(rows for value, rows in counts.items() if kinds[value])
        others = {value: n for value, n in counts.items() if kinds[value] in {"not_yet", "never"}}
        if others and len(others) < len(counts) and known >= MIN_KNOWN * column.filled:
            customers = tuple(value for value in counts if value not in others)
            return Stage(column.name, customers, others, ())
    return None


def not_customers(status: Stage) -> str:
    """Return in words what the rows with the other values of a status are."""
    kinds = {kind_of_status(value) for value in status.others}
    return "not customers yet" if kinds == {"not_yet"} else "not customers"


@dataclass(frozen=True)
class Repeats:
    """A column of ids, some of which occur in several rows.

    `of_customer`: whether its name suggests the id of a customer, not of a deal.
    `is_id`: whether its name suggests an id or number, not a name.
    """

    column: Column
    of_customer: bool
    is_id: bool


def find_repeats(columns: Iterable[Column], customer: str | None = None) -> list[Repeats]:
    """Return the columns of ids that repeat, those of customers first.

    `customer` is the name of the customer column in exports of the known system. A column with very
    few distinct values is a category, not an id.
    """
    result = []
    for column in columns:
        of_customer = has_name_of(column.words, "customer") or column.name == customer
        of_deal = is_deal_id(column.words) and not of_customer
        repeats = 1 < column.distinct < column.filled
        few = column.distinct * MAX_ROWS_PER_CUSTOMER < column.filled
        if (of_customer or of_deal) and repeats and not few and not column.is_date:
            is_id = of_deal or IDENTIFIER.search(column.words) or column.words.startswith("id ")
            result.append(Repeats(column, of_customer, bool(is_id)))
    return sorted(result, key=lambda each: (not each.of_customer, not each.is_id))


def is_deal_id(words: str) -> bool:
    """Return whether a name suggests the ids of deals."""
    return name_rank(words, "id") == 0


@dataclass(frozen=True, eq=False)
class Status:
    """A column that says which customers left.

    `left`, ndarray of bool of shape (rows,): whether each customer left.
    `churned_values`: values that mean left, for the contract; empty for a plain yes or no.
    `rank`: 0 if the name is that of a flag; higher if it is less certain.
    """

    column: Column
    left: Mask
    churned_values: tuple[str, ...]
    rank: int

    @property
    def is_sure(self) -> bool:
        """Whether its name suggests a flag or status, and not only its values."""
        return self.rank < UNNAMED_RANK

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column.name


def find_status(columns: Iterable[Column], vendor: Vendor | None = None) -> Status | None:
    """Return the column that says who left with the lowest rank, or None."""
    found = [each for column in columns if (each := status_of(column, vendor)) is not None]
    return min(found, key=lambda each: each.rank) if found else None


def status_of(column: Column, vendor: Vendor | None = None) -> Status | None:
    """Return a column as a flag or status; None if it is neither."""
    if not 1 < column.distinct <= MAX_VALUES or column.is_date:
        return None
    if vendor is not None and vendor.left and column.name in vendor.roles.get("status", ())[:1]:
        return _by_values(column, {plain_words(each) for each in vendor.left}, 0)
    if has_name_of(column.words, "stays_flag"):
        return _flag(column, stays=True, rank=1)
    if has_name_of(column.words, "left_flag") or name_rank(column.words, "churned") in {0, 1}:
        return _flag(column, stays=False, rank=0)
    named_status = (
        has_name_of(column.words, "status") or name_rank(column.words, "churned") == WEAK_RANK
    )
    return _by_vocabulary(column, WEAK_RANK if named_status else UNNAMED_RANK)


def _flag(column: Column, *, stays: bool, rank: int) -> Status | None:
    """Return a column of yes and no as a status; None if all customers left, or none."""
    flags = read_flags(column.cells)
    empty = is_empty(column.cells)
    if flags.unreadable.any():
        return _by_vocabulary(column, rank)
    yes = flags.series.to_numpy(dtype=bool)
    left = ~yes & ~empty if stays else yes
    if not left.any() or left.all():
        return None
    values = _original_values(column.cells[left]) if stays else ()
    return Status(column, left, values, rank)


def _by_vocabulary(column: Column, rank: int) -> Status | None:
    """Return a status from values in the vocabulary; None if too few values are known."""
    if not column.is_text:
        return None
    left = _values_meaning(column, "left")
    active = _values_meaning(column, "active")
    if not left or not active:
        return None
    no_customers = _values_meaning(column, "not_yet", "never")
    known = _rows_with(column, left | active | no_customers).sum()
    min_known = MIN_KNOWN if rank < UNNAMED_RANK else MIN_KNOWN_UNNAMED
    if known < min_known * column.filled:
        return None
    return _by_values(column, left, rank)


def _by_values(column: Column, meant: set[str], rank: int) -> Status | None:
    """Return a status in which some values mean left; None if all customers left, or none."""
    left = _rows_with(column, meant)
    if not left.any() or left.all():
        return None
    return Status(column, left, _original_values(column.cells[left]), rank)


def _rows_with(column: Column, words: set[str]) -> Mask:
    """Return a mask of the rows whose value, in plain words, is one of `words`."""
    codes, cells = pd.factorize(column.cells)
    chosen = np.array([*(plain_words(cell) in words for cell in cells), False], dtype=bool)
    rows: Mask = chosen[codes]  # a missing cell has the code -1: the last entry
    return rows


def _values_meaning(column: Column, *kinds: str) -> set[str]:
    """Return the values of a column, in plain words, that mean a kind of status."""
    cells = column.cells.dropna().unique()
    return {plain_words(cell) for cell in cells if kind_of_status(cell) in kinds}


def _original_values(cells: pd.Series[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cells.astype("str")))


def is_named_leaving(name: str) -> bool:
    """Return whether a column's name suggests a date of leaving."""
    return leaving_rank(as_words(name)) < UNNAMED_LEAVING


def leaving_rank(words: str) -> int:
    """Return the rank of a name for the date of leaving; `UNNAMED_LEAVING` if it suggests nothing.

    A last day of service such as "Paid through" may be one, if a status agrees.
    """
    if is_other_event(words):
        return UNNAMED_LEAVING if LAST_DAY.search(words) else UNNAMED_LEAVING + 1
    rank = name_rank(words, "churned_on")
    return UNNAMED_LEAVING if rank is None else rank
