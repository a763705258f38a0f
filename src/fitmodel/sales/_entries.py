"""Split one deal's commission into earned, withheld and pending amounts, to the cent."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.sales.plans import Plan

CENT = Decimal("0.01")


def cents(value: Decimal) -> Decimal:
    """Round to the cent, halves to the even one."""
    return value.quantize(CENT, rounding=ROUND_HALF_EVEN)


def split_commission(
    plan: Plan,
    amount: Decimal,
    months: float,
    *,
    left: bool,
    exited: bool,
    chances: Mapping[int, float],
) -> dict[str, Any]:
    """Split one deal's commission; the parts add up to the cent.

    Parameters
    ----------
    plan : Plan
    amount : Decimal
        Yearly contract value.
    months : float
        How long the customer has been watched, or stayed until it left.
    left, exited : bool
        Whether it left, or the deal ended for another reason.
    chances : mapping of int to float
        Chance that it reaches each age of the plan; read only where something is pending.

    Returns
    -------
    dict
        `left_early`, the Decimals `nominal` = `earned` + `withheld` + `pending`,
        `paid_at_signing`, `clawed_back`, and `expected`, what the pending is likely to bring.
    """
    nominal = cents(amount * plan.commission_rate)
    earned = cents(nominal * plan.share_at(months, left=left))
    short = not plan.reached(plan.earned_after_months, months, left=left)
    early, over = left and short, (left or exited) and short
    withheld = nominal - earned if over else Decimal(0)
    paid = cents(nominal * plan.paid_at_signing)
    pending = nominal - earned - withheld
    return {
        "left_early": early,
        "nominal": nominal,
        "earned": earned,
        "withheld": withheld,
        "pending": pending,
        "paid_at_signing": paid,
        "clawed_back": max(paid - earned, Decimal(0)) if over else Decimal(0),
        "expected": float(nominal) * _expected_share(plan, months, chances) if pending else 0.0,
    }


def _expected_share(plan: Plan, months: float, chances: Mapping[int, float]) -> float:
    """Sum the steps still to come, each times the chance that the customer reaches it."""
    before, total = float(plan.share_at(months, left=False)), 0.0
    for step, share in plan.steps:
        if share > before and not plan.reached(step, months, left=False):
            total += (share - before) * chances[step]
            before = share
    return total
