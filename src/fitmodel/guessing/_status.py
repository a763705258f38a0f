"""Find the flag or status that says who left, in several languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.vocabulary import kind_of_status, plain_words
from fitmodel.guessing._names import has_name_of, name_rank
from fitmodel.tables.values import is_empty, read_flags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fitmodel.guessing._columns import Column, Vendor
    from fitmodel.tables.values import Mask

MAX_VALUES = 25  # maximum number of distinct values of a status
MIN_KNOWN = 0.9  # minimum share of rows whose value is in the vocabulary
MIN_KNOWN_UNNAMED = 0.95  # the same if the column's name does not suggest a status
UNNAMED_RANK = 3  # rank of a column whose name suggests nothing
WEAK_RANK = 2  # rank of general names such as "status"


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
