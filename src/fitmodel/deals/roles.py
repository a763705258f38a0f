"""Read the columns that play a role: dates as days, tenure and amount as numbers, the flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.deals.dates import settle_orders
from fitmodel.deals.values import read_flags, read_numbers

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.values import Reading

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
        Tidy, see `fitmodel.deals.tidying.tidy`.
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
    readings = settle_orders({role: columns[role] for role in DATES if role in columns})
    readings |= {role: read_numbers(columns[role]) for role in NUMBERS if role in columns}
    if "churned" in columns:
        readings["churned"] = read_flags(columns["churned"])
    return readings


def with_roles(table: pd.DataFrame, spec: DealSpec, readings: dict[str, Reading]) -> pd.DataFrame:
    """Put the values read into the columns of their roles, in a new frame."""
    table = table.copy()
    for role, reading in readings.items():
        table[role_column(spec, role)] = reading.series
    return table
