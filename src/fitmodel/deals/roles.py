"""Parse the columns that play a role: ids, dates, tenure, amount, propensity, who left."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.vocabulary import plain_value
from fitmodel.exceptions import SpecError
from fitmodel.tables.forms import NO_FORMS
from fitmodel.tables.tidying import find_placeholders
from fitmodel.tables.values import Reading, is_text, read_dates, read_flags, read_numbers

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.forms import Forms
    from fitmodel.tables.values import Mask


END_DATES = ("churned_on", "exited_on")
DATES = ("closed_on", "churned_on", "exited_on", "observed_until")
NUMBERS = ("tenure_months", "amount", "propensity")
LOG_PROPENSITY = "propensity"
"""Column of propensities that come from a decision log and not from the company's table."""
DAYS_PER_YEAR = 365.2425
MONTHS_PER = {
    "months": 1.0,
    "years": 12.0,
    "weeks": 7 * 12 / DAYS_PER_YEAR,
    "days": 12 / DAYS_PER_YEAR,
}
"""Months in each unit of a tenure."""
_TIMES_A_YEAR = {"year": 1.0, "quarter": 4.0, "month": 12.0, "week": DAYS_PER_YEAR / 7}
_INTEGER = re.compile(r"([+-]?\d+)\.0+")
_INVISIBLE = str.maketrans("", "", "\ufeff\u200b\u200c\u200d\u2060")
ANSWERS = (
    '[rows] left_without_date = "drop" leaves these rows out, "observed_until" sets the day to the '
    'end of the extract, "unknown" means that they left on an unknown day before it'
)


def role_column(spec: DealSpec, role: str) -> str | None:
    """Return the column that plays a role, or None; `observed_until` may be a date instead."""
    column = getattr(spec.deals, role)
    return column if isinstance(column, str) else None


def read_roles(table: pd.DataFrame, spec: DealSpec) -> dict[str, Reading]:
    """Parse the columns of the roles; all dates get the same order of day and month.

    Parameters
    ----------
    table : DataFrame
        A tidy table; see `fitmodel.tables.tidying.tidy`.

    Returns
    -------
    dict of role to Reading
        The parsed column of each role that the table has.
    """
    columns = {
        role: table[column]
        for role in (*DATES, *NUMBERS, "churned")
        if (column := role_column(spec, role)) in table.columns
    }
    forms = spec.reading.forms
    dates = {role: _dated(columns[role], role) for role in DATES if role in columns}
    readings = detect_date_orders(dates, forms)
    readings |= {
        role: read_numbers(columns[role], forms.numbers.get(str(role_column(spec, role))))
        for role in NUMBERS
        if role in columns
    }
    if "churned" in columns:
        readings["churned"] = left_flag(columns["churned"], spec)
    return readings


def _dated(values: pd.Series[Any], role: str) -> pd.Series[Any]:
    """Return a date column; for dates of leaving, placeholders such as 9999-12-31 are removed."""
    if role not in END_DATES or not is_text(values):
        return values
    placeholders = find_placeholders(values, surely_dates=True)
    return values if placeholders is None else values.mask(placeholders.rows)


def detect_date_orders(
    columns: dict[str, pd.Series[Any]], forms: Forms = NO_FORMS
) -> dict[str, Reading]:
    """Parse several date columns; one whose day-month order is unclear takes that of the others."""
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
    """Return a copy of the table with the parsed values in the columns of their roles.

    A flag with ``churned_values`` keeps its original values, because these would be lost if the
    result were read again. Tenure and amount stay in the unit of the table, which prospects use
    too.
    """
    table = table.copy()
    for role, reading in readings.items():
        if role != "churned" or not spec.deals.churned_values:
            table[role_column(spec, role)] = reading.series
    return table


def per_year(spec: DealSpec) -> float:
    """Return the money per year for an amount of 1 in the table: payments a year times scale."""
    scale = spec.deals.amount_scale
    return _payments_a_year(spec) * (1.0 if scale is None else scale)


def _payments_a_year(spec: DealSpec) -> float:
    """Return how often a deal's amount is paid in a year; 1 if the contract does not say."""
    unit = spec.deals.amount_per
    if unit == "contract":
        return 12.0 / float(spec.deals.contract_months or 12)
    return DAYS_PER_YEAR if unit == "day" else _TIMES_A_YEAR[unit or "year"]


def yearly_amounts(deals: pd.DataFrame, spec: DealSpec) -> pd.Series[float]:
    """Return the yearly contract value of each deal; NaN if the amount is empty.

    Parameters
    ----------
    deals : DataFrame
        Past deals, as returned by ``read_deals``, with amounts in the unit ``[deals] amount_per``.
    spec : DealSpec
        A contract with an amount.
    """
    return deals[spec.deals.amount].astype("float64") * per_year(spec)


def clean_id(number: object) -> str:
    """Return one spelling of an id, whatever form a table or a web form has it in.

    Outer spaces and invisible characters are removed, full-width digits become ordinary ones, and
    the float 1234.0 becomes 1234. Upper and lower case are kept, since in some systems ids differ
    in nothing else (see `loose_id`).

    Examples
    --------
    >>> clean_id(" D-17 "), clean_id(1234.0)
    ('D-17', '1234')
    """
    text = unicodedata.normalize("NFKC", str(number)).translate(_INVISIBLE)
    text = " ".join(text.split())
    match = _INTEGER.fullmatch(text)
    return match[1] if match else text


def loose_id(number: object) -> str:
    """Return an id in lower case, for a comparison that ignores case.

    Two ids that are equal only this way are the same deal only if no third id is equal to them.
    """
    return clean_id(number).casefold()


def hashed_id(number: str, salt: str) -> str:
    """Return the keyed BLAKE2 digest of an id as hexadecimal text."""
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    return hashlib.blake2b(number.encode(), key=key, digest_size=16).hexdigest()


def hash_ids(deals: pd.DataFrame, spec: DealSpec, salt: str | None) -> pd.DataFrame:
    """Return the deals with hashed ids, brought into one spelling before; empty ids stay empty.

    Raises
    ------
    SpecError
        If there is no salt, or the contract has no id column.
    """
    if not salt:
        raise SpecError(
            "hashing ids needs a salt: without one, anybody could compute the same hashes. Remedy: "
            "--salt, or FITMODEL_LOG_SALT in the environment."
        )
    column = spec.deals.id
    if column is None:
        raise SpecError('the contract has no id to hash. Remedy: id = "COLUMN" under [deals].')
    ids = deals[column].astype(object)
    hashed = ids.map(lambda number: hashed_id(clean_id(number), salt), na_action="ignore")
    return deals.assign(**{column: hashed})


def left_flag(cells: pd.Series[Any], spec: DealSpec) -> Reading:
    """Return a flag or status column as booleans: True means left; an empty cell is not left.

    Parameters
    ----------
    cells : Series
        The column of the role ``churned``.
    spec : DealSpec
        The contract; its ``churned_values`` are the values that mean left. Without them the column
        must hold yes or no.

    Returns
    -------
    Reading
        The booleans, and a mask of the cells that could not be read.
    """
    if not spec.deals.churned_values:
        return read_flags(cells)
    left_values = {plain_value(value) for value in spec.deals.churned_values}
    positions, distinct = pd.factorize(cells.astype(object))
    left = np.array([*(plain_value(cell) in left_values for cell in distinct), False], dtype=bool)
    series = pd.Series(left[positions], index=cells.index, name=cells.name)
    return Reading(series, np.zeros(len(cells), dtype=bool))


def left_without_date(deals: pd.DataFrame, spec: DealSpec) -> Mask:
    """Return a mask of the deals that left by their flag or status, but have no date of leaving.

    Returns
    -------
    ndarray of bool of shape (deals,)
        All False if the contract does not have both a flag and dates.
    """
    roles = spec.deals
    if not spec.has_dates or roles.churned is None or roles.churned not in deals.columns:
        return np.zeros(len(deals), dtype=bool)
    left = left_flag(deals[roles.churned], spec).series.to_numpy(dtype=bool)
    undated: Mask = left & deals[roles.churned_on].isna().to_numpy()
    return undated


def fill_left_without_date(deals: pd.DataFrame, spec: DealSpec) -> tuple[pd.DataFrame, str | None]:
    """Apply ``left_without_date`` of the contract; for "unknown" the table is unchanged.

    Returns
    -------
    tuple of DataFrame and str or None
        The table, and a sentence that says what was done to how many rows.
    """
    answer = spec.rows.left_without_date
    roles = spec.deals
    if answer is None or not {roles.churned, roles.churned_on} <= set(deals.columns):
        return deals, None
    undated = left_without_date(deals, spec)
    count = int(undated.sum())
    if not count:
        return deals, None
    subject = f"{count:,} of {len(deals):,} customers left ({roles.churned}) without a date"
    if answer == "drop":
        return deals[~undated], f"{subject}: left out by [rows] left_without_date"
    if answer == "unknown":
        note = f"{subject}: they count as having left on an unknown day before the extract's end"
        return deals, note
    filled = _fill_with_extract_end(deals, spec, undated)
    return filled, f"{subject}: they count as having left on the last day of the extract"


def _fill_with_extract_end(deals: pd.DataFrame, spec: DealSpec, undated: Mask) -> pd.DataFrame:
    """Return the deals with the end of the extract as the date of leaving of undated leavers."""
    extract_end, column = spec.deals.observed_until, str(spec.deals.churned_on)
    if isinstance(extract_end, str) and extract_end in deals.columns:
        end = deals[extract_end]
    else:
        end = pd.Series(pd.Timestamp(str(extract_end)), index=deals.index)
    filled = deals[column].mask(pd.Series(undated, index=deals.index), end)
    return deals.assign(**{column: filled})
