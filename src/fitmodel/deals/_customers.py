"""Merge the rows of each customer into one: signed at its first row, left after its last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.leaving import left_without_date
from fitmodel.deals.months import to_days

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec

    Ints = NDArray[np.int64]

NO_END = np.iinfo(np.int64).max // 2  # the end day of a row that has not ended


def one_row_per_customer(deals: pd.DataFrame, spec: DealSpec) -> tuple[pd.DataFrame, str | None]:
    """Merge the rows of each customer into one history.

    A customer is signed at its first row and has the attributes of that row. It left if its last
    row ended and no other row began within ``gap_days`` after that. A change of plan, an upgrade or
    a renewal therefore counts as staying. A customer that came back after a longer gap counts as
    left, and its later rows are ignored.

    Parameters
    ----------
    deals : DataFrame
        Deals whose date columns are already parsed.
    spec : DealSpec
        The contract; ``[rows] customer`` and ``[rows] gap_days`` are used.

    Returns
    -------
    tuple of DataFrame and str or None
        The merged deals, with the index labels of the first rows, and a sentence that says how many
        rows were merged. If no customer has several rows: the deals unchanged, and None.
    """
    name = spec.rows.customer
    if name is None or spec.deals.closed_on is None:
        return deals, None
    codes = _customers(deals[name])
    if len(np.unique(codes)) == len(codes):
        return deals, None
    first, last, returned = _histories(codes, deals, spec)
    merged = deals.iloc[first].copy()
    for role in ("churned_on", "exited_on", "churned"):
        column = getattr(spec.deals, role)
        if column is not None:
            merged[column] = deals[column].iloc[last].set_axis(merged.index)
    until = spec.deals.observed_until
    if isinstance(until, str) and until in deals.columns:
        merged[until] = deals[until].groupby(codes).transform("max").iloc[first]
    return merged, _note(name, deals, merged, spec, returned)


def _customers(ids: pd.Series[Any]) -> NDArray[np.intp]:
    """Return an integer code per customer; each row without an id is a separate customer."""
    codes, known = pd.factorize(ids.astype(object))
    nameless = codes < 0
    codes[nameless] = len(known) + np.arange(nameless.sum())
    return codes


def _histories(
    codes: NDArray[np.intp], deals: pd.DataFrame, spec: DealSpec
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Return the positions of each customer's first and last row, and how many came back."""
    closed = to_days(deals[spec.deals.closed_on]).astype(np.int64)
    ends, undated = _ends(deals, spec), left_without_date(deals, spec)
    ends = np.where(undated, closed, ends)  # the end day is unknown, but not before the first day
    # Rows that began on the same day are sorted by id, so that row order does not matter.
    ids = deals[spec.deals.id].astype("str") if spec.deals.id else pd.Series("", deals.index)
    order = np.lexsort((np.arange(len(codes)), ids.rank(method="dense"), closed, codes))
    first: list[int] = []
    last: list[int] = []
    returned, gone = 0, False
    for row in order.tolist():
        if not first or codes[row] != codes[first[-1]]:
            first.append(row)
            last.append(row)
            gone = False
            continue
        end = last[-1]
        if gone or (not undated[end] and closed[row] > ends[end] + spec.rows.gap_days):
            returned += not gone
            gone = True
        elif ends[row] >= ends[end] or undated[end]:
            last[-1] = row
    by_row = np.argsort(first)
    return np.array(first)[by_row], np.array(last)[by_row], returned


def _ends(deals: pd.DataFrame, spec: DealSpec) -> Ints:
    """Return the day on which each row ended, by leaving or another exit, or `NO_END`."""
    days = np.full(len(deals), NO_END, dtype=np.int64)
    for column in (spec.deals.churned_on, spec.deals.exited_on):
        if column is not None:
            given = to_days(deals[column])
            day = np.where(np.isnat(given), NO_END, given.astype(np.int64))
            days = np.minimum(days, day)
    return days


def _note(
    name: str, deals: pd.DataFrame, merged: pd.DataFrame, spec: DealSpec, returned: int
) -> str:
    """Return the sentence that reports how many rows were merged."""
    leaving = str(spec.deals.churned_on)
    ended, left = int(deals[leaving].notna().sum()), int(merged[leaving].notna().sum())
    text = (
        f"made {len(merged):,} customers of {len(deals):,} rows by [rows] customer ({name}): "
        f"{ended:,} rows have a date in {leaving}, {left:,} customers left; a row that begins at "
        f"most {spec.rows.gap_days} days after another has ended continues it"
    )
    if returned:
        text += f"; {returned:,} came back later and count as left: their later rows are ignored"
    return text
