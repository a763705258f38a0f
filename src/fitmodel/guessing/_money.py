"""Find the column of the contract value, its period and its currency."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from fitmodel.deals.vocabulary import plain_words
from fitmodel.guessing._names import CURRENCY, MONTHLY, PERIOD, TURNOVER, YEARLY, sureness
from fitmodel.leakage.names import LATER, goes_on_changing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fitmodel.guessing._columns import Column

MAX_BELOW_ZERO = 0.05  # share of the numbers; beyond corrections, a column is no money
_PERIODS = {
    "year": ("year", "yearly", "annual", "annually", "y", "12", "año", "ano", "jahr", "an", "年"),
    "quarter": ("quarter", "quarterly", "trimestre", "quartal", "季度"),
    "month": ("month", "monthly", "m", "1", "mes", "mensual", "mensal", "monat", "mois", "月"),
    "week": ("week", "weekly", "semana", "woche", "semaine", "周"),
    "day": ("day", "daily", "día", "dia", "tag", "jour", "天"),
}

_THOUSANDS = r"k|tsd\.?|thousands?|000s?|tausend|miles|milhares|milliers"
_MILLIONS = r"mm|mn|mio\.?|millions?|millones|milhões"
_IN_BRACKETS = r"[(\[](in |en |em )?\W?'?({})( (of )?\w{{3}})?\W?[)\]]"
_SCALES = {
    1_000: re.compile(
        rf"千元|{_IN_BRACKETS.format(_THOUSANDS)}|\b[kt](usd|eur|gbp|chf)\b"
        r"|\b[kt] ?[€$£]|[€$£] ?k\b|[ _]in[ _](k|tsd|thousands?|tausend)\b|[ _]thousands?$",
        re.IGNORECASE,
    ),
    10_000: re.compile(r"万"),
    1_000_000: re.compile(
        # a bare (M) may be per month
        rf"百万|{_IN_BRACKETS.format(_MILLIONS)}|\bm(eur|gbp|chf)\b|\bm ?[€$£]|[€$£] ?m\b"
        r"|[ _]in[ _](m|mn|mio|millions?)\b|[ _]millions?$",
        re.IGNORECASE,
    ),
}


def is_contract_value(column: Column) -> bool:
    """Tell whether a column named like an amount can be one of a signed contract."""
    if TURNOVER.search(column.words) or goes_on_changing(column.name):
        return False
    if LATER.search(column.words) and not MONTHLY.search(column.words):
        return False
    return column.below_zero <= MAX_BELOW_ZERO


def amount_per(amount: Column, period: Column | None) -> str | None:
    """Find the period of an amount: by a column of billing periods, or by its name."""
    if period is not None:
        units = {unit_of(cell) for cell in period.cells.dropna().unique()}
        unit = units.pop() if len(units) == 1 else None
        if unit is not None and not MONTHLY.search(amount.words):
            return unit
    return "month" if MONTHLY.search(amount.words) else unit_by_name(amount.words)


def unit_by_name(words: str) -> str | None:
    """Time that an amount is paid for, by its name; None where the name does not say."""
    if MONTHLY.search(words):
        return "month"
    return "year" if YEARLY.search(words) else None


def unit_of(cell: object) -> str | None:
    """Unit of time of a billing period, such as "year" for ``Annually``."""
    words = plain_words(cell)
    return next((unit for unit, known in _PERIODS.items() if words in known), None)


def find_period(columns: Iterable[Column]) -> Column | None:
    """Find the column of billing periods; None where there is none."""
    for column in columns:
        if PERIOD.search(column.words) and column.filled and column.distinct <= len(_PERIODS):
            known = column.cells.dropna().map(unit_of).notna().mean()
            if known == 1:
                return column
    return None


def several_periods(columns: Iterable[Column]) -> tuple[str, dict[str, int]] | None:
    """Column of billing periods that has several, with the rows of each; None where none has.

    An amount beside it is paid once a month in some rows and once a year in others.
    """
    period = find_period(columns)
    if period is None or period.distinct < 2:  # noqa: PLR2004 - one period says per what time
        return None
    rows = period.cells.dropna().map(unit_of).value_counts()
    return (period.name, {str(unit): int(n) for unit, n in rows.items()}) if len(rows) > 1 else None


def scale_by_name(name: str) -> int | None:
    """How many units of money an amount of 1 stands for, by the column's name: 万元 is 10,000."""
    plain = unicodedata.normalize("NFKC", name)  # brackets of Chinese text too
    result = {scale for scale, pattern in _SCALES.items() if pattern.search(plain)}
    return result.pop() if len(result) == 1 else None


def find_currency(columns: Iterable[Column], surest: str | None = None) -> Column | None:
    """Find the column of currencies; None where there is none.

    `surest` names the column that a known system's export has for it.
    """
    named = [c for c in columns if c.is_text and (c.name == surest or CURRENCY.search(c.words))]
    return min(named, key=lambda column: column.name != surest, default=None)


def about_money(amount: Column | None, columns: Iterable[Column]) -> Iterator[str]:
    """Explain why the table has no amount, where it has none."""
    if amount is not None:
        return
    hints = []
    for column in columns:
        if TURNOVER.search(column.words):
            hints.append(
                f"{column.name!r} looks like the turnover of the customer's own firm; where it is "
                f'what the contract is worth, write amount = "{column.name}"'
            )
        elif sureness(column.words, "amount") is not None and column.below_zero > MAX_BELOW_ZERO:
            hints.append(
                f"{column.name!r} is below zero in {column.below_zero:.0%} of its rows, so it is "
                "not an amount of money (standardised?): give the amounts as they are"
            )
    yield "; ".join(["no contract value was found, so no money can be shown", *hints[:1]])
