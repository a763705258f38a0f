"""How each attribute of one prospect is read: laid out once, so that reading is short."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from fitmodel.learning.book import Book
from fitmodel.learning.columns import MISSING, Column, NumberColumn, as_day

FAMILIAR_MISSING = 20  # so many training deals without the value make a missing value familiar


class Step(NamedTuple):
    """How one attribute is read: a known level by dictionary, a number in its range by bisection.

    A category has no range and a number no levels; a date has neither.
    """

    name: str
    levels: Mapping[str, int]
    cuts: tuple[float, ...]
    low: float
    high: float
    column: Column
    strange: frozenset[int]


def steps(book: Book) -> tuple[Step, ...]:
    """Lay out the book's attributes, in order."""
    return tuple(
        _step(column, frozenset(codes))
        for column, codes in zip(book.columns, unfamiliar_codes(book), strict=True)
    )


def _step(column: Column, strange: frozenset[int]) -> Step:
    if not isinstance(column, NumberColumn):
        return Step(column.name, column.levels, (), math.nan, math.nan, column, strange)
    if column.is_date:
        return Step(column.name, {}, (), math.nan, math.nan, column, strange)
    return Step(column.name, {}, column.cuts, column.low, column.high, column, strange)


def unfamiliar_codes(book: Book) -> list[list[int]]:
    """Per attribute: the code of unseen levels, and of missing where training hardly had any."""
    result = []
    for column, evidence in zip(book.columns, book.evidence, strict=True):
        codes = [] if column.kind == "number" else [column.size + 1]
        if evidence.count[evidence.band[MISSING]] < FAMILIAR_MISSING:
            codes.append(MISSING)
        result.append(codes)
    return result


def day_or_today(day: float | None) -> float:
    """Days since 1970 of the given day, or of today."""
    if day is not None:
        return day
    return as_day(datetime.now(tz=UTC).date())
