"""Ledger of a commission plan: amounts per deal and their sums per rep and month."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pandas as pd

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

    Parameters
    ----------
    nominal : Decimal
        The whole commission. A negative one belongs to a credit note: all of it is due at once.
    months : float
        Months for which the customer has been followed, or after which it left.
    left, exited : bool
        Whether the customer left, and whether the deal ended for another reason.
    chances : mapping of int to float
        Probability that the customer reaches each age of the plan; read only where an amount is
        pending.
    excused : bool
        Whether the customer left for a cause that the plan excludes: then all is earned.

    Returns
    -------
    dict
        `left_early`, the Decimals `nominal` = `earned` + `withheld` + `pending`,
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
