"""
Deals to learn from: the mature by their outcome, the young in parts.

Of the deals too young to be mature only the leavers are known. Learned from by that alone,
whatever is new about them would look risky; left out, the newest that is known of how customers
stay would be lost, and with it a rate that falls or rises. So a young deal whose customer is still
there counts as an early churner by the chance that customers who stayed as long have of leaving by
the horizon, and as one who stayed by the rest (redistribution to the right, Efron 1967).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.attributes import read_attributes
from fitmodel.deals.outcomes import LabelledDeals, label_deals, outcomes, signed_by
from fitmodel.deals.propensity import propensity_weights
from fitmodel.deals.survival import kaplan_meier

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.observation import Moment


def training_deals(
    deals: pd.DataFrame, spec: DealSpec, *, as_of: Moment | None = None
) -> LabelledDeals:
    """
    Mature deals with their outcome and young ones with the chance of it.

    Parameters
    ----------
    deals, spec, as_of
        As of `fitmodel.deals.outcomes.outcomes`.

    Returns
    -------
    LabelledDeals
        Each deal once. Where deals have no dates, and so no order in time, what `label_deals`
        gives.

    Raises
    ------
    DealsError
        As `label_deals`.

    Notes
    -----
    Where no customer exited, the mean of ``early_churn`` is exactly one minus the Kaplan-Meier
    survival at the horizon (Efron 1967). The chance of a young deal is that of all deals which
    stayed as long: it says nothing of the attributes, so it draws their effects a little together.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> deals = training_deals(sim.deals, sim.spec)
    >>> len(deals), bool(((deals.early_churn > 0) & (deals.early_churn < 1)).any())
    (500, True)
    """
    mature = label_deals(deals, spec, as_of=as_of)
    if not spec.has_dates:
        return mature
    found = outcomes(deals, spec, as_of=as_of)
    known = (found["mature"] & found["early_churn"].notna()).to_numpy()
    taught = known | ~found["mature"].to_numpy()  # all but mature ones that exited too soon
    everyone = deals.iloc[signed_by(deals, spec, as_of)]
    chance = _chance_of_early_churn(found, spec.label.horizon_months)
    weight = propensity_weights(everyone, spec)
    weight[known] = mature.weight  # these stand in for the mature ones that exited
    table = everyone[taught]
    return LabelledDeals(
        attributes=read_attributes(table, spec, dates=mature.dates).frame,
        early_churn=chance[taught],
        weight=weight[taught],
        closed_on=table[spec.deals.closed_on],
        dates=mature.dates,
    )


def _chance_of_early_churn(found: pd.DataFrame, horizon_months: int) -> NDArray[np.float64]:
    """Of each deal: its outcome where it is known, else the chance that is left of it."""
    early = found["early_churn"].to_numpy(dtype=float)
    unknown = np.isnan(early)
    if not unknown.any():
        return early
    months = found["followup_months"].to_numpy(dtype=float)
    curve = kaplan_meier(months, found["left"].to_numpy(dtype=bool))
    stays = float(curve.at(float(horizon_months)))
    return np.where(unknown, 1 - stays / curve.at(months), early)


def in_whole(
    early_churn: NDArray[np.float64],
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """
    Write chances as outcomes, for what learns from nothing else.

    Parameters
    ----------
    early_churn : ndarray of shape (n,)
        From 0 to 1.

    Returns
    -------
    rows : ndarray of int
        Which deal: those in between stand twice.
    outcome : ndarray of 0.0 and 1.0
    share : ndarray
        By how much of the deal's weight.

    Examples
    --------
    >>> rows, outcome, share = in_whole(np.array([1.0, 0.25]))
    >>> rows.tolist(), outcome.tolist(), share.tolist()
    ([0, 1, 1], [1.0, 1.0, 0.0], [1.0, 0.25, 0.75])
    """
    between = np.flatnonzero((early_churn > 0) & (early_churn < 1))
    outcome = np.where(early_churn > 0, 1.0, 0.0)
    share = np.where(early_churn > 0, early_churn, 1.0)
    return (
        np.concatenate([np.arange(len(early_churn)), between]),
        np.concatenate([outcome, np.zeros(len(between))]),
        np.concatenate([share, 1 - early_churn[between]]),
    )
