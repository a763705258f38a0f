"""Read the columns that play a role: dates as days, tenure and amount as numbers, the flag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.deals.leaving import left_flag
from fitmodel.tables.forms import NO_FORMS
from fitmodel.tables.placeholders import find_placeholders
from fitmodel.tables.values import is_text, read_dates, read_numbers

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.forms import Forms
    from fitmodel.tables.values import Reading

LEAVING = ("churned_on", "exited_on")
DATES = ("closed_on", "churned_on", "exited_on", "observed_until")
NUMBERS = ("tenure_months", "amount", "propensity")
DAYS_PER_YEAR = 365.2425
MONTHS_PER = {
    "months": 1.0,
    "years": 12.0,
    "weeks": 7 * 12 / DAYS_PER_YEAR,
    "days": 12 / DAYS_PER_YEAR,
}
"""Months in each unit of a tenure."""
_TIMES_A_YEAR = {"year": 1.0, "quarter": 4.0, "month": 12.0, "week": DAYS_PER_YEAR / 7}


def role_column(spec: DealSpec, role: str) -> str | None:
    """Column that plays a role; None where none does (`observed_until` may be a date)."""
    column = getattr(spec.deals, role)
    return column if isinstance(column, str) else None


def read_roles(table: pd.DataFrame, spec: DealSpec) -> dict[str, Reading]:
    """Read the roles whose columns the table has; the dates' order of day and month is one.

    Parameters
    ----------
    table : DataFrame
        Tidy, see `fitmodel.tables.tidying.tidy`.
    spec : DealSpec

    Returns
    -------
    dict of role to Reading
    """
    columns = {
        role: table[column]
        for role in (*DATES, *NUMBERS, "churned")
        if (column := role_column(spec, role)) in table.columns
    }
    forms = spec.reading.forms
    dates = {role: _dated(columns[role], role) for role in DATES if role in columns}
    readings = settle_orders(dates, forms)
    readings |= {
        role: read_numbers(columns[role], forms.numbers.get(str(role_column(spec, role))))
        for role in NUMBERS
        if role in columns
    }
    if "churned" in columns:
        readings["churned"] = left_flag(columns["churned"], spec)
    return readings


def _dated(values: pd.Series[Any], role: str) -> pd.Series[Any]:
    """A column of dates, without what stands for "not yet" where nobody need have left."""
    if role not in LEAVING or not is_text(values):
        return values
    result = find_placeholders(values, surely_dates=True)
    return values if result is None else values.mask(result.rows)


def settle_orders(
    columns: dict[str, pd.Series[Any]], forms: Forms = NO_FORMS
) -> dict[str, Reading]:
    """Read several columns of dates; where one leaves the order open, the others tell it."""
    readings = {
        role: read_dates(values, form=forms.dates.get(str(values.name)))
        for role, values in columns.items()
    }
    orders = {reading.order for reading in readings.values()} & {"day first", "month first"}
    if len(orders) != 1:
        return readings
    order = "month first" if "month first" in orders else "day first"
    return {
        role: read_dates(columns[role], order) if reading.order == "either" else reading
        for role, reading in readings.items()
    }


def with_roles(table: pd.DataFrame, spec: DealSpec, readings: dict[str, Reading]) -> pd.DataFrame:
    """Put the values read into the columns of their roles, in a new frame.

    A flag whose values mean left stays as it is written: read a second time it would mean another
    thing. Tenure and amount stay in the unit of the table, in which prospects are given too.
    """
    table = table.copy()
    for role, reading in readings.items():
        if role != "churned" or not spec.deals.churned_values:
            table[role_column(spec, role)] = reading.series
    return table


def per_year(spec: DealSpec) -> float:
    """Yearly money that an amount of 1 in the table stands for: payments a year times the scale."""
    scale = spec.deals.amount_scale
    return _payments_a_year(spec) * (1.0 if scale is None else scale)


def _payments_a_year(spec: DealSpec) -> float:
    """How often the amount of a deal is paid in a year; 1 where the contract does not say."""
    unit = spec.deals.amount_per
    if unit == "contract":
        return 12.0 / float(spec.deals.contract_months or 12)
    return DAYS_PER_YEAR if unit == "day" else _TIMES_A_YEAR[unit or "year"]


def yearly_amounts(deals: pd.DataFrame, spec: DealSpec) -> pd.Series[float]:
    """Yearly contract value of each deal; NaN where no amount is given.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``, with the amount in the unit of ``[deals] amount_per``.
    spec : DealSpec
        With an amount.
    """
    return deals[spec.deals.amount].astype("float64") * per_year(spec)
