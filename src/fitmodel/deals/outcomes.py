"""
Which deals churned early, as far as it is known.

A label that is not known is NaN, never 0: a deal younger than the horizon whose customer is still
there says nothing yet. These functions answer for a table; `fitmodel.deals.history` answers for a
table that is asked more than once. The names other rooms need of survival and censoring are here
too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals._outcome_columns import NEVER
from fitmodel.deals.censoring import Weights, censoring_weights
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
    What is known of each deal's outcome on ``as_of`` (default: when the table was extracted).

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by `fitmodel.deals.reading.read_deals`, or a view of them.
    spec : DealSpec
        Roles of the columns and the horizon.
    as_of : date, optional
        Look at the deals signed by this date, with what was known on it. Needs dates.

    Returns
    -------
    DataFrame with the index of the deals signed by ``as_of`` and the columns

    - ``followup_months``: calendar months from closing to leaving or to the last look
    - ``left``: whether the customer was seen to leave
    - ``early_churn``: 1.0 left at most ``horizon_months`` calendar months after closing (that day
      included), 0.0 watched for as long without leaving by then, NaN unknown
    - ``mature``: closed at least ``horizon_months`` before the end of the extract, whatever the
      outcome; where the contract gives a tenure: whether the label is known
    - ``entry_months``: age at which the deal came under observation; above 0 only for deals signed
      before ``observed_from``, whose label is selected (their leavers before it are not there)

    Raises
    ------
    DealsError
        If dates are missing or contradict each other, or ``as_of`` is given without dates.

    Notes
    -----
    Churn dated after the deal was last watched (an announced cancellation) is not counted: nothing
    after that day is known. A customer that exited for another reason is censored on that day.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> found = outcomes(sim.deals, sim.spec)
    >>> bool(found.loc[~found["mature"] & ~found["left"], "early_churn"].isna().all())
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
    Deals whose label is known, with weights for those whose label is not.

    Where deals have dates these are mature ones: of the young only the leavers are known, and
    whatever is new about them (an offer, a price, a rep) would look risky. Deals signed before
    ``observed_from`` are left out and counted. May be empty: whether there is enough to learn from
    is checked where it is learned.

    Parameters
    ----------
    deals, spec, as_of
        As of `outcomes`.
    dates : tuple of str, optional
        Attributes that are dates; found in the deals where it is not given.

    Returns
    -------
    LabelledDeals

    Raises
    ------
    DealsError
        As `outcomes`; also where an attribute is a date and the deals have no closing date.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> labelled = label_deals(sim.deals, sim.spec)
    >>> len(labelled) < len(sim.deals), sorted(set(labelled.early_churn.tolist()))
    (True, [0.0, 1.0])
    """
    return view_of(deals, spec, as_of).labelled(dates)


def extract_end(deals: pd.DataFrame, spec: DealSpec) -> pd.Timestamp | None:
    """Last day anything is known of: the latest ``observed_until``; None where tenure is given."""
    end = view_of(deals, spec).extract_end if spec.has_dates else NEVER
    return None if np.isnat(end) else pd.Timestamp(end)
