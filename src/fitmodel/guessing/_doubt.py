"""An open question about a table, and the questions about the units of tenure and amount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.guessing._money import (
    LIKE_A_CODE,
    find_currency,
    is_converted,
    scale_by_name,
    several_periods,
    unit_by_name,
    unit_of,
)
from fitmodel.guessing._names import (
    AGREED_TERM,
    PERIOD_COUNT,
    TURNOVER,
    as_words,
)
from fitmodel.guessing._tenure import tenure_unit
from fitmodel.guessing._vendors import recognise_export

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column


MIN_LEAVERS, MIN_WITHOUT, MAX_WITHOUT = 10, 0.3, 0.02  # leavers and others without an amount


@dataclass(frozen=True)
class Question:
    """One question that the table leaves open.

    Attributes
    ----------
    code : str
        Kind of the question; ``[rows] acknowledged = ["code"]`` or ``["code:column"]`` closes it.
    column : str
        The column in question, or "".
    message : str
        What was observed, with counts.
    answer : str
        What to write into the contract.
    must_answer : bool
        Whether training stops without an answer, since rows or outcome would be wrong.
    """

    code: str
    column: str
    message: str
    answer: str
    must_answer: bool = False

    def __str__(self) -> str:
        return f"{self.message}. Answer: {self.answer} [{self.code}]"


def about_units(spec: DealSpec) -> Iterator[Question]:
    """Yield a question if neither name nor contract gives the unit of tenure or amount."""
    roles = spec.deals
    tenure, amount = roles.tenure_months, roles.amount
    if tenure is not None and roles.tenure_unit is None and tenure_unit(as_words(tenure)) is None:
        yield Question(
            "tenure-unit",
            tenure,
            f"{tenure}: read as MONTHS from signing to leaving or to the extract",
            '[deals] tenure_unit = "months", "years", "weeks" or "days"',
        )
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


def about_amounts(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if the amounts have several currencies or billing periods."""
    if spec.deals.amount is not None:
        yield from _about_currencies(columns, spec)
        yield from _about_periods(columns, spec.deals.amount)
        yield from _about_period_counts(columns, spec.deals.amount)
        yield from _about_terms(columns, spec)
        yield from _about_amounts_of_leavers(columns, spec)


def _about_currencies(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if a column gives several currencies for the amounts."""
    given = spec.deals.currency
    unclear = {column.name for column in columns if LIKE_A_CODE.fullmatch(column.name)}
    if (given is not None and given not in unclear) or is_converted(
        str(spec.deals.amount), columns
    ):
        return
    vendor = recognise_export(column.name for column in columns)
    vendor_column = next(iter(vendor.roles.get("currency", ())), None) if vendor else None
    currency = find_currency(columns, vendor_column)
    if currency is not None and currency.distinct > 1:
        shown = ", ".join(f"{k} {v:,}" for k, v in currency.cells.value_counts()[:5].items())
        yield Question(
            "several-currencies",
            currency.name,
            f"{currency.name}: {currency.distinct} currencies ({shown}) for one column of "
            f"amounts {spec.deals.amount!r}",
            f'[rows] keep = {{"{currency.name}" = ["EUR"]}} for one of them, or a column of '
            "amounts converted into one currency; or remove amount from [deals]",
            must_answer=True,
        )


def _about_periods(columns: list[Column], amount: str) -> Iterator[Question]:
    """Yield a question if amounts have several billing periods and the name gives no time."""
    periods = several_periods(columns)
    if periods is None or unit_by_name(as_words(amount)) is not None:
        return
    column, rows = periods
    shown = ", ".join(f"per {unit} {n:,}" for unit, n in rows.items())
    common = max((each for each in rows if each != "half year"), key=rows.__getitem__)
    written = next(str(cell) for cell in _cells_of(columns, column) if unit_of(cell) == common)
    yield Question(
        "several-periods",
        column,
        f"{column}: the amounts in {amount!r} are paid for different periods ({shown}), but would "
        "all be read as for the same period",
        f'[rows] keep = {{"{column}" = ["{written}"]}} with [deals] amount_per = "{common}" for '
        "one of them, or a column of the yearly value as amount; acknowledge it if the amounts "
        "already are for the same period",
        must_answer=True,
    )


def _about_period_counts(columns: list[Column], amount: str) -> Iterator[Question]:
    """Yield a question if one payment is for several billing periods, such as 3 months."""
    if unit_by_name(as_words(amount)) is not None:
        return
    for column in columns:
        if not (PERIOD_COUNT.search(column.words) and column.is_number):
            continue
        counts = column.amounts.value_counts()
        if (counts.index != 1).any():
            shown = ", ".join(f"{count:g} in {rows:,} rows" for count, rows in counts[:5].items())
            yield Question(
                "several-periods",
                column.name,
                f"{column.name}: the amounts in {amount!r} are paid for several billing periods "
                f"({shown}), but would all be read as for one",
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
            counts = column.amounts.value_counts()
            shown = ", ".join(f"{length:g} in {rows:,} rows" for length, rows in counts[:5].items())
            yield Question(
                "several-terms",
                column.name,
                f"{column.name}: contracts differ in length ({shown}), but all amounts in "
                f"{spec.deals.amount!r} are read as for {spec.deals.contract_months} months",
                "add a column with the yearly value and use it as amount, with amount_per = "
                '"year"; acknowledge it if all amounts are for the same number of months',
                must_answer=True,
            )
            return


def _about_amounts_of_leavers(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if the amount is 0 or empty for those who left, and given for the others."""
    by_name = {column.name: column for column in columns}
    amount, left = (by_name.get(name or "") for name in (spec.deals.amount, spec.deals.churned_on))
    if amount is None or left is None or not left.real_dates.any() or left.real_dates.all():
        return
    gone = left.real_dates
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


def _cells_of(columns: list[Column], name: str) -> Iterator[object]:
    return iter(next(each for each in columns if each.name == name).cells.dropna())
