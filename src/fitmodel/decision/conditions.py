"""The money of one deal: its value line by line, and terms that may justify a poor fit.

amount, money -> margin and each cost, if the customer stays and if it leaves early -> their sums

The terms change the cost of an early churner, not the probability that the customer leaves: past
deals contain no evidence of the effect of such terms on the probability, so it stays the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from fitmodel.decision.value import COSTS, MONTHS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.decision.value import Money


class MoneyLine(NamedTuple):
    """One line of the calculation; costs are negative.

    Attributes
    ----------
    name : str
        ``gross_margin``, ``commission_rate`` or one of `fitmodel.decision.value.COSTS`.
    if_stays, if_leaves : float
        Money that the line adds if the customer stays, and if it leaves early.
    """

    name: str
    if_stays: float
    if_leaves: float

    def expected(self, probability: float) -> float:
        """Return the expected money of the line at an early-churn probability."""
        return (1.0 - probability) * self.if_stays + probability * self.if_leaves


def money_lines(
    money: Money, amount: float, probability: float | None = None
) -> tuple[MoneyLine, ...]:
    """Return the lines of the calculation, the margin first, without those that are 0.

    The lines add up to the value if the customer stays and the value if it leaves
    (`Money.linear`).

    Parameters
    ----------
    money : Money
        Money of the deal.
    amount : float
        Yearly contract value.
    probability : float, optional
        Early-churn probability, for the months of the customer's own survival curve.
    """
    stays, leaves = money.months(probability)
    yearly = money.gross_margin * amount / MONTHS_PER_YEAR
    margin: Any = tuple(
        yearly * max(months, money.paid_upfront_months) for months in (stays, leaves)
    )
    cost = {name: money.cost(name, amount) for name in COSTS}
    support = cost["support_cost_per_month"] * leaves
    values = {
        "gross_margin": margin,
        "acquisition_cost": (-cost["acquisition_cost"], 0.0),
        "onboarding_cost": (-cost["onboarding_cost"], -cost["onboarding_cost"]),
        "support_cost_per_month": (0.0, -support),
        "commission_rate": (0.0, -money.commission_rate * amount),
        "word_of_mouth_cost": (0.0, -cost["word_of_mouth_cost"]),
        "opportunity_cost": (-cost["opportunity_cost"], -cost["opportunity_cost"]),
    }
    lines = (MoneyLine(name, *pair) for name, pair in values.items())
    return tuple(line for line in lines if line.if_stays or line.if_leaves)


def describe_own_months(money: Money, level: float) -> str:
    """Return a sentence that compares customers' own lifetimes with one lifetime for everybody.

    It starts with a space; it is empty if there is only one lifetime.
    """
    if money.own_months is None:
        return ""
    low, usual, high = (money.months(p)[0] for p in (level / 2, level, min(2 * level, 1.0)))
    return (
        f" Each customer's own curve says how long it stays: past the horizon {low:.3g} months at "
        f"half the company's level of risk, {usual:.3g} at the level and {high:.3g} at twice the "
        f"level; one lifetime for everybody would be {money.expected_lifetime_months:.3g}."
    )


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
    current = money.value_if_leaves(amount)
    return tuple(
        condition
        for condition in _all_conditions(money, horizon_months)
        if condition.money.value_if_leaves(amount) > current
    )


def _all_conditions(money: Money, horizon_months: int) -> Iterator[Condition]:
    share_of_year = horizon_months / MONTHS_PER_YEAR
    shorter_term = replace(money, commission_rate=money.commission_rate * min(share_of_year, 1.0))
    upfront = max(money.paid_upfront_months, float(horizon_months))
    pilot = replace(shorter_term, paid_upfront_months=upfront)
    yield Condition("pilot", pilot)
    yield Condition("shorter_term", shorter_term)
    yield Condition("onboarding_bought", replace(money, onboarding_cost=0.0))
    prepaid = max(money.paid_upfront_months, MONTHS_PER_YEAR)
    yield Condition("paid_year", replace(money, paid_upfront_months=prepaid))
    if money.onboarding_cost:
        yield Condition("pilot_and_onboarding", replace(pilot, onboarding_cost=0.0))
