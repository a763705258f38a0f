"""Words that show what a row is (won, lost, active, left), from ``vocabulary.toml``."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib import resources
from typing import Any

FILE = "vocabulary.toml"
_NOUNS = re.compile(
    r"\b(customers?|clients?|users?|accounts?|subscribers?|subscriptions?|members?|contracts?"
    r"|cliente|conta|cuenta|kunde|vertrag|abonnement|contrat|contrato)\b|客户|用户"
)
_INTEGER_TEXT = re.compile(r"-?[0-9]+\.0")


def words_of(section: str, key: str) -> frozenset[str]:
    """Return the words of a key in a section of the vocabulary, normalised by `plain_words`.

    Examples
    --------
    >>> from fitmodel.deals.vocabulary import words_of
    >>> "closed won" in words_of("stage", "won"), "已流失" in words_of("status", "left")
    (True, True)
    """
    return _vocabulary()[section][key]


def is_status(words: str, key: str) -> bool:
    """Return whether a value, normalised by `plain_words`, is a status of this kind.

    Nouns are ignored: "attrited customer" is the status "attrited".
    """
    known = words_of("status", key)
    return words in known or " ".join(_NOUNS.sub(" ", words).split()) in known


def plain_words(value: Any) -> str:
    """Return a cell as in the vocabulary: ``Closed - Won``, ``wc-closed_won`` -> "closed won"."""
    text = unicodedata.normalize("NFKC", str(value))
    words = re.sub(r"[\s_\-–—]+", " ", text).strip().casefold()  # noqa: RUF001 - both dashes
    return words.removeprefix("wc ")  # prefix of WooCommerce's statuses


def plain_value(value: Any) -> str:
    """Return a cell as text for comparison: no case, no outer spaces, no .0 of whole numbers."""
    text = str(value).strip().casefold()
    return text[:-2] if _INTEGER_TEXT.fullmatch(text) else text


@cache
def _vocabulary() -> dict[str, dict[str, frozenset[str]]]:
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return {
        section: {key: frozenset(map(plain_words, words)) for key, words in keys.items()}
        for section, keys in tomllib.loads(text).items()
    }
