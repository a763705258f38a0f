"""Split codes of a scorecard without changing any prediction.

An edit by hand names values ("12 to 20 seats", "agency"), a scorecard has codes. Where a value is
only a part of what a code stands for, the bin or the code of the rare levels is split in two first.
Both new codes get the rows of the old one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fitmodel.learning.columns import CategoryColumn, NumberColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.learning.columns import Column
    from fitmodel.learning.scorecard import PairTerm, Scorecard

_Item = TypeVar("_Item")


def split_bin(scorecard: Scorecard, position: int, value: float) -> Scorecard:
    """Split the bin of a number at a value.

    Parameters
    ----------
    scorecard : Scorecard
        The scorecard to split.
    position : int
        Position of the attribute, a number.
    value : float
        Lower edge of the new bin.

    Returns
    -------
    Scorecard
        The same scores for every prospect.
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

    Parameters
    ----------
    scorecard : Scorecard
        The scorecard to split.
    position : int
        Position of the attribute, a category.
    level : str
        Name of the level.

    Returns
    -------
    Scorecard
        The same scores for every prospect. A level that was never seen becomes a known one.
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
    evidence = replace(scorecard.evidence[position], band=scorecard.evidence[position].band[source])
    return replace(
        scorecard,
        columns=_with(scorecard.columns, position, column),
        tables=tables,
        own=own,
        evidence=_with(scorecard.evidence, position, evidence),
        pairs=tuple(_with_pair_map(pair, position, source) for pair in scorecard.pairs),
    )


def _with_pair_map(pair: PairTerm, position: int, source: NDArray[np.int64]) -> PairTerm:
    if pair.first == position:
        pair = replace(pair, first_map=pair.first_map[source])
    if pair.second == position:
        pair = replace(pair, second_map=pair.second_map[source])
    return pair


def _with(items: tuple[_Item, ...], position: int, item: _Item) -> tuple[_Item, ...]:
    return (*items[:position], item, *items[position + 1 :])
