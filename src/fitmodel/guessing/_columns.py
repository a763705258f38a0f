"""A column of an unknown table: its features, and the known export that it may come from.

Its meaning is guessed from the features: its name and its content.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.reading import are_written_dates, has_several_currencies
from fitmodel.guessing._names import VERSION, as_words, has_name_of
from fitmodel.tables.values import is_text, read_dates, read_flags, read_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from fitmodel.tables.values import Mask, Reading

MIN_READABLE = 0.95  # minimum share of values that are dates (or numbers) in such a column
# Dates outside of this range are placeholders.
FIRST_DAY, LAST_DAY = pd.Timestamp("1900-01-02"), pd.Timestamp("2200-01-01")
MIN_READABLE_NAMED = 0.5  # the same in a column whose name is clear
MAX_LEVELS = 60  # a column with more distinct texts is no category
CHECKED_FIRST = 200  # distinct values checked for dates before the whole column is parsed
PLAIN_FLAGS = frozenset({"0", "1", "0.0", "1.0", "yes", "no", "y", "n", "true", "false", "t", "f"})
FILE = "vendors.toml"
MIN_PREFIXED = 4  # minimum number of columns with the system's prefix
_TABLE_NAME = re.compile(r"^(subscriptions?|deals?|opportunity|hs) (?=\w)")


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a tidy table; its features are computed on first use."""

    cells: pd.Series[Any]

    @cached_property
    def name(self) -> str:
        """Name of the column in the table."""
        return str(self.cells.name)

    @cached_property
    def words(self) -> str:
        """Name as plain words; see `as_words`."""
        return as_words(self.name)

    @cached_property
    def filled(self) -> int:
        """Number of values that are not missing."""
        return int(self.cells.notna().sum())

    @cached_property
    def distinct(self) -> int:
        """Number of distinct values."""
        return int(self.cells.nunique())

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Number of rows by value, as text; the most frequent value comes first."""
        counts = {str(cell): int(rows) for cell, rows in self.cells.value_counts().items()}
        return MappingProxyType(counts)

    @property
    def is_full(self) -> bool:
        """Whether no value is missing."""
        return self.filled == len(self.cells)

    @property
    def is_unique(self) -> bool:
        """Whether every row has a different value."""
        return self.is_full and self.distinct == len(self.cells)

    @cached_property
    def is_constant(self) -> bool:
        """Whether the column is empty, or every row has the same value."""
        return self.filled == 0 or (self.is_full and self.distinct == 1)

    @cached_property
    def is_text(self) -> bool:
        """Whether the values are text or of several types."""
        return is_text(self.cells) or isinstance(self.cells.dtype, pd.CategoricalDtype)

    @cached_property
    def dates(self) -> Reading | None:
        """The column parsed as dates; None if hardly any value is a date."""
        first = self.cells.dropna().drop_duplicates()[:CHECKED_FIRST]
        if read_dates(first).series.notna().mean() < 1 - MIN_READABLE if len(first) else True:
            return None
        return read_dates(self.cells)

    @cached_property
    def date_share(self) -> float:
        """Share of the values that are dates; for numbers it is 0 unless all are dates."""
        if self.dates is None:
            return 0.0
        share = float(self.dates.series.notna().sum() / self.filled)
        numeric = pd.api.types.is_numeric_dtype(self.cells.dtype)
        return 0.0 if numeric and share < 1 else share

    @cached_property
    def is_date(self) -> bool:
        """Whether the column holds dates, and neither numbers nor versions such as 4.12.10."""
        if pd.api.types.is_numeric_dtype(self.cells.dtype) or self.date_share < MIN_READABLE:
            return False
        if VERSION.search(self.words) is None or self.is_iso_date:
            return True
        return are_written_dates(self.cells)

    @property
    def is_iso_date(self) -> bool:
        """Whether all dates are ISO dates, which attributes need no form for."""
        if not is_text(self.cells):
            return True
        return bool(self.cells.dropna().astype("str").str.match(r"\d{4}-\d{2}-\d{2}").all())

    @cached_property
    def is_number(self) -> bool:
        """Whether nearly all values are numbers."""
        if self.filled == 0 or self.is_date or pd.api.types.is_bool_dtype(self.cells.dtype):
            return False
        return bool(self._as_numbers.unreadable.sum() <= (1 - MIN_READABLE) * self.filled)

    @cached_property
    def _as_numbers(self) -> Reading:
        """The column parsed as numbers, which several questions need."""
        return read_numbers(self.cells)

    @cached_property
    def numbers(self) -> frozenset[float]:
        """The distinct values of a column of numbers."""
        return frozenset(self.amounts.dropna().unique().tolist())

    @cached_property
    def amounts(self) -> pd.Series[float]:
        """The values parsed as numbers; missing if a cell is empty or no number."""
        return self._as_numbers.series

    @cached_property
    def has_several_currencies(self) -> bool:
        """Whether the values are amounts with the signs of several currencies."""
        return self.is_text and has_several_currencies(self._as_numbers)

    @cached_property
    def below_zero(self) -> float:
        """Share of the values that are negative numbers."""
        return float((self.amounts < 0).sum() / max(self.filled, 1))

    @cached_property
    def is_running(self) -> bool:
        """Whether the values are a running number of the rows."""
        if not pd.api.types.is_integer_dtype(self.cells.dtype) or not self.is_unique:
            return False
        return bool((np.abs(np.diff(self.cells.to_numpy(dtype=np.int64))) == 1).all())

    @cached_property
    def flags(self) -> Reading:
        """The column parsed as yes and no."""
        return read_flags(self.cells)

    @property
    def says_stays(self) -> bool:
        """Whether, by its name, yes means that the customer is still there."""
        return has_name_of(self.words, "stays_flag")

    @cached_property
    def real_dates(self) -> Mask:
        """Mask of the rows with a date that is not a placeholder for "never"."""
        if self.dates is None:
            return np.zeros(len(self.cells), dtype=bool)
        days = self.dates.series
        real: Mask = ((days > FIRST_DAY) & (days < LAST_DAY)).to_numpy(dtype=bool)
        return real

    @cached_property
    def days(self) -> NDArray[np.datetime64]:
        """The dates as days; NaT where a row has none, or a placeholder for "never"."""
        if self.dates is None:
            return np.full(len(self.cells), np.datetime64("NaT", "D"))
        days = self.dates.series.to_numpy().astype("datetime64[D]")
        return np.where(self.real_dates, days, np.datetime64("NaT", "D"))

    @property
    def real_days(self) -> NDArray[np.datetime64]:
        """The days of the rows that have one."""
        return self.days[self.real_dates]

    @property
    def is_category(self) -> bool:
        """Whether the values are a few texts."""
        return self.is_text and 1 < self.distinct <= MAX_LEVELS and not self.is_date

    @cached_property
    def is_flag(self) -> bool:
        """Whether every row is yes or no, both occur, and yes may mean that the customer left."""
        if not self.is_full or self.distinct > len(PLAIN_FLAGS) or self.says_stays:
            return False
        flags = self.flags.series
        return not self.flags.unreadable.any() and bool(flags.any()) and not bool(flags.all())


def named(columns: Iterable[Column], name: object) -> Column | None:
    """Return the column with a name; None if there is none."""
    return next((column for column in columns if column.name == name), None)


@dataclass(frozen=True)
class Vendor:
    """A system whose export was recognised.

    `roles`: columns of the table for each role, the best candidate first.
    `left`: values of the status that mean that the customer left.
    `after_signing`: columns of the table that are known only after signing.
    `won`: date column that is filled for won deals only.
    """

    title: str
    roles: Mapping[str, tuple[str, ...]]
    left: tuple[str, ...]
    after_signing: tuple[str, ...]
    won: str | None = None


def recognise_export(names: Iterable[str]) -> Vendor | None:
    """Return the system that exported a table, by its columns' names; None if unknown.

    Examples
    --------
    >>> from fitmodel.guessing._columns import recognise_export
    >>> recognise_export(["id", "Customer ID", "Current Period End (UTC)", "Ended At (UTC)"]).title
    'Stripe subscriptions'
    """
    by_words: dict[str, str] = {}
    names = list(names)
    for name in names:
        words = as_words(name)
        by_words.setdefault(_compact(words), name)
        by_words.setdefault(_compact(_TABLE_NAME.sub("", words)), name)
    for vendor in _vendors().values():
        prefixed = sum(name.startswith(vendor.get("prefix", "")) for name in names)
        if prefixed < min(MIN_PREFIXED, len(names)):
            continue
        needed, some = ({_compact(each) for each in vendor[key]} for key in ("columns", "any"))
        if by_words.keys() >= needed and by_words.keys() & some:
            return _vendor_of(vendor, by_words)
    return None


def columns_in_export(columns: Iterable[Column], role: str) -> tuple[str, ...]:
    """Return the columns of a role if the table is a known export, the best candidate first."""
    vendor = recognise_export(column.name for column in columns)
    return () if vendor is None else vendor.roles.get(role, ())


def _vendor_of(vendor: dict[str, Any], by_words: dict[str, str]) -> Vendor:
    lists = {key: words for key, words in vendor.items() if isinstance(words, list)}
    present = {
        key: tuple(
            dict.fromkeys(by_words[_compact(each)] for each in words if _compact(each) in by_words)
        )
        for key, words in lists.items()
        if key not in {"columns", "any", "left"}
    }
    after = present.pop("after_signing", ())
    won = next(iter(present.pop("won", ())), None)
    return Vendor(vendor["title"], present, tuple(vendor.get("left", ())), after, won)


def _compact(words: str) -> str:
    """Return a name without spaces: an API has "closedate" where exports have "Close Date"."""
    return words.replace(" ", "")


@cache
def _vendors() -> dict[str, dict[str, Any]]:
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return tomllib.loads(text)
