"""The reasons of many prospects as JSON text, made once per distinct reason, not once per row.

contributions -> the largest of each row -> distinct (row of the book, value as given)
              -> one text for each            -> taken by index, joined per prospect
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from fitmodel.model.reasons import Reason, plain_value, value_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.learning.book import Book

MARKS = ("\ue000", "\ue001")
"""Stand for a prospect's values in a text that is made once for a row of the book."""
_SLOTS = {f'"{mark}"': (number, 0) for number, mark in enumerate(MARKS)} | {
    mark: (number, 1) for number, mark in enumerate(MARKS)
}
_MARKED = re.compile(f"({'|'.join(_SLOTS)})")
_encode = json.JSONEncoder(ensure_ascii=False).encode


class Template(NamedTuple):
    """A text with a ``%s`` for each slot: which value, and whether as JSON (0) or in words (1)."""

    text: str
    slots: tuple[tuple[int, int], ...]


def largest_terms(contributions: NDArray[np.float64], number: int) -> NDArray[np.intp]:
    """Find the terms of the largest contributions, largest first; of equal ones the first.

    Parameters
    ----------
    contributions : ndarray of float, shape (prospects, terms)
    number : int

    Returns
    -------
    ndarray of int, shape (prospects, min(number, terms))
    """
    left = np.abs(contributions)
    every = np.arange(len(left))
    picked = np.empty((len(left), min(number, left.shape[1])), dtype=np.intp)
    for place in range(picked.shape[1]):
        picked[:, place] = left.argmax(axis=1)
        left[every, picked[:, place]] = -1
    return picked


def reasons_as_json(
    book: Book, codes: NDArray[np.int32], given: pd.DataFrame, number: int
) -> list[str]:
    """Write the reasons of each prospect as a JSON list.

    Parameters
    ----------
    book : Book
    codes : ndarray of int, shape (prospects, attributes)
    given : DataFrame of shape (prospects, attributes)
        The values as they were given.
    number : int
        How many reasons; a contribution of exactly 0 is none.

    Returns
    -------
    list of str
        Equal to ``json.dumps`` of what `Reason.to_dict` gives for each reason of a row.
    """
    rows = book.rows(codes)
    contributions = book.tables[rows, 0]
    picked = largest_terms(contributions, number)
    texts = np.empty(picked.shape, dtype=object)
    for term in np.unique(picked).tolist():
        prospects, ranks = np.nonzero(picked == term)
        texts[prospects, ranks] = _texts_of_term(
            book, term, codes[prospects], rows[prospects, term], given.iloc[prospects]
        )
    return _joined(texts)


def _joined(texts: NDArray[np.object_]) -> list[str]:
    return [f"[{', '.join(filter(None, row))}]" for row in texts.tolist()]


def _texts_of_term(
    book: Book,
    term: int,
    codes: NDArray[np.int32],
    rows: NDArray[np.int64],
    given: pd.DataFrame,
) -> NDArray[np.object_]:
    """Texts of one term for some prospects; empty where the contribution is 0."""
    columns = [given.iloc[:, place] for place in book.terms[term]]
    first, which = _distinct([rows, *(_identity(column) for column in columns)])
    values = [_as_objects(column.iloc[first]) for column in columns]
    texts = [list(map(_value_texts, column)) for column in values]
    templates: dict[int, Template] = {}
    made = np.empty(len(first), dtype=object)
    for place, (prospect, row) in enumerate(zip(first.tolist(), rows[first].tolist(), strict=True)):
        template = templates.get(row)
        if template is None:
            template = templates[row] = _template(book, term, codes[prospect].tolist(), row)
        made[place] = template.text % tuple(
            [texts[number][place][form] for number, form in template.slots]
        )
    return made[which]


def _distinct(keys: Sequence[NDArray[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First place of each distinct combination, and which combination each place has."""
    combined = keys[0].astype(np.int64)
    for key in keys[1:]:
        combined, _ = pd.factorize(combined * (int(key.max(initial=0)) + 1) + key)
    which, _ = pd.factorize(combined)
    first = np.full(int(which.max(initial=-1)) + 1, len(which), dtype=np.intp)
    np.minimum.at(first, which, np.arange(len(which)))
    return first, which


def _identity(column: pd.Series[Any]) -> NDArray[np.int64]:
    """Number the distinct values; those that are absent are numbered too."""
    if column.dtype == object:  # 1, 1.0 and True are equal, but are not written alike
        column = column.map(lambda value: (type(value).__name__, str(value)))
    numbers, _ = pd.factorize(column, use_na_sentinel=True)
    identity: NDArray[np.int64] = numbers.astype(np.int64) + 1
    return identity


def _as_objects(column: pd.Series[Any]) -> list[Any]:
    return column.to_numpy(dtype=object).tolist()


def _template(book: Book, term: int, codes: Sequence[int], row: int) -> Template:
    """A reason's JSON with a place for each value: as JSON, and as words in the sentence."""
    values: list[Any] = [None] * len(book.columns)
    for mark, place in zip(MARKS, book.terms[term], strict=False):
        values[place] = mark
    contribution = float(book.tables[row, 0])
    if contribution == 0:
        return Template("", ())
    reason = Reason(book, term, codes, values, contribution)
    pieces = _MARKED.split(json.dumps(reason.to_dict(), ensure_ascii=False).replace("%", "%%"))
    return Template("%s".join(pieces[::2]), tuple(_SLOTS[mark] for mark in pieces[1::2]))


def _value_texts(value: Any) -> tuple[str, str]:
    """A value as JSON, and as words inside of a JSON text."""
    if type(value) is float and value - value == 0:  # finite; the commonest, and worth a short way
        return repr(value + 0.0), f"{value + 0.0:,g}"
    return _encode(plain_value(value)), _encode(value_words(value))[1:-1]
