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
    view = view_of(deals, spec, as_of)
    labelled = view.labelled()
    if not spec.has_dates:
        return labelled
    known = view.mature & ~np.isnan(view.early_churn)
    # all but mature deals that exited too soon and deals whose label is selected
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
