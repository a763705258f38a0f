"""Whether there are enough deals to learn from: one rule for init, check and train."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.history import HistoryView, view_of
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals._outcome_columns import Moment
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.training_set import TrainingSet

MIN_CHURNERS = 50
"""Deals known to have left early, and as many known to have stayed, that training needs."""


def known_outcomes(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, *, as_of: Moment | None = None
) -> tuple[int, int, float]:
    """Count what is known, as `check_enough` takes it.

    Every deal known to have left early counts, the young too, and every one known to have stayed.

    Returns
    -------
    tuple of int, int and float
        Early churners, deals that stayed, and months from the first deal to the last look.
    """
    return count_known(view_of(deals, spec, as_of))


def count_known(known: HistoryView | TrainingSet) -> tuple[int, int, float]:
    """Count what a view or a training set knows, as `known_outcomes`."""
    early, watched = known.early_churn, known.observable_months
    months = known.followup_months if np.isnan(watched).all() else watched
    return int((early == 1).sum()), int((early == 0).sum()), float(months.max(initial=0.0))


def is_enough(n_churners: float, n_stayers: float) -> bool:
    """Tell whether there are enough of both kinds to learn from."""
    return min(n_churners, n_stayers) >= MIN_CHURNERS


def check_enough(n_churners: int, n_stayers: int, months: float | None = None) -> None:
    """Refuse to learn from too few deals.

    Parameters
    ----------
    n_churners : int
        Deals known to have left within the horizon, however young.
    n_stayers : int
        Deals known to have stayed beyond it.
    months : float, optional
        From the first deal to the end of the extract, to say how long it takes to have enough.

    Raises
    ------
    DealsError
        Saying how many there are, how many are needed, and when that would be.

    Examples
    --------
    >>> from fitmodel.deals.enough import check_enough
    >>> check_enough(50, 400)
    """
    if n_churners < MIN_CHURNERS:
        raise DealsError(
            f"too little to learn from: {n_churners} early churner(s); {MIN_CHURNERS} needed"
            f"{_waiting(n_churners, months)}. Remedy: add older deals, or a longer horizon_months."
        )
    if n_stayers < MIN_CHURNERS:
        raise DealsError(
            f"too little to learn from: {n_stayers} deal(s) known to have stayed; {MIN_CHURNERS} "
            "needed. Remedy: add deals of customers who stayed beyond the horizon."
        )


def _waiting(n_churners: int, months: float | None) -> str:
    """How long until enough early churners are seen, at the rate so far."""
    if months is None or n_churners == 0 or months < 1:
        return ""
    wait = math.ceil((MIN_CHURNERS - n_churners) / (n_churners / months))
    return f"; at your rate that is about {wait} more month(s)"
