"""Example values for the money of a deal, and their consequences for the past deals.

contract without money -> example values -> break-even probabilities of the past deals' amounts

The examples are starting values, not facts about the company. Costs are shares of the yearly
amount: with costs per deal only, a deal above some amount could never lose money, however risky
it is, and very small deals would always lose money.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.history import view_of
from fitmodel.deals.roles import yearly_amounts
from fitmodel.decision._known_money import known_money
from fitmodel.decision.choice import risk_threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.decision.value import FloatArray, Money

EXAMPLE_MONEY: Mapping[str, float | str] = MappingProxyType(
    {
        "gross_margin": 0.75,
        "commission_rate": 0.1,
        "onboarding_cost": "10%",
        "support_cost_per_month": "2%",
        "word_of_mouth_cost": "20%",
        "opportunity_cost": "15%",
    }
)
"""Examples for a software company that sells yearly contracts.

The gross margin is 75% of the revenue, after hosting and ordinary support. The rep's commission is
10% of the first year, and onboarding costs another 10%. The extra support of a poor fit costs 2%
of its yearly amount every month, its bad word of mouth 20% of the yearly amount, and the time
spent on it would have earned 15% of the yearly amount elsewhere.
"""


def suggested_money() -> dict[str, float | str]:
    """Return example values for ``[decision]``, by key."""
    return dict(EXAMPLE_MONEY)


def money_consequences(deals: pd.DataFrame, spec: DealSpec) -> tuple[str, ...]:
    """Return sentences on what the contract's money, or example money, means for the past deals.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec
        Contract of the deals.

    Returns
    -------
    tuple of str
        One sentence per item; empty if the contract names no amount.
    """
    if spec.deals.amount is None:
        return ()
    is_example = spec.decision.gross_margin is None
    spec_with_money = spec.replace(decision=suggested_money()) if is_example else spec
    curve = view_of(deals, spec).survival  # it allows for late entries and unknown days
    amounts = np.asarray(yearly_amounts(deals, spec), dtype=np.float64)
    money, missing = known_money(spec_with_money, amounts, curve)
    if money is None:
        return (f"No money can be weighed: {missing}.",)
    known = amounts[np.isfinite(amounts) & (amounts > 0)]
    source = f"Example money ({_listed(EXAMPLE_MONEY)})" if is_example else "The contract's money"
    level = 1.0 - float(curve.at(float(spec.label.horizon_months)))
    flag = risk_threshold(level, spec.decision.odds_ratio)
    return tuple(_sentences(source, money, known, spec.words.money.format, flag))


def _listed(values: Mapping[str, float | str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _sentences(
    source: str,
    money: Money,
    amounts: FloatArray,
    as_money: Callable[[float], str],
    flag: float | None,
) -> Iterator[str]:
    if not len(amounts):
        return
    break_even = money.break_even(amounts)
    median, big = (float(each) for each in np.quantile(amounts, [0.5, 0.9], method="higher"))
    at_median, at_big = (_from(money.break_even(amount)) for amount in (median, big))
    if at_median == at_big:
        yield f"{source}: a deal of any usual amount loses money on average {at_median}."
    else:
        yield (
            f"{source}: at the median amount of {as_money(median)} a year a deal loses money on "
            f"average {at_median}; at {as_money(big)} (top tenth) {at_big}."
        )
    yield from _always_losing_text(money, amounts, as_money)
    safe = break_even >= 1.0
    if safe.any():
        yield (
            f"From {as_money(float(amounts[safe].min()))} a year on no deal loses money on "
            f"average, whatever its risk: {_count(int(safe.sum()), len(amounts))}. To change that, "
            f'write a cost as a share of the amount, such as onboarding_cost = "8%".'
        )
    if flag is not None:
        above = int((break_even > flag).sum())
        yield (
            f'policy = "risk" flags from {100.0 * flag:.0f}% on, at any amount. By the money '
            f"alone the flag would begin later for {_count(above, len(amounts))}."
        )


def _from(break_even: float) -> str:
    if break_even <= 0.0:
        return "at any early-churn probability"
    if break_even >= 1.0:
        return "at no early-churn probability"
    return f"from an early-churn probability of {100.0 * break_even:.0f}% on"


def _always_losing_text(
    money: Money, amounts: FloatArray, as_money: Callable[[float], str]
) -> Iterator[str]:
    losing = money.value_if_stays(amounts) < 0.0
    if not losing.any():
        return
    yield (
        f'policy = "value" flags {_count(int(losing.sum()), len(amounts))} whatever their risk, up '
        f"to {as_money(float(amounts[losing].max()))} a year: they lose money although the "
        f"customer stays."
    )


def _count(count: int, total: int) -> str:
    return f"{count:,} of {total:,} past deals with an amount"
