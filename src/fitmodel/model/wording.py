"""Wording: how attributes, values, money and the horizon are displayed.

[words] and [label] of the contract -> Wording -> the bundle's scorer -> sentences, pages, batch
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.crm.columns import words_of_columns
from fitmodel.language.catalogue import phrases
from fitmodel.learning.columns import CategoryColumn, UnreadableValueError, as_number, level_text
from fitmodel.tables.cells import PLAIN_MONEY, formats_money, money_text
from fitmodel.tables.values import is_missing

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.language.catalogue import Say
    from fitmodel.learning.columns import Column

_NO_COUNT = {"key": "as_of"}
NEARLY = 0.005  # a share closer than this to 0 or 1 would be rounded to 0% or 100%
FULL_MONEY_FROM = 1_000  # smaller amounts of an attribute keep four significant digits
GROUPED_FROM = 10_000  # no thousands separator below: 2024 may be a year


@dataclass(frozen=True)
class Wording:
    """How a model's results are worded.

    Parameters
    ----------
    labels, units : mapping of str to str
        Label and unit of each attribute.
    money : str
        Format of an amount of money, such as ``"€ {:,.0f}"``.
    prospect : mapping of str to str
        For each attribute, the sentence for a letter to the prospect, with ``{value}``.
    horizon_months : int or None
        Months after signing within which leaving is early churn; None in older bundles.
    amount : str or None
        Name of the attribute whose values are money.
    sellers : tuple of str
        Columns of rep and team: their contributions are not reasons about a prospect.
    recorded : mapping of str to mapping of str to str
        For each attribute computed from history and events: the ``key`` of its label in the texts
        of ``history``, and the values for that text's placeholders.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    money: str = PLAIN_MONEY
    prospect: Mapping[str, str] = field(default_factory=dict)
    horizon_months: int | None = None
    amount: str | None = None
    sellers: tuple[str, ...] = ()
    recorded: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    language: str = "en"

    def __post_init__(self) -> None:
        if not formats_money(self.money):
            raise ValueError(f"{self.money!r} does not format money")

    @property
    def say(self) -> Say:
        """The function that returns texts about one deal, in the language."""
        return _say(self.language)

    def in_language(self, language: str) -> Wording:
        """Return the same wording in another language."""
        _say(language)
        return replace(self, language=language)

    def label(self, name: str) -> str:
        """Return the label of an attribute."""
        own = self.labels.get(name)
        if own is not None:
            return own
        if (recorded := self.recorded.get(name)) is not None:
            return phrases(self.language, "history")(recorded["key"], **self._filled(recorded))
        text = name.replace("_", " ").replace(".", " ").strip()
        return text[:1].upper() + text[1:]

    def recorded_as(self, name: str, value: str) -> str | None:
        """Return a description from history or events: "No meetings for 31 days before signing".

        None for other attributes, and for those to which the contract gives a label.
        """
        recorded = self.recorded.get(name)
        if recorded is None or name in self.labels:
            return None
        say = phrases(self.language, "history")
        return say(f"recorded_{recorded['key']}", value=value, **self._filled(recorded))

    def _filled(self, recorded: Mapping[str, str]) -> dict[str, str]:
        return {key: self.label(value) for key, value in recorded.items() if key != "key"}

    def value(self, column: Column, value: Any) -> str:
        """Return an attribute's value as text for people."""
        if isinstance(column, CategoryColumn):
            return self._level(column, value)
        if type(value) is not float and is_missing(value):
            return self.say("unknown")
        if column.is_date:
            if type(value) is float:
                return self.duration(value)
            return str(plain_value(value) or self.say("unknown"))
        try:
            number = value if type(value) is float else as_number(value)
            return self.quantity(column.name, number)
        except UnreadableValueError:  # shown unchanged: the row's error quotes it
            return str(value)

    def quantity(self, name: str, number: float) -> str:
        """Return a number of an attribute as text, with its unit or as money."""
        if not math.isfinite(number):
            return self.say("unknown")
        if name == self.amount:
            # The default format has no decimals and would show 4.2 (in units of 10,000) as 4. A
            # format in the contract decides its decimals itself.
            is_small = self.money == PLAIN_MONEY and 0 < number < FULL_MONEY_FROM
            return number_text(number) if is_small else self.money_text(number)
        unit = self.units.get(name)
        if not unit:
            return number_text(number)
        space = " " if unit[0].isascii() else ""  # "3个月": a Chinese unit has no space before it
        return f"{number_text(number)}{space}{unit}"

    def quantities(self, name: str, numbers: list[float]) -> list[str]:
        """Return many numbers of an attribute as text: `quantity` of each."""
        if name != self.amount:
            return [self.quantity(name, number) for number in numbers]
        # Nearly all amounts are different, so this takes most of the time for a batch's reasons.
        write, infinite = self.money.format, math.inf
        return [
            write(number)
            if FULL_MONEY_FROM <= number < infinite
            else self.quantity(name, number + 0.0)
            for number in numbers
        ]

    def duration(self, days: float) -> str:
        """Return a date as text: its days before signing; negative days are after signing."""
        if not math.isfinite(days):
            return self.say("unknown")
        if days == 0:
            return self.say("on_signing")
        size = abs(days)
        band = self.say("day") if size == 1 else self.say("days", number=number_text(size))
        return self.say("before_signing" if days > 0 else "after_signing", band=band)

    def money_text(self, value: float) -> str:
        """Return an amount of money as text; the minus sign of a loss is before the currency."""
        return money_text(self.money, value)

    def percent(self, share: float) -> str:
        """Return a share as whole per cent; "0%" and "100%" only where they are exact."""
        return self.say("percent", number=percent_number(share))

    def value_text(self, value: float, low: float, high: float, worth: str) -> str:
        """Return the expected value of signing as text, with its interval and its verdict."""
        texts = {"value": self.money_text(value), "worth": self.say(f"worth_{worth}")}
        if not math.isfinite(low):  # a user's own estimator has no interval
            return self.say("value_without_interval", **texts)
        ends = {"low": self.money_text(low), "high": self.money_text(high)}
        return self.say("value", **texts, **ends)

    @property
    def horizon(self) -> str:
        """Text for the horizon: "within 5 months"."""
        if self.horizon_months is None:
            return self.say("early")
        if self.horizon_months == 1:
            return self.say("within_one")
        return self.say("within", months=self.horizon_months)

    def _counts(self, name: str) -> bool:
        """Return whether an attribute counts history or events: 1 meeting is not "yes"."""
        return self.recorded.get(name, _NO_COUNT)["key"] != "as_of"

    def _level(self, column: CategoryColumn, value: Any) -> str:
        if is_missing(value) and not column.is_word(value):
            return self.say("unknown")
        if column.is_flag and not self._counts(column.name):
            text = column.text(value)
            return self.say(text) if text in {"yes", "no"} else text
        text = level_text(value)
        unit = self.units.get(column.name)
        return f"{text} {unit}" if unit else text

    def to_dict(self) -> dict[str, Any]:
        """Return a form that JSON can hold, without the language, which the reader chooses."""
        return {
            "labels": dict(self.labels),
            "recorded": {name: dict(texts) for name, texts in self.recorded.items()},
            "units": dict(self.units),
            "money": self.money,
            "prospect": dict(self.prospect),
            "horizon_months": self.horizon_months,
            "amount": self.amount,
            "sellers": list(self.sellers),
        }


def wording_of(spec: DealSpec) -> Wording:
    """Return the wording of a contract."""
    roles, words = spec.deals, spec.words
    return Wording(
        labels=dict(words.labels),
        units=dict(words.units),
        money=words.money,
        prospect=dict(words.prospect),
        horizon_months=spec.label.horizon_months,
        amount=roles.amount,
        sellers=tuple(name for name in (roles.rep, roles.team) if name is not None),
        recorded=words_of_columns(spec),
    )


def wording_from_dict(data: Mapping[str, Any]) -> Wording:
    """Return the wording that its JSON form describes.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a part is missing or has a wrong type, or the money format is not valid.
    """
    horizon, amount = data["horizon_months"], data["amount"]
    return Wording(
        labels=_texts(data["labels"]),
        units=_texts(data["units"]),
        money=str(data["money"]),
        prospect=_texts(data["prospect"]),
        horizon_months=None if horizon is None else int(horizon),
        amount=None if amount is None else str(amount),
        sellers=tuple(str(name) for name in data["sellers"]),
        recorded={str(name): _texts(texts) for name, texts in data.get("recorded", {}).items()},
    )


def _texts(data: Any) -> dict[str, str]:
    if not isinstance(data, Mapping):
        raise TypeError(f"words are {type(data).__name__}, not a table")
    return {str(key): str(value) for key, value in data.items()}


@cache
def _say(language: str) -> Say:
    return phrases(language, "reasons", "fit")


def percent_number(share: float) -> str:
    """Return a share as a whole number of per cent: 0 and 100 only where they are exact."""
    if 0.0 < share < NEARLY:
        return "<1"
    if 1.0 - NEARLY < share < 1.0:
        return ">99"
    return f"{share * 100:.0f}"


def number_text(number: float) -> str:
    """Return a number as text: whole and large ones in full, others with 4 significant digits."""
    number = number + 0.0  # -0.0 + 0.0 is 0.0
    is_whole = number.is_integer() or abs(number) >= GROUPED_FROM
    if abs(number) >= GROUPED_FROM:
        return f"{number:,.0f}"
    return f"{number:.0f}" if is_whole else f"{number:.4g}"


def plain_value(value: Any) -> Any:
    """Return a value as a type that JSON can hold; None for missing values."""
    if type(value) is float:  # most values of a large table
        return value + 0.0 if math.isfinite(value) else None  # -0.0 + 0.0 is 0.0
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, date):
        return str(value).split(" ")[0] if value == value else None  # noqa: PLR0124 - NaT
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):  # a subclass of float
        return plain_value(float(value))
    return (
        value if isinstance(value, int) else (None if str(value) in {"NaT", "<NA>"} else str(value))
    )
