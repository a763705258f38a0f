"""The moment at which the knowledge about each deal ends: before its closing, or now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.crm._search import DAY
from fitmodel.tables.values import read_dates, today

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.crm._search import Ints
    from fitmodel.deals.contract import DealSpec


@dataclass(frozen=True, eq=False)
class Moments:
    """Where the knowledge about each deal ends.

    Attributes
    ----------
    times : ndarray of int64 of shape (deals,)
        Microseconds since 1970; what lies strictly before is known.
    is_open : ndarray of bool of shape (deals,)
        Prospects: not signed by the day that is asked for.
    is_now : bool
        Whether that day is today, so that the table itself says how a prospect stands.
    """

    times: Ints
    is_open: NDArray[np.bool_]
    is_now: bool


def moments_of(deals: pd.DataFrame, spec: DealSpec, as_of: date | None = None) -> Moments:
    """Moment of each row of a table of deals or prospects.

    Of a deal that was signed by the day `as_of` (today without it) only what lies before the day of
    closing is known, less `[attributes] known_before_days`. Of any other all of `as_of` is known.

    Parameters
    ----------
    deals : DataFrame
        As read, nothing converted.
    spec : DealSpec
    as_of : date, optional
    """
    day = np.datetime64(today() if as_of is None else as_of, "D")
    column = spec.deals.closed_on
    closing = np.full(len(deals), np.datetime64("NaT", "D"))
    if column in deals.columns:
        forms = spec.reading.forms
        known = forms.date(column) if column in forms.dates else None
        closing = read_dates(deals[column], form=known).series.to_numpy().astype("datetime64[D]")
    is_open = ~(closing <= day)  # without a date too
    ends = closing - spec.attributes.known_before_days
    ends = np.where(is_open, day + 1, ends)
    times: Ints = ends.astype("datetime64[D]").astype(np.int64) * DAY
    return Moments(times, is_open, bool(day >= np.datetime64(today(), "D")))
