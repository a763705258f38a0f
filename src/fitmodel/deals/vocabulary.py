"""Words by which the kind of a row is recognised, read once from ``vocabulary.toml``."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

FILE = "vocabulary.toml"
_WHO = re.compile(
    r"\b(customers?|clients?|users?|accounts?|subscribers?|subscriptions?|members?|contracts?"
    r"|cliente|conta|cuenta|kunde|vertrag|abonnement|contrat|contrato)\b|客户|用户"
)
_WHOLE = re.compile(r"-?[0-9]+\.0")


def words_of(section: str, key: str) -> frozenset[str]:
    """Words of a section's key, as `plain_words` writes them.

    Examples
    --------
    >>> from fitmodel.deals.vocabulary import words_of
    >>> "closed won" in words_of("stage", "won"), "已流失" in words_of("status", "left")
    (True, True)
    """
    return _vocabulary()[section][key]


def is_status(words: str, key: str) -> bool:
    """Tell whether a value in plain words is a status of this kind.

    "attrited customer" is "attrited": the noun says only who has the status.
    """
    known = words_of("status", key)
    return words in known or " ".join(_WHO.sub(" ", words).split()) in known


def plain_words(value: Any) -> str:
    """A cell as the vocabulary has it: ``Closed - Won`` and ``wc-closed_won`` are "closed won"."""
    words = re.sub(r"[\s_\-–—]+", " ", str(value)).strip().casefold()  # noqa: RUF001 - both dashes
    return words.removeprefix("wc ")  # WooCommerce's mark


def plain_value(value: Any) -> str:
    """Text by which a cell is compared: without case, outer spaces and the .0 of a whole number."""
    text = str(value).strip().casefold()
    return text[:-2] if _WHOLE.fullmatch(text) else text


@cache
def _vocabulary() -> dict[str, dict[str, frozenset[str]]]:
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return {
        section: {key: frozenset(map(plain_words, words)) for key, words in keys.items()}
        for section, keys in tomllib.loads(text).items()
    }
