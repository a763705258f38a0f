"""Open questions about amounts: prices of one unit, of several years, with tax, below zero."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.guessing._doubt import Question
from fitmodel.guessing._money import WITH_TAX
from fitmodel.guessing._names import (
    AGREED_TERM,
    CONTRACT_VALUE,
    PER_UNIT,
    QUANTITY,
    TURNOVER,
    as_words,
    name_rank,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column

MAX_RANK_CORRELATION = 0.2  # an amount of all units grows with their number
LIST_PRICES, MIN_ON_LIST = 12, 0.9  # so many prices cover that share of the rows
MIN_ROWS = 30  # with fewer rows, correlations say little
MIN_NEGATIVE, MAX_SHARE_NEGATIVE = 3, 0.4  # rows below zero; standardised numbers have half
MIN_SLOPE, MIN_STANDARD_ERRORS = 0.5, 4.0  # of the logarithm of the amount on that of the term
_PRICE = re.compile(
    r"\b(price|rate|preis|prix|precio|preço|prezzo|prijs|cena|цена|fiyat|سعر)\b|preis$|单价|价格"
    r"|価格|가격"
)
_UNITS = re.compile(
    r"\b(quantity|qty|menge|cantidad|quantidade|quantité|quantità|количество|ilość|aantal|adet)$"
    r"|(数量|수량)$"
)


def about_prices(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about what an amount is the price of."""
    by_name = {column.name: column for column in columns}
    amount = by_name.get(spec.deals.amount or "")
    yield from _about_negative_rows(columns, spec)
    if amount is None:
        return
    yield from _about_unit_price(amount, columns)
    yield from _about_total_of_terms(amount, columns, spec)
    if WITH_TAX.search(amount.words):
        yield Question(
            "amount-with-tax",
            amount.name,
            f"{amount.name}: its name says that tax is included. The money of each deal is then "
            "too large by the tax",
            "add a column without tax and use it as amount; acknowledge it if the money is meant "
            "with tax",
        )


def _about_unit_price(amount: Column, columns: list[Column]) -> Iterator[Question]:
    """Yield a question if the amount is the price of one unit and contracts have several.

    The name may say it. Otherwise an amount is a price if it takes few values and does not grow
    with the number of units.
    """
    named = PER_UNIT.search(amount.words) is not None
    for column in columns:
        if not (QUANTITY.search(column.words) and column.is_number and column.name != amount.name):
            continue
        several = int((column.amounts > 1).sum())
        may_be_price = _PRICE.search(amount.words) or _UNITS.search(column.words)
        if several and (named or (may_be_price and _is_price_list(amount, column))):
            why = "its name suggests" if named else _why_price(amount, column)
            yield Question(
                "amount-per-unit",
                amount.name,
                f"{amount.name}: {why} the price of one unit, and {column.name!r} is "
                f"above 1 in {several:,} of {len(column.cells):,} rows",
                f"add a column with the price times {column.name!r} and use it as amount; "
                "acknowledge it if the amount is for the whole contract",
            )
            return


def _is_price_list(amount: Column, units: Column) -> bool:
    """Return whether an amount takes few values, and does not grow with the number of units."""
    both = (amount.amounts > 0) & (units.amounts > 0)
    prices, counts = amount.amounts[both], units.amounts[both]
    if len(prices) < MIN_ROWS or counts.nunique() < 2:  # noqa: PLR2004 - nothing to grow with
        return False
    if prices.value_counts(normalize=True)[:LIST_PRICES].sum() < MIN_ON_LIST:
        return False
    return (
        bool((prices == prices.iloc[0]).all())
        or _rank_correlation(prices, counts) < MAX_RANK_CORRELATION
    )


def _why_price(amount: Column, units: Column) -> str:
    return (
        f"it takes {len(amount.numbers):,} values and does not grow with {units.name!r}, which "
        "suggests"
    )


def _rank_correlation(first: pd.Series[float], second: pd.Series[float]) -> float:
    return float(np.corrcoef(first.rank().to_numpy(), second.rank().to_numpy())[0, 1])


def _about_total_of_terms(
    amount: Column, columns: list[Column], spec: DealSpec
) -> Iterator[Question]:
    """Yield a question if a yearly amount seems to be the sum of contracts of several lengths."""
    if spec.deals.amount_per is not None or TURNOVER.search(amount.words):
        return
    for column in columns:
        if not (AGREED_TERM.search(column.words) and column.is_number and column.distinct > 1):
            continue
        slope, error = _slope(column.amounts, amount.amounts)
        grows = slope > MIN_SLOPE and slope > MIN_STANDARD_ERRORS * error
        if grows or CONTRACT_VALUE.search(amount.words):
            counts = column.amounts.value_counts()
            shown = ", ".join(f"{length:g} in {rows:,} rows" for length, rows in counts[:5].items())
            why = (
                f"grow in proportion to it (slope {slope:.1f} ± {error:.1f} of the logarithms)"
                if grows
                else "are those of whole contracts by their name"
            )
            yield Question(
                "several-terms",
                column.name,
                f"{column.name}: contracts differ in length ({shown}), and the amounts in "
                f"{amount.name!r} {why}, but are read as for a year",
                "add a column with the yearly value and use it as amount, with amount_per = "
                '"year"; acknowledge it if the amounts are yearly',
                must_answer=True,
            )
            return


def _slope(terms: pd.Series[float], amounts: pd.Series[float]) -> tuple[float, float]:
    """Return slope and standard error of log amount on log term; no slope of few rows."""
    both = ((terms > 0) & (amounts > 0)).to_numpy()
    x: NDArray[np.float64] = np.log(terms.to_numpy()[both])
    y: NDArray[np.float64] = np.log(amounts.to_numpy()[both])
    spread = float(((x - x.mean()) ** 2).sum()) if len(x) else 0.0
    if len(x) < MIN_ROWS or spread == 0:
        return 0.0, np.inf
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
    residual = y - y.mean() - slope * (x - x.mean())
    return slope, float(np.sqrt((residual**2).sum() / (len(x) - 2) / spread))


def _about_negative_rows(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if amounts are below zero: credit notes and reversals are no deals."""
    for column in columns:
        if column.name == spec.deals.amount or TURNOVER.search(as_words(column.name)):
            continue
        if name_rank(column.words, "amount") is None or not column.is_number:
            continue
        below = (column.amounts < 0).to_numpy(dtype=bool)
        if below.sum() < MIN_NEGATIVE or below.mean() > MAX_SHARE_NEGATIVE:
            continue
        yield Question(
            "negative-rows",
            column.name,
            f"{column.name}: {int(below.sum()):,} of {len(below):,} rows are below zero. If "
            "these are credit notes or reversals, they would count as customers",
            "leave out these rows, and those they reverse; or acknowledge it",
        )
        return
