"""Look up texts in ``language/<language>/<topic>.toml`` by key.

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
COMMON = "common"  # texts that every topic has
_DAYS_PER_MONTH = 365.25 / 12


class Say(Protocol):
    """Fill the text of a key with values."""

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text of `key`."""


def phrases(language: str, *topics: str) -> Say:
    """Open the texts of topics in a language.

    Parameters
    ----------
    language : str
        "en" or "zh".
    *topics : str
        Names of files of texts, such as "scoreboard"; of a key in two of them the first counts.

    Returns
    -------
    callable
        ``say(key, **values)`` gives the text with its ``{names}`` filled.

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
    """How long a customer stayed: in months, below one month in days."""
    days = round(months * _DAYS_PER_MONTH)
    if months >= 1:
        return say("stay_months", months=f"{months:.1f}")
    return say("stay_one_day") if days == 1 else say("stay_days", days=days)


@cache
def read_texts(language: str, topic: str) -> Mapping[str, str]:
    """Read every text of a topic, by its key."""
    if language not in LANGUAGES:
        raise SpecError(
            f'there are no texts in the language "{language}". '
            f"Remedy: choose one of {', '.join(LANGUAGES)}."
        )
    source = files("fitmodel.language").joinpath(language, f"{topic}.toml")
    return MappingProxyType(tomllib.loads(source.read_text(encoding="utf-8")))
