"""Read past deals: any honest table in, one clean table or one error that lists every fault out.

file or frame -> read_table -> tidy -> read_roles -> faults_of -> deals
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.deals.csv_form import SEPARATORS
from fitmodel.deals.faults import Judged, Sheet, explain
from fitmodel.deals.files import is_csv, read_table
from fitmodel.deals.roles import read_roles, with_roles
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
        The user's own columns. Dates of the roles are whole days (their zone's own), tenure and
        amount floats, the churn flag a bool. Of all columns text is stripped, and infinite numbers
        and texts that stand for nothing (NA, null, "-") are missing; otherwise attributes are as
        they were. A frame keeps its index, a file gets 0, 1, 2, ...

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
    if isinstance(source, pd.DataFrame):
        frame = source
    elif isinstance(source, (str, Path)):
        frame = read_table(source)
    else:
        raise DealsError(f"deals are a path or a DataFrame, not {type(source).__name__}")
    first_row = first_row_of(source)
    _refuse(shape_faults(Sheet(frame, first_row)))
    table = tidy(frame)
    readings = read_roles(table, spec)
    _refuse(faults_of(Judged(table, first_row, spec=spec, readings=readings)))
    return with_roles(table, spec, readings)


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
