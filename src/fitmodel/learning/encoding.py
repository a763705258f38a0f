"""Choose a column for every attribute: numbers are cut into bins, categories get a code per level.

labelled attributes -> read_values -> fit_columns -> one Column per attribute
any frame           -> encode      -> codes, one row per prospect, one integer per attribute
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import (
    MISSING,
    CategoryColumn,
    Column,
    NumberColumn,
    UnreadableValueError,
    flag_text,
    hidden_level,
    level_text,
)
from fitmodel.tables import values as readers
from fitmodel.tables.cells import row_name, shown
from fitmodel.tables.forms import looks_like_codes, reads_as_numbers
from fitmodel.tables.values import UNKNOWN, NumberForm, distinct, is_missing
from fitmodel.tables.vocabulary import UNCLEAR_WORDS

__all__ = [
    "EncodingOptions",
    "column_codes",
    "distinct",
    "encode",
    "encode_leniently",
    "fit_columns",
    "looks_like_codes",
    "quantile_cuts",
    "read_numbers",
]

MAX_BINS = 64
MANY_LEVELS = 16  # a category with more levels gets shrunken effects, also for rare levels
MIN_NAMED = 5  # least deals of a level whose name is stored; a rarer one may name a customer
MIN_SHRUNK = 2  # least deals of a level with a code of its own in a category of many levels


@dataclass(frozen=True)
class EncodingOptions:
    """Options for the choice of columns.

    Parameters
    ----------
    categorical, numeric : collection of str
        Attributes that the contract declares to be categories, or numbers.
    dates : collection of str
        Attributes that are dates, given as days before closing.
    min_level_count : int
        A level with fewer deals shares the code of the rare levels.
    max_bins : int
        Largest number of bins of a number.
    max_levels : int or None
        Largest number of levels of a category that get a code of their own; None: all levels with
        enough deals.
    """

    categorical: Collection[str] = ()
    numeric: Collection[str] = ()
    dates: Collection[str] = ()
    min_level_count: int = 5
    max_bins: int = MAX_BINS
    max_levels: int | None = None


def fit_columns(attributes: pd.DataFrame, options: EncodingOptions) -> tuple[Column, ...]:
    """Choose a column for every attribute of the training deals, in the order of the frame."""
    return tuple(_fit_column(attributes[str(name)], options) for name in attributes.columns)


def encode(columns: Sequence[Column], attributes: pd.DataFrame) -> NDArray[np.int32]:
    """Encode a frame, shape (rows, attributes).

    Raises
    ------
    ProspectError
        If a numeric column contains text; the message lists every such column with the number of
        values, an example and the remedy.
    """
    codes, unreadable = encode_leniently(columns, attributes)
    problems = []
    for column, rows in zip(columns, unreadable, strict=True):
        if rows.any():
            first = int(np.flatnonzero(rows)[0])
            example = attributes[column.name].iloc[first]
            problems.append(
                f"  {column.name}: {int(rows.sum())} value(s) are not numbers, "
                f"for example {shown(example)} in {row_name(attributes.index[first])}"
            )
    if problems:
        raise ProspectError(
            "columns that the model learned as numbers contain text:\n"
            + "\n".join(problems)
            + "\nRemedy: write these as plain numbers (1234.5), or leave them empty if not known; "
            "an attribute that is not a number belongs into [attributes] categorical."
        )
    return codes


def encode_leniently(
    columns: Sequence[Column], attributes: pd.DataFrame
) -> tuple[NDArray[np.int32], list[NDArray[np.bool_]]]:
    """Encode a frame, and return for each column which rows could not be read (coded missing)."""
    codes = np.empty((len(attributes), len(columns)), dtype=np.int32)
    unreadable = []
    for position, column in enumerate(columns):
        codes[:, position], bad = column_codes(column, attributes[column.name])
        unreadable.append(bad)
    return codes, unreadable


def column_codes(column: Column, values: pd.Series) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Encode the values of one attribute, and return which of them could not be read."""
    if isinstance(column, NumberColumn):
        numbers, bad = read_numbers(values)
        return column.codes(numbers), bad
    positions, uniques = distinct(values)
    codes = np.full(len(uniques) + 1, MISSING, dtype=np.int32)
    bad = np.zeros(len(uniques) + 1, dtype=bool)
    for position, value in enumerate(uniques):
        try:
            codes[position] = column.code(value)
        except UnreadableValueError:
            bad[position] = True
    return codes[positions], bad[positions]


def read_numbers(
    values: pd.Series, form: NumberForm = UNKNOWN
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read a series as numbers (NaN where missing), and return which values are not numbers."""
    reading = readers.read_numbers(values, form)
    return reading.series.to_numpy(), reading.unreadable


def _fit_column(values: pd.Series, options: EncodingOptions) -> Column:
    name = str(values.name)
    if name in options.dates:
        return _fit_number(values, options, is_date=True)
    if name in options.categorical:
        return _fit_category(values, options)
    if name in options.numeric or reads_as_numbers(values):
        return _fit_number(values, options, is_date=False)
    return _fit_category(values, options)


def _fit_number(values: pd.Series, options: EncodingOptions, *, is_date: bool) -> NumberColumn:
    numbers, _ = read_numbers(values)
    known = np.sort(numbers[np.isfinite(numbers)])
    name = str(values.name)
    if len(known) == 0:
        return NumberColumn(name, (), np.nan, np.nan, is_date)
    cuts = quantile_cuts(known, options.max_bins, min_count=options.min_level_count)
    starts = np.searchsorted(known, np.asarray(cuts), side="left")
    centres = tuple(map(_middle, np.split(known, starts)))
    return NumberColumn(name, cuts, float(known[0]), float(known[-1]), is_date, centres)


def _middle(ordered: NDArray[np.float64]) -> float:
    """Return the median of sorted numbers, much faster than `numpy.median`."""
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def quantile_cuts(
    ordered: NDArray[np.float64], max_bins: int, *, min_count: int
) -> tuple[float, ...]:
    """Cut sorted numbers into at most `max_bins` bins of about equal counts.

    Cuts lie between distinct neighbours. They have as few digits as possible, so that a person can
    read the scorecard. Every bin has at least `min_count` deals.
    """
    bins = max(1, min(max_bins, len(ordered) // max(min_count, 1)))
    starts = np.flatnonzero(np.diff(ordered) > 0) + 1  # first position of each new value
    if bins == 1 or len(starts) == 0:
        return ()
    targets = np.arange(1, bins) * len(ordered) / bins
    upper = np.searchsorted(starts, targets).clip(1, len(starts) - 1) if len(starts) > 1 else [0]
    lower = np.asarray(upper) - (len(starts) > 1)
    lower_is_nearer = np.abs(starts[lower] - targets) <= np.abs(starts[upper] - targets)
    nearest = np.unique(np.where(lower_is_nearer, starts[lower], starts[upper]))
    chosen: list[int] = []
    for start in nearest:
        if start - (chosen[-1] if chosen else 0) >= min_count and len(ordered) - start >= min_count:
            chosen.append(int(start))
    return tuple(_shortest_between(ordered[start - 1], ordered[start]) for start in chosen)


def _shortest_between(below: float, above: float) -> float:
    """Shortest decimal number in (below, above]."""
    for digits in range(1, 18):
        rounded = float(f"{below + (above - below) / 2:.{digits}g}")
        if below < rounded <= above:
            return rounded
    return float(above)


def _fit_category(values: pd.Series, options: EncodingOptions) -> CategoryColumn:
    positions, uniques = distinct(values)
    counts: dict[str, int] = {}
    for value, count in zip(
        uniques, np.bincount(positions[positions >= 0], minlength=len(uniques)), strict=True
    ):
        # a spelling of a missing value that was not removed by reading the deals is a level here,
        # see `fitmodel.tables.tidying`
        if not is_missing(value) or level_text(value) in UNCLEAR_WORDS:
            text = level_text(value)
            counts[text] = counts.get(text, 0) + int(count)
    words = tuple(sorted(UNCLEAR_WORDS.intersection(counts)))
    is_flag = bool(counts) and all(flag_text(text) in {"yes", "no"} for text in counts)
    if is_flag:
        return CategoryColumn(str(values.name), {"no": 1, "yes": 2}, is_flag=True)
    levels = _level_codes(counts, options.min_level_count, options.max_levels)
    return CategoryColumn(str(values.name), levels, words=words)


def _level_codes(counts: dict[str, int], min_count: int, max_levels: int | None) -> dict[str, int]:
    """Code of each level, most frequent first; rare levels share the last code."""
    ordered = sorted(counts, key=lambda level: (-counts[level], level))
    frequent = [level for level in ordered if counts[level] >= min_count]
    if max_levels is not None:
        frequent = frequent[:max_levels]
    if len(frequent) > MANY_LEVELS:
        frequent = [level for level in ordered if counts[level] >= min(min_count, MIN_SHRUNK)]
    rare = ordered[len(frequent) :]
    codes = {level: code for code, level in enumerate(frequent, start=1)}
    codes |= dict.fromkeys(rare, len(frequent) + 1)
    return {
        level if counts[level] >= MIN_NAMED else hidden_level(level): code
        for level, code in codes.items()
    }
