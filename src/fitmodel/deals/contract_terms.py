"""Find groups of deals whose customers cannot leave before their contract term ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.horizons import MIN_DEALS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fitmodel.deals.history_view import HistoryView

MIN_LEAVERS = 10
MAX_LEVELS = 12
MAX_EARLY_SHARE = 0.1
"""A group is bound only if at most this share of its leavers left by the age."""
ERROR = 0.001
"""Significance level of the test, over all groups together."""
FIRST_LEAVERS = 0.05
"""The term ends at this quantile of the months after which the group's leavers left."""


@dataclass(frozen=True)
class BoundDeals:
    """
    Deals with one value of a column whose customers rarely leave by an age, but leave later.

    Parameters
    ----------
    column : str
        Column that defines the group.
    value : object
        The group's value in that column.
    deals : int
        Number of deals of the group.
    left_by_age, left_later : int
        Number of customers that left by the age, and after it.
    term_months : int
        Whole months after which the first customers leave.
    """

    column: str
    value: Any
    deals: int
    left_by_age: int
    left_later: int
    term_months: int


def find_bound_deals(
    view: HistoryView, age_months: float, columns: Iterable[str]
) -> list[BoundDeals]:
    """
    Find column values whose customers are bound beyond an age, such as a yearly contract.

    Parameters
    ----------
    view : HistoryView
        Deals with their outcomes.
    age_months : float
        Age in months, such as the horizon, or the age at which commission is earned.
    columns : iterable of str
        Columns of the table to test; those with more than `MAX_LEVELS` values are skipped.

    Returns
    -------
    list of BoundDeals
        One entry per group of deals that is bound.

    Notes
    -----
    For each group, the share of its leavers that left by the age is compared with the share
    expected from the company's survival curve and each deal's follow-up: exact binomial test,
    Bonferroni-corrected for the number of groups tested.
    """
    from scipy.stats import binom

    by_age, ever = _hazards(view, age_months)
    months, left = view.followup_months, view.left
    groups = [
        (name, value, at)
        for name in columns
        if name in view.deals and 1 < view.deals[name].nunique() <= MAX_LEVELS
        for value, at in view.deals.groupby(name).indices.items()
        if len(at) >= MIN_DEALS and left[at].sum() >= MIN_LEAVERS
    ]
    result = []
    for name, value, at in groups:
        gone = months[at][left[at]]
        early = int((gone <= age_months).sum())
        share = float(by_age[at].sum() / max(ever[at].sum(), 1e-12))
        rare = float(binom.cdf(early, len(gone), min(share, 1.0))) < ERROR / len(groups)
        if rare and early <= MAX_EARLY_SHARE * len(gone):
            term = int(np.quantile(gone[gone > age_months], FIRST_LEAVERS))
            later = len(gone) - early
            result.append(BoundDeals(str(name), value, len(at), early, later, term))
    return result


def terms_of(view: HistoryView, bound: Iterable[BoundDeals]) -> NDArray[np.float64]:
    """Return the months for which each deal is bound, of shape (deals,); 0 if it is not bound."""
    terms = np.zeros(len(view))
    for group in bound:
        here = (view.deals[group.column] == group.value).fillna(value=False).to_numpy(dtype=bool)
        terms[here] = np.maximum(terms[here], group.term_months)
    return terms


def _hazards(
    view: HistoryView, age_months: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each deal's cumulative hazard up to the age, and over its whole follow-up."""
    curve, followup = view.survival, view.followup_months
    entry = np.minimum(view.entry_months, followup)
    start = -np.log(np.clip(curve.at(entry), 1e-12, 1))
    early = np.clip(np.minimum(followup, age_months), entry, None)
    by_age = -np.log(np.clip(curve.at(early), 1e-12, 1)) - start
    ever = -np.log(np.clip(curve.at(followup), 1e-12, 1)) - start
    return by_age, ever


def candidate_columns(view: HistoryView) -> list[str]:
    """Return the attributes and the rep's column, since a rep may sell one contract term only."""
    names = list(view.attributes().frame.columns)
    return names if view.spec.deals.rep is None else [*names, view.spec.deals.rep]
