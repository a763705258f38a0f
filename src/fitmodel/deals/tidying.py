"""Make a table fit to be read: text stripped, and what stands for nothing missing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.spellings import MISSING_TEXT
from fitmodel.deals.values import is_text

if TYPE_CHECKING:
    from fitmodel.deals.values import Mask


_NUMBERS = ("floating", "mixed-integer-float", "decimal")
_MIXED = ("mixed", "mixed-integer", "bytes", "complex")  # what pandas calls cells of several types
_NO_VALUE = (list, dict, set, frozenset, tuple, bytes, bytearray, np.ndarray, complex)


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Copy a table with text stripped, and what stands for nothing, or is infinite, missing.

    Columns of Python objects that are all text or all numbers become such columns; other columns in
    which nothing changes keep their type. The frame given is never changed.
    """
    table = table.copy()
    for place, name in enumerate(table.columns):
        values = table.iloc[:, place]
        if pd.api.types.is_float_dtype(values.dtype):
            infinite = np.isinf(values.to_numpy(dtype=float, na_value=np.nan))
            if infinite.any():
                table[name] = values.mask(pd.Series(infinite, index=values.index))
        elif is_text(values):
            table[name] = _tidy_text(values)
        elif isinstance(values.dtype, pd.CategoricalDtype) and is_text(values.dtype.categories):
            table[name] = _tidy_levels(values)
    return table


def _tidy_text(values: pd.Series[Any]) -> pd.Series[Any]:
    if _kind(values) in _MIXED:
        cells = [_tidy_cell(cell) for cell in values]
        values = pd.Series(cells, index=values.index, name=values.name, dtype=object)
    kind = _kind(values)
    if kind == "string":
        text = values.astype("str").str.strip()
        return text.mask(text.isin(MISSING_TEXT))
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
    if isinstance(cell, str):
        cell = cell.strip()
        return None if cell in MISSING_TEXT else cell
    return None if isinstance(cell, float) and np.isinf(cell) else cell


def _tidy_levels(values: pd.Series[Any]) -> pd.Series[Any]:
    levels = values.cat.categories
    if not any(_tidy_cell(level) != level for level in levels):
        return values
    return _tidy_text(values.astype("str"))


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
    """Tell which cells hold what is no single value that can be read."""
    if values.dtype.kind == "c":
        return np.ones(len(values), dtype=bool)
    if values.dtype != object or _kind(values) not in _MIXED:
        return np.zeros(len(values), dtype=bool)
    return np.fromiter((isinstance(each, _NO_VALUE) for each in values), bool, count=len(values))
