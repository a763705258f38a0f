"""Catalogue of texts: lookup by key in ``language/<language>/<topic>.toml``.

phrases("en", "scoreboard") -> say; say("as_expected", rate="38 %") -> the sentence
"""

from __future__ import annotations

import tomllib
from collections import ChainMap
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Protocol

from fitmodel.exceptions import SpecError

LANGUAGES = ("en", "zh")
COMMON = "common"  # topic whose texts are available with every topic
_DAYS_PER_MONTH = 365.25 / 12


class Say(Protocol):
    """Function that returns the text of a key, filled with values."""

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text of `key` with its placeholders replaced by `values`."""


def phrases(language: str, *topics: str) -> Say:
    """Return a function that looks up the texts of topics in a language.

    Parameters
    ----------
    language : str
        Language of the texts: "en" or "zh".
    *topics : str
        Names of text files, such as "scoreboard"; if two of them have the same key, the first one
        is used.

    Returns
    -------
    callable
        ``say(key, **values)`` returns the text with its ``{names}`` replaced by the values.

    Raises
    ------
    SpecError
        If there are no texts in that language.
    """
    texts = ChainMap(*(dict(read_texts(language, topic)) for topic in (*topics, COMMON)))

    def say(key: str, /, **values: object) -> str:
        return texts[key].format(**values)

    return say


def stay_words(say: Say, months: float) -> str:
    """Return in words how long a customer stayed: in months, or in days below one month."""
    days = round(months * _DAYS_PER_MONTH)
    if months >= 1:
        return say("stay_months", months=f"{months:.1f}")
    return say("stay_one_day") if days == 1 else say("stay_days", days=days)


@cache
def read_texts(language: str, topic: str) -> Mapping[str, str]:
    """Return all texts of a topic by key."""
    if language not in LANGUAGES:
        raise SpecError(
            f'there are no texts in the language "{language}". '
            f"Remedy: choose one of {', '.join(LANGUAGES)}."
        )
    source = files("fitmodel.language").joinpath(language, f"{topic}.toml")
    return MappingProxyType(tomllib.loads(source.read_text(encoding="utf-8")))
