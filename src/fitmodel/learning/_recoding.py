"""Give a book finer codes without changing what it says of anybody.

An edit by hand speaks of values ("12 to 20 seats", "agency"), a book of codes. Where the two do not
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
    from fitmodel.learning.scorecard import Book, PairTerm

_Item = TypeVar("_Item")


def cut_at(book: Book, place: int, value: float) -> Book:
    """Split the bin of a number that holds a value, so that the value begins a bin.

    Parameters
    ----------
    book : Book
    place : int
        Position of the attribute, a number.
    value : float

    Returns
    -------
    Book
        The same scores for every prospect.
    """
    column = book.columns[place]
    if not isinstance(column, NumberColumn) or value in column.cuts:
        return book
    position = bisect_right(column.cuts, value)
    cuts = (*column.cuts[:position], value, *column.cuts[position:])
    source = np.arange(column.size + 3)
    source[position + 2 :] -= 1
    return _recoded(book, place, replace(column, cuts=cuts), source)


def single_out(book: Book, place: int, level: str) -> Book:
    """Give a level of a category a code of its own, where it shares one or had none.

    Returns
    -------
    Book
        The same scores for every prospect; a level that was never seen is known from now on.
    """
    column = book.columns[place]
    if not isinstance(column, CategoryColumn):
        return book
    code = column.code(level)
    if list(column.levels.values()).count(code) == 1:
        return book
    source = np.append(np.arange(column.size + 1), [code, column.size + 1])
    levels = dict(column.levels) | {level: column.size + 1}
    return _recoded(book, place, replace(column, levels=levels), source)


def _recoded(book: Book, place: int, column: Column, source: NDArray[np.int64]) -> Book:
    """The book with another column; `source` says which old code each new one takes rows from."""
    start = book.offsets[place]
    end = start + book.columns[place].size + 2
    tables = np.concatenate([book.tables[:start], book.tables[start + source], book.tables[end:]])
    evidence = replace(book.evidence[place], band=book.evidence[place].band[source])
    return replace(
        book,
        columns=_with(book.columns, place, column),
        tables=tables,
        evidence=_with(book.evidence, place, evidence),
        pairs=tuple(_recoded_pair(pair, place, source) for pair in book.pairs),
    )


def _recoded_pair(pair: PairTerm, place: int, source: NDArray[np.int64]) -> PairTerm:
    if pair.first == place:
        pair = replace(pair, first_map=pair.first_map[source])
    if pair.second == place:
        pair = replace(pair, second_map=pair.second_map[source])
    return pair


def _with(items: tuple[_Item, ...], place: int, item: _Item) -> tuple[_Item, ...]:
    return (*items[:place], item, *items[place + 1 :])
