"""Choose a column for every attribute: numbers are cut into bins, categories get a code per level.

labelled attributes -> read_values -> fit_columns -> one Column per attribute
any frame           -> encode      -> codes, one row per prospect, one integer per attribute
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fitmodel.deals.spellings import is_missing
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import (
    MISSING,
    CategoryColumn,
    Column,
    NumberColumn,
    UnreadableValueError,
    as_number,
    flag_text,
    hidden_level,
    level_text,
)

MAX_BINS = 64
NUMBER_SHARE = 0.95  # of the filled-in texts must read as numbers for the column to be one
CODE_NAME = re.compile(
    r"(^|[_\W])(code|id|zip|postcode|postal|plz|sku|number|no|nr)$", re.IGNORECASE
)
MAX_CODE_LEVELS = 1_000
MANY_LEVELS = 16  # more than these: one shrunken number per level instead of an indicator
LEAST_NAMED = 5  # deals of a level whose name the book keeps: fewer may be one customer's own
LEAST_OF_MANY = 2  # deals of a level that is shrunken: pooling it with others would only lose it


@dataclass(frozen=True)
class EncodingOptions:
    """How columns are chosen where the table leaves a choice.

    Parameters
    ----------
    categorical, numeric : collection of str
        Attributes whose kind the spec forces.
    dates : collection of str
        Attributes that are days before closing.
    min_level_weight : int
        A level with fewer deals shares the code of the rare levels.
    max_bins : int
        Most bins of a number.
    """

    categorical: Collection[str] = ()
    numeric: Collection[str] = ()
    dates: Collection[str] = ()
    min_level_count: int = 5
    max_bins: int = MAX_BINS


def fit_columns(attributes: pd.DataFrame, options: EncodingOptions) -> tuple[Column, ...]:
    """Choose a column for every attribute of the training deals, in the frame's order."""
    return tuple(_fit_column(attributes[str(name)], options) for name in attributes.columns)


def encode(columns: Sequence[Column], attributes: pd.DataFrame) -> NDArray[np.int32]:
    """Codes of a frame, shape (rows, attributes).

    Raises
    ------
    ProspectError
        If numbers hold text; the message lists every such column with count, example and remedy.
    """
    codes, unreadable = encode_leniently(columns, attributes)
    faults = []
    for column, rows in zip(columns, unreadable, strict=True):
        if rows.any():
            first = int(np.flatnonzero(rows)[0])
            example = attributes[column.name].iloc[first]
            faults.append(
                f"  {column.name}: {int(rows.sum())} value(s) are no number, "
                f"for example {example!r} in row {attributes.index[first]!r}"
            )
    if faults:
        raise ProspectError(
            "text stands where the model learned numbers:\n"
            + "\n".join(faults)
            + "\nRemedy: write these as plain numbers (1234.5), or leave them empty if not known; "
            "an attribute that is no number belongs into [attributes] categorical."
        )
    return codes


def encode_leniently(
    columns: Sequence[Column], attributes: pd.DataFrame
) -> tuple[NDArray[np.int32], list[NDArray[np.bool_]]]:
    """Codes of a frame, and for each column which rows could not be read (coded as missing)."""
    codes = np.empty((len(attributes), len(columns)), dtype=np.int32)
    unreadable = []
    for position, column in enumerate(columns):
        codes[:, position], bad = column_codes(column, attributes[column.name])
        unreadable.append(bad)
    return codes, unreadable


def column_codes(column: Column, values: pd.Series) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Codes of one attribute's values and which of them could not be read."""
    if isinstance(column, NumberColumn):
        numbers, bad = read_numbers(values)
        return column.codes(numbers), bad
    positions, uniques = distinct(values)
    codes = np.full(len(uniques) + 1, MISSING, dtype=np.int32)
    bad = np.zeros(len(uniques) + 1, dtype=bool)
    for place, value in enumerate(uniques):
        try:
            codes[place] = column.code(value)
        except UnreadableValueError:
            bad[place] = True
    return codes[positions], bad[positions]


def distinct(values: pd.Series) -> tuple[NDArray[np.int_], Sequence[Any]]:
    """Place of each value among the distinct ones (-1: missing), and these.

    Cells of several types are told apart by type and text: 1, 1.0 and True are equal in Python,
    but as levels they are not, and a list has no hash.
    """
    if isinstance(values.dtype, pd.ArrowDtype) and values.dtype.kind == "O":
        values = values.astype(object)  # lists, mappings, decimals
    if values.dtype != object or pd.api.types.infer_dtype(values, skipna=True) == "string":
        known, levels = pd.factorize(values, use_na_sentinel=True)
        return known, list(levels)
    cells = values.tolist()
    places: dict[tuple[type, str], int] = {}
    firsts: list[Any] = []
    positions = np.empty(len(cells), dtype=np.intp)
    for row, cell in enumerate(cells):
        place = places.setdefault((type(cell), str(cell)), len(firsts))
        if place == len(firsts):
            firsts.append(cell)
        positions[row] = place
    return positions, firsts


def read_numbers(values: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers of a series (NaN where missing) and which values are no number."""
    if pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind != "c":
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(numbers), numbers, np.nan), np.zeros(len(values), dtype=bool)
    positions, uniques = distinct(values)
    numbers = np.full(len(uniques) + 1, np.nan)
    bad = np.zeros(len(uniques) + 1, dtype=bool)
    for place, value in enumerate(uniques):
        if not is_missing(value):
            try:
                numbers[place] = as_number(value)
            except UnreadableValueError:
                bad[place] = True
    return numbers[positions], bad[positions]


def _fit_column(values: pd.Series, options: EncodingOptions) -> Column:
    name = str(values.name)
    if name in options.dates:
        return _fit_number(values, options, is_date=True)
    if name in options.categorical:
        return _fit_category(values, options)
    if name in options.numeric or _reads_as_number(values):
        return _fit_number(values, options, is_date=False)
    return _fit_category(values, options)


def _reads_as_number(values: pd.Series) -> bool:
    """Tell numbers from categories by type and content; flags and codes are categories."""
    texts = [level_text(value) for value in distinct(values)[1] if not is_missing(value)]
    if not texts or all(flag_text(text) in {"yes", "no"} for text in texts):
        return False
    numbers, bad = read_numbers(values)
    filled = np.isfinite(numbers) | bad
    if bad.sum() > (1 - NUMBER_SHARE) * max(int(filled.sum()), 1):
        return False
    return not looks_like_codes(str(values.name), numbers[np.isfinite(numbers)])


def looks_like_codes(name: str, numbers: NDArray[np.float64]) -> bool:
    """Tell whether whole numbers are names of things (a plan code) rather than amounts.

    They are when the attribute's name says so, or when few distinct large values recur with wide
    gaps between them: 1001, 1002, 2001 in a thousand deals is a price list, not a quantity.
    """
    if len(numbers) == 0 or not np.array_equal(numbers, np.round(numbers)):
        return False
    distinct = np.unique(numbers)
    if len(distinct) > min(MAX_CODE_LEVELS, max(len(numbers) // 5, 2)):
        return False
    if CODE_NAME.search(name):
        return True
    recurring = len(numbers) >= 20 * len(distinct)
    large = distinct[0] >= 100  # noqa: PLR2004 - counts and scales start near 0
    return bool(recurring and large and len(distinct) <= 50)  # noqa: PLR2004 - a price list


def _fit_number(values: pd.Series, options: EncodingOptions, *, is_date: bool) -> NumberColumn:
    numbers, _ = read_numbers(values)
    known = np.sort(numbers[np.isfinite(numbers)])
    name = str(values.name)
    if len(known) == 0:
        return NumberColumn(name, (), np.nan, np.nan, is_date)
    cuts = quantile_cuts(known, options.max_bins, min_count=options.min_level_count)
    return NumberColumn(name, cuts, float(known[0]), float(known[-1]), is_date)


def quantile_cuts(
    ordered: NDArray[np.float64], max_bins: int, *, min_count: int
) -> tuple[float, ...]:
    """Cut ordered numbers into at most `max_bins` bins of about equal counts.

    Cuts lie between distinct neighbours and are written with as few digits as separate them, so
    that a person can read the book; every bin keeps at least `min_count` deals.
    """
    bins = max(1, min(max_bins, len(ordered) // max(min_count, 1)))
    starts = np.flatnonzero(np.diff(ordered) > 0) + 1  # first position of each new value
    if bins == 1 or len(starts) == 0:
        return ()
    wanted = np.arange(1, bins) * len(ordered) / bins
    after = np.searchsorted(starts, wanted).clip(1, len(starts) - 1) if len(starts) > 1 else [0]
    before = np.asarray(after) - (len(starts) > 1)
    closer = np.abs(starts[before] - wanted) <= np.abs(starts[after] - wanted)
    nearest = np.unique(np.where(closer, starts[before], starts[after]))
    kept: list[int] = []
    for start in nearest:
        if start - (kept[-1] if kept else 0) >= min_count and len(ordered) - start >= min_count:
            kept.append(int(start))
    return tuple(_short_between(ordered[start - 1], ordered[start]) for start in kept)


def _short_between(below: float, above: float) -> float:
    """Shortest decimal number in (below, above]."""
    for digits in range(1, 18):
        middle = float(f"{below + (above - below) / 2:.{digits}g}")
        if below < middle <= above:
            return middle
    return float(above)


def _fit_category(values: pd.Series, options: EncodingOptions) -> CategoryColumn:
    positions, uniques = distinct(values)
    counts: dict[str, int] = {}
    for value, count in zip(
        uniques, np.bincount(positions[positions >= 0], minlength=len(uniques)), strict=True
    ):
        if not is_missing(value):
            text = level_text(value)
            counts[text] = counts.get(text, 0) + int(count)
    is_flag = bool(counts) and all(flag_text(text) in {"yes", "no"} for text in counts)
    if is_flag:
        return CategoryColumn(str(values.name), {"no": 1, "yes": 2}, is_flag=True)
    return CategoryColumn(str(values.name), _level_codes(counts, options.min_level_count))


def _level_codes(counts: dict[str, int], min_count: int) -> dict[str, int]:
    """Code of each level, most frequent first; rare levels share the last code."""
    ordered = sorted(counts, key=lambda level: (-counts[level], level))
    frequent = [level for level in ordered if counts[level] >= min_count]
    if len(frequent) > MANY_LEVELS:
        frequent = [level for level in ordered if counts[level] >= min(min_count, LEAST_OF_MANY)]
    rare = ordered[len(frequent) :]
    codes = {level: code for code, level in enumerate(frequent, start=1)}
    codes |= dict.fromkeys(rare, len(frequent) + 1)
    return {
        level if counts[level] >= LEAST_NAMED else hidden_level(level): code
        for level, code in codes.items()
    }
