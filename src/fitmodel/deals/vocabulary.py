"""Words that show what a row is (won, lost, active, left), and rows that are no longer prospects.

The words are in ``vocabulary.toml``. One rule decides which rows of a pipeline are lost, or left
out by `[rows]` drop, for a prospect, a table, a file, the service and Spark. This module does not
import pandas, because it runs for every single prospect and must load quickly.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from fitmodel.tables.cells import distinct, is_missing
from fitmodel.tables.vocabulary import plain_letters

if TYPE_CHECKING:
    import pandas as pd

    Values = Mapping[str, tuple[str, ...]]

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
LEFT_OUT = "left out: "
"""Start of the message about a row that gets no prediction."""


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
    return _plain_words(str(value))


@lru_cache(maxsize=4096)  # the same few values are compared with one list after the other
def _plain_words(value: str) -> str:
    text = plain_letters(unicodedata.normalize("NFKC", value))
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


@dataclass(frozen=True)
class LostRows:
    """The rule that decides which rows of a pipeline get no prediction.

    `[rows] keep` lists values of past deals, such as "Won", that open rows do not have. Open rows
    are scored all the same: only rows with a value that means lost, or that `drop` lists, are left
    out.

    Parameters
    ----------
    keep, drop : mapping of str to tuple of str
        Column names and their values, the same as in `[rows]` of the contract.

    Examples
    --------
    >>> lost = LostRows(keep={"stage": ("Won",)})
    >>> lost.why({"stage": "Closed Lost"}), lost.why({"stage": "Negotiation"})
    ('left out: stage is Closed Lost ([rows] of the contract)', None)
    """

    keep: Values = field(default_factory=dict)
    drop: Values = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.keep or self.drop)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns whose values decide whether a row is left out."""
        return tuple(dict.fromkeys([*self.keep, *self.drop]))

    def why(self, prospect: Mapping[str, Any]) -> str | None:
        """Return why a prospect gets no prediction; None if it gets one."""
        for name in self.columns:
            cell = prospect.get(name)
            if self._is_lost(name, cell):
                return f"{LEFT_OUT}{name} is {cell} ([rows] of the contract)"
        return None

    def of_table(self, table: pd.DataFrame) -> dict[int, str]:
        """Return the positions of the rows that get no prediction, each with the reason."""
        why: dict[int, str] = {}
        for name in self.columns:
            if name not in table.columns:
                continue
            positions, cells = distinct(table[name])
            lost = [self._is_lost(name, cell) for cell in cells]
            missing = self._is_lost(name, None)
            for row, position in enumerate(positions.tolist()):
                if (missing if position < 0 else lost[position]) and row not in why:
                    cell = None if position < 0 else cells[position]
                    why[row] = f"{LEFT_OUT}{name} is {cell} ([rows] of the contract)"
        return dict(sorted(why.items()))

    def to_dict(self) -> dict[str, dict[str, list[str]]]:
        """Return the rule as a dict for JSON."""
        rules = {"keep": self.keep, "drop": self.drop}
        return {
            rule: {name: list(values) for name, values in columns.items()}
            for rule, columns in rules.items()
            if columns
        }

    def _is_lost(self, name: str, cell: Any) -> bool:
        value = "" if is_missing(cell) else plain_value(cell)
        if value in self._dropped.get(name, ()):
            return True
        kept = self._kept.get(name)
        return kept is not None and value not in kept and plain_words(value) in self._lost_words

    @cached_property
    def _dropped(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(map(plain_value, values)) for name, values in self.drop.items()}

    @cached_property
    def _kept(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(map(plain_value, values)) for name, values in self.keep.items()}

    @cached_property
    def _lost_words(self) -> frozenset[str]:
        return words_of("stage", "lost")


NO_LOST_ROWS = LostRows()
_PAST_ROLES = ("closed_on", "churned_on", "exited_on", "observed_until", "churned", "tenure_months")


def lost_rows_of(contract: Mapping[str, Any]) -> LostRows:
    """Return the rules of a contract, as a dict, that apply to prospects too.

    Rules about the closing date or the outcome apply to past deals only, since a prospect has
    neither. A status such as "in trial" or "draft" drops a past row, but is normal for an open
    prospect, so it leaves no prospect out.

    Parameters
    ----------
    contract : mapping
        The contract, as returned by `DealSpec.to_dict`.

    Raises
    ------
    ValueError
        If the rules are not columns with lists of texts; see `lost_rows_from_dict`.
    """
    roles, rows = contract.get("deals") or {}, contract.get("rows") or {}
    past_columns = {roles.get(role) for role in _PAST_ROLES}
    rules = {
        rule: {
            name: values
            for name, values in (rows.get(rule) or {}).items()
            if name not in past_columns
        }
        for rule in ("keep", "drop")
    }
    rules["drop"] = {
        name: lost_values
        for name, values in rules["drop"].items()
        if (lost_values := [each for each in values if not _is_pending(each)])
    }
    return lost_rows_from_dict(rules)


def _is_pending(value: Any) -> bool:
    return is_status(plain_words(value), "not_yet")


def lost_rows_from_dict(data: Mapping[str, Any]) -> LostRows:
    """Return the rule from the keys keep and drop of `LostRows.to_dict` or of `[rows]`.

    Raises
    ------
    ValueError
        If a key is not a mapping of columns to lists of texts.
    """
    rules: dict[str, dict[str, tuple[str, ...]]] = {}
    for rule in ("keep", "drop"):
        columns = data.get(rule, {})
        if not isinstance(columns, Mapping):
            raise ValueError(f"{rule} of the rows is {type(columns).__name__}, not a mapping")  # noqa: TRY004 - a damaged file, like the other problems
        for name, values in columns.items():
            listed = isinstance(values, list | tuple)
            if not listed or not all(isinstance(value, str) for value in (name, *values)):
                raise ValueError(f"{rule} of the rows holds {values!r} for {name!r}, not texts")
        rules[rule] = {name: tuple(values) for name, values in columns.items()}
    return LostRows(**rules)
