"""What does not keep a table from being learned from, and yet makes some of its numbers wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.deals.faults import Sheet

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.faults import Fault


def find_cautions(deals: pd.DataFrame, spec: DealSpec, first_row: int | None = None) -> list[Fault]:
    """List what a person should look at although the deals have no faults.

    Parameters
    ----------
    deals : DataFrame
        As read by `fitmodel.deals.reading.read_deals`.
    spec : DealSpec
    first_row : int, optional
        Number of the first row as a person sees it in the file; without it rows go by their index.

    Returns
    -------
    list of Fault
        Amounts below zero: the probability can be learned all the same, but the expected value of
        such a deal, and with it the policy ``value`` and every plan of commission, means nothing.

    Examples
    --------
    >>> from fitmodel.deals.cautions import find_cautions
    >>> sim = fitmodel.simulate_deals(200, seed=1)
    >>> find_cautions(sim.deals, sim.spec)
    []
    """
    name = spec.deals.amount
    if name is None:
        return []
    below = (deals[name] < 0).to_numpy()
    remedy = (
        "give the value of a year as money, not standardised, and leave it empty where there is "
        "none; or take amount out of [deals]: the column is an attribute all the same"
    )
    what = "are below zero (amount), so nothing that is said of their money holds"
    return list(Sheet(deals, first_row).faults(below, what, remedy, name))
