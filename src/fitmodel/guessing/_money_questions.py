"""Open questions about the amount, and about the units of amount and tenure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.guessing._columns import columns_in_export, named
from fitmodel.guessing._money import (
    LIKE_A_CODE,
    WITH_TAX,
    find_currency,
    is_converted,
    scale_by_name,
    several_periods,
    unit_by_name,
    unit_of,
)
from fitmodel.guessing._names import (
    AGREED_TERM,
    CONTRACT_VALUE,
    PER_UNIT,
    PERIOD_COUNT,
    QUANTITY,
    TURNOVER,
    as_words,
    name_rank,
)
from fitmodel.guessing._question import Question, numbers_text
from fitmodel.guessing._roles import tenure_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column

MIN_LEAVERS, MIN_WITHOUT, MAX_WITHOUT = 10, 0.3, 0.02  # leavers and others without an amount
MAX_RANK_CORRELATION = 0.2  # an amount of all units grows with their number
LIST_PRICES, MIN_ON_LIST = 12, 0.9  # so many prices cover that share of the rows
MAX_MONTHS = 480  # no customer of software stays forty years
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


def about_units(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if neither name nor contract gives the unit of tenure or amount."""
    roles = spec.deals
    tenure, amount = roles.tenure_months, roles.amount
    if tenure is not None and roles.tenure_unit is None and tenure_unit(as_words(tenure)) is None:
        yield _tenure_question(tenure, named(columns, tenure))
    scale = None if amount is None else scale_by_name(amount)
    if amount is not None and scale is not None and roles.amount_scale is None:
        yield Question(
            "amount-scale",
            amount,
            f"{amount}: read as written, but its name suggests that an amount of 1 means {scale:,}",
            f"[deals] amount_scale = {scale}; or 1 if the amounts are written in full",
        )
    if amount is None or roles.amount_per is not None:
        return
    unit = unit_by_name(as_words(amount))
    if TURNOVER.search(as_words(amount)):
        yield Question(
            "turnover",
            amount,
            f"{amount}: is it the yearly value of the contract, and not the turnover of the "
            "customer's company?",
            '[deals] amount_per = "year" if it is the contract; otherwise remove amount',
        )
    elif unit != "year":
        reason = "its name suggests per month" if unit else "its name does not say so"
        yield Question(
            "amount-unit",
            amount,
            f"{amount}: read as the value of the contract per YEAR, but {reason}",
            '[deals] amount_per = "year", "quarter", "month", "week" or "day"; or "contract" with '
            "contract_months",
        )


def _tenure_question(name: str, column: Column | None) -> Question:
    """Return the question in what a tenure is counted, and how long the longest would be."""
    largest = 0.0 if column is None or not column.is_number else float(column.amounts.max())
    text, units = "", '"months", "years", "weeks" or "days"'
    if largest > MAX_MONTHS:
        text = f", although the longest would be {largest / 12:,.0f} years"
        units = '"days", "weeks" or "months"'
    message = f"{name}: read as MONTHS from signing to leaving or to the extract{text}"
    return Question("tenure-unit", name, message, f"[deals] tenure_unit = {units}")


def about_amounts(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about currency, billing period, contract length and price of amounts."""
    amount, left = (named(columns, each) for each in (spec.deals.amount, spec.deals.churned_on))
    if amount is not None:
        yield from _about_currencies(amount, columns, spec)
        if unit_by_name(amount.words) is None:
            yield from _about_periods(amount, columns)
            yield from _about_period_counts(amount, columns)
        yield from _about_terms(columns, spec)
        if left is not None:
            yield from _about_amounts_of_leavers(amount, left)
    yield from _about_negative_rows(columns, spec)
    if amount is not None:
        yield from _about_unit_price(amount, columns)
        yield from _about_total_of_terms(amount, columns, spec)
        yield from _about_tax(amount)


def _about_currencies(amount: Column, columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if a column gives several currencies for the amounts."""
    given = spec.deals.currency
    unclear = {column.name for column in columns if LIKE_A_CODE.fullmatch(column.name)}
    if (given is not None and given not in unclear) or is_converted(amount.name, columns):
        return
    currency = find_currency(columns, next(iter(columns_in_export(columns, "currency")), None))
    if currency is not None and currency.distinct > 1:
        shown = ", ".join(f"{k} {v:,}" for k, v in currency.cells.value_counts()[:5].items())
        yield Question(
            "several-currencies",
            currency.name,
            f"{currency.name}: {currency.distinct} currencies ({shown}) for one column of "
            f"amounts {amount.name!r}",
            f'[rows] keep = {{"{currency.name}" = ["EUR"]}} for one of them, or a column of '
            "amounts converted into one currency; or remove amount from [deals] and exclude "
            f"{amount.name} in [attributes]",
            must_answer=True,
        )


def _about_periods(amount: Column, columns: list[Column]) -> Iterator[Question]:
    """Yield a question if amounts have several billing periods."""
    periods = several_periods(columns)
    if periods is None:
        return
    column, rows = periods
    shown = ", ".join(f"per {unit} {n:,}" for unit, n in rows.items())
    common = max((each for each in rows if each != "half year"), key=rows.__getitem__)
    written = next(str(cell) for cell in column.cells.dropna() if unit_of(cell) == common)
    yield Question(
        "several-periods",
        column.name,
        f"{column.name}: the amounts in {amount.name!r} are paid for different periods ({shown}), "
        "but would all be read as for the same period",
        f'[rows] keep = {{"{column.name}" = ["{written}"]}} with [deals] amount_per = "{common}" '
        "for "
        "one of them, or a column of the yearly value as amount; acknowledge it if the amounts "
        "already are for the same period",
        must_answer=True,
    )


def _about_period_counts(amount: Column, columns: list[Column]) -> Iterator[Question]:
    """Yield a question if one payment is for several billing periods, such as 3 months."""
    for column in columns:
        if not (PERIOD_COUNT.search(column.words) and column.is_number):
            continue
        if (column.amounts.dropna() != 1).any():
            yield Question(
                "several-periods",
                column.name,
                f"{column.name}: the amounts in {amount.name!r} are paid for several billing "
                f"periods ({numbers_text(column)}), but would all be read as for one",
                f"a column of the amounts divided by {column.name!r} as amount; acknowledge it if "
                "the amounts already are for one period",
                must_answer=True,
            )
            return


def _about_terms(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if amounts of whole contracts are for contracts of several lengths."""
    if spec.deals.amount_per != "contract":
        return
    for column in columns:
        if AGREED_TERM.search(column.words) and column.is_number and column.distinct > 1:
            yield Question(
                "several-terms",
                column.name,
                f"{column.name}: contracts differ in length ({numbers_text(column)}), but all "
                f"amounts in {spec.deals.amount!r} are read as for {spec.deals.contract_months} "
                "months",
                "add a column with the yearly value and use it as amount, with amount_per = "
                '"year"; acknowledge it if all amounts are for the same number of months',
                must_answer=True,
            )
            return


def _about_amounts_of_leavers(amount: Column, left: Column) -> Iterator[Question]:
    """Yield a question if the amount is 0 or empty for those who left, and given for the others."""
    gone = left.real_dates
    if not gone.any() or gone.all():
        return
    nothing = ~(amount.amounts > 0).to_numpy(dtype=bool)
    count = int(nothing[gone].sum())
    among_left, among_stayed = nothing[gone].mean(), nothing[~gone].mean()
    if count >= MIN_LEAVERS and among_left >= MIN_WITHOUT and among_stayed <= MAX_WITHOUT:
        yield Question(
            "amount-of-leavers",
            amount.name,
            f"{amount.name}: it is 0 or empty for {count:,} of {gone.sum():,} customers that left, "
            f"and for {int(nothing[~gone].sum()):,} of {(~gone).sum():,} others. It seems to be "
            "overwritten when a customer leaves, so the money of those who left is missing",
            "export the amount as it was at signing; or remove it from [deals], and exclude it "
            "from [attributes]",
        )


def _about_tax(amount: Column) -> Iterator[Question]:
    """Yield a question if the amount includes tax by its name."""
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
            why = (
                f"grow in proportion to it (slope {slope:.1f} ± {error:.1f} of the logarithms)"
                if grows
                else "are those of whole contracts by their name"
            )
            yield Question(
                "several-terms",
                column.name,
                f"{column.name}: contracts differ in length ({numbers_text(column)}), and the "
                f"amounts in {amount.name!r} {why}, but are read as for a year",
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
