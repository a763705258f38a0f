"""Commission that rewards customers who stay: a plan, paid over history to the cent.

plan + deals -> a ledger, each deal's entries adding up to its nominal commission, and bonuses
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from fitmodel.deals.outcomes import extract_end, kaplan_meier, outcomes
from fitmodel.deals.roles import yearly_amounts
from fitmodel.exceptions import DealsError
from fitmodel.sales.bonus import COLUMNS, pay_bonus
from fitmodel.sales.chances import chances_to_reach
from fitmodel.sales.entries import split_commission
from fitmodel.sales.ledger import Ledger
from fitmodel.sales.people import NO_NAME, check_index, names_of

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.sales.plans import Plan


def pay(
    deals: pd.DataFrame, spec: DealSpec, plan: Plan, probability: pd.Series[float] | None = None
) -> Ledger:
    """Pay a plan over history.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``, with rep and amount; deals without an amount earn nothing and
        are left out.
    spec : DealSpec
    plan : Plan
    probability : Series of float, optional
        Of early churn, to say what pending commissions are likely to bring; else the company's
        survival curve says it.

    Raises
    ------
    DealsError
        If the contract names no rep or no amount, an amount is negative or infinite, a probability
        is missing, rows share an index, or a bonus needs dates that are not there.

    Notes
    -----
    A deal that ended for another reason (exited_on) keeps what it has earned by then; the rest is
    withheld, though its customer is not counted as lost. A bonus counts deals without an amount
    too: it is paid for customers, not for their size.

    Examples
    --------
    >>> from fitmodel.sales.plans import Plan
    >>> sim = fitmodel.simulate_deals(300, seed=1)
    >>> ledger = pay(sim.deals, sim.spec, Plan(commission_rate="0.1"))
    >>> set(ledger.reps.index) >= set(sim.deals["rep"])
    True
    """
    rep, amount = spec.deals.rep, spec.deals.amount
    if rep is None or amount is None:
        raise DealsError(
            "commission needs a rep and an amount. Remedy: name their columns under [deals]."
        )
    check_index(deals)
    _check_amounts(deals[amount], amount)
    kept = deals[deals[amount].notna()]
    ages = [age for age, _ in plan.steps]
    chances = chances_to_reach(deals, spec, ages, probability).loc[kept.index]
    entries = _entries(
        plan,
        yearly_amounts(kept, spec),
        outcomes(deals, spec),
        _exited(deals, spec)[kept.index],
        chances,
    )
    return Ledger(plan, _signed(kept, spec).join(entries), _bonuses(deals, spec, plan, probability))


def _check_amounts(amounts: pd.Series[Any], name: str) -> None:
    values = amounts.to_numpy(dtype=np.float64)
    wrong = np.isinf(values) | (values < 0)
    if wrong.any():
        raise DealsError(
            f"{name}: {int(wrong.sum())} amount(s) are negative or infinite, e.g. "
            f"{values[wrong][0]:g}. Remedy: a yearly contract value is 0 or more; leave it empty "
            "where it is not known."
        )
    if np.isnan(values).all():
        raise DealsError(f"{name}: no deal has an amount, so no plan pays anything")


def _exited(deals: pd.DataFrame, spec: DealSpec) -> pd.Series[bool]:
    """Deals that ended for another reason than the customer's leaving: nothing more will come."""
    column = spec.deals.exited_on
    end = extract_end(deals, spec)
    if column is None or end is None:
        return pd.Series(data=False, index=deals.index)
    return deals[column] <= end  # one that is announced for later has not come yet


def _signed(deals: pd.DataFrame, spec: DealSpec) -> pd.DataFrame:
    """Which deal, by whom and in which month."""
    number, closing = spec.deals.id, spec.deals.closed_on
    table = pd.DataFrame(index=deals.index)
    if number is not None:
        table["deal"] = names_of(deals[number])
    table["rep"] = names_of(deals[str(spec.deals.rep)]).fillna(NO_NAME)
    table["month"] = "" if closing is None else deals[closing].dt.strftime("%Y-%m")
    return table


def _entries(
    plan: Plan,
    amounts: pd.Series[Any],
    found: pd.DataFrame,
    exited: pd.Series[bool],
    chances: pd.DataFrame,
) -> pd.DataFrame:
    found = found.loc[amounts.index]
    rows = [
        split_commission(
            plan,
            Decimal(str(value)),
            age,
            left=bool(gone),
            exited=over,
            chances=cast("dict[int, float]", chance),
        )
        for value, age, gone, over, chance in zip(
            amounts.tolist(),
            found["followup_months"].tolist(),
            found["left"].tolist(),
            exited.tolist(),
            chances.to_dict("records"),
            strict=True,
        )
    ]
    return pd.DataFrame(rows, index=amounts.index)


def _bonuses(
    deals: pd.DataFrame, spec: DealSpec, plan: Plan, probability: pd.Series[float] | None
) -> pd.DataFrame:
    if plan.bonus is None:
        return pd.DataFrame(columns=list(COLUMNS))
    if probability is None:
        found = outcomes(deals, spec)
        curve = kaplan_meier(found["followup_months"], found["left"])
        company = 1 - float(curve.at(float(spec.label.horizon_months)))
        probability = pd.Series(company, index=deals.index)
    return pay_bonus(deals, spec, plan.bonus, probability)
