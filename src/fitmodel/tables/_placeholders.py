"""Decide which cells mean missing: words such as NA, and far dates that mean "not yet".

Examples are "Active", "No" and "-" in a column of dates, and 9999-12-31.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.tables._date_text import is_day_in_some_form
from fitmodel.tables._far_days import far_days, far_text
from fitmodel.tables.cells import shortened
from fitmodel.tables.forms import Finding
from fitmodel.tables.values import (
    UnreadableValueError,
    day_of,
    days_of_stamps,
    flag_text,
    is_missing,
    read_dates,
    read_number,
)
from fitmodel.tables.vocabulary import (
    NOT_YET,
    PLACEHOLDER_DAYS,
    REPEATED_PLACEHOLDER_DAYS,
    UNCLEAR_WORDS,
)

if TYPE_CHECKING:
    from fitmodel.tables.values import Mask

CHECKED_FIRST = 20  # cells checked before the whole column; most columns hold no dates
MAX_SAMPLE = 200  # distinct texts that must all be dates before the whole column is parsed
_ORDERS = ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y")
MIN_SIMILAR = 0.5  # minimum share of other levels that are written like the word
MIN_VALUES = 0.95  # minimum share of numbers, dates or flags in a column of such values
MAX_CHECKED_LEVELS = 200  # levels that are checked
_CODE = re.compile(r"[A-Z]{2,5}(?:[-/ ][A-Z]{2,5})?")
_NAME = re.compile(r"[A-Z][a-z].*")


def _ways_to_write(day: str) -> set[str]:
    """Return a day in all common forms."""
    year, month, number = day.split("-")
    parts = {"%Y": year, "%m": month, "%d": number}
    texts = set()
    for order in _ORDERS:
        text = order
        for code, digits in parts.items():
            text = text.replace(code, digits)
        texts |= {text, f"{text} 00:00", f"{text} 00:00:00", f"{text}T00:00:00"}
        texts.add(text.replace("01", "1") if not order.startswith("%Y-") else text)
    return texts


_DAYS = frozenset().union(*map(_ways_to_write, PLACEHOLDER_DAYS))
_REPEATED_DAYS = frozenset().union(*map(_ways_to_write, REPEATED_PLACEHOLDER_DAYS))
_EPOCH = re.compile(r"(1970-01-01|1969-12-31)[T ]\d{2}:00(:00)?(\.0+)?( ?(Z|[+-]\d{2}:?\d{2}))?")
"""The second 0 of 1970 in any time zone, which systems write for a missing date."""
_PLACEHOLDER_DAYS = np.array(
    [np.datetime64(day) for day in sorted(PLACEHOLDER_DAYS) if day != "1900-01-00"]
)


@dataclass(frozen=True, eq=False)
class Placeholders:
    """The values that mean "not yet" in a column of dates.

    Attributes
    ----------
    rows : ndarray of bool of shape (rows,)
        Rows with a placeholder.
    texts : tuple of str
        The distinct placeholders, as written in the table.
    finding : Finding
        The finding about them.
    """

    rows: Mask
    texts: tuple[str, ...]
    finding: Finding


def find_placeholders(
    values: pd.Series[Any], *, surely_dates: bool = False, words: bool = True
) -> Placeholders | None:
    """Return the words and far dates that mean "not yet" in a column; None if there are none.

    Parameters
    ----------
    values : Series
        A column of texts or datetimes.
    surely_dates : bool
        Whether the contract says that the column holds dates. Then it may hold placeholders only.
        Otherwise all other values must be dates.
    words : bool
        Whether to search for words too, and not only for far dates. In the closing date a word is
        an error, whose message shows it.

    Returns
    -------
    Placeholders or None
        The placeholders.
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _placeholder_days(values)
    if not surely_dates and not _may_be_dates(values):
        return None
    rows_of = _texts(values)
    if rows_of is None:
        return None
    distinct = list(rows_of)
    found = {text for text in distinct if _is_placeholder_day(text)}
    found |= {text for text in distinct if words and text.casefold() in NOT_YET}
    found |= {text for text in distinct if text in _REPEATED_DAYS and rows_of[text] > 1}
    found |= far_text({text: n for text, n in rows_of.items() if text not in found})
    others = [text for text in distinct if text not in found]
    if not found:
        return None
    if not (surely_dates or _all_dates(others) or (not others and values.map(_is_day).any())):
        return None
    return _placeholders(values, values.isin(found).to_numpy(dtype=bool), found)


def _is_placeholder_day(text: str) -> bool:
    return text in _DAYS or _EPOCH.fullmatch(text) is not None


def _may_be_dates(values: pd.Series[Any]) -> bool:
    """Return whether a column may hold dates, judged by its first values."""
    first_texts = [cell for cell in values.iloc[:CHECKED_FIRST].tolist() if isinstance(cell, str)]
    others = [
        text
        for text in first_texts
        if not _is_placeholder_day(text) and text.casefold() not in NOT_YET
    ]
    if others and not (is_missing(others[0]) or is_day_in_some_form(others[0])):
        return False  # as most columns: their first text is no date in any form
    return not others or not read_dates(pd.Series(others, dtype="str")).unreadable.any()


def _texts(values: pd.Series[Any]) -> dict[str, int] | None:
    """Return the number of rows per text; None if the column holds other types than dates too."""
    if values.dtype != object:
        counts = values.value_counts()
        return dict(zip(counts.index.tolist(), counts.tolist(), strict=True))
    rows_of: dict[str, int] = {}
    for cell in values:
        if isinstance(cell, str):
            rows_of[cell] = rows_of.get(cell, 0) + 1
        elif not (isinstance(cell, date) or _is_missing(cell)):
            return None
    return rows_of


def _is_missing(cell: Any) -> bool:
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))


def _is_day(cell: Any) -> bool:
    return isinstance(cell, date)


def _all_dates(texts: list[str]) -> bool:
    if not texts:
        return False
    return all(
        not read_dates(pd.Series(part, dtype="str")).unreadable.any()
        for part in (texts[:MAX_SAMPLE], texts)
    )


def _placeholder_days(values: pd.Series[Any]) -> Placeholders | None:
    days = days_of_stamps(values)
    rows = np.isin(days, _PLACEHOLDER_DAYS)
    for text in REPEATED_PLACEHOLDER_DAYS:
        is_day = days == np.datetime64(text)
        rows |= is_day & (is_day.sum() > 1)
    rows |= far_days(days, ~rows)
    if not rows.any():
        return None
    return _placeholders(values, rows, {str(day) for day in np.unique(days[rows])})


def _placeholders(values: pd.Series[Any], rows: Mask, texts: set[str]) -> Placeholders:
    count = int(rows.sum())
    listed = ", ".join(shortened(text) for text in sorted(texts)[:5])
    finding = Finding(
        "placeholder",
        str(values.name),
        count,
        "",
        f"{listed} in {count} row(s) means that there is no date yet, and is read as empty",
        "if it is a date, write it as YYYY-MM-DD",
    )
    return Placeholders(rows, tuple(sorted(texts)), finding)


@dataclass(frozen=True)
class MissingWords:
    """Which words of a column mean "missing", and which are levels.

    Attributes
    ----------
    levels : tuple of str
        Words that are levels.
    missing : tuple of str
        Words that mean missing.
    why : str
        The reason; empty if the column has none of the words.
    beside_levels : bool
        Whether the other values are levels, not numbers, dates or flags.
    """

    levels: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    why: str = ""
    beside_levels: bool = False

    def finding(self, values: pd.Series[Any]) -> Finding:
        """Return the finding that some words were read as levels."""
        rows = int(values.isin(self.levels).sum())
        listed = ", ".join(repr(word) for word in self.levels)
        return Finding(
            "level_word",
            str(values.name),
            rows,
            "",
            f"{listed} in {rows} row(s) is read as a level, not as a missing value ({self.why})",
            f'if it means "missing", [attributes] missing = {{"{values.name}" = '
            f"[{', '.join(_quoted(word) for word in self.levels)}]}}",
        )

    def finding_of_missing(self, values: pd.Series[Any]) -> Finding:
        """Return the finding that some words were read as missing."""
        rows = int(values.isin(self.missing).sum())
        listed = ", ".join(repr(word) for word in self.missing)
        return Finding(
            "missing_word",
            str(values.name),
            rows,
            "",
            f"{listed} in {rows} row(s) is read as a missing value, not as a level",
            f'if it is a level, [attributes] missing = {{"{values.name}" = []}}',
        )


def missing_words(column: pd.Series[Any], settled: frozenset[str] | None = None) -> MissingWords:
    """Decide for each word such as NA whether it is missing or a level of the column.

    A word is a level if the contract says so, if the column also has empty cells (which then are
    the missing values), or if it is written like the other levels: NA next to EU and APAC, None
    next to Acme and Globex. In a column of numbers, dates or flags it means missing.

    Parameters
    ----------
    column : Series
        A column of stripped texts, in which empty cells are already missing.
    settled : frozenset of str, optional
        Words that mean missing according to the contract.

    Returns
    -------
    MissingWords
        The decision and its reason.

    Examples
    --------
    >>> missing_words(pd.Series(["NA", "EU", "APAC"])).levels
    ('NA',)
    >>> missing_words(pd.Series(["NA", "small", "large"])).missing
    ('NA',)
    """
    distinct = [text for text in column.dropna().unique().tolist() if isinstance(text, str)]
    words = sorted(UNCLEAR_WORDS.intersection(distinct))
    others = [text for text in distinct if not is_missing(text)]
    if not words:
        return MissingWords()
    if settled is not None:
        return MissingWords(
            tuple(word for word in words if word not in settled),
            tuple(word for word in words if word in settled),
            "the contract's [attributes] missing",
        )
    if not others or _holds_values(others[:MAX_CHECKED_LEVELS]):
        return MissingWords((), tuple(words), "all other values are numbers, dates or flags")
    if column.isna().any():
        return MissingWords(tuple(words), (), "the column also has empty cells")
    levels = tuple(word for word in words if _has_pattern_of_others(word, others))
    missing = tuple(word for word in words if word not in levels)
    reason = "it is written like the other levels" if levels else ""
    return MissingWords(levels, missing, reason, beside_levels=True)


def _has_pattern_of_others(word: str, others: list[str]) -> bool:
    """Return whether most levels are codes like NA, or names like None."""
    pattern = {"NA": _CODE, "None": _NAME}.get(word)
    if pattern is None:
        return False
    return sum(bool(pattern.fullmatch(text)) for text in others) > MIN_SIMILAR * len(others)


def _holds_values(others: list[str]) -> bool:
    """Return whether nearly all texts are numbers, dates or flags."""
    return any(
        sum(map(is_value, others)) >= MIN_VALUES * len(others)
        for is_value in (_is_number, _is_date, _is_flag)
    )


def _is_number(text: str) -> bool:
    try:
        read_number(text)
    except UnreadableValueError:
        return any(character.isdigit() for character in text[:2])
    return True


def _is_date(text: str) -> bool:
    return day_of(text) is not None


def _is_flag(text: str) -> bool:
    return flag_text(text) in {"yes", "no"}


def _quoted(word: str) -> str:
    return f'"{word}"'
