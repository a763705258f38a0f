"""The target of an edit by hand (level, bin or range), and the table rows that it selects.

An edit by hand names values ("12 to 20 seats", "agency"), a scorecard has codes. Where a value is
only a part of what a code stands for, the bin or the code of the rare levels is split in two first.
Both new codes get the rows of the old one.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fitmodel.deals.plain_words import nearest
from fitmodel.exceptions import EditError
from fitmodel.learning.columns import MISSING, CategoryColumn, NumberColumn, flag_text, level_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.learning.columns import Column
    from fitmodel.learning.scorecard import PairTerm, Scorecard

MAX_NAMES = 40
NOT_KNOWN, NEVER_SEEN = "missing", "never seen before"
Range = tuple[float | None, float | None]
_Item = TypeVar("_Item")


def column_of(scorecard: Scorecard, attribute: str) -> Column:
    """Return the column of an attribute.

    Raises
    ------
    EditError
        If the model has no such attribute; the message lists its attributes.
    """
    return scorecard.columns[attribute_position(scorecard, attribute)]


def read_level(column: Column, text: str) -> str | Range:
    """Parse a row of a table: a level, the label of a bin, or a number inside the bin.

    Returns
    -------
    str or (low, high)
        A level, or the range of the bin.

    Raises
    ------
    EditError
        If the table has no such row; the message lists its rows.
    """
    if isinstance(column, CategoryColumn):
        return _level(column, text)
    if text == NOT_KNOWN:
        return text
    labels = [column.label(code) for code in range(1, column.size + 1)]
    if text in labels:
        return _bin_edges(column, labels.index(text) + 1)
    try:
        code = column.code(float(text))
    except ValueError:
        code = MISSING
    if code == MISSING:  # not a number, or not a finite one
        raise _unknown_row(column.name, text, [*labels, NOT_KNOWN])
    return _bin_edges(column, code)


def read_range(column: Column, text: str) -> Range:
    """Parse a range ``FROM:TO`` of a number; an empty side is open.

    Raises
    ------
    EditError
        If the text is not a range, or the attribute is a category.
    """
    if isinstance(column, CategoryColumn):
        raise EditError(
            f"{column.name!r} is a category and has no ranges. Remedy: name a level (--level)."
        )
    ends = text.split(":")
    try:
        low, high = (None if not side.strip() else float(side) for side in ends)
    except ValueError:
        raise EditError(f"{text!r} is not a range: write FROM:TO, such as 40:120 or 40:") from None
    limits = [side for side in (low, high) if side is not None]
    if any(not math.isfinite(side) for side in limits) or limits != sorted(set(limits)):
        raise EditError(f"{text!r} is not a range: FROM must be a number below TO")
    return low, high


def _level(column: CategoryColumn, text: str) -> str:
    level = flag_text(level_text(text)) if column.is_flag else level_text(text)
    if level in {NOT_KNOWN, NEVER_SEEN} or column.code(level) <= column.size:
        return level
    raise _unknown_row(column.name, text, [*column.named, NOT_KNOWN, NEVER_SEEN])


def _bin_edges(column: NumberColumn, code: int) -> Range:
    edges = (None, *column.cuts, None)
    return edges[code - 1], edges[code]


def _unknown_row(attribute: str, text: str, names: list[str]) -> EditError:
    similar = nearest(text, names)
    hint = "" if similar is None else f" (did you mean {similar!r}?)"
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    listed = ", ".join(names[:MAX_NAMES]) + more
    return EditError(f"{attribute!r} has no {text!r}{hint}; it has {listed}")


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


def split_bin(scorecard: Scorecard, position: int, value: float) -> Scorecard:
    """Split the bin of a number at a value.

    `value`: lower edge of the new bin.
    Returns: the same scores for every prospect.
    """
    column = scorecard.columns[position]
    if not isinstance(column, NumberColumn) or value in column.cuts:
        return scorecard
    below = bisect_right(column.cuts, value)  # cuts below the value
    cuts = (*column.cuts[:below], value, *column.cuts[below:])
    source = np.arange(column.size + 3)
    source[below + 2 :] -= 1
    return _with_column(scorecard, position, replace(column, cuts=cuts), source)


def split_level(scorecard: Scorecard, position: int, level: str) -> Scorecard:
    """Give a level of a category a code of its own, where it shares one or has none.

    Returns: the same scores for every prospect. A level that was never seen becomes a known one.
    """
    column = scorecard.columns[position]
    if not isinstance(column, CategoryColumn):
        return scorecard
    code = column.code(level)
    if list(column.levels.values()).count(code) == 1:
        return scorecard
    source = np.append(np.arange(column.size + 1), [code, column.size + 1])
    levels = dict(column.levels) | {level: column.size + 1}
    return _with_column(scorecard, position, replace(column, levels=levels), source)


def _with_column(
    scorecard: Scorecard, position: int, column: Column, source: NDArray[np.int64]
) -> Scorecard:
    """Return the scorecard with another column; `source` has the old code of each new code."""
    start = scorecard.offsets[position]
    end = start + scorecard.columns[position].size + 2
    tables = np.concatenate(
        [scorecard.tables[:start], scorecard.tables[start + source], scorecard.tables[end:]]
    )
    own = scorecard.own
    if own is not None:
        own = np.concatenate([own[:start], own[start + source], own[end:]])
    evidence = scorecard.evidence[position]
    lately = None if evidence.lately is None else evidence.lately[source]
    evidence = replace(evidence, band=evidence.band[source], lately=lately)
    return replace(
        scorecard,
        columns=_replaced_at(scorecard.columns, position, column),
        tables=tables,
        own=own,
        evidence=_replaced_at(scorecard.evidence, position, evidence),
        pairs=tuple(_with_pair_map(pair, position, source) for pair in scorecard.pairs),
    )


def _with_pair_map(pair: PairTerm, position: int, source: NDArray[np.int64]) -> PairTerm:
    if pair.first == position:
        pair = replace(pair, first_map=pair.first_map[source])
    if pair.second == position:
        pair = replace(pair, second_map=pair.second_map[source])
    return pair


def _replaced_at(items: tuple[_Item, ...], position: int, item: _Item) -> tuple[_Item, ...]:
    return (*items[:position], item, *items[position + 1 :])
