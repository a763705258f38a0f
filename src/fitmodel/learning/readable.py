"""Whether every attribute can be encoded: one answer for check and train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.deals.attributes import read_attributes
from fitmodel.deals.faults import Sheet, explain
from fitmodel.exceptions import DealsError
from fitmodel.learning.encoding import encode_leniently, fit_columns
from fitmodel.learning.settings import LearnerOptions

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec


def require_readable(deals: pd.DataFrame, spec: DealSpec, first_row: int | None = None) -> None:
    """Refuse text in attributes that are numbers.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec
    first_row : int, optional
        Number of the first row as a person sees it in the file; without it rows go by their index.

    Raises
    ------
    DealsError
        With every such column, the rows and the remedy.
    """
    read = read_attributes(deals, spec)
    columns = fit_columns(read.frame, LearnerOptions.from_spec(spec, read.dates).encoding)
    _, unreadable = encode_leniently(columns, read.frame)
    sheet = Sheet(deals, first_row)
    remedy = (
        "write plain numbers (1234.5), or leave them empty where they are not known; an attribute "
        "that is no number belongs into [attributes] categorical"
    )
    faults = [
        fault
        for column, rows in zip(columns, unreadable, strict=True)
        for fault in sheet.faults(rows, "are no number, among numbers", remedy, column.name)
    ]
    if faults:
        raise DealsError(explain(faults))
