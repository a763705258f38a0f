"""Columns: convert values of an attribute to codes, in training and in scoring.

A column converts any value to a small integer, the row of the attribute's tables::

    0            missing
    1 .. size    a bin of a number (in order), or a level of a category
    size + 1     a level that was not in the training data (categories and flags only)

Reading one value and reading a whole series give the same codes, because a series is read through
its distinct values. This module imports numpy only, because it is needed to score a single
prospect.
"""

from __future__ import annotations

import hashlib
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitmodel.exceptions import ProspectError
from fitmodel.tables.cells import shown
from fitmodel.tables.values import UnreadableValueError, flag_text, is_missing, is_sized, level_text
from fitmodel.tables.values import read_day as as_day
from fitmodel.tables.values import read_number as as_number
from fitmodel.tables.vocabulary import UNCLEAR_WORDS, plain_digits

__all__ = [
    "MISSING",
    "CategoryColumn",
    "Column",
    "NumberColumn",
    "UnreadableValueError",
    "as_day",
    "as_number",
    "column_from_dict",
    "flag_text",
    "hidden_level",
    "is_sized",
    "level_text",
    "shown",
]

MISSING = 0
_HIDDEN = re.compile("#([0-9a-f]{16}|[0-9a-f]{24})")
LONGEST_CODE = 15  # digits that a float represents exactly
PLAIN_NUMBER = "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9][0-9]?)?"
"""Pattern of a plain number's text, for Python and for every database."""
_CODE = re.compile(PLAIN_NUMBER)


@dataclass(frozen=True)
class NumberColumn:
    """A numeric attribute, divided into bins; a date counts as the number of days before closing.

    Parameters
    ----------
    name : str
        Name of the attribute.
    cuts : tuple of float
        Ascending edges of the bins; a value equal to a cut belongs to the bin above it.
    low, high : float
        Smallest and largest value in the training data.
    is_date : bool
        Whether the attribute is a date.
    centres : tuple of float
        Median of the training values of each bin; used in training, not stored in the scorecard.
    """

    kind: ClassVar[str] = "number"
    name: str
    cuts: tuple[float, ...]
    low: float
    high: float
    is_date: bool = False
    centres: tuple[float, ...] = field(default=(), repr=False, compare=False)

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.cuts) + 1

    def code(self, value: Any) -> int:
        """Row of the tables for one value.

        Raises
        ------
        UnreadableValueError
            If the value is text that is not a number.
        """
        if type(value) is not float:
            if is_missing(value):
                return MISSING
            value = as_number(value)
        return bisect_right(self.cuts, value) + 1 if math.isfinite(value) else MISSING

    def is_outside(self, value: Any) -> bool:
        """Return whether a value lies outside the range of the training data."""
        if is_missing(value):
            return False
        number = as_number(value)
        return number < self.low or number > self.high

    def codes(self, values: NDArray[np.float64]) -> NDArray[np.int32]:
        """Rows of the tables for an array of floats; NaN and infinities are missing."""
        codes = np.searchsorted(np.asarray(self.cuts), values, side="right").astype(np.int32) + 1
        codes[~np.isfinite(values)] = MISSING
        return codes

    def outside(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Vector form of `is_outside`."""
        finite = np.isfinite(values)
        return finite & ((values < self.low) | (values > self.high))

    def label(self, code: int) -> str:
        """Describe a bin in words."""
        if code == MISSING:
            return "missing"
        if not self.cuts:
            return "any"
        if code == 1:
            return f"below {self.cuts[0]:g}"
        if code == self.size:
            return f"{self.cuts[-1]:g} or more"
        return f"{self.cuts[code - 2]:g} to {self.cuts[code - 1]:g}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "kind": self.kind,
            "name": self.name,
            "cuts": list(self.cuts),
            "low": self.low,
            "high": self.high,
            "is_date": self.is_date,
        }


@dataclass(frozen=True)
class CategoryColumn:
    """A categorical attribute: each level has a code; several rare levels may share one.

    Parameters
    ----------
    name : str
        Name of the attribute.
    levels : Mapping of str to int
        Code of each level, from 1 to size. A level with very few deals may be the name of a
        customer: only a digest of its name is stored, see `hidden_level`.
    is_flag : bool
        Whether the levels are "yes" and "no", in any spelling.
    words : tuple of str
        Spellings of missing values that are levels of this attribute: NA may be North America.
    """

    kind: ClassVar[str] = "category"
    name: str
    levels: Mapping[str, int]
    is_flag: bool = False
    words: tuple[str, ...] = ()
    labels: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shared: dict[int, list[str]] = {}
        for level, code in self.levels.items():
            shared.setdefault(code, []).append(level)
        labels = tuple(
            members[0] if len(members) == 1 else f"{len(members)} rare levels"
            for _, members in sorted(shared.items())
        )
        object.__setattr__(self, "labels", labels)

    @property
    def size(self) -> int:
        """Number of codes for known levels."""
        return len(self.labels)

    def code(self, value: Any) -> int:
        """Row of the tables for one value; a level never seen is size + 1.

        Raises
        ------
        UnreadableValueError
            If the value is a list, a mapping, an array or bytes.
        """
        known = self.levels.get(value) if type(value) is str else None
        if known is not None:
            return known
        if is_missing(value) and not self.is_word(value):
            return MISSING
        if is_sized(value):
            raise UnreadableValueError(f"{shown(value)} is not a single value")
        text = self.text(value)
        number_text = _as_number_text(text)
        known = self.levels.get(text) or self.levels.get(number_text)
        for digest in () if known else self._digests:
            known = known or self.levels.get(digest(text)) or self.levels.get(digest(number_text))
        return known or self.size + 1

    def text(self, value: Any) -> str:
        """Return a value as text; of a flag "yes" or "no", however it is written."""
        text = level_text(value)
        return flag_text(_as_number_text(text)) if self.is_flag else text

    @cached_property
    def _digests(self) -> tuple[Callable[[str], str], ...]:
        lengths = {len(level) for level in self.hidden}
        return tuple(make for length, make in _DIGESTS.items() if length in lengths)

    @property
    def hidden(self) -> dict[str, int]:
        """The levels that are stored as digests, with their codes."""
        return {level: code for level, code in self.levels.items() if _HIDDEN.fullmatch(level)}

    def is_word(self, value: Any) -> bool:
        """Return whether a spelling of a missing value is a level of this attribute."""
        return bool(self.words) and isinstance(value, str) and value.strip() in self.words

    @property
    def named(self) -> list[str]:
        """The levels whose names are stored, in the order of their codes."""
        return [level for level in self.levels if not _HIDDEN.fullmatch(level)]

    def label(self, code: int) -> str:
        """Describe a code in words."""
        if code == MISSING:
            return "missing"
        return self.labels[code - 1] if code <= self.size else "never seen before"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "kind": self.kind,
            "name": self.name,
            "levels": dict(self.levels),
            "is_flag": self.is_flag,
        } | ({"words": list(self.words)} if self.words else {})


Column = NumberColumn | CategoryColumn


def _as_number_text(text: str) -> str:
    """Return a text of digits as a number is written: "007" becomes "7"; other text unchanged."""
    digits = plain_digits(text) if len(text) <= LONGEST_CODE else ""
    return level_text(float(digits)) if _CODE.fullmatch(digits) else text


def hidden_level(text: str) -> str:
    """Return a digest of a level's name, so that the scorecard file does not show the name.

    The digest is the first 24 digits of SHA-256, which databases can compute too.
    """
    return f"#{hashlib.sha256(text.encode(errors='backslashreplace')).hexdigest()[:24]}"


def _blake2_level(text: str) -> str:
    """Digest of a level's name in older bundles, which used BLAKE2b."""
    digest = hashlib.blake2b(text.encode(errors="backslashreplace"), digest_size=8)
    return f"#{digest.hexdigest()}"


_DIGESTS: Mapping[int, Callable[[str], str]] = {25: hidden_level, 17: _blake2_level}
"""Digest functions by the length of the digest."""


def column_from_dict(data: Mapping[str, Any]) -> Column:
    """Rebuild a column from its JSON form; the type and range of every field are checked."""
    name = data["name"]
    if not isinstance(name, str):
        raise ProspectError(f"the name of an attribute must be text, not {name!r}")
    if data["kind"] == NumberColumn.kind:
        cuts = tuple(float(cut) for cut in data["cuts"])
        if any(not below < above for below, above in pairwise(cuts)):
            raise ProspectError(f"the cuts of {name!r} are not ascending")
        return NumberColumn(
            name, cuts, float(data["low"]), float(data["high"]), bool(data["is_date"])
        )
    if data["kind"] == CategoryColumn.kind:
        levels = {str(level): int(code) for level, code in data["levels"].items()}
        if sorted(set(levels.values())) != list(range(1, len(set(levels.values())) + 1)):
            raise ProspectError(f"the codes of {name!r} are not 1, 2, 3 and so on")
        words = tuple(str(word) for word in data.get("words", ()))  # older bundles have no words
        if not UNCLEAR_WORDS.issuperset(words):
            raise ProspectError(f"the words of {name!r} are not all words that may be a level")
        return CategoryColumn(name, levels, bool(data["is_flag"]), words)
    raise ProspectError(f"attribute {name!r} has an unknown kind {data['kind']!r}")
