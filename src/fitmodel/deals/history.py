"""The history of deals: what was known about each outcome as of any day.

`DealHistory` parses the outcome columns of a table once. Its view as of a day holds the deals
signed by then, with what was known about them. Labels, survival curve and training set belong to a
view, and each is computed once.

    deals, spec -> DealHistory -> .as_of(day) -> HistoryView -> .labelled(), .training_set(), ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals._history_view import HistoryView
from fitmodel.deals._outcome_columns import (
    NEVER,
    day_as_of,
    read_outcome_dates,
    read_tenures,
    require_dates,
)
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from fitmodel.deals._outcome_columns import Moment, OutcomeDates, OutcomeTenures
    from fitmodel.deals.contract import DealSpec

__all__ = ["DealHistory", "HistoryView", "extract_as_of", "view_of"]


class DealHistory:
    """A table of deals with its outcome columns parsed once.

    Parameters
    ----------
    deals : DataFrame
        Past deals, as returned by `fitmodel.deals.reading.read_deals`. It is not copied: do not
        change it afterwards.
    spec : DealSpec
        The contract: roles of the columns and the horizon.

    Raises
    ------
    DealsError
        If a date, tenure or flag is missing, cannot be read or contradicts another.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> history = DealHistory(sim.deals, sim.spec)
    >>> then = history.as_of("2025-12-31")
    >>> len(then) < len(history.as_of(None)), then is history.as_of("2025-12-31")
    (True, True)
    """

    def __init__(self, deals: pd.DataFrame, spec: DealSpec) -> None:
        self.deals = deals
        self.spec = spec
        read = read_outcome_dates if spec.has_dates else read_tenures
        self.columns: OutcomeDates | OutcomeTenures = read(deals, spec)
        self._views: dict[np.datetime64 | None, HistoryView] = {}

    @property
    def observed_from(self) -> np.datetime64:
        """Day from which leavers were recorded; NaT if they were from the first deal on."""
        return getattr(self.columns, "observed_from", np.datetime64("NaT"))

    def as_of(self, day: Moment | None) -> HistoryView:
        """Return the deals signed by a day, with what was known about them then.

        Parameters
        ----------
        day : date or None
            Last day for which anything is known; None for the end of the extract.

        Returns
        -------
        HistoryView
            The view; the same object for the same day.

        Raises
        ------
        DealsError
            If the contract gives a tenure instead of dates, the day is not a date, or it is before
            ``observed_from``, when leavers were not recorded.
        """
        last_day = None if day is None else day_as_of(day)
        if last_day not in self._views:
            if last_day is not None:
                self._refuse_day(last_day)
            self._views[last_day] = HistoryView(self, last_day)
        return self._views[last_day]

    def with_spec(self, spec: DealSpec) -> DealHistory:
        """Return the same deals with another contract; parsed again only if roles differ."""
        if spec.deals != self.spec.deals:
            return DealHistory(self.deals, spec)
        other = object.__new__(DealHistory)
        other.deals, other.spec, other.columns, other._views = self.deals, spec, self.columns, {}
        return other

    def _refuse_day(self, day: np.datetime64) -> None:
        """Raise an error if leavers were not yet recorded on a day."""
        require_dates(self.deals, self.spec)
        start = self.columns.observed_from  # type: ignore[union-attr]  # has dates
        if day < start:
            raise DealsError(
                f"as of {day} it is not known who left: leavers were recorded from {start} on "
                "([deals] observed_from). Remedy: ask for a later day."
            )


def view_of(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, as_of: Moment | None = None
) -> HistoryView:
    """Return a view of a table of deals, or the given view, with a contract.

    Functions that take deals also accept a view, so that a caller parses and labels them once.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, or a view of them.
    as_of : date, optional
        Day as of which the deals are viewed. A view knows nothing later than its own day.

    Raises
    ------
    DealsError
        If a date, tenure or flag is missing or cannot be read; see `DealHistory`.
    """
    if not isinstance(deals, HistoryView):
        return DealHistory(deals, spec).as_of(as_of)
    view = deals.with_spec(spec)
    return view if as_of is None else view.as_of(as_of)


def extract_as_of(
    deals: pd.DataFrame, spec: DealSpec, day: Moment
) -> tuple[pd.DataFrame, DealSpec]:
    """Return the table as it would have been extracted on a day, and its contract.

    For functions that need a table or a file; inside the library, a view does this without a copy.
    Later deals are dropped. Later dates of leaving and exits are emptied, and so is the flag of
    these deals. The end of observation is set to the day: in its column, or in the contract if that
    gives a date. If a customer left on an unknown day, it is not known whether it was still there:
    such deals are dropped too, unless they were last observed by the day.

    Parameters
    ----------
    deals : DataFrame
        Past deals, as returned by `fitmodel.deals.reading.read_deals`; not changed.
    spec : DealSpec
        A contract with dates.
    day : date
        Last day for which anything is known.

    Returns
    -------
    tuple of DataFrame and DealSpec
        The table as of the day, and the contract with the new end of observation.

    Raises
    ------
    DealsError
        The errors of `DealHistory` and `DealHistory.as_of`.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> table, spec = extract_as_of(sim.deals, sim.spec, "2025-12-31")
    >>> str(spec.deals.observed_until), bool((table["closed_on"] <= "2025-12-31").all())
    ('2025-12-31', True)
    """
    history = DealHistory(deals, spec)
    view, last_day, roles = history.as_of(day), day_as_of(day), spec.deals
    dates: OutcomeDates = history.columns  # type: ignore[assignment]  # as_of needs dates
    unknown_outcome = dates.left_some_day & (dates.observed_until > last_day)
    positions = view.positions[~unknown_outcome[view.positions]]
    table = deals.iloc[positions].copy()
    for column, days in ((roles.churned_on, dates.churned), (roles.exited_on, dates.exited)):
        if column is not None:
            dates_of_column = days[positions]
            table[column] = np.where(dates_of_column <= last_day, dates_of_column, NEVER).astype(
                "datetime64[us]"
            )
    if roles.churned is not None:  # on that day, later leavers had not left
        left_later = dates.churned[positions] > last_day
        table[roles.churned] = table[roles.churned].astype(object).mask(left_later, None)
    observed_until = np.minimum(dates.observed_until, last_day)
    if roles.observed_until in table.columns:
        table[roles.observed_until] = observed_until[positions].astype("datetime64[us]")
        return table, spec
    end = str(observed_until.max()) if len(observed_until) else str(last_day)
    return table, spec.replace(deals={"observed_until": end})
