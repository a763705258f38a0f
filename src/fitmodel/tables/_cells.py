"""One cell of a table and a column of them: missing or not, as a level, the distinct ones.

numpy only until a column is looked at: this file is on the path of a single prospect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.tables.vocabulary import MISSING_TEXT

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

FLOATS = (float, np.floating)
NO_NUMBER = frozenset({"<NA>", "NaT", "nan", "NaN", "sNaN"})  # of pandas, numpy and decimals


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for "not known": None, NaN, NaT, empty text and its spellings."""
    if value is None:
        return True
    if isinstance(value, str):
        return value.strip() in MISSING_TEXT
    if isinstance(value, FLOATS):
        return math.isnan(value)
    if isinstance(value, date):  # a date's text would take longer than all the rest
        return bool(value != value)  # noqa: PLR0124 - NaT
    if isinstance(value, list | tuple | dict):  # nested a thousand deep it cannot be written out
        return False
    return str(value) in NO_NUMBER


def is_empty(values: pd.Series[Any]) -> Mask:
    """Tell which values of a column are missing, or are text that stands for it."""
    import pandas as pd

    if values.dtype == object:
        return np.fromiter(map(is_missing, values), bool, count=len(values))
    empty = values.isna().to_numpy(dtype=bool)
    if is_text(values) or isinstance(values.dtype, pd.CategoricalDtype):
        text = values.astype("str").str.strip()
        empty = empty | text.isin(MISSING_TEXT).to_numpy()
    return np.asarray(empty, dtype=bool)


def is_text(values: pd.Series[Any] | pd.Index[Any]) -> bool:
    """Tell whether a column, or the levels of one, may hold text."""
    import pandas as pd

    return values.dtype == object or pd.api.types.is_string_dtype(values.dtype)


def is_many(value: Any) -> bool:
    """Tell whether it is no single value: a list, a mapping, an array, bytes."""
    return hasattr(value, "__len__") and not isinstance(value, str)


def level_text(value: Any) -> str:
    """Text of a level, the same whether a code was read as 12, 12.0, True or "12 "."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def distinct(values: pd.Series[Any]) -> tuple[NDArray[np.intp], Sequence[Any]]:
    """Place of each value among the distinct ones (-1: missing), and these.

    Cells of several types are told apart by type and text: 1, 1.0 and True are equal in Python,
    but as levels they are not, and a list has no hash.
    """
    import pandas as pd

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
        position = places.setdefault((type(cell), str(cell)), len(firsts))
        if position == len(firsts):
            firsts.append(cell)
        positions[row] = position
    return positions, firsts
