"""Check whether there are enough deals to learn from: one rule for init, check and train.

early churners, others -> the smaller of the two -> full model, provisional model or base rate
"""

from __future__ import annotations

import math
from typing import Literal

from fitmodel.exceptions import DealsError
from fitmodel.renamed import old_parameters

Regime = Literal["full", "provisional", "base_rate"]

MIN_CHURNERS = 15
"""Training needs this many early churners and as many other deals."""

FULL_CHURNERS = 50
"""A full model needs this many early churners and as many others; with fewer it is provisional."""

MIN_CHURNERS_OF_A_PART = 25
"""The minimum for the training part of a split table, if the whole table allows a full model."""

MIN_CHURNERS_OF_A_SMALL_PART = 8
"""The minimum for the training part of a split table that allows a provisional model."""


def regime_of(n_churners: float, n_others: float) -> Regime:
    """Return which kind of model the number of deals allows.

    Parameters
    ----------
    n_churners : float
        Number of deals known to have left within the horizon, whatever their age.
    n_others : float
        Number of the other deals: known to have stayed, or too young to be known.

    Returns
    -------
    {"full", "provisional", "base_rate"}
        "provisional" is a ridge regression with strong shrinkage towards the company's rate.
        "base_rate" means that only this rate can be estimated; no model is trained.

    Examples
    --------
    >>> from fitmodel.deals.enough import regime_of
    >>> regime_of(50, 400), regime_of(15, 400), regime_of(14, 400)
    ('full', 'provisional', 'base_rate')
    """
    smaller_class = min(n_churners, n_others)
    if smaller_class >= FULL_CHURNERS:
        return "full"
    return "provisional" if smaller_class >= MIN_CHURNERS else "base_rate"


def is_enough(n_churners: float, n_others: float) -> bool:
    """Return whether there are enough early churners and other deals to learn from."""
    return regime_of(n_churners, n_others) != "base_rate"


def base_rate_interval(n_churners: float, rate: float, n_known: float) -> tuple[float, float]:
    """Return the 80% interval of the company's early-churn rate.

    Parameters
    ----------
    n_churners : float
        Number of deals known to have left within the horizon.
    rate : float
        Kaplan-Meier estimate of the early-churn rate, between 0 and 1.
    n_known : float
        Number of deals with a known outcome.

    Returns
    -------
    low, high : float
        Limits of the rate, between 0 and 1.

    Notes
    -----
    Jeffreys interval (Brown, Cai and DasGupta 2001) of ``n_churners`` early churners among
    ``n_churners / rate`` deals. If some deals are young, these are fewer than all deals.

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


def rate_text(n_churners: float, rate: float, n_known: float, when: str) -> str:
    """Return a text on the early-churn rate with its 80% interval; empty if nothing is known."""
    if not n_known:
        return ""
    low, high = base_rate_interval(n_churners, rate, n_known)
    return f"{rate:.1%} leave {when} (80% interval {low:.1%} to {high:.1%})"


@old_parameters(least="min_churners")
def check_enough(
    n_churners: int,
    n_others: int,
    months: float | None = None,
    *,
    min_churners: int = MIN_CHURNERS,
    rate: str = "",
) -> None:
    """Raise an error if there are too few deals to learn from.

    Parameters
    ----------
    n_churners : int
        Number of deals known to have left within the horizon, whatever their age.
    n_others : int
        Number of the other deals: known to have stayed, or too young to be known.
    months : float, optional
        Months from the first deal to the last, to estimate when there will be enough.
    min_churners : int
        Number needed of each of the two.
    rate : str
        Text about the early-churn rate, added to the message.

    Raises
    ------
    DealsError
        If there are too few: says how many there are, how many are needed, and how long that takes.

    Examples
    --------
    >>> from fitmodel.deals.enough import check_enough
    >>> check_enough(15, 400)
    """
    known = f". Known without a model: {rate}" if rate else ""
    waiting = waiting_text(n_churners, months, min_churners)
    if n_churners < min_churners:
        raise DealsError(
            f"too little to learn from: {n_churners} early churner(s); {min_churners} needed"
            f"{waiting}{known}. Remedy: a later extract, or a longer horizon_months."
        )
    if n_others < min_churners:
        raise DealsError(
            f"too little to learn from: {n_others} deal(s) that did not leave early; "
            f"{min_churners} needed{known}. Remedy: add the deals of customers who stayed."
        )


def waiting_text(n_churners: int, months: float | None, min_churners: int) -> str:
    """Return a text on how many more months it takes, at the rate so far, to have enough."""
    if months is None or n_churners == 0 or months < 1:
        return ""
    months_to_wait = math.ceil((min_churners - n_churners) / (n_churners / months))
    return f"; at your rate that is about {months_to_wait} more month(s)"
