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

MANY = 0.5  # share of the other levels that must be written like the word
VALUES = 0.95  # share of the other levels that make a column one of numbers, dates or yes and no
LOOKED_AT = 200  # levels
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
        Words that stand for nothing.
    why : str
        What told so; empty where the column has none of the words.
    beside_levels : bool
        Whether the other values are levels, not numbers, dates, or yes and no.
    """

    levels: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    why: str = ""
    beside_levels: bool = False

    def finding(self, values: pd.Series[Any]) -> Finding:
        """Describe to people what was decided."""
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
        """Describe to people which words were read as missing."""
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
    """Decide for each word for "missing" whether it is a level of the column.

    A word is a level where the contract says so; where the column also has empty cells, which are
    how nothing is written there; or where it is written like the other levels: NA beside EU and
    APAC, None beside Acme and Globex. Among numbers, dates, and yes and no, it stands for nothing.

    Parameters
    ----------
    column : Series
        Text, stripped; what is empty is missing already.
    settled : frozenset of str, optional
        Words that stand for nothing, as the contract says.

    Returns
    -------
    MissingWords

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
    if not others or _holds_values(others[:LOOKED_AT]):
        return MissingWords((), tuple(words), "all else are numbers, dates, or yes and no")
    if column.isna().any():
        return MissingWords(tuple(words), (), "the column has empty cells too")
    levels = tuple(word for word in words if _is_written_like(word, others))
    missing = tuple(word for word in words if word not in levels)
    why = "it is written like the other levels" if levels else ""
    return MissingWords(levels, missing, why, beside_levels=True)


def _is_written_like(word: str, others: list[str]) -> bool:
    """Tell whether most levels are codes like NA, or names like None."""
    pattern = {"NA": _CODE, "None": _NAME}.get(word)
    if pattern is None:
        return False
    return sum(bool(pattern.fullmatch(text)) for text in others) > MANY * len(others)


def _holds_values(others: list[str]) -> bool:
    return any(
        sum(map(is_value, others)) >= VALUES * len(others)
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
