"""Find the column of the contract value, its billing period, its scale and its currency."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from fitmodel.deals.vocabulary import plain_words
from fitmodel.guessing._names import (
    CURRENCY,
    MONTHLY,
    PERIOD,
    TURNOVER,
    YEARLY,
    as_words,
    name_rank,
)
from fitmodel.leakage.names import is_later, is_updated_by_crm
from fitmodel.tables.vocabulary import CURRENCY_CODES, phrases, plain_letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fitmodel.guessing._columns import Column

MAX_BELOW_ZERO = 0.05  # with a larger share of negative numbers, a column is not an amount
_PERIOD_WORDS = {
    "year": (
        "年払い, 年払, 年次, 年額, 연납, 연간, 매년, ежегодно, год, годовая, rocznie, årsvis, "
        "årligen, ročně, щороку, roczny, annuale, annualmente, jaarlijks, yıllık, سنوي, year, "
        "yearly, annual, annually, y, 12, año, ano, jahr, an, 年, anual, annuel, annuelle, "
        "jährlich, jaehrlich, 年付, 年缴, 按年, 每年"
    ),
    "half year": (
        "half year, half yearly, semi annual, semi annually, semiannual, biannual, 6, "
        "halbjährlich, halbjahr, semestre, semestral, semestriel, 半年, 半年付"
    ),
    "quarter": (
        "四半期, 분기, ежеквартально, kwartalnie, trimestrale, kwartaal, üç aylık, quarter, "
        "quarterly, trimestre, quartal, 季度, 3, vierteljährlich, quartalsweise, trimestral, "
        "trimestriel, 季付, 按季, 季"
    ),
    "month": (
        "月払い, 月払, 月次, 月額, 월납, 월간, 매월, ежемесячно, месяц, miesięcznie, "
        "månadsvis, měsíčně, щомісяця, miesięczny, mensile, mensilmente, maandelijks, aylık, "
        "شهري, month, monthly, m, 1, mes, mensual, mensal, monat, mois, 月, monatlich, "
        "mensuel, mensuelle, 月付, 月缴, 按月, 每月"
    ),
    "week": ("week, weekly, semana, woche, semaine, 周, wöchentlich, semanal"),
    "day": ("day, daily, día, dia, tag, jour, 天, täglich"),
}
_PERIODS = {
    plain_letters(word): unit for unit, words in _PERIOD_WORDS.items() for word in phrases(words)
}
_OTHER_PERIODS = {
    "quarter": re.compile(
        r"(?<!half )\bquarterly\b|\bper quarter\b|quartals|trimestr|季度|квартал"
    ),
    "week": re.compile(r"\bweekly\b|\bper week\b|wöchentlich|semanal|每周"),
}
LIKE_A_CODE = re.compile(r"[A-Z]{3}")
"""A column's name such as CCY, which the contract would read as the code of one currency."""
MIN_CURRENCIES = 2  # with fewer values, a column of codes without a clear name is left alone
_CURRENCIES = CURRENCY_CODES | phrases(
    "人民币, 美元, 欧元, 港币, 港元, 日元, 英镑, 新台币, EURO, EUROS, DOLLAR, US DOLLAR, "
    "DOLLARS, POUND, YEN, 円, 元, €, $, £, ¥, US$, R$, REAL"
)


WITH_TAX = re.compile(
    r"\b(incl\w*|inkl\w*|including|with|mit|con|com|avec|met|z|с|plus) (of )?(vat|tax|gst|mwst"
    r"|ust|steuer|iva"
    r"|tva|btw|impuestos|impostos|tasse|ндс)\b|\b(ttc|brutto|bruto|ivato)\b|(iva|kdv) (inclu\w+"
    r"|dahil)|含税|税込|부가세 ?포함|vat ?포함"
)
"""Names for an amount that includes value-added tax."""
_WITHOUT_TAX = re.compile(
    r"\b(excl\w*|exkl\w*|without|ohne|sin|sem|hors|zonder|bez|без|ex|before) (of )?(vat|tax|gst"
    r"|mwst|ust|steuer"
    r"|iva|tva|btw|impuestos|impostos|tasse|ндс|taxes)\b|\b(ht|netto|net|neto)\b|(iva|kdv) hari[cç]"
    r"|不含税|未税|税抜|부가세 ?별도"
)
CONVERTED = re.compile(
    r"\bconverted\b|\b(base|reporting|corporate|home|group|company) currency\b|umgerechnet|converti"
    r"|换算|折算|換算|환산|пересчет"
)
"""Names for an amount that is converted into one currency."""
_LESS_FIT = re.compile(
    r"\blist\b|\blocal\b|\boriginal\b|\bfirst year\b|\byear (1|one)\b|\bincl\w* (setup|set up"
    r"|onboarding|implementation)\b|\bbefore discount\b|\blistenpreis|\bone ?time\b|einmalig"
)
_IN_ONE_CURRENCY = re.compile(r" (in )?(usd|eur|gbp|chf|cny|rmb|jpy|inr|brl|cad|aud|sek|pln)$")

_THOUSANDS = r"k|tsd\.?|thousands?|000s?|tausend|miles|milhares|milliers"
_MILLIONS = r"mm|mn|mio\.?|millions?|millones|milhões"
_IN_BRACKETS = r"[(\[](in |en |em )?\W?'?({})( (of )?\w{{3}})?\W?[)\]]"
_SCALES = {
    1_000: re.compile(
        rf"千[元円]|천 ?원|\bтыс|\btys\b|{_IN_BRACKETS.format(_THOUSANDS)}|\b[kt](usd|eur|gbp"
        rf"|chf)\b"
        r"|\b[kt] ?[€$£]|[€$£] ?k\b|[ _]in[ _](k|tsd|thousands?|tausend)\b|[ _]thousands?$",
        re.IGNORECASE,
    ),
    0.01: re.compile(
        r"(?<!per )(?<!per_)(?<![a-z])cents?\b|\bin cents?\b|\bminor units?\b|\bpence\b"
        r"|\bcentimes?\b|\bcentavos?\b|\bcéntimos?\b|金额分|\(分\)",
        re.IGNORECASE,
    ),
    10_000: re.compile(r"(?<!百)[万萬]|만 ?원"),
    1_000_000: re.compile(
        # a bare (M) may be per month
        rf"百万|백만|\bмлн|\bmln\b|{_IN_BRACKETS.format(_MILLIONS)}|\bm(eur|gbp|chf)\b"
        rf"|\bm ?[€$£]|[€$£] ?m\b"
        r"|[ _]in[ _](m|mn|mio|millions?)\b|[ _]millions?$",
        re.IGNORECASE,
    ),
}


def is_contract_value(column: Column) -> bool:
    """Return whether a column named like an amount can be the value of a signed contract."""
    if TURNOVER.search(column.words) or is_updated_by_crm(column.name):
        return False
    if is_later(column.words) and not MONTHLY.search(column.words):
        return False
    return column.below_zero <= MAX_BELOW_ZERO


def amount_preference(words: str) -> int:
    """Return how well a name fits the value of a contract, of names that say the same; 0 is best.

    Without tax comes before with tax, converted amounts before local ones, and what recurs before
    the first year or the list price.
    """
    better = _WITHOUT_TAX.search(words) or CONVERTED.search(words) or _IN_ONE_CURRENCY.search(words)
    worse = WITH_TAX.search(words) or _LESS_FIT.search(words)
    return (1 if better is None else 0) + (2 if worse is not None else 0)


def is_converted(amount: str, columns: Iterable[Column]) -> bool:
    """Return whether an amount is in one currency by its name, beside one that is not."""
    words = as_words(amount)
    if not (CONVERTED.search(words) or _IN_ONE_CURRENCY.search(words)):
        return False
    return any(
        name_rank(column.words, "amount") is not None
        and amount_preference(column.words) > 0
        and column.is_number
        for column in columns
        if column.name != amount
    )


def amount_per(amount: Column, period: Column | None) -> str | None:
    """Return the time an amount is paid for, from its name or a column of billing periods.

    The name comes first: an ARR that is billed monthly is the amount of a year.
    """
    named = unit_by_name(amount.words)
    if named is not None or period is None:
        return named
    units = {unit_of(cell) for cell in period.cells.dropna().unique()}
    unit = units.pop() if len(units) == 1 else None
    return None if unit == "half year" else unit


def unit_by_name(words: str) -> str | None:
    """Return the time an amount is paid for, from its name; None if the name does not say."""
    if MONTHLY.search(words):
        return "month"
    if YEARLY.search(words):
        return "year"
    return next((unit for unit, pattern in _OTHER_PERIODS.items() if pattern.search(words)), None)


def unit_of(cell: object) -> str | None:
    """Return the time of a billing period, such as "year" for ``Annually``, or None."""
    return _PERIODS.get(plain_words(cell))


def find_period(columns: Iterable[Column]) -> Column | None:
    """Return the column of billing periods, or None."""
    for column in columns:
        if PERIOD.search(column.words) and column.filled and column.distinct <= len(_PERIOD_WORDS):
            known = column.cells.dropna().map(unit_of).notna().mean()
            if known == 1:
                return column
    return None


def several_periods(columns: Iterable[Column]) -> tuple[Column, dict[str, int]] | None:
    """Return a column with several billing periods and the rows of each period, or None.

    With such a column, an amount is paid once a month in some rows and once a year in others.
    """
    period = find_period(columns)
    if period is None or period.distinct < 2:  # noqa: PLR2004 - a single period is no problem
        return None
    rows = period.cells.dropna().map(unit_of).value_counts()
    return (period, {str(unit): int(n) for unit, n in rows.items()}) if len(rows) > 1 else None


def scale_by_name(name: str) -> float | None:
    """Return the money of an amount of 1, from the column's name (万元 is 10,000), or None."""
    plain = unicodedata.normalize("NFKC", name)  # full-width brackets become ordinary ones
    plain = plain.replace("_", " ")
    scales = {scale for scale, pattern in _SCALES.items() if pattern.search(plain)}
    return scales.pop() if len(scales) == 1 else None


def find_currency(columns: Iterable[Column], vendor_column: str | None = None) -> Column | None:
    """Return the column of currencies, by its name or because all of its values are currencies.

    `vendor_column` is the name of the currency column in exports of the known system.
    """
    texts = [column for column in columns if column.is_text]
    candidates = [c for c in texts if c.name == vendor_column or CURRENCY.search(c.words)]
    if not candidates:
        candidates = [column for column in texts if _are_currencies(column)]
    return min(candidates, key=lambda column: column.name != vendor_column, default=None)


def _are_currencies(column: Column) -> bool:
    """Return whether all values of a column are codes, signs or names of several currencies."""
    if not MIN_CURRENCIES <= column.distinct <= len(_CURRENCIES):
        return False
    values = column.cells.dropna().astype("str").unique()
    return all(value.strip().upper() in _CURRENCIES for value in values)


def about_money(amount: Column | None, columns: Iterable[Column]) -> Iterator[str]:
    """Yield a sentence on why no amount was found, if there is none."""
    if amount is not None:
        return
    hints = []
    for column in columns:
        if TURNOVER.search(column.words):
            hints.append(
                f"{column.name!r} looks like the turnover of the customer's company; if it is the "
                f'value of the contract, write amount = "{column.name}"'
            )
        elif name_rank(column.words, "amount") is not None and column.below_zero > MAX_BELOW_ZERO:
            hints.append(
                f"{column.name!r} is below zero in {column.below_zero:.0%} of its rows, so it is "
                "not an amount of money (standardised?): export the original amounts"
            )
    yield "; ".join(["no contract value was found, so no money can be shown", *hints[:1]])
