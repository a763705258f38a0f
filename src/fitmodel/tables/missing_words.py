"""Decide whether a word such as NA is missing or a level of a column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fitmodel.tables.forms import Finding
from fitmodel.tables.values import (
    UnreadableValueError,
    day_of,
    flag_text,
    is_missing,
    read_number,
)
from fitmodel.tables.vocabulary import UNCLEAR_WORDS

if TYPE_CHECKING:
    import pandas as pd

MIN_SIMILAR = 0.5  # minimum share of other levels that are written like the word
MIN_VALUES = 0.95  # minimum share of numbers, dates or flags in a column of such values
MAX_SAMPLE = 200  # levels that are checked
_CODE = re.compile(r"[A-Z]{2,5}(?:[-/ ][A-Z]{2,5})?")
_NAME = re.compile(r"[A-Z][a-z].*")


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
    if not others or _holds_values(others[:MAX_SAMPLE]):
        return MissingWords((), tuple(words), "all other values are numbers, dates or flags")
    if column.isna().any():
        return MissingWords(tuple(words), (), "the column also has empty cells")
    levels = tuple(word for word in words if _is_written_like(word, others))
    missing = tuple(word for word in words if word not in levels)
    why = "it is written like the other levels" if levels else ""
    return MissingWords(levels, missing, why, beside_levels=True)


def _is_written_like(word: str, others: list[str]) -> bool:
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
