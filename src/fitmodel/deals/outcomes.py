"""Label deals: which customers churned early, as far as it is known.

An unknown label is NaN, never 0: if a deal is younger than the horizon and its customer is still
there, the outcome is open. These functions label a table once; `fitmodel.deals.history` caches the
labels of a table that is used several times. Some names of `survival` and `censoring` are exported
from here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals._censoring import Weights, censoring_weights
from fitmodel.deals._outcome_columns import NEVER
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.deals.survival import SurvivalCurve, kaplan_meier
from fitmodel.deals.training_set import LabelledDeals

if TYPE_CHECKING:
    from fitmodel.deals._outcome_columns import Moment
    from fitmodel.deals.contract import DealSpec

__all__ = [
    "LabelledDeals",
    "SurvivalCurve",
    "Weights",
    "censoring_weights",
    "extract_end",
    "kaplan_meier",
    "label_deals",
    "outcomes",
]


def outcomes(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, *, as_of: Moment | None = None
) -> pd.DataFrame:
    """
    Return what is known about each deal's outcome on a day (default: the end of the extract).

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, as returned by `fitmodel.deals.reading.read_deals`, or a view of them.
    spec : DealSpec
        The contract: roles of the columns and the horizon.
    as_of : date, optional
        Return the deals signed by this date, with what was known then. Needs dates.

    Returns
    -------
    DataFrame
        With the index of the deals signed by ``as_of`` and the columns

        - ``followup_months``: calendar months from closing to leaving or to the last observation
        - ``left``: whether leaving was observed
        - ``early_churn``: 1.0 left within ``horizon_months`` calendar months after closing (the
          last day included), 0.0 observed at least that long without leaving, NaN unknown
        - ``mature``: whether the deal closed at least ``horizon_months`` before the end of the
          extract, whatever the outcome; if the contract gives a tenure: whether the label is known
        - ``entry_months``: age in months at which the deal came under observation. Above 0 only for
          deals signed before ``observed_from``; their label is selected, since leavers before that
          date are missing

    Raises
    ------
    DealsError
        If dates are missing or contradict each other, or ``as_of`` is given without dates.

    Notes
    -----
    A date of leaving after the last observation (an announced cancellation) is ignored. A customer
    that exited for another reason is censored on that day.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> labels = outcomes(sim.deals, sim.spec)
    >>> bool(labels.loc[~labels["mature"] & ~labels["left"], "early_churn"].isna().all())
    True
    """
    return view_of(deals, spec, as_of).outcomes.copy()


def label_deals(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    as_of: Moment | None = None,
    dates: tuple[str, ...] | None = None,
) -> LabelledDeals:
    """
    Return the deals whose label is known, weighted to represent those whose label is unknown.

    If deals have dates, only mature ones are returned. Among young deals only leavers have a known
    label, so whatever is new about them (an offer, a price, a rep) would look risky. Deals signed
    before ``observed_from`` are left out and counted. The result may be empty; training checks
    whether there are enough deals.

    Parameters
    ----------
    deals, spec, as_of
        The same as for `outcomes`.
    dates : tuple of str, optional
        Names of the attributes that are dates; by default they are detected in the deals.

    Returns
    -------
    LabelledDeals
        Attributes, labels and weights of these deals.

    Raises
    ------
    DealsError
        The errors of `outcomes`, and if an attribute is a date but the deals have no closing date.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> labelled = label_deals(sim.deals, sim.spec)
    >>> len(labelled) < len(sim.deals), sorted(set(labelled.early_churn.tolist()))
    (True, [0.0, 1.0])
    """
    return view_of(deals, spec, as_of).labelled(dates)


def extract_end(deals: pd.DataFrame, spec: DealSpec) -> pd.Timestamp | None:
    """Return the latest ``observed_until`` of the deals; None if the contract gives a tenure."""
    end = view_of(deals, spec).extract_end if spec.has_dates else NEVER
    return None if np.isnat(end) else pd.Timestamp(end)
