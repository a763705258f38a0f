"""Reasons of many prospects as JSON text, vectorised.

contributions -> the largest of each row -> per term: a template for each code, distinct values in
words -> Arrow fills in the templates and joins them per prospect

Arrow's functions release Python's global interpreter lock, so that other threads score meanwhile.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.learning.columns import NumberColumn
from fitmodel.model._sentences import TENTHS_FROM
from fitmodel.model.wording import plain_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fitmodel.learning.columns import Column
    from fitmodel.model._sentences import Sentences
    from fitmodel.model.wording import Wording

MARKS = ("\ue000", "\ue001")
"""Placeholders for a prospect's values in a text that is made once for a row of the scorecard."""
EFFECT = "\ue002"
_SLOTS = (
    {f'"{mark}"': (number, 0) for number, mark in enumerate(MARKS)}
    | {mark: (number, 1) for number, mark in enumerate(MARKS)}
    | {EFFECT: (-1, 1)}
)
_MARKED = re.compile(f"({'|'.join(_SLOTS)})")


_ENCODER = json.JSONEncoder(ensure_ascii=False)
_LINES = json.JSONEncoder(ensure_ascii=False, separators=("\n", ": "))


def _encode(value: Any, encoder: json.JSONEncoder = _ENCODER) -> str:
    """Return JSON text; a lone surrogate, which UTF-8 cannot encode, becomes its JSON escape."""
    return encoder.encode(value).encode(errors="backslashreplace").decode()


def _encode_each(values: list[Any]) -> list[str]:
    """Return the JSON text of each value.

    All are encoded in one call and split at line ends: JSON text has no unescaped line end.
    """
    return _encode(values, _LINES)[1:-1].split("\n") if values else []


class Template(NamedTuple):
    """A text with gaps.

    Parameters
    ----------
    pieces : tuple of str
        The fixed text before, between and after the gaps.
    slots : tuple of (int, int)
        For each gap: the index of the value, and whether it is written as JSON (0) or in words
        (1). The index -1 is the effect, which is always in words.
    """

    pieces: tuple[str, ...]
    slots: tuple[tuple[int, int], ...]


def largest_terms(contributions: NDArray[np.float64], number: int) -> NDArray[np.intp]:
    """Return the terms with the largest contributions, largest first; of equal ones the first.

    Parameters
    ----------
    contributions : ndarray of float, shape (prospects, terms)
        Contributions in log-odds; their absolute size counts.
    number : int
        How many terms to return for each prospect.
    """
    remaining = np.abs(contributions)
    all_rows = np.arange(len(remaining))
    picked = np.empty((len(remaining), min(number, remaining.shape[1])), dtype=np.intp)
    for position in range(picked.shape[1]):
        picked[:, position] = remaining.argmax(axis=1)
        remaining[all_rows, picked[:, position]] = -1
    return picked


def reasons_as_json(
    sentences: Sentences,
    codes: NDArray[np.int32],
    given: pd.DataFrame,
    number: int,
    days: Mapping[int, NDArray[np.float64]],
) -> pa.Array:
    """Write the reasons of each prospect as a JSON list.

    Parameters
    ----------
    codes : ndarray of int, shape (prospects, attributes)
        Code of each attribute's value.
    given : DataFrame of shape (prospects, attributes)
        The values as they were given.
    number : int
        Largest number of reasons per prospect; a contribution of exactly 0 is not a reason.
    days : mapping of int to ndarray of float, shape (prospects,)
        From the position of each date attribute to the days between that date and closing.

    Returns
    -------
    pa.Array of string, length prospects
        A JSON list per prospect, with the result of `Reason.to_dict` for each reason.
    """
    scorecard = sentences.scorecard
    rows = scorecard.rows(codes)
    contributions = scorecard.tables[rows, 0]
    picked = largest_terms(ranked(sentences, contributions), number)
    effects = _effects(sentences, contributions, picked)
    texts, where, written = [pa.array([], pa.string())], np.empty(picked.shape, np.int64), 0
    for term in np.unique(picked).tolist():
        prospects, ranks = np.nonzero(picked == term)
        columns = {
            position: given.iloc[:, position].iloc[prospects] for position in sentences.terms[term]
        }
        dates = {position: days[position][prospects] for position in columns if position in days}
        effect = effects[prospects, ranks]
        texts.append(_texts_of_term(sentences, term, codes[prospects], columns, dates, effect))
        where[prospects, ranks] = written + np.arange(len(prospects))
        written += len(prospects)
    # A contribution of exactly 0 is not a reason.
    absent = np.take_along_axis(contributions, picked, axis=1) == 0
    return _joined(pa.concat_arrays(texts), where, absent)


def ranked(sentences: Sentences, contributions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the contributions by which reasons are ordered; those about the seller are last."""
    return contributions * sentences.weights if sentences.has_seller_terms else contributions


def _effects(
    sentences: Sentences, contributions: NDArray[np.float64], picked: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Return each picked term's odds ratio in hundredths, rounded as `in_hundredths` does."""
    calibration = sentences.scorecard.calibration
    log_odds = sentences.scorecard.baseline + contributions.sum(axis=1)
    without = log_odds[:, None] - np.take_along_axis(contributions, picked, axis=1)
    ratio = np.exp(calibration.log_odds(log_odds)[:, None] - calibration.log_odds(without))
    fine = np.maximum(np.rint(ratio * 100), 1)
    rounded = np.where(ratio * 100 < TENTHS_FROM, fine, np.rint(ratio * 10) * 10)
    hundredths: NDArray[np.int64] = rounded.astype(np.int64)
    return hundredths


def _joined(texts: pa.Array, where: NDArray[np.int64], absent: NDArray[np.bool_]) -> pa.Array:
    """Take each prospect's texts, shape (prospects, ranks), and join them as a JSON list."""
    listed = [
        texts.take(pa.array(where[:, rank], mask=absent[:, rank])) for rank in range(where.shape[1])
    ]
    inside = pc.binary_join_element_wise(*listed, ", ", null_handling="skip")
    return pc.binary_join_element_wise("[", inside, "]", "")


def _texts_of_term(
    sentences: Sentences,
    term: int,
    codes: NDArray[np.int32],
    columns: dict[int, pd.Series[Any]],
    days: dict[int, NDArray[np.float64]],
    effects: NDArray[np.int64],
) -> pa.Array:
    """Return the JSON text of one term's reason for each of some prospects."""
    positions = sentences.terms[term]
    scorecard = sentences.scorecard
    slot_texts = [
        _value_texts(
            sentences.wording, scorecard.columns[position], columns[position], days.get(position)
        )
        for position in positions
    ]
    slot_texts.append(_effect_texts(sentences, effects))  # last, since its slot index is -1
    own = codes[:, positions].astype(np.int64)
    key = own[:, 0] if len(positions) == 1 else own[:, 0] * (int(own[:, 1].max()) + 1) + own[:, 1]
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return _filled(
        [_template(sentences, term, codes[position].tolist()) for position in first],
        which,
        slot_texts,
    )


def _filled(
    templates: list[Template], which: NDArray[np.intp], slot_texts: list[tuple[pa.Array, pa.Array]]
) -> pa.Array:
    """Fill in each prospect's template; templates with the same slots are filled together."""
    texts, order = [], []
    for slots in {template.slots for template in templates}:
        has_slots = np.array([template.slots == slots for template in templates])
        chosen = np.flatnonzero(has_slots[which])
        parts = []
        for number, slot in enumerate((*slots, None)):
            pieces = [template.pieces[number] for template in templates if template.slots == slots]
            parts.append(pa.array(pieces).take(pa.array((np.cumsum(has_slots) - 1)[which[chosen]])))
            if slot is not None:
                value, form = slot
                parts.append(slot_texts[value][form].take(pa.array(chosen)))
        texts.append(pc.binary_join_element_wise(*parts, ""))
        order.append(chosen)
    if len(texts) == 1:
        return texts[0]
    return pa.concat_arrays(texts).take(pa.array(np.argsort(np.concatenate(order))))


def _identity(column: pd.Series[Any]) -> NDArray[np.int64]:
    """Return a number for each distinct value; missing values have a number too."""
    if column.dtype == object:  # 1, 1.0 and True are equal, but their texts differ
        column = column.map(lambda value: (type(value).__name__, str(value)))
    numbers, _ = pd.factorize(column, use_na_sentinel=True)
    identity: NDArray[np.int64] = numbers.astype(np.int64) + 1
    return identity


def _template(sentences: Sentences, term: int, codes: Sequence[int]) -> Template:
    """Return a reason's JSON with a gap for each value and for the effect."""
    positions = sentences.terms[term]
    key = (term, *(codes[position] for position in positions))
    made: Template | None = sentences.templates.get(key)
    if made is not None:
        return made
    (row,) = sentences.scorecard.rows(np.array([codes]))[:, term].tolist()
    contribution = float(sentences.scorecard.tables[row, 0])
    names = [sentences.scorecard.attributes[position] for position in positions]
    marks = list(MARKS[: len(names)])
    reason = {
        "attribute": " & ".join(names),
        "value": marks if len(marks) > 1 else marks[0],
        "contribution": contribution,
        "sentence": sentences.sentence_of(term, codes, marks, contribution, EFFECT),
    }
    pieces = _MARKED.split(_encode(reason))
    made = Template(tuple(pieces[::2]), tuple(_SLOTS[mark] for mark in pieces[1::2]))
    sentences.templates[key] = made
    return made


def _effect_texts(sentences: Sentences, effects: NDArray[np.int64]) -> tuple[pa.Array, pa.Array]:
    distinct, which = np.unique(effects, return_inverse=True)
    distinct_texts = pa.array(
        [sentences.effect(number) for number in distinct.tolist()], pa.string()
    )
    texts = distinct_texts.take(pa.array(which))
    return texts, texts


def _value_texts(
    wording: Wording,
    column: Column,
    values: pd.Series[Any],
    days: NDArray[np.float64] | None = None,
) -> tuple[pa.Array, pa.Array]:
    """Return each value as JSON, and in words for use inside a JSON text.

    Both are made once per distinct value. A date is worded as the days between it and closing.
    """
    if days is not None:
        plain, _ = _value_texts(wording, column, values)
        return plain, _value_texts(wording, column, pd.Series(days).astype(object))[1]
    _, first, which = np.unique(_identity(values), return_index=True, return_inverse=True)
    distinct = values.iloc[first].to_numpy(dtype=object).tolist()
    if values.dtype == float and isinstance(column, NumberColumn):
        distinct_texts = wording.quantities(column.name, distinct)
    else:
        distinct_texts = [wording.value(column, value) for value in distinct]
    plain = _encode_each([plain_value(value) for value in distinct])
    inside = [text[1:-1] for text in _encode_each(distinct_texts)]
    positions = pa.array(which)
    return pa.array(plain, pa.string()).take(positions), pa.array(inside, pa.string()).take(
        positions
    )
