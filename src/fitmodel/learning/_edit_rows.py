"""Rows of a scorecard's tables that the target of an edit by hand selects."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.exceptions import EditError
from fitmodel.learning._recoding import split_bin, split_level
from fitmodel.learning.columns import MISSING, CategoryColumn, NumberColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.learning.columns import Column
    from fitmodel.learning.scorecard import Scorecard

NOT_KNOWN, NEVER_SEEN = "missing", "never seen before"
Range = tuple[float | None, float | None]


def split_codes(scorecard: Scorecard, attribute: str, where: str | Range) -> Scorecard:
    """Return the scorecard with codes split so that the target consists of whole codes."""
    position = attribute_position(scorecard, attribute)
    if isinstance(where, tuple):
        for value in where:
            scorecard = scorecard if value is None else split_bin(scorecard, position, value)
        return scorecard
    if where in {NOT_KNOWN, NEVER_SEEN} and where not in _levels(scorecard.columns[position]):
        return scorecard
    return split_level(scorecard, position, where)


def selected_rows(scorecard: Scorecard, attribute: str, where: str | Range) -> NDArray[np.int64]:
    """Rows of the stacked tables that the target of an edit selects, at least one."""
    position = attribute_position(scorecard, attribute)
    column = scorecard.columns[position]
    if isinstance(where, tuple):
        codes = _codes_between(column, *where)
    elif where == NOT_KNOWN and where not in _levels(column):
        codes = np.array([MISSING])
    elif where == NEVER_SEEN and where not in _levels(column):
        codes = np.array([column.size + 1])
    else:
        codes = np.array([column.code(where)])
    if len(codes) == 0:
        raise EditError(f"the range {target_text(where)} of {attribute!r} is empty: give low:high")
    return scorecard.offsets[position] + codes


def attribute_position(scorecard: Scorecard, attribute: str) -> int:
    """Return the position of an attribute, or raise an error that lists the attributes."""
    if attribute not in scorecard.attributes:
        raise EditError(
            f"the model has no attribute {attribute!r}; it has {', '.join(scorecard.attributes)}"
        )
    return scorecard.attributes.index(attribute)


def bin_middles(column: NumberColumn) -> NDArray[np.float64]:
    """Middle of each bin; the outer bins end at the smallest and largest training value."""
    cuts = np.asarray(column.cuts)
    edges = np.concatenate([[min(column.low, cuts[0])], cuts, [max(column.high, cuts[-1])]])
    middles: NDArray[np.float64] = (edges[:-1] + edges[1:]) / 2
    return middles


def target_text(where: str | Range) -> str:
    """Describe the target of an edit in words."""
    if isinstance(where, str):
        return f"= {where}"
    low, high = (None if value is None else f"{value:g}" for value in where)
    if low is None:
        return "everywhere" if high is None else f"below {high}"
    return f"from {low}" if high is None else f"from {low} to {high}"


def _levels(column: Column) -> list[str]:
    return list(column.levels) if isinstance(column, CategoryColumn) else []


def _codes_between(column: Column, low: float | None, high: float | None) -> NDArray[np.int64]:
    if isinstance(column, CategoryColumn):
        return np.arange(1, column.size + 1) if low is None and high is None else np.array([], int)
    edges = [-np.inf, *column.cuts, np.inf]
    inside = [
        (low is None or below >= low) and (high is None or above <= high)
        for below, above in pairwise(edges)
    ]
    return np.flatnonzero(inside) + 1
