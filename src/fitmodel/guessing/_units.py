"""Questions about units that neither a column's name nor the contract says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.guessing._doubt import Doubt
from fitmodel.guessing._money import (
    find_currency,
    scale_by_name,
    several_periods,
    unit_by_name,
    unit_of,
)
from fitmodel.guessing._names import TURNOVER, as_words, tenure_unit
from fitmodel.guessing._vendors import recognise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column


def about_units(spec: DealSpec) -> Iterator[Doubt]:
    """Tenure and amount without a unit in the name or the contract."""
    roles = spec.deals
    tenure, amount = roles.tenure_months, roles.amount
    if tenure is not None and roles.tenure_unit is None and tenure_unit(as_words(tenure)) is None:
        yield Doubt(
            "tenure-unit",
            tenure,
            f"{tenure}: taken for MONTHS from signing to leaving or to the extract",
            '[deals] tenure_unit = "months", "years", "weeks" or "days"',
        )
    scale = None if amount is None else scale_by_name(amount)
    if amount is not None and scale is not None and roles.amount_scale is None:
        yield Doubt(
            "amount-scale",
            amount,
            f"{amount}: taken as written, but by its name an amount of 1 stands for {scale:,}",
            f"[deals] amount_scale = {scale}; or 1 where the amounts are written in full",
        )
    if amount is None or roles.amount_per is not None:
        return
    unit = unit_by_name(as_words(amount))
    if TURNOVER.search(as_words(amount)):
        yield Doubt(
            "turnover",
            amount,
            f"{amount}: is it what the contract is worth in a year, and not the turnover of the "
            "customer's own firm?",
            '[deals] amount_per = "year" where it is the contract, else take amount out',
        )
    elif unit != "year":
        taken = "by its name it is per month" if unit else "the name does not say per what time"
        yield Doubt(
            "amount-unit",
            amount,
            f"{amount}: taken for the value of a YEAR of the contract, but {taken}",
            '[deals] amount_per = "year", "quarter", "month", "week" or "day"; or "contract" with '
            "contract_months",
        )


def about_amounts(columns: list[Column], spec: DealSpec) -> Iterator[Doubt]:
    """One column of amounts that are in several currencies, or paid for different times."""
    if spec.deals.amount is not None:
        yield from _about_currencies(columns, spec)
        yield from _about_periods(columns, spec.deals.amount)


def _about_currencies(columns: list[Column], spec: DealSpec) -> Iterator[Doubt]:
    """A column of several currencies next to an amount."""
    if spec.deals.currency is not None:
        return
    vendor = recognise(column.name for column in columns)
    surest = next(iter(vendor.roles.get("currency", ())), None) if vendor else None
    currency = find_currency(columns, surest)
    if currency is not None and currency.distinct > 1:
        shown = ", ".join(f"{k} {v:,}" for k, v in currency.cells.value_counts()[:5].items())
        yield Doubt(
            "several-currencies",
            currency.name,
            f"{currency.name}: {currency.distinct} currencies ({shown}) beside one column of "
            f"amounts {spec.deals.amount!r}",
            f'[rows] keep = {{"{currency.name}" = ["EUR"]}} for one of them, or a column of '
            "amounts converted into one currency; or take amount out of [deals]",
            must_answer=True,
        )


def _about_periods(columns: list[Column], amount: str) -> Iterator[Doubt]:
    """A column of several billing periods next to amounts without a period in their name."""
    result = several_periods(columns)
    if result is None or unit_by_name(as_words(amount)) is not None:
        return
    column, rows = result
    shown = ", ".join(f"per {unit} {n:,}" for unit, n in rows.items())
    common = max(rows, key=rows.__getitem__)
    written = next(str(cell) for cell in _cells_of(columns, column) if unit_of(cell) == common)
    yield Doubt(
        "several-periods",
        column,
        f"{column}: the amounts in {amount!r} are paid for different times ({shown}), and would "
        "all be taken for the same",
        f'[rows] keep = {{"{column}" = ["{written}"]}} with [deals] amount_per = "{common}" for '
        "one of them, or a column of the yearly value as amount; acknowledge it where the amounts "
        "are all per the same time already",
        must_answer=True,
    )


def _cells_of(columns: list[Column], name: str) -> Iterator[object]:
    return iter(next(each for each in columns if each.name == name).cells.dropna())
