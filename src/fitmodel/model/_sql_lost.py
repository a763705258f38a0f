"""SQL for rows that `[rows]` of the contract leaves out: no prediction, and the reason why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fitmodel.deals.vocabulary import LEFT_OUT, plain_value, words_of
from fitmodel.tables.vocabulary import MISSING_TEXT, traditional

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fitmodel.deals.vocabulary import LostRows
    from fitmodel.model._sql_dialects import Dialect


def lost_columns(lost: LostRows, absent: frozenset[str]) -> dict[str, str]:
    """Return, for each column by whose values rows are left out, its short name in the SQL."""
    names = [name for name in lost.columns if name not in absent]
    return {name: f"lost{position}" for position, name in enumerate(names, start=1)}


def lost_texts(
    sql: Dialect, lost: LostRows, short_names: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Return the columns' values as they are compared: in lower case, empty where missing."""
    missing = ", ".join(map(sql.literal, sorted(MISSING_TEXT)))
    for name, short in short_names.items():
        text = sql.stripped(f"fm_v{short}")
        lower = sql.lowered(text, _words(lost, name))
        is_missing = f"fm_v{short} IS NULL OR {text} IN ({missing})"
        yield f"fm_t{short}", f"CASE WHEN {is_missing} THEN '' ELSE {lower} END"


def _words(lost: LostRows, name: str) -> list[str]:
    """Return the words with which the values of a column are compared, in lower case."""
    given = (*lost.drop.get(name, ()), *lost.keep.get(name, ()))
    return [*map(plain_value, given), *(words_of("stage", "lost") if name in lost.keep else ())]


def lost_cases(sql: Dialect, lost: LostRows, short_names: dict[str, str]) -> Iterator[str]:
    """Return the reasons why a row is left out, as branches of one CASE."""
    for name, short in short_names.items():
        text, given = f"fm_t{short}", f"COALESCE(CAST(fm_v{short} AS {sql.text}), 'None')"
        message = (
            f"{sql.literal(f'{LEFT_OUT}{name} is ')} || {given} || ' ([rows] of the contract)'"
        )
        if name in lost.drop:
            yield f"WHEN {text} IN ({_value_literals(sql, lost.drop[name])}) THEN {message}"
        if name in lost.keep:
            lost_words = {each for word in words_of("stage", "lost") for each in _scripts(word)}
            is_lost = f"{sql.spaced(text)} IN ({_literals(sql, lost_words)})"
            kept_values = _value_literals(sql, lost.keep[name])
            yield f"WHEN {text} NOT IN ({kept_values}) AND {is_lost} THEN {message}"


def _value_literals(sql: Dialect, values: Iterable[str]) -> str:
    texts = {spelled for value in values for spelled in _spellings(plain_value(value))}
    return _literals(sql, texts)


def _spellings(value: str) -> set[str]:
    """Return a value's texts: of a whole number also the one that a float column shows (3.0)."""
    return {value, f"{value}.0"} if value.lstrip("-").isdigit() else {value}


def _scripts(word: str) -> tuple[str, str]:
    """Return a word as in the vocabulary and in traditional signs; a database compares letters."""
    return word, traditional(word)


def _literals(sql: Dialect, texts: Iterable[str]) -> str:
    spellings = {text for word in texts for text in (word, f"wc {word}")}
    return ", ".join(map(sql.literal, sorted(spellings)))
