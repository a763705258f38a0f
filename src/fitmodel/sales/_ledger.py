"""Ledger of a commission plan: amounts per deal and their sums; and two ledgers compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.renamed import old_function
from fitmodel.tables.cells import PLAIN_MONEY, money_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.sales.plans import Plan

MONEY = ("nominal", "earned", "withheld", "pending", "paid_at_signing", "clawed_back")
PAYROLL = ("month", "rep", "kind", "deal", "amount")
BONUS = ("bonus", "bonus_pending")
ALL = "all"
SUMMED: dict[str, Any] = {
    "deals": 0,
    **dict.fromkeys((*MONEY, *BONUS), Decimal(0)),
    "expected": 0.0,
    "bonus_expected": 0.0,
}
"""Columns that are summed, and the start value of each sum."""


@dataclass(frozen=True, eq=False)
class Ledger:
    """Amounts that a commission plan pays on past deals.

    Parameters
    ----------
    plan : Plan
        The commission plan.
    deals : DataFrame
        One row per deal with an amount and rep who shares it: `deal` (id, where the contract names
        one), `rep`, `month` of signing ("2026-03"; empty without dates), `left_early` (before the
        plan's age), and the Decimal columns `nominal` = `earned` + `withheld` + `pending`,
        `paid_at_signing`, and `clawed_back` (part of the advance that is taken back); `expected`
        (float), the part of the pending amount that is expected to be earned.
    bonuses : DataFrame
        One row per period and rep: `period`, `month` (the last of the period), `rep`, `took_part`
        (number of reps with enough evidence), `signed`, `tested` (signed deals that came to a
        renewal or reached the plan's age), `renewed` (number of the tested), `expected_renewals`
        (number expected for such customers), `renewal_rate`, `score` (renewed over expected; NaN
        with too little evidence), `outcome` (see `fitmodel.sales._bonus.pay_bonus`), the Decimals
        `bonus` (decided) and `bonus_pending` (at the current standing), `bonus_expected` (float),
        and `decided_in`, the month in which the last deal was tested (empty while it is pending).
        Empty where the plan has no bonus.
    payroll : DataFrame
        One row per amount: `month` in which it is paid or taken back ("2026-03"), `rep`, `kind`
        (see `fitmodel.sales._payroll.pay_out`), `deal` (empty for amounts that do not belong to a
        single deal) and `amount` (Decimal). Empty where the deals have no dates.
    money : str
        Format of an amount for people, ``[words] money`` of the contract, such as ``"€ {:,.0f}"``.
    """

    plan: Plan
    deals: pd.DataFrame
    bonuses: pd.DataFrame
    payroll: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(PAYROLL)))
    money: str = PLAIN_MONEY

    def money_text(self, amount: float | Decimal, *, digits: int | None = None) -> str:
        """Return an amount in the contract's currency, by default as exact as the plan rounds."""
        places = self.plan.digits if digits is None else digits
        return money_text(self.money, amount, digits=places)

    @property
    def payroll_by_month(self) -> pd.DataFrame:
        """Payments to each rep in each payroll month, by kind and in total."""
        kinds = sorted(set(self.payroll["kind"]))
        rows: dict[tuple[str, str], dict[str, Decimal]] = {}
        for row in self.payroll.to_dict("records"):
            sums = rows.setdefault((row["month"], row["rep"]), dict.fromkeys(kinds, Decimal(0)))
            sums[row["kind"]] += row["amount"]
        table = [sums | {"total": sum(sums.values(), Decimal(0))} for sums in rows.values()]
        index = pd.MultiIndex.from_tuples(list(rows), names=["month", "rep"])
        return pd.DataFrame(table, index, columns=[*kinds, "total"]).sort_index()

    @property
    def reps(self) -> pd.DataFrame:
        """Sums per rep, exact to the cent; the last row is the total.

        `deals` counts the deals that a rep signed or shares: a shared deal counts for both reps,
        and once in the total. A later row of a customer (an upgrade, a credit note) counts as a
        deal of its own if the contract names an id. All other columns are sums of amounts.
        """
        return self._summed(["rep"])

    @property
    def months(self) -> pd.DataFrame:
        """Sums per month in which the deals were signed; the last row is the total.

        A shared deal counts once, see `reps`.
        """
        return self._summed(["month"])

    @property
    def reps_by_month(self) -> pd.DataFrame:
        """Sums per rep and month of signing; the last row is the total."""
        return self._summed(["rep", "month"])

    @property
    def total(self) -> pd.Series[Any]:
        """Sums over all reps."""
        return self.reps.iloc[-1]

    def _summed(self, keys: list[str]) -> pd.DataFrame:
        lines = self._lines()
        by_key = lines.groupby(keys, sort=True)
        sums = by_key[list(SUMMED)].sum().assign(deals=by_key["deal"].nunique())
        total = pd.DataFrame([{name: sum(lines[name], start) for name, start in SUMMED.items()}])
        total["deals"] = lines["deal"].nunique()
        total = total.assign(**dict.fromkeys(keys, ALL)).set_index(keys)
        return pd.concat([sums.astype(total.dtypes), total])

    def _lines(self) -> pd.DataFrame:
        """Return deals and bonuses in one table; columns that one of them lacks are 0 there.

        `deal` numbers the deals: the two lines of a shared deal have the same number.
        """
        row = self.deals.index.to_series()
        numbers = pd.factorize(pd.MultiIndex.from_arrays([row, self.deals.get("deal", row)]))[0]
        tables = [self.deals.assign(deal=numbers), self.bonuses.assign(deal=None)]
        return pd.concat([_with_all_sums(table) for table in tables if len(table)])


def _with_all_sums(table: pd.DataFrame) -> pd.DataFrame:
    sums = {name: table.get(name, start) for name, start in SUMMED.items()}
    return table.assign(**sums)[["rep", "month", "deal", *SUMMED]]


def split_commission(
    plan: Plan,
    nominal: Decimal,
    months: float,
    *,
    left: bool,
    exited: bool,
    chances: Mapping[int, float],
    excused: bool = False,
) -> dict[str, Any]:
    """Split one deal's commission into parts that sum to it, exact to the cent.

    `nominal`: the whole commission. A negative one belongs to a credit note: all of it is due at
        once.
    `months`: months for which the customer has been followed, or after which it left.
    `left`, `exited`: whether the customer left, and whether the deal ended for another reason.
    `chances`: probability that the customer reaches each age of the plan; read only where an amount
        is pending.
    `excused`: whether the customer left for a cause that the plan excludes: then all is earned.
    Returns: `left_early`, the Decimals `nominal` = `earned` + `withheld` + `pending`,
        `paid_at_signing`, `clawed_back`, and `expected` (float): the expected part of `pending`.
    """
    is_below_age = not plan.reached(plan.earned_after_months, months, left=left)
    # a deal of no value is lost like any other; a credit note is no deal
    left_early = left and is_below_age and nominal >= 0 and not excused
    is_incomplete = is_below_age and nominal > 0
    has_ended = (left or exited) and is_incomplete
    earned = plan.rounded(nominal * plan.share_at(months, left=left)) if is_incomplete else nominal
    if has_ended:
        stayed = plan.rounded(Fraction(nominal) * plan.share_of_months(months))
        earned = nominal if excused else max(earned, stayed)
    withheld = nominal - earned if has_ended else Decimal(0)
    paid = plan.rounded(nominal * plan.paid_at_signing) if nominal > 0 else Decimal(0)
    pending = nominal - earned - withheld
    return {
        "left_early": left_early,
        "nominal": nominal,
        "earned": earned,
        "withheld": withheld,
        "pending": pending,
        "paid_at_signing": paid,
        "clawed_back": max(paid - earned, Decimal(0)) if has_ended else Decimal(0),
        "expected": float(nominal) * _expected_share(plan, months, chances) if pending else 0.0,
    }


def _expected_share(plan: Plan, months: float, chances: Mapping[int, float]) -> float:
    """Return the share of the commission that is expected to be earned in addition.

    It is the sum of what each later age adds, times the probability of reaching it.
    """
    before = float(plan.share_at(months, left=False))
    reached = max(before, float(plan.share_of_months(months)))
    total = reached - before  # with unused months, the months stayed count even if it leaves now
    for age in plan.ages:
        share = max(float(plan.share_at(age, left=False)), float(plan.share_of_months(age)))
        if share > reached and not plan.reached(age, months, left=False):
            total += (share - reached) * chances[age]
            reached = share
    return total


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
    early = pd.concat(
        [ledger.deals["left_early"].set_axis(_keys(ledger)) for ledger in (before, after)]
    )
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


def _keys(ledger: Ledger) -> pd.Index[Any]:
    """Return the deal of each line: one for both reps who share it, another for a later row."""
    deals = ledger.deals
    columns = [deals[name] for name in ("deal", "month") if name in deals]
    return pd.MultiIndex.from_arrays([deals.index, *columns]).to_flat_index()


def _earned_on_lost(ledger: Ledger, lost: pd.Series[bool]) -> Decimal:
    is_lost = _keys(ledger).isin(lost.index[lost])
    return _total(ledger.deals.loc[is_lost, "earned"])


def _total(amounts: pd.Series[Any]) -> Decimal:
    return sum(amounts, Decimal(0))
