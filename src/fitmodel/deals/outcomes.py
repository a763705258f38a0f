"""Label deals: which customers churned early, as far as it is known; and deals to learn from.

An unknown label is NaN, never 0: if a deal is younger than the horizon and its customer is still
there, the outcome is open. These functions label a table once; `fitmodel.deals.history` caches the
labels of a table that is used several times. Some names of `survival` and `censoring` are exported
from here too.

Among deals too young to be mature, only leavers have a known label. If a model learned from these
labels alone, whatever is new about young deals would look risky. If young deals were left out, the
latest information on a falling or rising rate would be lost. Therefore a young deal whose customer
is still there gets a soft label: the probability of leaving by the horizon, given that the customer
has stayed so far (redistribution to the right, Efron 1967).
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
    """Return what is known about each deal's outcome on a day (default: the end of the extract).

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
    """Return the deals whose label is known, weighted to represent those whose label is unknown.

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


def training_deals(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, *, as_of: Moment | None = None
) -> LabelledDeals:
    """Return mature deals with their label and young deals with a soft label.

    Parameters
    ----------
    deals, spec, as_of
        The same as for `fitmodel.deals.outcomes.outcomes`.

    Returns
    -------
    LabelledDeals
        Each deal once. If the contract has no dates, the result of `label_deals`.

    Raises
    ------
    DealsError
        The errors of `fitmodel.deals.outcomes.label_deals`.

    Notes
    -----
    If no customer exited, the mean of ``early_churn`` is exactly one minus the Kaplan-Meier
    survival at the horizon (Efron 1967). The soft label is the same for all deals that have stayed
    as long, whatever their attributes. It therefore shrinks the effects of attributes a little.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> deals = training_deals(sim.deals, sim.spec)
    >>> len(deals), bool(((deals.early_churn > 0) & (deals.early_churn < 1)).any())
    (500, True)
    """
    view = view_of(deals, spec, as_of)
    labelled = view.labelled()
    if not spec.has_dates:
        return labelled
    known = view.mature & ~np.isnan(view.early_churn)
    # leave out mature deals that exited too soon, and deals whose label is selected
    usable = view.from_signing & (known | ~view.mature)
    all_deals = view.training_set(labelled.dates)
    weight = np.where(view.label_weights.values > 0, view.label_weights.values, 1.0)  # noqa: PD011
    chosen = all_deals.subset(usable)
    return LabelledDeals(
        attributes=chosen.attributes,
        early_churn=all_deals.marginal_chance[usable],
        weight=chosen.weight * weight[usable],
        closed_on=chosen.closed_on,
        dates=chosen.dates,
        late_entries=labelled.late_entries,
    )
