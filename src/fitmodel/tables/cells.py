"""Cells of a table: whether they are missing, their text as levels, distinct values, messages.

Imports pandas only for columns: this code runs for every single prospect and must load quickly.
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

from fitmodel.tables.vocabulary import MISSING_TEXT, UNCLEAR_WORDS

if TYPE_CHECKING:
    from decimal import Decimal

    import pandas as pd
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


FLOATS = (float, np.floating)
MISSING_REPRS = frozenset({"<NA>", "NaT", "nan", "NaN", "sNaN"})  # pandas, numpy and Decimal


def is_missing(value: Any) -> bool:
    """Return whether a value is missing: None, NaN, NaT, empty text or a word such as "NULL"."""
    if value is None:
        return True
    if isinstance(value, str):
        return value.strip() in MISSING_TEXT
    if isinstance(value, FLOATS):
        return math.isnan(value)
    if isinstance(value, date):  # str() of a date would be slow
        return bool(value != value)  # noqa: PLR0124 - NaT
    if isinstance(value, list | tuple | dict):  # str() fails if it is nested very deeply
        return False
    return is_missing(value.value) if isinstance(value, Enum) else str(value) in MISSING_REPRS


def is_missing_level(value: Any) -> bool:
    """Return whether a category's value is missing in a table that was read.

    A word such as "None" or "NA" that reading left in the table is a level.
    """
    return is_missing(value) and not (isinstance(value, str) and value.strip() in UNCLEAR_WORDS)


def is_empty(values: pd.Series[Any]) -> Mask:
    """Return a mask of the values of a column that are missing; see `is_missing`."""
    import pandas as pd

    if values.dtype == object:
        return np.fromiter(map(is_missing, values), bool, count=len(values))
    empty = values.isna().to_numpy(dtype=bool)
    if is_text(values) or isinstance(values.dtype, pd.CategoricalDtype):
        text = values.astype("str").str.strip()
        empty = empty | text.isin(MISSING_TEXT).to_numpy()
    return np.asarray(empty, dtype=bool)


def is_text(values: pd.Series[Any] | pd.Index[Any]) -> bool:
    """Return whether a column, or its levels, may hold text."""
    import pandas as pd

    return values.dtype == object or pd.api.types.is_string_dtype(values.dtype)


def is_sized(value: Any) -> bool:
    """Return whether a value is a container: a list, a mapping, an array, bytes."""
    return hasattr(value, "__len__") and not isinstance(value, str)


def level_text(value: Any) -> str:
    """Return a level as text: 12, 12.0 and "12 " give "12"; True gives "yes"."""
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
    """Return a code for each value (-1: missing), and the distinct values.

    Cells of mixed types are compared by type and text: 1, 1.0 and True are equal in Python, but
    different levels, and a list cannot be hashed.
    """
    import pandas as pd

    if isinstance(values.dtype, pd.ArrowDtype) and values.dtype.kind == "O":
        values = values.astype(object)  # lists, mappings, decimals
    if values.dtype != object or pd.api.types.infer_dtype(values, skipna=True) == "string":
        codes, levels = pd.factorize(values, use_na_sentinel=True)
        return codes, levels.tolist()
    cells = values.tolist()
    seen: dict[tuple[type, str], int] = {}
    first_values: list[Any] = []
    positions = np.empty(len(cells), dtype=np.intp)
    for row, cell in enumerate(cells):
        position = seen.setdefault((type(cell), str(cell)), len(first_values))
        if position == len(first_values):
            first_values.append(cell)
        positions[row] = position
    return positions, first_values


def shortened(value: object, width: int = 60) -> str:
    """Return the repr of a value, cut to `width` characters."""
    text = repr(plain(value))
    return text if len(text) <= width else f"{text[: width - 1]}…"


def shown(value: Any) -> str:
    """Return a short repr of a value, also of a deeply nested one."""
    short = reprlib.Repr()
    short.maxlevel = 3
    short.maxstring = short.maxlong = short.maxother = 100
    return short.repr(plain(value))


def row_name(label: object) -> str:
    """Return the name of a row from its index label: ``row 5``, not ``row np.int64(5)``."""
    return f"row {plain(label)!r}"


def plain(value: Any) -> Any:
    """Return the Python number, text or day of a numpy or pandas value; others unchanged."""
    item = getattr(value, "item", None)
    if type(value).__module__ == "numpy" and callable(item) and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, datetime) and value == value:  # noqa: PLR0124 - NaT
        return str(value).removesuffix(" 00:00:00")
    return value


def as_cell_text(value: Any) -> str | None:
    """Return a cell of a column of mixed types as text; None if it is missing."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(plain(value))


PLAIN_MONEY = "{:,.0f}"
_SHARE = re.compile(r"(\d{1,4}(?:[.,]\d{1,2})?)\s*[%％]")  # noqa: RUF001 - the wide sign of Chinese texts too
MINUS = "\N{MINUS SIGN}"
_PLACES = re.compile(r"\{:[^}]*\}")
_MONEY_FORMAT = re.compile(r"[^{}]*\{:[,_]?(\.\d{1,2})?[fg]?\}[^{}]*")


def formats_money(text: str) -> bool:
    """Return whether a text is a format for one number, such as ``"€ {:,.0f}"``."""
    return _MONEY_FORMAT.fullmatch(text) is not None


def money_text(money_format: str, amount: float | Decimal, *, digits: int | None = None) -> str:
    """Return an amount of money as text; the minus sign of a loss is before the currency.

    Parameters
    ----------
    money_format : str
        Format for one number, such as ``"€ {:,.0f}"``.
    amount : float or Decimal
        The amount.
    digits : int, optional
        Decimal places; default: those of the format.

    Examples
    --------
    >>> from fitmodel.tables.cells import money_text
    >>> money_text("€ {:,.0f}", 1234.5, digits=2)
    '€ 1,234.50'
    """
    if digits is not None:
        money_format = _PLACES.sub(f"{{:,.{digits}f}}", money_format)
    text = money_format.format(abs(amount))
    return f"{MINUS}{text}" if amount < 0 and text != money_format.format(0.0) else text


@cache
def read_share(text: str) -> float | None:
    """Return a share written in per cent, such as "8 %", as a number; None for other text.

    Point and comma are both accepted as decimal mark: with at most two digits after it, the mark
    cannot be a thousands separator.
    """
    match = _SHARE.fullmatch(text.strip())
    return None if match is None else float(match.group(1).replace(",", ".")) / 100.0
