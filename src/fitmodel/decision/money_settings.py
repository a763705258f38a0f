"""Money of the contract: completed from the deals, or example values and what they would mean.

contract, survival curve -> lifetime and months until early churn -> Money, or what is missing
contract without money   -> example values -> break-even probabilities of the past deals' amounts

The examples are starting values, not facts about the company. Costs are shares of the yearly
amount: with costs per deal only, a deal above some amount could never lose money, however risky
it is, and very small deals would always lose money.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.history import view_of
from fitmodel.deals.roles import yearly_amounts
from fitmodel.deals.survival import MIN_AT_RISK
from fitmodel.decision.policy import risk_threshold
from fitmodel.decision.value import COSTS, Money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.survival import SurvivalCurve
    from fitmodel.decision.own_months import OwnMonths
    from fitmodel.decision.value import FloatArray


def known_money(
    spec: DealSpec,
    amount: npt.ArrayLike | None,
    curve: SurvivalCurve | None,
    own_months: OwnMonths | None = None,
) -> tuple[Money | None, str]:
    """Return the money of a deal, or ``None`` and a text that says what is missing.

    It needs neither a model nor probabilities, so it can be called before training to fail early.

    Parameters
    ----------
    spec : DealSpec
        Contract with the money in its ``[decision]``.
    amount : array of shape (n,), optional
        Yearly amounts of the deals; NaN where not known.
    curve : SurvivalCurve, optional
        Survival of the deals; the lifetime and the months until early churn are estimated from it.
    own_months : OwnMonths, optional
        Months by a customer's own probability. They are used only if the contract gives no
        ``expected_lifetime_months``: a lifetime that is given applies to all customers.

    Raises
    ------
    SpecError
        If the money given contradicts itself or the deals (see `Money`).
    """
    decision = spec.decision
    if decision.gross_margin is None:
        return None, "no money was given"
    if amount is None or not np.isfinite(np.asarray(amount, dtype=np.float64)).any():
        return None, "the deals have no amount"
    horizon = float(spec.label.horizon_months)
    months_until = _estimated(estimate_months_until_early_churn, curve, horizon)
    if math.isnan(months_until):
        return None, "no customer was seen to leave within the horizon"
    lifetime = decision.expected_lifetime_months
    if lifetime is None:
        lifetime = _estimated(estimate_lifetime, curve, horizon)
    if math.isnan(lifetime):
        return None, (
            "too few customers were watched beyond the horizon to estimate how long they stay "
            "(give expected_lifetime_months)"
        )
    cost_names = (*COSTS, "commission_rate", "paid_upfront_months")
    given = {name: getattr(decision, name) for name in cost_names}
    own = own_months if decision.expected_lifetime_months is None else None
    return Money(decision.gross_margin, lifetime, months_until, **given, own_months=own), ""


def _estimated(estimate: Any, curve: SurvivalCurve | None, horizon: float) -> float:
    return math.nan if curve is None else float(estimate(curve, horizon_months=horizon))


MAX_FOLLOWUP_RATIO = 2.0
"""An estimated lifetime is at most this multiple of the longest follow-up time."""


def estimate_lifetime(curve: SurvivalCurve, *, horizon_months: float = 0.0) -> float:
    """Estimate how many months a customer that stays past the horizon remains (conservative).

    The mean number of months from signing, given that the customer survives the horizon: the area
    under the Kaplan-Meier curve up to the last time at which at least 10 customers were at risk
    (restricted mean survival time; Royston & Parmar 2013, BMC Medical Research Methodology
    13:152), plus an exponential tail for those still at risk then. The monthly rate of the tail is
    the UPPER one-sided 95% Poisson limit of the rate observed after the horizon (Byar's
    approximation; Breslow & Day 1987, Statistical Methods in Cancer Research II, page 69), and the
    result is at most twice the follow-up time. So the estimate is rather too short, and a deal
    looks less valuable than it is: give ``expected_lifetime_months`` if a better value is known.

    Parameters
    ----------
    curve
        Survival curve of all deals, whatever their outcome.
    horizon_months
        Months within which leaving is early churn.

    Returns
    -------
    float
        Months from signing, more than the horizon; NaN if fewer than 10 customers were at risk
        beyond it, or none survived it.
    """
    exact_curve = curve.exact or curve
    reliable = (exact_curve.at_risk >= MIN_AT_RISK) & (exact_curve.times > horizon_months)
    survival_at_horizon = exact_curve.at(float(horizon_months))
    if not reliable.any() or not survival_at_horizon > 0.0:
        return math.nan
    last_time = float(exact_curve.times[reliable][-1])
    observed_months = exact_curve.restricted_mean(last_time) - exact_curve.restricted_mean(
        float(horizon_months)
    )
    tail_months = exact_curve.at(last_time) / exact_curve.upper_rate_after(float(horizon_months))
    return float(
        min(
            horizon_months + (observed_months + tail_months) / survival_at_horizon,
            MAX_FOLLOWUP_RATIO * last_time,
        )
    )


def estimate_months_until_early_churn(curve: SurvivalCurve, *, horizon_months: float) -> float:
    """Estimate the mean months from signing until an early churner leaves.

    ``(restricted mean to the horizon - horizon * S(horizon)) / (1 - S(horizon))`` with the
    Kaplan-Meier survival S. The plain mean over the observed early churners would be too low,
    because of young deals only the quickest churners are known; this estimate is not.

    Returns
    -------
    float
        Months in (0, horizon]; NaN if nobody left within the horizon or the curve does not reach
        it.
    """
    survive = curve.at(float(horizon_months))
    if not survive < 1.0:
        return math.nan
    mean = curve.restricted_mean(float(horizon_months))
    return float((mean - horizon_months * survive) / (1.0 - survive))


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
