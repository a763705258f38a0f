"""What must hold between the parts of a book, so that any codes can be looked up in it.

A book may come from a file that somebody changed: what does not fit is refused when it is read,
not found out when a prospect is scored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.learning.book import Book, Evidence, PairTerm

LARGEST = 1e6  # of any log-odds: beyond it sums of them, and their squares, mean nothing


def faults_of_book(book: Book) -> Iterator[str]:
    """Say of each part what does not fit the others."""
    names = book.attributes
    if len(set(names)) < len(names):
        yield "two attributes have one name"
    if len(book.evidence) != len(names):
        yield f"there is evidence of {len(book.evidence)} attributes, not of {len(names)}"
        return
    for column, evidence in zip(book.columns, book.evidence, strict=True):
        if not _evidence_fits(evidence, column.size + 2):
            yield f"the evidence of {column.name!r} does not fit its {column.size} bins or levels"
    if not all(_pair_fits(pair, book) for pair in book.pairs):
        yield "a pair does not fit its attributes"
        return
    if not all(_odd_fits(item, book) for item in book.odd_pairs):
        yield "an odd combination is of no attributes"
    yield from _faults_of_numbers(book)


def _faults_of_numbers(book: Book) -> Iterator[str]:
    wide = book.tables.ndim == 2 and book.intercept.shape == book.tables.shape[1:]  # noqa: PLR2004
    if not wide or book.tables.shape[1] == 0:
        yield f"tables of shape {book.tables.shape} do not fit {book.intercept.shape} intercepts"
        return
    sizes = [column.size + 2 for column in book.columns]
    sizes += [pair.shape[0] * pair.shape[1] for pair in book.pairs]
    if sum(sizes) != len(book.tables):
        yield f"the book has {len(book.tables)} rows, its columns and pairs need {sum(sizes)}"
    if not (_are_log_odds(book.tables) and _are_log_odds(book.intercept)):
        yield f"the book holds a number that is not finite, or beyond {LARGEST:g}"
    if not 0 <= book.spread <= LARGEST:
        yield f"the spread is {book.spread}"
    if not 0 <= book.base_rate <= 1:
        yield f"the base rate is {book.base_rate}"


def _are_log_odds(numbers: NDArray[np.float64]) -> bool:
    return bool((np.abs(numbers) <= LARGEST).all())  # NaN is not


def _evidence_fits(evidence: Evidence, codes: int) -> bool:
    bands = len(evidence.label)
    return (
        evidence.band.shape == (codes,)
        and evidence.count.shape == evidence.rate.shape == (bands,)
        and _are_places(evidence.band, bands)
        and bool((evidence.count >= 0).all())
        and not bool(((evidence.rate < 0) | (evidence.rate > 1)).any())
    )


def _pair_fits(pair: PairTerm, book: Book) -> bool:
    size = len(book.columns)
    return (
        0 <= pair.first < size
        and 0 <= pair.second < size
        and _is_map(pair.first_map, book.columns[pair.first].size + 2)
        and _is_map(pair.second_map, book.columns[pair.second].size + 2)
    )


def _is_map(places: NDArray[np.int64], codes: int) -> bool:
    return places.shape == (codes,) and _are_places(places, codes)


def _are_places(numbers: NDArray[np.int64], below: int) -> bool:
    return bool(((numbers >= 0) & (numbers < below)).all())


def _odd_fits(item: tuple[int, int, int, int], book: Book) -> bool:
    first, first_band, second, second_band = item
    size = len(book.columns)
    return 0 <= first < size and 0 <= second < size and min(first_band, second_band) >= 0
