"""Split codes of a scorecard without changing any prediction.

An edit by hand speaks of values ("12 to 20 seats", "agency"), a scorecard of codes. Where the two
do not
agree, a bin or a code shared by rare levels is split in two first; both halves keep the old rows.
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


def cut_at(scorecard: Scorecard, place: int, value: float) -> Scorecard:
    """Split the bin of a number that holds a value, so that the value begins a bin.

    Parameters
    ----------
    scorecard : Scorecard
    place : int
        Position of the attribute, a number.
    value : float

    Returns
    -------
    Scorecard
        The same scores for every prospect.
    """
    column = scorecard.columns[place]
    if not isinstance(column, NumberColumn) or value in column.cuts:
        return scorecard
    position = bisect_right(column.cuts, value)
    cuts = (*column.cuts[:position], value, *column.cuts[position:])
    source = np.arange(column.size + 3)
    source[position + 2 :] -= 1
    return _recoded(scorecard, place, replace(column, cuts=cuts), source)


def single_out(scorecard: Scorecard, place: int, level: str) -> Scorecard:
    """Give a level of a category a code of its own, where it shares one or had none.

    Returns
    -------
    Scorecard
        The same scores for every prospect; a level that was never seen is known from now on.
    """
    column = scorecard.columns[place]
    if not isinstance(column, CategoryColumn):
        return scorecard
    code = column.code(level)
    if list(column.levels.values()).count(code) == 1:
        return scorecard
    source = np.append(np.arange(column.size + 1), [code, column.size + 1])
    levels = dict(column.levels) | {level: column.size + 1}
    return _recoded(scorecard, place, replace(column, levels=levels), source)


def _recoded(
    scorecard: Scorecard, place: int, column: Column, source: NDArray[np.int64]
) -> Scorecard:
    """Return the scorecard with another column; `source` is the old code of each new one."""
    start = scorecard.offsets[place]
    end = start + scorecard.columns[place].size + 2
    tables = np.concatenate(
        [scorecard.tables[:start], scorecard.tables[start + source], scorecard.tables[end:]]
    )
    own = scorecard.own
    if own is not None:
        own = np.concatenate([own[:start], own[start + source], own[end:]])
    evidence = replace(scorecard.evidence[place], band=scorecard.evidence[place].band[source])
    return replace(
        scorecard,
        columns=_with(scorecard.columns, place, column),
        tables=tables,
        own=own,
        evidence=_with(scorecard.evidence, place, evidence),
        pairs=tuple(_recoded_pair(pair, place, source) for pair in scorecard.pairs),
    )


def _recoded_pair(pair: PairTerm, place: int, source: NDArray[np.int64]) -> PairTerm:
    if pair.first == place:
        pair = replace(pair, first_map=pair.first_map[source])
    if pair.second == place:
        pair = replace(pair, second_map=pair.second_map[source])
    return pair


def _with(items: tuple[_Item, ...], place: int, item: _Item) -> tuple[_Item, ...]:
    return (*items[:place], item, *items[place + 1 :])
