"""Features of a column for guessing: words of its name, and its content."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.settling import has_several_currencies
from fitmodel.guessing._names import as_words, named
from fitmodel.tables.values import is_text, read_dates, read_flags, read_numbers

if TYPE_CHECKING:
    from fitmodel.tables.values import Mask, Reading

READS = 0.95  # share of the filled-in values that make a column dates or numbers
FIRST_DAY, LAST_DAY = pd.Timestamp("1900-01-02"), pd.Timestamp("2200-01-01")  # beyond: placeholders
CHECKED_FIRST = 200  # values that must hold a date before all are read
PLAIN_FLAGS = frozenset({"0", "1", "0.0", "1.0", "yes", "no", "y", "n", "true", "false", "t", "f"})


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a tidy table.

    Parameters
    ----------
    cells : Series
    """

    cells: pd.Series[Any]

    @cached_property
    def name(self) -> str:
        """Name as the table has it."""
        return str(self.cells.name)

    @cached_property
    def words(self) -> str:
        """Name in plain words."""
        return as_words(self.name)

    @cached_property
    def filled(self) -> int:
        """Number of values."""
        return int(self.cells.notna().sum())

    @cached_property
    def distinct(self) -> int:
        """Number of different values."""
        return int(self.cells.nunique())

    @property
    def is_full(self) -> bool:
        """Whether no value is missing."""
        return self.filled == len(self.cells)

    @property
    def is_unique(self) -> bool:
        """Whether no value repeats and none is missing."""
        return self.is_full and self.distinct == len(self.cells)

    @cached_property
    def is_same(self) -> bool:
        """Whether the column is empty, or every row has the same value."""
        return self.filled == 0 or (self.is_full and self.distinct == 1)

    @cached_property
    def is_text(self) -> bool:
        """Whether the values are text or of several types."""
        return is_text(self.cells) or isinstance(self.cells.dtype, pd.CategoricalDtype)

    @cached_property
    def dates(self) -> Reading | None:
        """The column read as dates; None where hardly anything reads so."""
        asked = self.cells.dropna().drop_duplicates()[:CHECKED_FIRST]
        if read_dates(asked).series.notna().mean() < 1 - READS if len(asked) else True:
            return None
        return read_dates(self.cells)

    @cached_property
    def date_share(self) -> float:
        """Share of the values that are dates; a column of numbers is all dates or none."""
        if self.dates is None:
            return 0.0
        share = float(self.dates.series.notna().sum() / self.filled)
        numeric = pd.api.types.is_numeric_dtype(self.cells.dtype)
        return 0.0 if numeric and share < 1 else share

    @property
    def is_date(self) -> bool:
        """Whether the column holds dates, written as dates."""
        return not pd.api.types.is_numeric_dtype(self.cells.dtype) and self.date_share >= READS

    @property
    def is_iso_date(self) -> bool:
        """Whether the dates are written so that attributes can be read from them."""
        if not is_text(self.cells):
            return True
        return bool(self.cells.dropna().astype("str").str.match(r"\d{4}-\d{2}-\d{2}").all())

    @cached_property
    def is_number(self) -> bool:
        """Whether nearly all values read as numbers."""
        if self.filled == 0 or self.is_date or pd.api.types.is_bool_dtype(self.cells.dtype):
            return False
        return bool(read_numbers(self.cells).unreadable.sum() <= (1 - READS) * self.filled)

    @cached_property
    def has_several_currencies(self) -> bool:
        """Whether the values are money of several currencies, by their signs."""
        return self.is_text and has_several_currencies(read_numbers(self.cells))

    @cached_property
    def below_zero(self) -> float:
        """Share of the values that are negative numbers."""
        return float((read_numbers(self.cells).series < 0).sum() / max(self.filled, 1))

    @cached_property
    def is_running(self) -> bool:
        """Whether the values only count the rows."""
        if not pd.api.types.is_integer_dtype(self.cells.dtype) or not self.is_unique:
            return False
        return bool((np.abs(np.diff(self.cells.to_numpy(dtype=np.int64))) == 1).all())

    @cached_property
    def flags(self) -> Reading:
        """The column read as yes and no."""
        return read_flags(self.cells)

    @property
    def says_stays(self) -> bool:
        """Whether its name says that yes means still a customer."""
        return named(self.words, "stays_flag")

    @cached_property
    def real_dates(self) -> Mask:
        """Which rows hold a real date, and not a placeholder for "never"."""
        if self.dates is None:
            return np.zeros(len(self.cells), dtype=bool)
        days = self.dates.series
        real: Mask = ((days > FIRST_DAY) & (days < LAST_DAY)).to_numpy(dtype=bool)
        return real

    @cached_property
    def is_flag(self) -> bool:
        """Whether every row says whether the customer left, and some say yes and some no."""
        if not self.is_full or self.distinct > len(PLAIN_FLAGS) or self.says_stays:
            return False
        flags = self.flags.series
        return not self.flags.unreadable.any() and bool(flags.any()) and not bool(flags.all())

    @cached_property
    def is_plain_flag(self) -> bool:
        """Whether the flag is written 1 and 0 or yes and no, so that only the name says of what."""
        spelled = self.cells.astype("str").str.lower().dropna().unique()
        return self.is_flag and set(spelled) <= PLAIN_FLAGS
