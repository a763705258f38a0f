"""Tidy a table: strip text, and mark missing values and words that mean missing.

column -> stripped text -> words such as NA: missing or levels -> dates: "not yet" is missing
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.tables._placeholders import find_placeholders
from fitmodel.tables.forms import Finding
from fitmodel.tables.values import (
    UnreadableValueError,
    day_of,
    flag_text,
    is_missing,
    is_text,
    read_number,
)
from fitmodel.tables.vocabulary import EMPTY_TEXT, MISSING_TEXT, UNCLEAR_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fitmodel.tables.values import Mask

__all__ = [
    "find_placeholders",
    "missing_words",
    "nested",
    "tidy",
    "tidy_with_findings",
    "unwritable",
]

MIN_SIMILAR = 0.5  # minimum share of other levels that are written like the word
MIN_VALUES = 0.95  # minimum share of numbers, dates or flags in a column of such values
MAX_CHECKED_LEVELS = 200  # levels that are checked
_CODE = re.compile(r"[A-Z]{2,5}(?:[-/ ][A-Z]{2,5})?")
_NAME = re.compile(r"[A-Z][a-z].*")
_NUMBERS = ("floating", "mixed-integer-float", "decimal")
_MIXED = ("mixed", "mixed-integer", "bytes", "complex")  # pandas' names for mixed types
_NO_VALUE = (list, dict, set, frozenset, tuple, bytes, bytearray, np.ndarray, complex)
MissingByColumn = Mapping[str, "Iterable[str]"]


@dataclass(frozen=True, eq=False)
class Tidied:
    """A tidy table and the findings on its words.

    Attributes
    ----------
    table : DataFrame
        The tidy table.
    findings : tuple of Finding
        Findings on words and dates that were read as missing or as levels.
    empty : mapping of str to tuple of str
        For columns of dates: the texts that meant "not yet".
    """

    table: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    empty: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def tidy(
    table: pd.DataFrame, missing: Iterable[str] | MissingByColumn | None = None
) -> pd.DataFrame:
    """Return a copy of a table with stripped text and with missing values marked.

    Infinite values and words for "missing" become missing. Object columns that hold only text or
    only numbers get that type; unchanged columns keep their type.

    Parameters
    ----------
    table : DataFrame
        The table; it is not changed.
    missing : iterable of str, or mapping of column to iterable of str, optional
        Which of the words NA, N/A, n/a, None, null and NULL mean missing, as in [attributes]
        missing of the contract; the others are levels. By default this is decided for each column.
    """
    return tidy_with_findings(table, missing).table


def tidy_with_findings(
    table: pd.DataFrame,
    missing: Iterable[str] | MissingByColumn | None = None,
    *,
    full: str | None = None,
) -> Tidied:
    """Tidy a table as `tidy` does, and return it with findings on words and placeholder dates.

    `full` is the name of the closing date's column: a word in it is an error, not a placeholder.
    """
    table = table.copy()
    findings: list[Finding] = []
    empty: dict[str, tuple[str, ...]] = {}
    for position, name in enumerate(table.columns):
        values = table.iloc[:, position]
        tidied = _tidy_column(values)
        words = _missing_words_of(missing, str(name))
        if tidied.dtype != object and is_text(tidied) and tidied.isin(UNCLEAR_WORDS).any():
            tidied, word_findings = _without_words(tidied, words)
            findings += word_findings
        if is_text(tidied) or pd.api.types.is_datetime64_any_dtype(tidied.dtype):
            placeholders = find_placeholders(tidied, words=name != full)
            if placeholders is not None:
                tidied = tidied.mask(placeholders.rows)
                findings.append(placeholders.finding)
                empty[str(name)] = placeholders.texts
        if tidied is not values:
            table[name] = tidied
    return Tidied(table, tuple(findings), empty)


def _missing_words_of(
    missing: Iterable[str] | MissingByColumn | None, name: str
) -> frozenset[str] | None:
    """Return the words that mean missing according to the contract; None if it does not say."""
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
    if _inferred_type(values) in _MIXED:
        cells = [_tidy_cell(cell) for cell in values]
        values = pd.Series(cells, index=values.index, name=values.name, dtype=object)
    inferred = _inferred_type(values)
    if inferred == "string":
        text = values.astype("str").str.strip()
        empty = text.isin(EMPTY_TEXT)
        return text.mask(empty) if empty.any() else text
    if inferred in _NUMBERS:
        numbers = values.mask(values.isna(), np.nan).astype(np.float64)
        return numbers.mask(np.isinf(numbers))
    return values if inferred in _MIXED else values.infer_objects()


def _inferred_type(values: pd.Series[Any]) -> str:
    """Return pandas' name for the type of a column's cells, ignoring missing ones."""
    if values.dtype != object:
        return "string"
    return str(pd.api.types.infer_dtype(values, skipna=True))


def _tidy_cell(cell: Any) -> Any:
    """Return a cell of a column of mixed types, with words for "missing" as None."""
    if isinstance(cell, str):
        cell = cell.strip()
        return None if cell in MISSING_TEXT else cell
    return None if isinstance(cell, float) and np.isinf(cell) else cell


def _tidy_levels(values: pd.Series[Any]) -> pd.Series[Any]:
    levels = values.cat.categories
    if not any(_tidy_cell(level) != level for level in levels):
        return values
    return _tidy_text(values.astype("str"))


def _without_words(
    values: pd.Series[Any], settled: frozenset[str] | None
) -> tuple[pd.Series[Any], list[Finding]]:
    """Return a column with words for "missing" removed, except levels, and the findings."""
    words = missing_words(values, settled)
    findings = [words.finding(values)] if words.levels and settled is None else []
    return values.mask(values.isin(words.missing)), findings


def unwritable(values: pd.Series[Any]) -> Mask:
    """Return a mask of the cells with a lone surrogate or a signalling NaN."""
    if values.dtype != object:
        return np.zeros(len(values), dtype=bool)
    return np.fromiter(map(_is_unwritable, values), bool, count=len(values))


def _is_unwritable(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell)
    return isinstance(cell, Decimal) and cell.is_snan()


def nested(values: pd.Series[Any]) -> Mask:
    """Return a mask of the cells that hold a container or another type that is no single value."""
    if values.dtype.kind == "c":
        return np.ones(len(values), dtype=bool)
    if values.dtype != object or _inferred_type(values) not in _MIXED:
        return np.zeros(len(values), dtype=bool)
    return np.fromiter((isinstance(each, _NO_VALUE) for each in values), bool, count=len(values))


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
            f"{json.dumps(self.levels)}}}",
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
