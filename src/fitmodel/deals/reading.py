"""Read past deals: any honest table in, one clean table or one error that lists every fault out.

file or frame -> read_table -> tidy -> keep_rows -> read_roles -> faults_of -> settle_rows -> deals
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.deals.csv_form import SEPARATORS
from fitmodel.deals.faults import Judged, Sheet, explain
from fitmodel.deals.files import is_csv, read_table
from fitmodel.deals.roles import read_roles, with_roles
from fitmodel.deals.rows import keep_rows, settle_rows
from fitmodel.deals.tidying import tidy
from fitmodel.deals.validation import faults_of, shape_faults
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.faults import Fault

__all__ = ["SEPARATORS", "read_deals", "read_table"]
FIRST_CSV_ROW = 2  # below the header, as a spreadsheet counts


def read_deals(source: str | Path | pd.DataFrame, spec: DealSpec) -> pd.DataFrame:
    """Read and validate past deals.

    Parameters
    ----------
    source : path or DataFrame
        CSV (plain or gzip) or Parquet; a frame is copied, never changed.
    spec : DealSpec
        What the columns mean.

    Returns
    -------
    DataFrame
        The rows that are customers by `[rows]`, with the user's own columns. Dates
        of the roles are whole days (their zone's own), tenure and
        amount floats, the churn flag a bool. Of all columns text is stripped, and infinite numbers
        and texts that stand for nothing (NA, null, "-") are missing; otherwise attributes are as
        they were. A frame keeps its index, a file gets 0, 1, 2, ... in the order of its rows.

    Raises
    ------
    DealsError
        One error that lists every fault with column, count, example and remedy.

    Examples
    --------
    >>> spec = fitmodel.DealSpec(
    ...     deals={"closed_on": "signed", "churned_on": "left", "observed_until": "2026-06-30"}
    ... )
    >>> table = pd.DataFrame(
    ...     {"signed": ["2025-01-31", "2025-05-01"], "left": ["2025-03-01", None], "seats": [3, 40]}
    ... )
    >>> read_deals(table, spec)["left"].isna().tolist()
    [False, True]
    """
    return read_sheet(open_sheet(source), spec).deals


@dataclass(frozen=True, eq=False)
class DealsRead:
    """Past deals, and what was made of the rows of the table.

    Attributes
    ----------
    deals : DataFrame
        As `read_deals` gives them.
    notes : tuple of str
        What `[rows]` of the contract left out or merged, and how many rows.
    """

    deals: pd.DataFrame
    notes: tuple[str, ...]


def open_sheet(source: str | Path | pd.DataFrame) -> Sheet:
    """Read a table as it is, with the number of its first row for messages."""
    if isinstance(source, pd.DataFrame):
        return Sheet(source)
    if isinstance(source, (str, Path)):
        return Sheet(read_table(source), first_row_of(source))
    raise DealsError(f"deals are a path or a DataFrame, not {type(source).__name__}")


def read_sheet(sheet: Sheet, spec: DealSpec) -> DealsRead:
    """Read and validate the deals of a table; `read_deals` says more.

    Raises
    ------
    DealsError
        One error that lists every fault with column, count, example and remedy.
    """
    _refuse(shape_faults(sheet))
    kept = keep_rows(tidy(sheet.table), spec)
    readings = read_roles(kept.table, spec)
    _refuse(faults_of(Judged(kept.table, sheet.first_row, spec=spec, readings=readings)))
    settled = settle_rows(with_roles(kept.table, spec, readings), spec)
    return DealsRead(settled.table, (*kept.notes, *settled.notes))


def named_apart(deals: pd.DataFrame) -> pd.DataFrame:
    """Number deals anew whose index repeats: where each is looked up, two of a name would mix."""
    return deals if deals.index.is_unique else deals.reset_index(drop=True)


def first_row_of(source: str | Path | pd.DataFrame) -> int | None:
    """Number of the first deal as whoever opens the file sees it; None for a frame."""
    if isinstance(source, pd.DataFrame):
        return None
    return FIRST_CSV_ROW if is_csv(source) else 0


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise DealsError(explain(faults))
