"""The sum behind the expected value of signing, line by line.

amount, money -> margin and each cost, if the customer stays and if it leaves early -> their sums
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fitmodel.decision.value import COSTS, MONTHS_PER_YEAR

if TYPE_CHECKING:
    from fitmodel.decision.value import Money


class MoneyLine(NamedTuple):
    """One line of the sum; costs are negative.

    Attributes
    ----------
    name : str
        ``gross_margin``, ``commission_rate`` or one of `fitmodel.decision.value.COSTS`.
    if_stays, if_leaves : float
        What it adds if the customer stays, and if it leaves early.
    """

    name: str
    if_stays: float
    if_leaves: float

    def expected(self, probability: float) -> float:
        """Return what it adds on average at an early-churn probability."""
        return (1.0 - probability) * self.if_stays + probability * self.if_leaves


def money_lines(money: Money, amount: float) -> tuple[MoneyLine, ...]:
    """Return every line that is not 0 on both sides, the margin first.

    The lines add up to ``money.value_if_stays(amount)`` and ``money.value_if_leaves(amount)``.

    Parameters
    ----------
    money : Money
    amount : float
        Yearly contract value.
    """
    yearly = money.gross_margin * amount / MONTHS_PER_YEAR
    margin = yearly * money.months_paid_if_stays, yearly * money.months_paid_if_leaves
    cost = {name: money.cost(name, amount) for name in COSTS}
    support = cost["support_cost_per_month"] * money.months_until_early_churn
    sides = {
        "gross_margin": margin,
        "acquisition_cost": (-cost["acquisition_cost"], 0.0),
        "onboarding_cost": (-cost["onboarding_cost"], -cost["onboarding_cost"]),
        "support_cost_per_month": (0.0, -support),
        "commission_rate": (0.0, -money.commission_rate * amount),
        "word_of_mouth_cost": (0.0, -cost["word_of_mouth_cost"]),
        "opportunity_cost": (-cost["opportunity_cost"], -cost["opportunity_cost"]),
    }
    lines = (MoneyLine(name, *both) for name, both in sides.items())
    return tuple(line for line in lines if line.if_stays or line.if_leaves)
