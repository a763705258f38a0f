"""Commission that rewards customers who stay: a plan, paid over history to the cent.

plan + deals -> a ledger, each deal's entries adding up to its nominal commission, and bonuses
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.roles import yearly_amounts
from fitmodel.exceptions import DealsError
from fitmodel.sales._chances import chances_to_reach
from fitmodel.sales._entries import split_commission
from fitmodel.sales.bonus import COLUMNS, pay_bonus
from fitmodel.sales.ledger import Ledger
from fitmodel.sales.people import NO_NAME, check_index, names_of, people_of

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.sales.plans import Plan


def pay(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    plan: Plan,
    probability: pd.Series[float] | None = None,
) -> Ledger:
    """Pay a plan over history.

    Parameters
    ----------
    deals : DataFrame or HistoryView
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
    view = view_of(deals, spec)
    table = view.deals
    check_index(table)
    _check_amounts(table[amount], amount)
    priced = table[amount].notna().to_numpy()
    kept = table[priced]
    ages = [age for age, _ in plan.steps]
    chances = chances_to_reach(view, spec, ages, probability).loc[kept.index]
    entries = _entries(plan, yearly_amounts(kept, spec), view.subset(priced), chances)
    return Ledger(plan, _signed(kept, spec).join(entries), _bonuses(view, plan, probability))


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


def _signed(deals: pd.DataFrame, spec: DealSpec) -> pd.DataFrame:
    """Which deal, by whom and in which month."""
    number, closing = spec.deals.id, spec.deals.closed_on
    table = pd.DataFrame(index=deals.index)
    if number is not None:
        table["deal"] = names_of(deals[number])
    table["rep"] = people_of(deals[str(spec.deals.rep)]).fillna(NO_NAME)
    table["month"] = "" if closing is None else deals[closing].dt.strftime("%Y-%m")
    return table


def _entries(
    plan: Plan, amounts: pd.Series[Any], view: HistoryView, chances: pd.DataFrame
) -> pd.DataFrame:
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
            view.followup_months.tolist(),
            view.left.tolist(),
            view.exited_for_other_cause.tolist(),  # one announced for later has not come yet
            chances.to_dict("records"),
            strict=True,
        )
    ]
    return pd.DataFrame(rows, index=amounts.index)


def _bonuses(view: HistoryView, plan: Plan, probability: pd.Series[float] | None) -> pd.DataFrame:
    if plan.bonus is None:
        return pd.DataFrame(columns=list(COLUMNS))
    if probability is None:
        company = 1 - float(view.survival.at(float(view.spec.label.horizon_months)))
        probability = pd.Series(company, index=view.index)
    age = plan.earned_after_months
    return pay_bonus(view, view.spec, plan.bonus, probability, earned_after_months=age)
