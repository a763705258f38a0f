"""Compare two commission plans on the same past deals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.renamed import old_function
from fitmodel.tables.cells import PLAIN_MONEY, money_text

if TYPE_CHECKING:
    from fitmodel.sales._ledger import Ledger


@dataclass(frozen=True)
class PlanComparison:
    """Comparison of two commission plans on the same history.

    Parameters
    ----------
    before, after : str
        Names of the two plans.
    earned_before, earned_after : Decimal
        Commission earned so far under each plan.
    pending_before, pending_after : Decimal
        Commission not decided yet under each plan.
    to_lost_before, to_lost_after : Decimal
        Part of the earned commission that is for customers who left within `months`.
    bonus_before, bonus_after : Decimal
        Bonuses decided under each plan.
    deals, lost : int
        Number of deals that the plans pay for, and number of those whose customer left within
        `months`.
    months : int
        The larger of the two plans' `earned_after_months`.
    digits : int
        Decimal places of the amounts in the sentence.
    money : str
        Format of these amounts, such as ``"€ {:,.0f}"``.
    """

    before: str
    after: str
    earned_before: Decimal
    earned_after: Decimal
    pending_before: Decimal
    pending_after: Decimal
    to_lost_before: Decimal
    to_lost_after: Decimal
    bonus_before: Decimal
    bonus_after: Decimal
    deals: int
    lost: int
    months: int
    digits: int = 2
    money: str = PLAIN_MONEY

    def in_words(self, language: str = "en") -> str:
        """Return the difference between the plans in one or two sentences."""
        say = phrases(language, "incentives")
        saved = self.to_lost_before - self.to_lost_after
        money = {
            name: money_text(self.money, getattr(self, name), digits=self.digits)
            for name in ("earned_before", "earned_after", "pending_before", "pending_after")
        }
        return say(
            "less" if saved >= 0 else "more",
            before=self.before,
            after=self.after,
            change=money_text(self.money, abs(saved), digits=self.digits),
            deals=f"{self.deals:,}",
            months=self.months,
            **money,
        )

    says = old_function("says", in_words)

    def __str__(self) -> str:
        return self.in_words()


def compare_plans(before: Ledger, after: Ledger) -> PlanComparison:
    """Compare what two plans pay on the same deals.

    Parameters
    ----------
    before, after : Ledger
        Ledgers of the same deals, from `fitmodel.sales.incentives.pay`.

    Returns
    -------
    PlanComparison

    Raises
    ------
    DealsError
        If the ledgers are not of the same deals.

    Examples
    --------
    >>> from fitmodel.sales.incentives import pay
    >>> from fitmodel.sales.plans import Plan
    >>> sim = fitmodel.simulate_deals(300, seed=1)
    >>> at_once = pay(sim.deals, sim.spec, Plan(commission_rate="0.1", earned_after_months=0))
    >>> found = compare_plans(at_once, pay(sim.deals, sim.spec, Plan(commission_rate="0.1")))
    >>> found.to_lost_before > found.to_lost_after
    True
    """
    if set(before.deals.index) != set(after.deals.index):
        raise DealsError("the two ledgers are not of the same deals")
    # whoever left before the later age was lost to the plan that asks for more
    early = pd.concat([_left_early(before), _left_early(after)])
    lost = early.groupby(level=0, sort=False).any()
    return PlanComparison(
        before=before.plan.name,
        after=after.plan.name,
        earned_before=_total(before.deals["earned"]),
        earned_after=_total(after.deals["earned"]),
        pending_before=_total(before.deals["pending"]),
        pending_after=_total(after.deals["pending"]),
        to_lost_before=_earned_on_lost(before, lost),
        to_lost_after=_earned_on_lost(after, lost),
        bonus_before=_total(before.bonuses["bonus"]),
        bonus_after=_total(after.bonuses["bonus"]),
        deals=len(lost),
        lost=int(lost.sum()),
        months=max(before.plan.earned_after_months, after.plan.earned_after_months),
        digits=max(before.plan.digits, after.plan.digits),
        money=after.money,
    )


def _left_early(ledger: Ledger) -> pd.Series[bool]:
    """Whether each line's customer left early; the lines of a shared deal have the same key."""
    return ledger.deals["left_early"].set_axis(_keys(ledger))


def _keys(ledger: Ledger) -> pd.Index[Any]:
    """Return the deal of each line; a later row of a customer is a deal of its own."""
    deals = ledger.deals
    columns = [deals[name] for name in ("deal", "month") if name in deals]
    return pd.MultiIndex.from_arrays([deals.index, *columns]).to_flat_index()


def _earned_on_lost(ledger: Ledger, lost: pd.Series[bool]) -> Decimal:
    is_lost = _keys(ledger).isin(lost.index[lost])
    return _total(ledger.deals.loc[is_lost, "earned"])


def _total(amounts: pd.Series[Any]) -> Decimal:
    return sum(amounts, Decimal(0))
