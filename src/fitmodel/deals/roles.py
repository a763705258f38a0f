"""Read the columns that play a role: dates as days, tenure and amount as numbers, the flag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.tables.forms import NO_FORMS
from fitmodel.tables.placeholders import find_placeholders
from fitmodel.tables.values import is_text, read_dates, read_flags, read_numbers

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.forms import Forms
    from fitmodel.tables.values import Reading

LEAVING = ("churned_on", "exited_on")
DATES = ("closed_on", "churned_on", "exited_on", "observed_until")
NUMBERS = ("tenure_months", "amount", "propensity")


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
        readings["churned"] = read_flags(columns["churned"])
    return readings


def _dated(values: pd.Series[Any], role: str) -> pd.Series[Any]:
    """A column of dates, without what stands for "not yet" where nobody need have left."""
    if role not in LEAVING or not is_text(values):
        return values
    found = find_placeholders(values, surely_dates=True)
    return values if found is None else values.mask(found.rows)


def settle_orders(
    columns: dict[str, pd.Series[Any]], forms: Forms = NO_FORMS
) -> dict[str, Reading]:
    """Read several columns of dates; where one leaves the order open, the others tell it."""
    readings = {
        role: read_dates(values, form=forms.dates.get(str(values.name)))
        for role, values in columns.items()
    }
    told = {reading.order for reading in readings.values()} & {"day first", "month first"}
    if len(told) != 1:
        return readings
    order = "month first" if "month first" in told else "day first"
    return {
        role: read_dates(columns[role], order) if reading.order == "either" else reading
        for role, reading in readings.items()
    }


def with_roles(table: pd.DataFrame, spec: DealSpec, readings: dict[str, Reading]) -> pd.DataFrame:
    """Put the values read into the columns of their roles, in a new frame."""
    table = table.copy()
    for role, reading in readings.items():
        table[role_column(spec, role)] = reading.series
    return table
