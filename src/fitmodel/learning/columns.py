"""How a value of an attribute becomes a code: what training and scoring share of the model.

A column turns any value into a small integer, the row of the attribute's tables::

    0            missing
    1 .. size    a bin of a number (in order), or a level of a category
    size + 1     a level never seen in training (categories and flags only)

Reading one value and reading a whole column give the same codes, because the column is read
through its distinct values. numpy only: this file is on the path of a single prospect.
"""

from __future__ import annotations

import hashlib
import math
import re
import reprlib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitmodel.deals.days import day_of
from fitmodel.deals.spellings import is_missing
from fitmodel.exceptions import ProspectError

MISSING = 0
YES = frozenset({"yes", "y", "true", "t", "1", "1.0", "ja", "oui", "si", "sí", "是"})
NO = frozenset({"no", "n", "false", "f", "0", "0.0", "nein", "non", "否"})
NO_QUANTITY = (np.datetime64, np.timedelta64, np.complexfloating)  # though numpy makes them floats
_HIDDEN = re.compile("#[0-9a-f]{16}")
LONGEST_CODE = 15  # digits that a float holds exactly


class UnreadableValueError(ValueError):
    """The value is not of the attribute's kind, for example text in a number."""


def shown(value: Any) -> str:
    """Write a value as Python does, but no more of it than a person reads, however deep it goes."""
    short = reprlib.Repr()
    short.maxlevel = 3
    short.maxstring = short.maxlong = short.maxother = 100
    return short.repr(value)


def level_text(value: Any) -> str:
    """Text of a level, the same whether a code was read as 12, 12.0, True or "12 "."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def as_number(value: Any) -> float:
    """Read a number from a number or from text; infinite is not a known amount, so NaN."""
    if isinstance(value, str):
        try:
            number = float(value.strip().replace("_", "x"))
        except ValueError as error:
            raise UnreadableValueError(f"{shown(value)} is not a number") from error
    elif hasattr(value, "__float__") and not isinstance(value, NO_QUANTITY) and not is_many(value):
        try:
            number = float(value)
        except OverflowError:
            return math.nan
        except (TypeError, ValueError) as error:
            raise UnreadableValueError(f"{shown(value)} is not a number") from error
    else:
        raise UnreadableValueError(f"{shown(value)} is not a number")
    return number if math.isfinite(number) else math.nan


def is_many(value: Any) -> bool:
    """Tell whether it is no single value: a list, a mapping, an array, bytes."""
    return hasattr(value, "__len__") and not isinstance(value, str)


def as_day(value: Any) -> float:
    """Days since 1970 of a date, a datetime, a numpy or pandas timestamp, or ISO text."""
    day = day_of(value)
    if day is None:
        raise UnreadableValueError(f"{shown(value)} is not a date (YYYY-MM-DD)")
    return float(day)


@dataclass(frozen=True)
class NumberColumn:
    """A number cut into bins; also a date, read as days before closing.

    Parameters
    ----------
    name : str
        The attribute.
    cuts : tuple of float
        Ascending; a value equal to a cut belongs to the bin above it.
    low, high : float
        Smallest and largest value seen in training.
    is_date : bool
        The attribute is a date; its number is the days from it to the closing.
    """

    kind: ClassVar[str] = "number"
    name: str
    cuts: tuple[float, ...]
    low: float
    high: float
    is_date: bool = False

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.cuts) + 1

    def code(self, value: Any) -> int:
        """Row of the tables for one value.

        Raises
        ------
        UnreadableValueError
            If the value is text that is no number.
        """
        if type(value) is not float:
            if is_missing(value):
                return MISSING
            value = as_number(value)
        return bisect_right(self.cuts, value) + 1 if math.isfinite(value) else MISSING

    def is_outside(self, value: Any) -> bool:
        """Tell whether a value lies beyond all values seen in training."""
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
        """Words for a bin."""
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
        """JSON-able form."""
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
    """A category: each level has a code; several rare levels may share one.

    Parameters
    ----------
    name : str
        The attribute.
    levels : Mapping of str to int
        Level to code, codes 1 .. size. Of levels that hardly a deal had, which may name a customer,
        only a digest is kept, see `hidden_level`.
    is_flag : bool
        The levels are "yes" and "no", in any spelling.
    """

    kind: ClassVar[str] = "category"
    name: str
    levels: Mapping[str, int]
    is_flag: bool = False
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
            If it is no single value but a list, a mapping, an array or bytes.
        """
        known = self.levels.get(value) if type(value) is str else None
        if known is not None:
            return known
        if is_missing(value):
            return MISSING
        if is_many(value):
            raise UnreadableValueError(f"{shown(value)} is no single value")
        text = level_text(value)
        if self.is_flag:
            text = flag_text(text)
        whole = _as_whole(text)
        return (
            self.levels.get(text)
            or self.levels.get(whole)
            or self.levels.get(hidden_level(text))
            or self.levels.get(hidden_level(whole), self.size + 1)
        )

    @property
    def named(self) -> list[str]:
        """The levels whose names are kept, in the order of their codes."""
        return [level for level in self.levels if not _HIDDEN.fullmatch(level)]

    def label(self, code: int) -> str:
        """Words for a code."""
        if code == MISSING:
            return "missing"
        return self.labels[code - 1] if code <= self.size else "never seen before"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "kind": self.kind,
            "name": self.name,
            "levels": dict(self.levels),
            "is_flag": self.is_flag,
        }


Column = NumberColumn | CategoryColumn


def _as_whole(text: str) -> str:
    """A code as a table of numbers would show it: a CSV's "007" is the 7 that training read."""
    try:
        return level_text(float(text)) if len(text) <= LONGEST_CODE else text
    except (ValueError, OverflowError):
        return text


def hidden_level(text: str) -> str:
    """Give a digest in the place of a level's name: only who knows the name finds it."""
    digest = hashlib.blake2b(text.encode(errors="backslashreplace"), digest_size=8)
    return f"#{digest.hexdigest()}"


def flag_text(text: str) -> str:
    """Give "yes" or "no" for any of their spellings, otherwise the text itself."""
    folded = text.casefold()
    if folded in YES:
        return "yes"
    return "no" if folded in NO else text


def column_from_dict(data: Mapping[str, Any]) -> Column:
    """Rebuild a column from its JSON form, checking every field's type and range."""
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
            raise ProspectError(f"the codes of {name!r} do not run from 1 on")
        return CategoryColumn(name, levels, bool(data["is_flag"]))
    raise ProspectError(f"attribute {name!r} has an unknown kind {data['kind']!r}")
