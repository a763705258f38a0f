"""Read a whole column of dates, amounts or flags, and say which values could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Exact spellings: "None" is what exports write for nothing, "none" may well be a level.
MISSING_TEXT = frozenset(
    {
        "",
        "-",
        "NA",
        "N/A",
        "n/a",
        "NaN",
        "nan",
        "None",
        "null",
        "NULL",
        "Null",
        "NaT",
        "<NA>",
        "#N/A",
    }
)
YES = frozenset(
    [
        "yes",
        "y",
        "true",
        "t",
        "1",
        "1.0",
        "ja",
        "oui",
        "si",
        "sí",
        "是",
        "churned",
        "left",
        "lost",
        "cancelled",
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
        "否",
        "active",
        "stayed",
        "current",
        "retained",
    ]
)
EXCEL_FIRST, EXCEL_LAST = 20_000, 80_000  # serial numbers of 1954 to 2119
_FORMATS = ("ISO8601", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d")


def is_empty(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Tell which values are missing, or text that stands for it."""
    empty = values.isna().to_numpy()
    if values.dtype == object or pd.api.types.is_string_dtype(values.dtype):
        text = values.astype("string").str.strip()
        empty = empty | text.isin(MISSING_TEXT).fillna(value=True).to_numpy(dtype=bool)
    return np.asarray(empty, dtype=bool)


def read_dates(values: pd.Series[Any]) -> tuple[pd.Series[Any], NDArray[np.bool_]]:
    """Whole days of a column and which filled-in values are no date.

    One format is chosen for the whole column, the one that reads most values: 03/04 is never the
    third of April in one row and the fourth of March in the next.
    """
    empty = is_empty(values)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = values
    elif pd.api.types.is_numeric_dtype(values.dtype):
        days = _excel_days(values.astype(float))
    else:
        days = _text_days(values.mask(pd.Series(empty, index=values.index)))
    if getattr(days.dt, "tz", None) is not None:
        days = days.dt.tz_localize(None)
    days = days.dt.normalize().astype("datetime64[us]")
    return days, days.isna().to_numpy() & ~empty


def _text_days(values: pd.Series[Any]) -> pd.Series[Any]:
    text = values.astype("string").str.strip()
    best: pd.Series[Any] | None = None
    for pattern in _FORMATS:
        read = pd.to_datetime(text, format=pattern, errors="coerce", utc=True)
        if best is None or read.notna().sum() > best.notna().sum():
            best = read
        if best.notna().sum() == text.notna().sum():
            break
    serial = _excel_days(pd.to_numeric(text, errors="coerce").astype(float))
    if best is None or serial.notna().sum() > best.notna().sum():
        return serial
    plain: pd.Series[Any] = best.dt.tz_localize(None)
    return plain


def _excel_days(numbers: pd.Series[Any]) -> pd.Series[Any]:
    plausible = numbers.where((numbers >= EXCEL_FIRST) & (numbers <= EXCEL_LAST))
    days: pd.Series[Any] = pd.Timestamp("1899-12-30") + pd.to_timedelta(
        np.floor(plausible), unit="D"
    )
    return days


def read_amounts(values: pd.Series[Any]) -> tuple[pd.Series[Any], NDArray[np.bool_]]:
    """Floats of a column (thousands marks and currency signs dropped) and which are no number."""
    empty = is_empty(values)
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.astype(float)
    else:
        text = values.mask(pd.Series(empty, index=values.index)).astype("string").str.strip()
        plain = text.str.replace(
            r"[$€£¥\s']|^(?:USD|EUR|GBP|CHF)\s*|\s*(?:USD|EUR|GBP|CHF)$", "", regex=True
        )
        plain = plain.str.replace(r",(?=\d{3}(?:\D|$))", "", regex=True)
        numbers = pd.to_numeric(plain, errors="coerce").astype(float)
    numbers = numbers.where(np.isfinite(numbers.to_numpy(dtype=float, na_value=np.nan)))
    return numbers, numbers.isna().to_numpy() & ~empty


def read_flags(values: pd.Series[Any]) -> tuple[pd.Series[Any], NDArray[np.bool_]]:
    """True or False of a column in any spelling of yes and no, and which values are neither."""
    if pd.api.types.is_bool_dtype(values.dtype) and not values.isna().any():
        return values.astype(bool), np.zeros(len(values), dtype=bool)
    codes, uniques = pd.factorize(values, use_na_sentinel=True)
    folded = [str(value).strip().casefold() for value in uniques]
    yes = np.array([*(text in YES for text in folded), False])
    known = np.array([*(text in YES or text in NO for text in folded), False])
    return pd.Series(yes[codes], index=values.index), ~known[codes]
