"""
Deals to learn from: mature deals with their label, young deals with a soft label.

Among deals too young to be mature, only leavers have a known label. If a model learned from these
labels alone, whatever is new about young deals would look risky. If young deals were left out, the
latest information on a falling or rising rate would be lost. Therefore a young deal whose customer
is still there gets a soft label: the probability of leaving by the horizon, given that the customer
has stayed so far (redistribution to the right, Efron 1967).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.history import HistoryView, view_of
from fitmodel.deals.training_set import LabelledDeals

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals._outcome_columns import Moment
    from fitmodel.deals.contract import DealSpec


def training_deals(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, *, as_of: Moment | None = None
) -> LabelledDeals:
    """
    Return mature deals with their label and young deals with a soft label.

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
    kept = view.from_signing & (known | ~view.mature)
    everything = view.training_set(labelled.dates)
    weight = np.where(view.label_weights.values > 0, view.label_weights.values, 1.0)  # noqa: PD011
    chosen = everything.subset(kept)
    return LabelledDeals(
        attributes=chosen.attributes,
        early_churn=everything.marginal_chance[kept],
        weight=chosen.weight * weight[kept],
        closed_on=chosen.closed_on,
        dates=chosen.dates,
        late_entries=labelled.late_entries,
    )
