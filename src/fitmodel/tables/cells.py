"""One cell of a table and a column of them: missing or not, as a level, the distinct ones.

numpy only until a column is looked at: this file is on the path of a single prospect.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum
from functools import cache
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
    """Whether a value means "not known": None, NaN, NaT, empty text and its spellings."""
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
    return is_missing(value.value) if isinstance(value, Enum) else str(value) in NO_NUMBER


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
    """Tell whether it is a container: a list, a mapping, an array, bytes."""
    return hasattr(value, "__len__") and not isinstance(value, str)


def level_text(value: Any) -> str:
    """Text of a level, the same whether a code was read as 12, 12.0, True or "12 "."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Enum):
        return level_text(value.value)
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def distinct(values: pd.Series[Any]) -> tuple[NDArray[np.intp], Sequence[Any]]:
    """Position of each value among the distinct ones (-1: missing), and these.

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
    seen: dict[tuple[type, str], int] = {}
    firsts: list[Any] = []
    positions = np.empty(len(cells), dtype=np.intp)
    for row, cell in enumerate(cells):
        position = seen.setdefault((type(cell), str(cell)), len(firsts))
        if position == len(firsts):
            firsts.append(cell)
        positions[row] = position
    return positions, firsts


def shortened(value: object, width: int = 60) -> str:
    """Show a value as Python writes it, cut to `width` characters."""
    text = repr(plain(value))
    return text if len(text) <= width else f"{text[: width - 1]}…"


def shown(value: Any) -> str:
    """Return a short repr of a value, also of a deeply nested one."""
    short = reprlib.Repr()
    short.maxlevel = 3
    short.maxstring = short.maxlong = short.maxother = 100
    return short.repr(plain(value))


def row_name(label: object) -> str:
    """Name a row by its index: ``row 5``, and no ``row np.int64(5)``."""
    return f"row {plain(label)!r}"


def plain(value: Any) -> Any:
    """Give the Python number, text or day of a numpy or pandas value; others as they are."""
    item = getattr(value, "item", None)
    if type(value).__module__ == "numpy" and callable(item) and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, datetime) and value == value:  # noqa: PLR0124 - NaT
        return str(value).removesuffix(" 00:00:00")
    return value


def as_cell_text(value: Any) -> str | None:
    """Text of a cell in a column of several types; None where it holds nothing."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(plain(value))


PLAIN_MONEY = "{:,.0f}"
_SHARE = re.compile(r"(\d{1,4}(?:[.,]\d{1,2})?)\s*[%％]")  # noqa: RUF001 - the wide sign of Chinese texts too
_MONEY_FORMAT = re.compile(r"[^{}]*\{:[,_]?(\.\d{1,2})?[fg]?\}[^{}]*")


def formats_money(text: str) -> bool:
    """Tell whether a text has one place for a number, as ``"€ {:,.0f}"``, and nothing else."""
    return _MONEY_FORMAT.fullmatch(text) is not None


@cache
def read_share(text: str) -> float | None:
    """Read a share of the yearly amount written in per cent, such as "8 %"; None for other text.

    Both decimal marks are read: one mark of at most two digits after it can mean nothing else.
    """
    result = _SHARE.fullmatch(text.strip())
    return None if result is None else float(result.group(1).replace(",", ".")) / 100.0
