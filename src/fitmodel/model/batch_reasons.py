"""The reasons of many prospects as JSON text, made once per distinct reason, not once per row.

contributions -> the largest of each row -> distinct (row of the book, effect, value as given)
              -> one text for each            -> taken by index, joined per prospect
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from fitmodel.model.sentences import TENTHS_FROM
from fitmodel.model.wording import plain_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.learning.columns import Column
    from fitmodel.model.sentences import Sentences
    from fitmodel.model.wording import Wording

MARKS = ("\ue000", "\ue001")
"""Stand for a prospect's values in a text that is made once for a row of the book."""
EFFECT = "\ue002"
_SLOTS = (
    {f'"{mark}"': (number, 0) for number, mark in enumerate(MARKS)}
    | {mark: (number, 1) for number, mark in enumerate(MARKS)}
    | {EFFECT: (-1, 1)}
)
_MARKED = re.compile(f"({'|'.join(_SLOTS)})")


def _encode(value: Any) -> str:
    """JSON text; half a character, which no file could hold, becomes its JSON escape."""
    text = json.dumps(value, ensure_ascii=False)
    return text.encode(errors="backslashreplace").decode()


class Template(NamedTuple):
    """A text with a ``%s`` for each slot: which value, and whether as JSON (0) or in words (1).

    The value -1 is the effect, always in words.
    """

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
    sentences: Sentences, codes: NDArray[np.int32], given: pd.DataFrame, number: int
) -> list[str]:
    """Write the reasons of each prospect as a JSON list.

    Parameters
    ----------
    sentences : Sentences
        Of a book, in a language.
    codes : ndarray of int, shape (prospects, attributes)
    given : DataFrame of shape (prospects, attributes)
        The values as they were given.
    number : int
        How many reasons; a contribution of exactly 0 is none.

    Returns
    -------
    list of str
        What `Reason.to_dict` gives for each reason of a row.
    """
    book = sentences.book
    rows = book.rows(codes)
    contributions = book.tables[rows, 0]
    picked = largest_terms(ranked(sentences, contributions), number)
    effects = _effects(sentences, contributions, picked)
    texts = np.empty(picked.shape, dtype=object)
    for term in np.unique(picked).tolist():
        prospects, ranks = np.nonzero(picked == term)
        texts[prospects, ranks] = _texts_of_term(
            sentences,
            term,
            codes[prospects],
            rows[prospects, term],
            [given.iloc[:, place].iloc[prospects] for place in sentences.terms[term]],
            effects[prospects, ranks],
        )
    return _joined(texts)


def ranked(sentences: Sentences, contributions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Contributions by whose size reasons are put in order: what is about the seller comes last."""
    return contributions * sentences.ranks if sentences.has_quiet else contributions


def _effects(
    sentences: Sentences, contributions: NDArray[np.float64], picked: NDArray[np.intp]
) -> NDArray[np.int64]:
    """What each picked term does to its prospect's risk, as `in_hundredths` has it."""
    calibration = sentences.book.calibration
    log_odds = sentences.book.baseline + contributions.sum(axis=1)
    without = log_odds[:, None] - np.take_along_axis(contributions, picked, axis=1)
    ratio = calibration.probability(log_odds)[:, None] / calibration.probability(without)
    fine = np.maximum(np.rint(ratio * 100), 1)
    return np.where(ratio * 100 < TENTHS_FROM, fine, np.rint(ratio * 10) * 10).astype(np.int64)


def _joined(texts: NDArray[np.object_]) -> list[str]:
    return [f"[{', '.join(filter(None, row))}]" for row in texts.tolist()]


def _texts_of_term(
    sentences: Sentences,
    term: int,
    codes: NDArray[np.int32],
    rows: NDArray[np.int64],
    columns: list[pd.Series[Any]],
    effects: NDArray[np.int64],
) -> NDArray[np.object_]:
    """Texts of one term for some prospects; empty where the contribution is 0."""
    places = sentences.terms[term]
    identities = [_identity(column) for column in columns]
    first, which = _distinct([rows, effects, *identities])
    texts = [
        _value_texts(
            sentences.wording, sentences.book.columns[place], column.iloc[first], identity[first]
        )
        for place, column, identity in zip(places, columns, identities, strict=True)
    ]
    texts.append(_effect_texts(sentences, effects[first]))  # the last, as -1 says
    # a row of one attribute stands for one code, in every chunk; one of a pair may for several
    templates: dict[int, Template] = sentences.templates if len(places) == 1 else {}
    made = np.empty(len(first), dtype=object)
    for place, (prospect, row) in enumerate(zip(first.tolist(), rows[first].tolist(), strict=True)):
        template = templates.get(row)
        if template is None:
            template = templates[row] = _template(sentences, term, codes[prospect].tolist(), row)
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


def _template(sentences: Sentences, term: int, codes: Sequence[int], row: int) -> Template:
    """A reason's JSON with a place for each value and for the effect."""
    contribution = float(sentences.book.tables[row, 0])
    if contribution == 0:
        return Template("", ())
    names = [sentences.book.attributes[place] for place in sentences.terms[term]]
    marks = list(MARKS[: len(names)])
    reason = {
        "attribute": " & ".join(names),
        "value": marks if len(marks) > 1 else marks[0],
        "contribution": contribution,
        "sentence": sentences.tell(term, codes, marks, contribution, EFFECT),
    }
    pieces = _MARKED.split(_encode(reason).replace("%", "%%"))
    return Template("%s".join(pieces[::2]), tuple(_SLOTS[mark] for mark in pieces[1::2]))


def _effect_texts(sentences: Sentences, effects: NDArray[np.int64]) -> list[tuple[str, str]]:
    words = {number: sentences.effect(number) for number in set(effects.tolist())}
    return [("", words[number]) for number in effects.tolist()]


def _value_texts(
    wording: Wording, column: Column, values: pd.Series[Any], identity: NDArray[np.int64]
) -> list[tuple[str, str]]:
    """Each value as JSON, and as words inside of a JSON text; made once per distinct value."""
    _, first, which = np.unique(identity, return_index=True, return_inverse=True)
    made = [
        (_encode(plain_value(value)), _encode(wording.value(column, value))[1:-1])
        for value in values.iloc[first].to_numpy(dtype=object).tolist()
    ]
    return [made[place] for place in which.tolist()]
