"""Whether there are enough deals to learn from: one rule for init, check and train."""

from __future__ import annotations

import math

from fitmodel.exceptions import DealsError

MIN_CHURNERS = 50
"""Deals known to have left early, and as many others, that training needs."""


def is_enough(n_churners: float, n_others: float) -> bool:
    """Tell whether there are enough of both kinds to learn from."""
    return min(n_churners, n_others) >= MIN_CHURNERS


def check_enough(n_churners: int, n_others: int, months: float | None = None) -> None:
    """Refuse to learn from too few deals.

    Parameters
    ----------
    n_churners : int
        Deals known to have left within the horizon, however young.
    n_others : int
        The other deals: known to have stayed, or too young to be known.
    months : float, optional
        From the first deal to the last, to say how long it takes to have enough.

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
            f"{_waiting(n_churners, months)}. Remedy: a later extract, or a longer horizon_months."
        )
    if n_others < MIN_CHURNERS:
        raise DealsError(
            f"too little to learn from: {n_others} deal(s) that did not leave early; "
            f"{MIN_CHURNERS} needed. Remedy: add the deals of customers who stayed."
        )


def _waiting(n_churners: int, months: float | None) -> str:
    """How long until enough early churners are seen, at the rate so far."""
    if months is None or n_churners == 0 or months < 1:
        return ""
    wait = math.ceil((MIN_CHURNERS - n_churners) / (n_churners / months))
    return f"; at your rate that is about {wait} more month(s)"
