"""Read a whole column of numbers or flags, and say which values could not be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from fitmodel.deals.spellings import MISSING_TEXT, is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

DayFirst = Literal["day first", "month first", "either"]

YES = frozenset(
    [
        "yes",
        "y",
        "true",
        "t",
        "1",
        "1.0",
        "ja",
        "j",
        "oui",
        "si",
        "sí",
        "sim",
        "wahr",
        "vrai",
        "verdadero",
        "是",
        "churned",
        "left",
        "lost",
        "cancelled",
        "canceled",
        "terminated",
        "inactive",
        "流失",
        "已流失",
    ]
)
NO = frozenset(
    [
        "no",
        "n",
        "false",
        "f",
        "0",
        "0.0",
        "nein",
        "non",
        "não",
        "falsch",
        "faux",
        "falso",
        "否",
        "active",
        "stayed",
        "current",
        "retained",
        "customer",
        "未流失",
    ]
)
_CURRENCY = (
    r"[$€£¥₹₽₩₺]|\b(?:USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|CAD|AUD|NZD|BRL|MXN|SGD|"
    r"HKD|ZAR|TRY)\b|(?:R|US|A|C)(?=\$)|\b(?:kr|zł|Fr)\b\.?|元"
)
_BETWEEN = "[\\s'\N{RIGHT SINGLE QUOTATION MARK}]"
_NUMBER = r"[+-]?(?:inf|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"


@dataclass(frozen=True, eq=False)
class Reading:
    """A column that was read.

    Attributes
    ----------
    series : Series
        With the index of the column; missing where nothing stands or nothing could be read.
    unreadable : ndarray of bool of shape (rows,)
        Where something stands that could not be read.
    order : {"day first", "month first", "either"} or None
        Of dates that were written with slashes or dashes; "either" where nothing told which.
    """

    series: pd.Series[Any]
    unreadable: Mask
    order: DayFirst | None = None


def is_text(values: pd.Series[Any] | pd.Index[Any]) -> bool:
    """Tell whether a column, or the levels of one, may hold text."""
    return values.dtype == object or pd.api.types.is_string_dtype(values.dtype)


def is_empty(values: pd.Series[Any]) -> Mask:
    """Tell which values are missing, or are text that stands for it."""
    if values.dtype == object:
        return np.fromiter(map(is_missing, values), bool, count=len(values))
    empty = values.isna().to_numpy(dtype=bool)
    if is_text(values) or isinstance(values.dtype, pd.CategoricalDtype):
        text = values.astype("str").str.strip()
        empty = empty | text.isin(MISSING_TEXT).to_numpy()
    return np.asarray(empty, dtype=bool)


def read_numbers(values: pd.Series[Any]) -> Reading:
    """Read floats; thousands marks and currency signs are dropped, infinite is missing.

    Whether the comma or the point is the decimal mark is decided for the whole column.
    """
    empty = is_empty(values)
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
    else:
        text = values.astype("str").mask(pd.Series(empty, index=values.index))
        numbers = plain_numbers(_without_signs(text))
    unreadable = np.isnan(numbers) & ~empty & ~values.isna().to_numpy()
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    return Reading(pd.Series(numbers, index=values.index, name=values.name), unreadable)


def _without_signs(text: pd.Series[Any]) -> pd.Series[Any]:
    """Drop currency, spaces and apostrophes; write a negative as -1, not as (1) or 1-."""
    bare = text.str.replace(_CURRENCY, "", regex=True).str.replace(_BETWEEN, "", regex=True)
    bare = bare.str.replace("\N{MINUS SIGN}", "-", regex=False)
    return bare.str.replace(r"^\((.+)\)$|^([^-]+)-$", r"-\1\2", regex=True)


def plain_numbers(text: pd.Series[Any]) -> NDArray[np.float64]:
    """Floats of a column of numbers with thousands marks; NaN where there is none."""
    mark = decimal_mark(text)
    thousands = {",": ".", ".": ","}[mark]
    # elsewhere it is none: beside 3,5 a 12.5 is twelve and a half, as in scoring
    grouped = rf"[+-]?[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+(?:{re.escape(mark)}\d*)?"
    is_grouped = text.str.fullmatch(grouped, na=False)
    text = text.mask(is_grouped, text.str.replace(thousands, "", regex=False))
    if mark == ",":
        text = text.str.replace(",", ".", regex=False)
    readable = text.str.fullmatch(_NUMBER, na=False)
    # Python's float, as in scoring: the same text is the same number to the last bit
    return text.where(readable, "nan").to_numpy(dtype=object).astype(np.float64)


def decimal_mark(text: pd.Series[Any]) -> Literal[".", ","]:
    """Decimal mark of a column of number texts: a comma only where more values ask for it.

    1.234,5 and 1,5 and 1.234.567 and 1234,567 ask for a comma, 1,234.5 and the like for a point;
    1,234 alone asks for nothing and reads as one thousand two hundred thirty-four.
    """
    comma, point = (_asks_for(mark, text).sum() for mark in (",", "."))
    return "," if comma > point else "."


def _asks_for(mark: str, text: pd.Series[Any]) -> pd.Series[Any]:
    """Tell which numbers make sense only with `mark` before their decimals."""
    decimal, thousands = re.escape(mark), re.escape({",": ".", ".": ","}[mark])
    not_three = rf"[\d{thousands}]*{decimal}(?:\d{{1,2}}|\d{{4,}})"
    after_many = rf"\d{{4,}}{decimal}\d+"
    after_zero = rf"0?{decimal}\d+"
    after_thousands = rf"\d{{1,3}}(?:{thousands}\d{{3}})+{decimal}\d+"
    only_thousands = rf"\d{{1,3}}(?:{thousands}\d{{3}}){{2,}}"
    forms = f"{not_three}|{after_many}|{after_zero}|{after_thousands}|{only_thousands}"
    return text.str.fullmatch(f"[+-]?(?:{forms})", na=False)


def distinct_text(values: pd.Series[Any], empty: Mask) -> tuple[NDArray[np.intp], pd.Series[Any]]:
    """Distinct stripped texts of a column, and each row's place among them (-1: empty)."""
    text = values.astype("str").mask(pd.Series(empty, index=values.index))
    codes, distinct = pd.factorize(text)
    return codes, pd.Series(distinct, dtype="str").str.strip()


def read_flags(values: pd.Series[Any]) -> Reading:
    """Read yes or no in any spelling; False where neither could be read."""
    empty = is_empty(values)
    codes, distinct = distinct_text(values, empty)
    folded = [text.casefold() for text in distinct]
    yes = np.array([*(text in YES for text in folded), False], dtype=bool)
    known = np.array([*(text in YES or text in NO for text in folded), False], dtype=bool)
    series = pd.Series(yes[codes], index=values.index, name=values.name)
    return Reading(series, ~known[codes] & ~empty)
