"""Tidy a table: strip text, and mark missing values.

column -> text stripped -> words for nothing: missing, or levels -> dates: "not yet" is missing
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.tables.forms import Finding
from fitmodel.tables.missing_words import missing_words
from fitmodel.tables.placeholders import find_placeholders
from fitmodel.tables.values import is_text
from fitmodel.tables.vocabulary import EMPTY_TEXT, MISSING_TEXT, UNCLEAR_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fitmodel.tables.values import Mask


_NUMBERS = ("floating", "mixed-integer-float", "decimal")
_MIXED = ("mixed", "mixed-integer", "bytes", "complex")  # what pandas calls cells of several types
_NO_VALUE = (list, dict, set, frozenset, tuple, bytes, bytearray, np.ndarray, complex)
Settled = Mapping[str, "Iterable[str]"]


@dataclass(frozen=True, eq=False)
class Tidied:
    """A tidy table, and the findings on its words.

    Attributes
    ----------
    table : DataFrame
    findings : tuple of Finding
    empty : mapping of str to tuple of str
        Column to the texts that stood for "not yet" among its dates.
    """

    table: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    empty: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def tidy(table: pd.DataFrame, missing: Iterable[str] | Settled | None = None) -> pd.DataFrame:
    """Copy a table with text stripped; infinite values and words for "missing" are missing.

    Columns of Python objects that are all text or all numbers become such columns; other columns in
    which nothing changes keep their type. The frame given is never changed.

    Parameters
    ----------
    table : DataFrame
    missing : iterable of str, or mapping of column to iterable of str, optional
        Which of the words NA, N/A, n/a, None, null and NULL stand for nothing, as the contract's
        [attributes] missing says; the others are levels. Without it each column tells.
    """
    return tidy_with_findings(table, missing).table


def tidy_with_findings(
    table: pd.DataFrame,
    missing: Iterable[str] | Settled | None = None,
    *,
    full: str | None = None,
) -> Tidied:
    """Tidy a table, see `tidy`, and report on missing words and placeholder dates.

    `full` names the column of dates in which a word is an error: the day of signing.
    """
    table = table.copy()
    findings: list[Finding] = []
    empty: dict[str, tuple[str, ...]] = {}
    for position, name in enumerate(table.columns):
        values = table.iloc[:, position]
        tidied = _tidy_column(values)
        words = _settled(missing, str(name))
        if is_text(tidied) and _has_words(tidied):
            tidied, result = _without_words(tidied, words)
            findings += result
        if is_text(tidied) or pd.api.types.is_datetime64_any_dtype(tidied.dtype):
            placeholders = find_placeholders(tidied, words=name != full)
            if placeholders is not None:
                tidied = tidied.mask(placeholders.rows)
                findings.append(placeholders.finding)
                empty[str(name)] = placeholders.texts
        if tidied is not values:
            table[name] = tidied
    return Tidied(table, tuple(findings), empty)


def _settled(missing: Iterable[str] | Settled | None, name: str) -> frozenset[str] | None:
    """Words that the contract calls missing in a column; None where it does not say."""
    if missing is None or not isinstance(missing, Mapping):
        return None if missing is None else frozenset(missing)
    return frozenset(missing[name]) if name in missing else None


def _tidy_column(values: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_float_dtype(values.dtype):
        infinite = np.isinf(values.to_numpy(dtype=float, na_value=np.nan))
        if infinite.any():
            return values.mask(pd.Series(infinite, index=values.index))
    elif is_text(values):
        return _tidy_text(values)
    elif isinstance(values.dtype, pd.CategoricalDtype) and is_text(values.dtype.categories):
        return _tidy_levels(values)
    return values


def _tidy_text(values: pd.Series[Any]) -> pd.Series[Any]:
    if _kind(values) in _MIXED:
        cells = [_tidy_cell(cell) for cell in values]
        values = pd.Series(cells, index=values.index, name=values.name, dtype=object)
    kind = _kind(values)
    if kind == "string":
        text = values.astype("str").str.strip()
        return text.mask(text.isin(EMPTY_TEXT))
    if kind in _NUMBERS:
        numbers = values.mask(values.isna(), np.nan).astype(np.float64)
        return numbers.mask(np.isinf(numbers))
    return values if kind in _MIXED else values.infer_objects()


def _kind(values: pd.Series[Any]) -> str:
    """What pandas finds in a column's cells, the missing ones aside."""
    if values.dtype != object:
        return "string"
    return str(pd.api.types.infer_dtype(values, skipna=True))


def _tidy_cell(cell: Any) -> Any:
    """A cell of a column of several types: words for nothing are missing beside numbers."""
    if isinstance(cell, str):
        cell = cell.strip()
        return None if cell in MISSING_TEXT else cell
    return None if isinstance(cell, float) and np.isinf(cell) else cell


def _tidy_levels(values: pd.Series[Any]) -> pd.Series[Any]:
    levels = values.cat.categories
    if not any(_tidy_cell(level) != level for level in levels):
        return values
    return _tidy_text(values.astype("str"))


def _has_words(values: pd.Series[Any]) -> bool:
    return values.dtype != object and bool(values.isin(UNCLEAR_WORDS).any())


def _without_words(
    values: pd.Series[Any], settled: frozenset[str] | None
) -> tuple[pd.Series[Any], list[Finding]]:
    """Make words for nothing missing, except where they are levels."""
    words = missing_words(values, settled)
    findings = [words.finding(values)] if words.levels and settled is None else []
    return values.mask(values.isin(words.missing)), findings


def unwritable(values: pd.Series[Any]) -> Mask:
    """Tell which cells hold a lone surrogate, or a NaN that is an error to look at."""
    if values.dtype != object:
        return np.zeros(len(values), dtype=bool)
    return np.fromiter(map(_is_unwritable, values), bool, count=len(values))


def _is_unwritable(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.isascii() and any("\ud800" <= letter <= "\udfff" for letter in cell)
    return isinstance(cell, Decimal) and cell.is_snan()


def nested(values: pd.Series[Any]) -> Mask:
    """Tell which cells hold what is not a single value that can be read."""
    if values.dtype.kind == "c":
        return np.ones(len(values), dtype=bool)
    if values.dtype != object or _kind(values) not in _MIXED:
        return np.zeros(len(values), dtype=bool)
    return np.fromiter((isinstance(each, _NO_VALUE) for each in values), bool, count=len(values))
