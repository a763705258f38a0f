"""Words that show what a row is (won, lost, active, left), from ``vocabulary.toml``."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib import resources
from typing import Any

from fitmodel.tables.scripts import plain_letters

FILE = "vocabulary.toml"
_NOUNS = re.compile(
    r"\b(customers?|clients?|users?|accounts?|subscribers?|subscriptions?|members?|contracts?"
    r"|cliente|conta|cuenta|kunde|vertrag|abonnement|contrat|contrato)\b|客户|用户"
)
_NUMBER_BEFORE = re.compile(r"^\W*\d{1,3}\s*(%\s*[.):\-–—_/]?|[.):\-–—_/])\s*(?=\D)")  # noqa: RUF001 - dashes
_SHARE_BEHIND = re.compile(r"[\s(\[]*\d{1,3}\s*%[\s)\]]*$")
_BETWEEN_PARTS = re.compile(r"\s[-–—:|/]\s|[(\[:|]")  # noqa: RUF001 - dashes
STATUS_KINDS = ("not_yet", "never", "left", "active")
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
    text = plain_letters(unicodedata.normalize("NFKC", str(value)))
    words = re.sub(r"[\s_\-–—]+", " ", text).strip().casefold()  # noqa: RUF001 - both dashes
    return words.removeprefix("wc ")  # prefix of WooCommerce's statuses


def readings(value: Any) -> tuple[str, ...]:
    """Return a stage or status in plain words: as it stands, without its number, and its parts.

    Examples
    --------
    >>> from fitmodel.deals.vocabulary import readings
    >>> readings("5. Closed Won (100%)"), readings("Lost - Price")
    (('5. closed won (100%)', 'closed won'), ('lost price', 'lost', 'price'))
    """
    text = unicodedata.normalize("NFKC", str(value))
    bare = _SHARE_BEHIND.sub("", _NUMBER_BEFORE.sub("", text))
    parts = _BETWEEN_PARTS.split(bare)
    found = map(plain_words, (text, *(re.sub(r"^\W+|\W+$", "", each) for each in (bare, *parts))))
    return tuple(dict.fromkeys(each for each in found if each))


def stage_of(value: Any) -> str | None:
    """Return whether an opportunity is "won", "lost" or "open" by its stage; None if unknown."""
    for words in readings(value):
        for key in ("won", "lost", "open"):
            if words in words_of("stage", key):
                return key
    return None


def kind_of_status(value: Any) -> str | None:
    """Return the kind of a status: one of `STATUS_KINDS`; None if unknown.

    Of the parts of "Active - Trial", the one that is no customer, or that left, says the kind.
    """
    plain, *others = readings(value) or ("",)
    for words in ((plain,), others):
        kinds = {key for each in words for key in STATUS_KINDS if is_status(each, key)}
        if kinds:
            return min(kinds, key=STATUS_KINDS.index)
    return None


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
