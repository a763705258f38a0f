"""Groups of deals whose customers cannot leave before a contract term ends, found from the data."""

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
"""Of a group's leavers, at most so many left by the age for it to count as bound until later."""
ERROR = 0.001
FIRST_LEAVERS = 0.05
"""Quantile of the leavers' months at which the term is taken to end."""


@dataclass(frozen=True)
class BoundDeals:
    """
    Deals with one value of a column whose customers hardly ever leave by an age, but do later.

    Parameters
    ----------
    column : str
    value : object
    deals, left_by_age, left_later : int
    term_months : int
        Whole months after which the first of them leave.
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
    Find values of columns that bind customers beyond an age, such as a yearly contract.

    Parameters
    ----------
    view : HistoryView
    age_months : float
        Such as the horizon, or the age at which commission is earned.
    columns : iterable of str
        Columns of the table to look at; those with more than `MAX_LEVELS` values are skipped.

    Returns
    -------
    list of BoundDeals

    Notes
    -----
    Given how many customers of a group left, the share of them that left by the age is compared
    with what the company's survival curve and each deal's follow-up would give (exact binomial
    test, corrected for the number of groups looked at).
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
    """Months for which each deal is bound by what was found; 0 where nothing binds it."""
    terms = np.zeros(len(view))
    for group in bound:
        here = (view.deals[group.column] == group.value).fillna(value=False).to_numpy(dtype=bool)
        terms[here] = np.maximum(terms[here], group.term_months)
    return terms


def _hazards(
    view: HistoryView, age_months: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cumulative hazard each deal went through by the age, and in all its follow-up."""
    curve, seen = view.survival, view.followup_months
    entry = np.minimum(view.entry_months, seen)
    start = -np.log(np.clip(curve.at(entry), 1e-12, 1))
    early = np.clip(np.minimum(seen, age_months), entry, None)
    by_age = -np.log(np.clip(curve.at(early), 1e-12, 1)) - start
    ever = -np.log(np.clip(curve.at(seen), 1e-12, 1)) - start
    return by_age, ever


def columns_to_look_at(view: HistoryView) -> list[str]:
    """Attributes of the contract, and the rep: a rep may sell one term only."""
    names = list(view.attributes().frame.columns)
    return names if view.spec.deals.rep is None else [*names, view.spec.deals.rep]
