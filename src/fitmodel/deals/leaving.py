"""Who left by a flag or status, and what to do with leavers without a date."""

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
    '[rows] left_without_date = "drop" leaves these rows out, "observed_until" takes the end of '
    'the extract for the day, "unknown" says they left at an unknown time before it'
)


def left_flag(cells: pd.Series[Any], spec: DealSpec) -> Reading:
    """Read a flag or status as left or not; an empty cell is not left.

    Parameters
    ----------
    cells : Series
        The column of the role ``churned``.
    spec : DealSpec
        Its ``churned_values`` are the values that mean left; without them the column says yes
        or no.
    """
    if not spec.deals.churned_values:
        return read_flags(cells)
    meant = {plain_value(value) for value in spec.deals.churned_values}
    positions, distinct = pd.factorize(cells.astype(object))
    left = np.array([*(plain_value(cell) in meant for cell in distinct), False], dtype=bool)
    series = pd.Series(left[positions], index=cells.index, name=cells.name)
    return Reading(series, np.zeros(len(cells), dtype=bool))


def left_without_date(deals: pd.DataFrame, spec: DealSpec) -> Mask:
    """Which deals left by their flag or status, but have no date of leaving.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec

    Returns
    -------
    ndarray of bool of shape (deals,)
        All False where the contract has no flag beside the dates.
    """
    roles = spec.deals
    if not spec.has_dates or roles.churned is None or roles.churned not in deals.columns:
        return np.zeros(len(deals), dtype=bool)
    left = left_flag(deals[roles.churned], spec).series.to_numpy(dtype=bool)
    undated: Mask = left & deals[roles.churned_on].isna().to_numpy()
    return undated


def fill_left_without_date(deals: pd.DataFrame, spec: DealSpec) -> tuple[pd.DataFrame, str | None]:
    """Apply ``left_without_date`` of the contract; "unknown" is left to the labels.

    Returns
    -------
    tuple of DataFrame and str or None
        The table, and what was done to how many rows.
    """
    answer = spec.rows.left_without_date
    roles = spec.deals
    if answer is None or not {roles.churned, roles.churned_on} <= set(deals.columns):
        return deals, None
    undated = left_without_date(deals, spec)
    count = int(undated.sum())
    if not count:
        return deals, None
    who = f"{count:,} of {len(deals):,} customers left ({roles.churned}) without a date"
    if answer == "drop":
        return deals[~undated], f"{who}: left out by [rows] left_without_date"
    if answer == "unknown":
        return deals, f"{who}: taken as left at an unknown time before the end of the extract"
    return _left_at_the_end(deals, spec, undated), f"{who}: taken as left when the extract ends"


def _left_at_the_end(deals: pd.DataFrame, spec: DealSpec, undated: Mask) -> pd.DataFrame:
    until, leaving = spec.deals.observed_until, str(spec.deals.churned_on)
    if isinstance(until, str) and until in deals.columns:
        end = deals[until]
    else:
        end = pd.Series(pd.Timestamp(str(until)), index=deals.index)
    filled = deals[leaving].mask(pd.Series(undated, index=deals.index), end)
    return deals.assign(**{leaving: filled})
