"""Find the flag or status that says who left, whatever language it is written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.vocabulary import is_status, plain_words
from fitmodel.guessing._names import named, sureness
from fitmodel.tables.values import is_empty, read_flags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fitmodel.guessing._columns import Column
    from fitmodel.guessing._vendors import Vendor
    from fitmodel.tables.values import Mask

MAX_VALUES = 25  # distinct values of a status
KNOWN = 0.9  # share of the rows whose value must be in the vocabulary
BY_VALUES = 0.95  # the same where the name does not say that it is a status
BY_VALUES_ALONE = 3  # rank of a column whose name says nothing
PLAIN_FLAG = 2  # rank of names that may be of anything


@dataclass(frozen=True, eq=False)
class Status:
    """A column that says which customers left.

    Attributes
    ----------
    column : Column
    left : ndarray of bool of shape (rows,)
    churned_values : tuple of str
        What means left, as in the contract; empty for a plain yes or no.
    rank : int
        0 where the name is that of a flag, higher where it is less sure.
    """

    column: Column
    left: Mask
    churned_values: tuple[str, ...]
    rank: int

    @property
    def is_sure(self) -> bool:
        """Whether its name too says that it is a flag or status, not its values alone."""
        return self.rank < BY_VALUES_ALONE

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column.name


def find_status(columns: Iterable[Column], vendor: Vendor | None = None) -> Status | None:
    """Find the surest column that says who left; None where there is none."""
    result = [each for column in columns if (each := status_of(column, vendor)) is not None]
    return min(result, key=lambda each: each.rank) if result else None


def status_of(column: Column, vendor: Vendor | None = None) -> Status | None:
    """Read a column as a flag or status; None where it is neither."""
    if not 1 < column.distinct <= MAX_VALUES or column.is_date:
        return None
    if vendor is not None and vendor.left and column.name in vendor.roles.get("status", ())[:1]:
        return _by_values(column, {plain_words(each) for each in vendor.left}, 0)
    if named(column.words, "stays_flag"):
        return _flag(column, stays=True, rank=1)
    if named(column.words, "left_flag") or sureness(column.words, "churned") in {0, 1}:
        return _flag(column, stays=False, rank=0)
    named_status = named(column.words, "status") or sureness(column.words, "churned") == PLAIN_FLAG
    return _by_vocabulary(column, PLAIN_FLAG if named_status else BY_VALUES_ALONE)


def _flag(column: Column, *, stays: bool, rank: int) -> Status | None:
    flags = read_flags(column.cells)
    empty = is_empty(column.cells)
    if flags.unreadable.any():
        return _by_vocabulary(column, rank)
    yes = flags.series.to_numpy(dtype=bool)
    left = ~yes & ~empty if stays else yes
    if not left.any() or left.all():
        return None
    values = _written(column.cells[left]) if stays else ()
    return Status(column, left, values, rank)


def _by_vocabulary(column: Column, rank: int) -> Status | None:
    """A status whose values are known words; under an unknown name nearly all must be known."""
    if not column.is_text:
        return None
    left, active, not_yet = (_meaning(column, key) for key in ("left", "active", "not_yet"))
    known = _is_one_of(column, left | active | not_yet).sum()
    enough = KNOWN if rank < BY_VALUES_ALONE else BY_VALUES
    if not left or not active or known < enough * column.filled:
        return None
    return _by_values(column, left, rank)


def _by_values(column: Column, meant: set[str], rank: int) -> Status | None:
    left = _is_one_of(column, meant)
    if not left.any() or left.all():
        return None
    return Status(column, left, _written(column.cells[left]), rank)


def _is_one_of(column: Column, words: set[str]) -> Mask:
    """Which cells are one of these values, in plain words; every different cell is read once."""
    positions, cells = pd.factorize(column.cells)
    chosen = np.array([*(plain_words(cell) in words for cell in cells), False], dtype=bool)
    result: Mask = chosen[positions]  # a missing cell has place -1
    return result


def _meaning(column: Column, key: str) -> set[str]:
    """Values of a column, in plain words, that are known to mean this."""
    return {each for each in _plain(column) if is_status(each, key)}


def _plain(column: Column) -> set[str]:
    return {plain_words(cell) for cell in column.cells.dropna().unique()}


def _written(cells: pd.Series[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cells.astype("str")))
