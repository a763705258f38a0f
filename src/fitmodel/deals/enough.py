"""Whether there are enough deals to learn from: one rule for init, check and train.

early churners, others -> the fewer of the two -> full model, provisional model or base rate
"""

from __future__ import annotations

import math
from typing import Literal

from fitmodel.exceptions import DealsError

Regime = Literal["full", "provisional", "base_rate"]

MIN_CHURNERS = 15
"""Deals known to have left early, and as many others, that training needs."""

FULL_CHURNERS = 50
"""The same from which the whole learner is used; below it the model is provisional."""

MIN_CHURNERS_OF_A_PART = 25
"""The same for a part of a table that is enough as a whole: the others evaluate the learner."""

MIN_CHURNERS_OF_A_SMALL_PART = 8
"""The same for a part of a table that is enough for a provisional model."""


def regime_of(n_churners: float, n_others: float) -> Regime:
    """Tell which model so many deals allow.

    Parameters
    ----------
    n_churners : float
        Deals known to have left within the horizon, however young.
    n_others : float
        The other deals: known to have stayed, or too young to be known.

    Returns
    -------
    {"full", "provisional", "base_rate"}
        "provisional": a ridge regression that shrinks strongly towards the company's rate.
        "base_rate": that rate is all that can be told; nothing is trained.

    Examples
    --------
    >>> from fitmodel.deals.enough import regime_of
    >>> regime_of(50, 400), regime_of(15, 400), regime_of(14, 400)
    ('full', 'provisional', 'base_rate')
    """
    fewer = min(n_churners, n_others)
    if fewer >= FULL_CHURNERS:
        return "full"
    return "provisional" if fewer >= MIN_CHURNERS else "base_rate"


def is_enough(n_churners: float, n_others: float) -> bool:
    """Tell whether there are enough of both kinds to learn from."""
    return regime_of(n_churners, n_others) != "base_rate"


def base_rate_interval(n_churners: float, rate: float, n_known: float) -> tuple[float, float]:
    """Return the 80 % interval of the company's rate of early churn.

    Parameters
    ----------
    n_churners : float
    rate : float
        Kaplan-Meier estimate at the horizon.
    n_known : float
        Deals of which the outcome is known.

    Returns
    -------
    low, high : float

    Notes
    -----
    Jeffreys interval (Brown, Cai and DasGupta 2001) of so many early churners among as many deals
    as give the rate: with young deals fewer than there are.

    Examples
    --------
    >>> from fitmodel.deals.enough import base_rate_interval
    >>> low, high = base_rate_interval(6, 0.1, 60)
    >>> round(low, 3), round(high, 3)
    (0.061, 0.159)
    """
    from scipy.stats import beta

    n = n_churners / rate if n_churners > 0 and rate > 0 else n_known
    left, stayed = n_churners + 0.5, max(n - n_churners, 0.0) + 0.5
    low, high = beta.ppf([0.1, 0.9], left, stayed)
    return float(low) if n_churners else 0.0, float(high)


def check_enough(
    n_churners: int,
    n_others: int,
    months: float | None = None,
    *,
    least: int = MIN_CHURNERS,
    rate: str = "",
) -> None:
    """Refuse to learn from too few deals.

    Parameters
    ----------
    n_churners : int
        Deals known to have left within the horizon, however young.
    n_others : int
        The other deals: known to have stayed, or too young to be known.
    months : float, optional
        From the first deal to the last, to say how long it takes to have enough.
    least : int
        Needed of either kind.
    rate : str
        What is known without a model, for the message.

    Raises
    ------
    DealsError
        Saying how many there are, how many are needed, and when that would be.

    Examples
    --------
    >>> from fitmodel.deals.enough import check_enough
    >>> check_enough(15, 400)
    """
    known = f". Known without a model: {rate}" if rate else ""
    if n_churners < least:
        raise DealsError(
            f"too little to learn from: {n_churners} early churner(s); {least} needed"
            f"{_waiting(n_churners, months, least)}{known}. Remedy: a later extract, or a longer "
            "horizon_months."
        )
    if n_others < least:
        raise DealsError(
            f"too little to learn from: {n_others} deal(s) that did not leave early; "
            f"{least} needed{known}. Remedy: add the deals of customers who stayed."
        )


def _waiting(n_churners: int, months: float | None, least: int) -> str:
    """How long until enough early churners are seen, at the rate so far."""
    if months is None or n_churners == 0 or months < 1:
        return ""
    wait = math.ceil((least - n_churners) / (n_churners / months))
    return f"; at your rate that is about {wait} more month(s)"
