"""One row per customer: signed at the first row, left only when no row runs on."""

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

OPEN = np.iinfo(np.int64).max // 2  # day of a row that did not end


def one_row_per_customer(deals: pd.DataFrame, spec: DealSpec) -> tuple[pd.DataFrame, str | None]:
    """Merge the rows of each customer into one history.

    A customer is signed at its first row and has the attributes of that row. It left when its last
    row ended and no other began within ``gap_days`` of that; a change of plan, an upgrade and a
    renewal are staying. A customer that came back later than that counts as left: the later rows
    are left out.

    Parameters
    ----------
    deals : DataFrame
        With the dates of the roles read.
    spec : DealSpec

    Returns
    -------
    tuple of DataFrame and str or None
        The merged deals with the index of the first rows, and how many rows were merged; the deals
        as they are and None where no customer has several rows.
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
    """Number the customers; every row without an id is a customer of its own."""
    codes, known = pd.factorize(ids.astype(object))
    nameless = codes < 0
    codes[nameless] = len(known) + np.arange(nameless.sum())
    return codes


def _histories(
    codes: NDArray[np.intp], deals: pd.DataFrame, spec: DealSpec
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Position of each customer's first row and of the row that ends it; how many came back."""
    closed = to_days(deals[spec.deals.closed_on]).astype(np.int64)
    ends, undated = _ends(deals, spec), left_without_date(deals, spec)
    ends = np.where(undated, closed, ends)  # known to have ended, after it began
    # of rows that began on one day the first is told by the id: row order does not matter
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
    """Day each row ended, by leaving or otherwise; `OPEN` where it did not."""
    days = np.full(len(deals), OPEN, dtype=np.int64)
    for column in (spec.deals.churned_on, spec.deals.exited_on):
        if column is not None:
            given = to_days(deals[column])
            day = np.where(np.isnat(given), OPEN, given.astype(np.int64))
            days = np.minimum(days, day)
    return days


def _note(
    name: str, deals: pd.DataFrame, merged: pd.DataFrame, spec: DealSpec, returned: int
) -> str:
    leaving = str(spec.deals.churned_on)
    ended, left = int(deals[leaving].notna().sum()), int(merged[leaving].notna().sum())
    text = (
        f"made {len(merged):,} customers of {len(deals):,} rows by [rows] customer ({name}): "
        f"{ended:,} rows have a date in {leaving}, {left:,} customers left; a row that begins "
        f"within {spec.rows.gap_days} days of the end of another goes on from it"
    )
    if returned:
        text += f"; {returned:,} came back later and count as left, without their later rows"
    return text
