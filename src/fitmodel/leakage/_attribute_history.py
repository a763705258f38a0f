"""What the leakage audit compares attributes with: who left, when, and what could be known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.history import view_of
from fitmodel.leakage.statistics import cohorts_of, numbers_of

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.leakage.statistics import Codes, Floats, Mask

MAX_DEALS = 50_000
MIN_LEFT, FIRST, WELL_AFTER = 20, 0.05, 1.5  # the first twentieth of at least 20 who left


@dataclass(frozen=True, eq=False)
class History:
    """
    Deals and what became of them.

    Attributes
    ----------
    attributes : DataFrame of shape (n, attributes)
        Dates are days before closing.
    dates : tuple of str
        Which attributes are dates.
    early : ndarray of shape (n,)
        1.0 left early, 0.0 stayed longer, NaN unknown, not mature or signed before
        ``observed_from`` (the label would be selected). Deals too young to be mature
        are known only where they left: with them, whatever is new would seem to decide the outcome.
    left : ndarray of bool of shape (n,)
        Seen to leave by now.
    months : ndarray of shape (n,)
        Months stayed, so far.
    cohort : ndarray of int of shape (n,)
        Deals closed about the same time; all one where closing dates are not known.
    days_watched : ndarray of shape (n,), or None
        Days from closing to the end of the extract; None where closing dates are not known.
    amount : ndarray of shape (n,), or None
        Yearly value of the contract.
    ids : Series of shape (n,), or None
    sellers : tuple of str
        Columns that say who sold.
    horizon : float
        Months within which leaving is early.
    """

    attributes: pd.DataFrame
    dates: tuple[str, ...]
    early: Floats
    left: Mask
    months: Floats
    cohort: Codes
    days_watched: Floats | None
    amount: Floats | None
    ids: pd.Series[Any] | None
    sellers: tuple[str, ...]
    horizon: float

    @property
    def churned_early(self) -> Mask:
        """Seen to leave early, and mature."""
        return np.asarray(self.early == 1.0)

    def bound_by_a_term(self, group: Mask) -> bool:
        """
        Whether deals cannot leave early by contract, it seems: they leave, but long after.

        What was filled in by those who stayed looks alike, but there leaving goes on from then on.
        """
        months = self.months[group & self.left]
        if len(months) < MIN_LEFT:
            return False
        return float(np.quantile(months, FIRST)) > WELL_AFTER * self.horizon


def history_of(deals: pd.DataFrame | HistoryView, spec: DealSpec) -> History:
    """
    Attributes and outcomes of the deals.

    Raises
    ------
    DealsError
        As `outcomes`; also where an attribute is a date and the deals have no closing date.
    """
    view = view_of(deals, spec)
    if len(view) > MAX_DEALS:
        drawn = np.random.default_rng(0).choice(len(view), MAX_DEALS, replace=False)
        view = view.subset(np.sort(drawn))
    cohort, days_watched = np.zeros(len(view), dtype=np.int64), None
    if view.closed is not None:
        cohort = cohorts_of(view.closed)
        days_watched = (view.extract_end - view.closed).astype(float)
    read, deals = view.attributes(), view.deals
    roles = spec.deals
    amount = deals[roles.amount] if roles.amount in deals.columns else None
    return History(
        attributes=read.frame,
        dates=read.dates,
        early=np.where(view.mature & view.from_signing, view.early_churn, np.nan),
        left=view.left,
        months=view.followup_months,
        cohort=cohort,
        days_watched=days_watched,
        amount=None if amount is None else numbers_of(amount),
        ids=deals[roles.id] if roles.id in deals.columns else None,
        sellers=tuple(column for column in (roles.rep, roles.team) if column is not None),
        horizon=float(spec.label.horizon_months),
    )
