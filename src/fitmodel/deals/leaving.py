"""Which customers left according to a flag or status, and leavers without a date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.vocabulary import plain_value
from fitmodel.tables.values import Reading, read_flags

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.values import Mask

ANSWERS = (
    '[rows] left_without_date = "drop" leaves these rows out, "observed_until" sets the day to the '
    'end of the extract, "unknown" means that they left on an unknown day before it'
)


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

    Parameters
    ----------
    deals : DataFrame
        Past deals, as returned by ``read_deals``.
    spec : DealSpec
        The contract of these deals.

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
