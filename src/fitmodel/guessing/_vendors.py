"""Recognise the exports of billing and CRM systems by their columns."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from fitmodel.guessing._names import as_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fitmodel.guessing._columns import Column

FILE = "vendors.toml"
MIN_PREFIXED = 4  # minimum number of columns with the system's prefix
_TABLE_NAME = re.compile(r"^(subscriptions?|deals?|opportunity|hs) (?=\w)")


@dataclass(frozen=True)
class Vendor:
    """A system whose export was recognised.

    Attributes
    ----------
    title : str
        Name of the system and table, for people.
    roles : mapping of role to tuple of str
        Columns of the table for each role, the best candidate first.
    left : tuple of str
        Values of the status that mean that the customer left.
    after_signing : tuple of str
        Columns of the table that are known only after signing.
    won : str or None
        Date column that is filled for won deals only.
    """

    title: str
    roles: Mapping[str, tuple[str, ...]]
    left: tuple[str, ...]
    after_signing: tuple[str, ...]
    won: str | None = None


def recognise_export(names: Iterable[str]) -> Vendor | None:
    """Return the system that exported a table, by its columns' names; None if unknown.

    Examples
    --------
    >>> from fitmodel.guessing._vendors import recognise_export
    >>> recognise_export(["id", "Customer ID", "Current Period End (UTC)", "Ended At (UTC)"]).title
    'Stripe subscriptions'
    """
    by_words: dict[str, str] = {}
    names = list(names)
    for name in names:
        words = as_words(name)
        by_words.setdefault(_compact(words), name)
        by_words.setdefault(_compact(_TABLE_NAME.sub("", words)), name)
    for vendor in _vendors().values():
        prefixed = sum(name.startswith(vendor.get("prefix", "")) for name in names)
        if prefixed < min(MIN_PREFIXED, len(names)):
            continue
        needed, some = ({_compact(each) for each in vendor[key]} for key in ("columns", "any"))
        if by_words.keys() >= needed and by_words.keys() & some:
            return _vendor_of(vendor, by_words)
    return None


def columns_in_export(columns: Iterable[Column], role: str) -> tuple[str, ...]:
    """Return the columns of a role if the table is a known export, the best candidate first."""
    vendor = recognise_export(column.name for column in columns)
    return () if vendor is None else vendor.roles.get(role, ())


def _vendor_of(vendor: dict[str, Any], by_words: dict[str, str]) -> Vendor:
    lists = {key: words for key, words in vendor.items() if isinstance(words, list)}
    present = {
        key: tuple(
            dict.fromkeys(by_words[_compact(each)] for each in words if _compact(each) in by_words)
        )
        for key, words in lists.items()
        if key not in {"columns", "any", "left"}
    }
    after = present.pop("after_signing", ())
    won = next(iter(present.pop("won", ())), None)
    return Vendor(vendor["title"], present, tuple(vendor.get("left", ())), after, won)


def _compact(words: str) -> str:
    """Return a name without spaces: an API has "closedate" where exports have "Close Date"."""
    return words.replace(" ", "")


@cache
def _vendors() -> dict[str, dict[str, Any]]:
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return tomllib.loads(text)
