"""Contract terms that may justify signing a poor fit, and the money of the deal under each.

The terms change the cost of an early churner, not the probability that the customer leaves: past
deals contain no evidence of the effect of such terms on the probability, so it stays the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from fitmodel.decision.value import MONTHS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.decision.value import Money


class Condition(NamedTuple):
    """Contract terms, and the money of the deal under them.

    Attributes
    ----------
    name : str
        ``pilot``, ``shorter_term``, ``onboarding_bought``, ``paid_year`` or
        ``pilot_and_onboarding``.
    money : Money
        Money of the deal under these terms.
    """

    name: str
    money: Money


def money_conditions(money: Money, amount: float, horizon_months: int) -> tuple[Condition, ...]:
    """Return the terms under which an early churner of this amount costs less.

    * ``pilot``: a contract for the months of the horizon, paid in advance; the rep's commission
      is for these months only.
    * ``shorter_term``: a first term of the months of the horizon, paid by the month; the rep's
      commission is for this term only.
    * ``onboarding_bought``: the customer pays for the onboarding.
    * ``paid_year``: twelve months are paid in advance and not refunded.
    * ``pilot_and_onboarding``: ``pilot`` and ``onboarding_bought`` together.

    Parameters
    ----------
    money : Money
        Money of the deal under the usual terms.
    amount : float
        Yearly contract value.
    horizon_months : int
        Months within which leaving is early churn.
    """
    now = money.value_if_leaves(amount)
    return tuple(
        condition
        for condition in _every(money, horizon_months)
        if condition.money.value_if_leaves(amount) > now
    )


def _every(money: Money, horizon_months: int) -> Iterator[Condition]:
    first = horizon_months / MONTHS_PER_YEAR
    short = replace(money, commission_rate=money.commission_rate * min(first, 1.0))
    upfront = max(money.paid_upfront_months, float(horizon_months))
    pilot = replace(short, paid_upfront_months=upfront)
    yield Condition("pilot", pilot)
    yield Condition("shorter_term", short)
    yield Condition("onboarding_bought", replace(money, onboarding_cost=0.0))
    year = max(money.paid_upfront_months, MONTHS_PER_YEAR)
    yield Condition("paid_year", replace(money, paid_upfront_months=year))
    if money.onboarding_cost:
        yield Condition("pilot_and_onboarding", replace(pilot, onboarding_cost=0.0))
